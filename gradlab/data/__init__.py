"""Pictures for the course."""

from gradlab.data.challenges import CHALLENGES, challenged
from gradlab.data.digits import DigitPairs, Digits, digit_pairs, digits
from gradlab.data.pictures import picture, picture_names
from gradlab.data.signs import Signs, signs

__all__ = [
    "CHALLENGES",
    "DigitPairs",
    "Digits",
    "Signs",
    "challenged",
    "digit_pairs",
    "digits",
    "picture",
    "picture_names",
    "signs",
]
