"""The weights that ship, trained from scratch: `python -m data_scripts.train`."""
