"""Single changes to the code, made one at a time, and whether a test notices: ``python -m data_scripts.mutants``."""
