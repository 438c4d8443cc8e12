"""A stored figure that its cell no longer draws is found; how letters are smoothed is not."""

import base64
import io

import matplotlib.pyplot as plt
import pytest

from booktools import run
from booktools.figures import differ
from tests.booktools.notebooks import notebook, verify

RELEASES = "Matplotlib version3.11.2", "Matplotlib version3.8.4"


def drawn(heights, release=RELEASES[0], width=6, size=10):
    figure, axes = plt.subplots(figsize=(width, 4))
    axes.bar(range(len(heights)), heights)
    axes.tick_params(labelsize=size)
    png = io.BytesIO()
    figure.savefig(png, metadata={"Software": release})
    plt.close(figure)
    return base64.b64encode(png.getvalue()).decode()


@pytest.mark.parametrize("release", RELEASES)
def test_the_same_figure_is_accepted(release):
    assert differ(drawn([3, 2, 1]), drawn([3, 2, 1], release)) == ""


@pytest.mark.parametrize("release", RELEASES)
def test_another_figure_is_reported_with_the_remedy(release):
    report = differ(drawn([3, 2, 1]), drawn([3, 2], release))
    assert "the stored figure is not the one that is drawn" in report and "`make run`" in report


def test_the_same_release_of_matplotlib_allows_less():
    smoothed = drawn([3, 2, 1], size=10.5)
    assert differ(drawn([3, 2, 1]), smoothed) != ""
    assert differ(drawn([3, 2, 1], RELEASES[1]), smoothed) == ""


def test_another_size_is_reported():
    assert "pixels" in differ(drawn([3, 2, 1]), drawn([3, 2, 1], width=6.1))


def test_a_notebook_with_an_old_figure_does_not_pass(tmp_path):
    source = "import matplotlib.pyplot as plt\nplt.bar(range(3), [3, 2, 1])\nplt.show()"
    built = notebook(("code", source))
    run.execute(built)
    path = tmp_path / "figures.ipynb"
    assert verify(path, built) == {"cell-0": "passed"}
    built.cells[0].source = source.replace("[3, 2, 1]", "[3, 2, 2]")
    assert "the stored figure is not the one that is drawn" in verify(path, built)["cell-0"]


def test_a_figure_that_is_not_drawn_is_reported(tmp_path):
    built = notebook(("code", "import matplotlib.pyplot as plt\nplt.plot([1])\nplt.show()"))
    run.execute(built)
    # An object that has a text but no picture, as a figure where no backend shows it.
    shown = built.cells[0].outputs[0].data["text/plain"]
    built.cells[0].source = (
        f"class Shown:\n    def __repr__(self): return {shown!r}\n"
        "from IPython.display import display\ndisplay(Shown())"
    )
    report = verify(tmp_path / "figures.ipynb", built)["cell-0"]
    assert "the notebook stores 1 figure(s), its code draws 0" in report
