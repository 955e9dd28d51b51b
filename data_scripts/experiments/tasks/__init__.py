"""The experiments, a module each: ``Config``, a ``SMALL`` one, and ``task(config, cache, quiet)``."""
