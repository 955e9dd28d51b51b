"""Pictures for the course."""

from gradlab.data.digits import DigitPairs, Digits, digit_pairs, digits
from gradlab.data.pictures import picture, picture_names

__all__ = ["DigitPairs", "Digits", "digit_pairs", "digits", "picture", "picture_names"]
