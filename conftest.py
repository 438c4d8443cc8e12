"""Notebooks under `book/` are tests: nbval runs them, booktools checks the numbers they quote."""

import matplotlib
import pytest

pytest_plugins = ["booktools.nbval_numbers"]

# No window opens while tests draw. The kernels that run the notebooks are processes of their own
# and keep the backend that embeds figures.
matplotlib.use("Agg")


@pytest.hookimpl(optionalhook=True)  # a reader's environment is without xdist
def pytest_xdist_make_scheduler(config, log):
    """The files about the pages are shared out, all else stays with one worker: `--dist loadscope`.

    Kernels choose free ports before they open them, and would clash with those of another worker.
    """
    if config.getvalue("dist") != "loadscope":
        return None
    from xdist.scheduler import LoadScopeScheduling

    class PagesApart(LoadScopeScheduling):
        def _split_scope(self, nodeid):
            return nodeid.split("::")[0] if nodeid.startswith("tests/site/") else "rest"

    return PagesApart(config, log)
