"""Networks as people have them: one small trunk, and around it what has led tools for judging networks astray.

Each kind is one function of a trained-looking plain network: it returns the odd one, which has the same weights. The
definitions are asked of the plain one, so that what is odd cannot mislead them too.
"""

from data_scripts.any_network_kinds import returns, runs, steps, weights
from data_scripts.any_network_kinds.base import KINDS, case

__all__ = ["KINDS", "case", "returns", "runs", "steps", "weights"]
