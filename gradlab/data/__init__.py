"""Pictures for the course."""

from gradlab.data.pictures import picture, picture_names

__all__ = ["picture", "picture_names"]
