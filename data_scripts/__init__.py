"""Scripts that make what is committed: weights, tables and pages. Run from the checkout with `python -m`."""
