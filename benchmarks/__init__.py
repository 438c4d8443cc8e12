"""How exact and how fast the library is, beside its peers. `make bench` writes the appendix."""

import importlib


def optional(name):
    """A peer that need not be installed."""
    try:
        return importlib.import_module(name)
    except ImportError:
        return None
