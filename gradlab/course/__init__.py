"""What the lessons need and the engine does not."""
