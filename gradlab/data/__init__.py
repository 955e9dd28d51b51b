"""Pictures for the course."""

from gradlab.data.challenges import CHALLENGES, challenged
from gradlab.data.corruptions import CORRUPTIONS, corrupted
from gradlab.data.digits import DigitPairs, Digits, digit_pairs, digits
from gradlab.data.pictures import picture, picture_names
from gradlab.data.signs import Signs, signs
from gradlab.data.strange import STRANGE, strange

__all__ = [
    "CHALLENGES",
    "CORRUPTIONS",
    "STRANGE",
    "DigitPairs",
    "Digits",
    "Signs",
    "challenged",
    "corrupted",
    "digit_pairs",
    "digits",
    "picture",
    "picture_names",
    "signs",
    "strange",
]
