"""Notebooks under `book/` are tests: nbval runs them, booktools checks the numbers they quote."""

import matplotlib

pytest_plugins = ["booktools.nbval_numbers"]

# No window opens while tests draw. The kernels that run the notebooks are processes of their own
# and keep the backend that embeds figures.
matplotlib.use("Agg")
