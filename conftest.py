"""Notebooks under `book/` are tests: nbval runs them, booktools checks the numbers they quote."""

import matplotlib
import pytest

pytest_plugins = ["booktools.nbval_numbers"]

# No window opens while tests draw. The kernels that run the notebooks are processes of their own
# and keep the backend that embeds figures.
matplotlib.use("Agg")


@pytest.hookimpl(optionalhook=True)  # a reader's environment is without xdist
def pytest_xdist_make_scheduler(config, log):
    """Of two workers one tests the pages, the other all else: `--dist loadscope`.

    Kernels choose free ports before they open them, and would clash with those of another worker.
    """
    if config.getvalue("dist") != "loadscope":
        return None
    from xdist.scheduler import LoadScopeScheduling

    class Halves(LoadScopeScheduling):
        def _split_scope(self, nodeid):
            return "pages" if nodeid.startswith("tests/site/") else "rest"

    return Halves(config, log)
