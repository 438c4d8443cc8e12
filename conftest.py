"""Notebooks under `book/` are tests: nbval runs them, booktools checks the numbers they quote."""

from pathlib import Path

import matplotlib
import pytest

pytest_plugins = ["booktools.nbval_numbers"]

# No window opens while tests draw. The kernels that run the notebooks are processes of their own
# and keep the backend that embeds figures.
matplotlib.use("Agg")

PAGES = Path(__file__).parent / "tests" / "site"


def pytest_collection_modifyitems(config, items):
    """Of two workers one tests the pages, the other all else.

    Kernels choose free ports before they open them, and would clash with those of another worker.
    """
    if config.pluginmanager.hasplugin("xdist"):
        for item in items:
            group = "pages" if PAGES in item.path.parents else "rest"
            item.add_marker(pytest.mark.xdist_group(group))
