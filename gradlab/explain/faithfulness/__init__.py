"""Does a map tell the truth about the network? Curves, a game and a sanity check, each against its control.

None of these proves a map right. Deletion and insertion ask the network about pictures that it was never trained on, so
set a random map's curve beside each; the pointing game asks where people would look; the randomisation check can only
show that a map does *not* depend on what the network has learned.
"""

from gradlab.explain.faithfulness.comparison import Measure, pointing_game, similarity
from gradlab.explain.faithfulness.curves import Curve, blurred, deletion, insertion
from gradlab.explain.faithfulness.weights import Randomisation, randomisation, randomised

__all__ = [
    "Curve",
    "Measure",
    "Randomisation",
    "blurred",
    "deletion",
    "insertion",
    "pointing_game",
    "randomisation",
    "randomised",
    "similarity",
]
