"""Plots: that the data given are the data drawn, and nothing is told by colour alone."""

import base64
import struct

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb

from infolib import huffman_code, plots


@pytest.fixture(autouse=True)
def keep_settings():
    with mpl.rc_context():
        yield


def texts(ax):
    return [text.get_text() for text in ax.texts]


def luminance(color):
    """Relative luminance, as the Web Content Accessibility Guidelines define it."""
    channels = np.array(to_rgb(color))
    linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
    return linear @ [0.2126, 0.7152, 0.0722]


def contrast(color, other):
    low, high = sorted([luminance(color), luminance(other)])
    return (high + 0.05) / (low + 0.05)


def test_style():
    plots.use_style()
    figure, ax = plt.subplots()
    assert figure.get_size_inches().tolist() == [6, 3.7]
    assert to_rgb(figure.get_facecolor()) == to_rgb(ax.get_facecolor()) == (1, 1, 1)
    assert not ax.spines["top"].get_visible() and not ax.spines["right"].get_visible()
    lines = [ax.plot([0, 1], [i, i])[0] for i in range(6)]
    assert len({line.get_color() for line in lines}) == 6
    assert len({str(line.get_linestyle()) + str(line._dash_pattern) for line in lines}) == 6


def test_colours_are_told_apart_and_seen_on_white():
    assert len(plots.COLORS) == len(plots.LINE_STYLES) == len(plots.HATCHES) == 6
    assert len(set(plots.COLORS.values())) == len(set(map(str, plots.LINE_STYLES))) == 6
    assert len(set(plots.HATCHES)) == 6
    for color in plots.COLORS.values():
        assert contrast(color, "white") > 2.3


def test_functions_draw_on_the_axes_given_or_on_new_ones():
    for draw in (
        lambda **k: plots.bars([0.5, 0.5], **k),
        lambda **k: plots.grouped_bars({"P": [0.5, 0.5]}, **k),
        lambda **k: plots.curve([0, 1], [0, 1], **k),
        lambda **k: plots.heatmap([[1.0]], rows=["a"], columns=["b"], **k),
        lambda **k: plots.binary_tree({"a": "0", "b": "1"}, **k),
    ):
        _, ax = plt.subplots()
        assert draw(ax=ax) is ax
        before = plt.get_fignums()
        fresh = draw()
        assert isinstance(fresh, Axes) and fresh is not ax
        assert len(plt.get_fignums()) == len(before) + 1
        fresh.figure.canvas.draw()  # what cannot be drawn fails here


# ---------------------------------------------------------------- bars


def test_bars():
    ax = plots.bars([0.5, 0.25, 0.25], ["sun", "cloud", "rain"], color="green", ylabel="p")
    assert [bar.get_height() for bar in ax.patches] == [0.5, 0.25, 0.25]
    assert [bar.get_x() + bar.get_width() / 2 for bar in ax.patches] == pytest.approx([0, 1, 2])
    assert [label.get_text() for label in ax.get_xticklabels()] == ["sun", "cloud", "rain"]
    assert texts(ax) == ["0.50", "0.25", "0.25"]
    assert ax.get_ylabel() == "p"
    assert {to_rgb(bar.get_facecolor()) for bar in ax.patches} == {to_rgb(plots.COLORS["green"])}
    assert ax.get_ylim()[1] > 0.5  # room for the value above


def test_bars_by_default():
    ax = plots.bars(np.array([1, 2]), annotate=None)
    assert [label.get_text() for label in ax.get_xticklabels()] == ["1", "2"]
    assert texts(ax) == []
    assert ax.get_ylabel() == "probability"
    assert texts(plots.bars([1 / 3], annotate="{:.0%}")) == ["33%"]


def test_bars_refuse():
    with pytest.raises(ValueError, match="labels has 1 names for 2 values; pass one for each"):
        plots.bars([0.5, 0.5], ["a"])
    with pytest.raises(ValueError, match="color is 'red'; choose one of blue, vermilion"):
        plots.bars([0.5, 0.5], color="red")
    assert not plt.get_fignums()  # no empty figure is left behind


NO_ROWS = [
    (0.5, r"has shape \(\); pass a row of numbers"),
    ([[0.5, 0.5]], r"has shape \(1, 2\); pass a row of numbers"),
    (["a", "b"], "holds what is no number; pass numbers"),
    ([1j], "holds what is no number; pass numbers"),
    ([[0.5], [0.5, 0.5]], "is ragged"),
    ({"a": 0.5}.values(), "is a dict_values; pass a list"),
    ({"a": 0.5}, "is a dict; pass its values as a list"),
]


@pytest.mark.parametrize(("bad", "message"), NO_ROWS)
def test_heights_are_numbers_in_a_row(bad, message):
    with pytest.raises(ValueError, match=f"heights {message}"):
        plots.bars(bad)
    with pytest.raises(ValueError, match=rf"groups\['P'\] {message}"):
        plots.grouped_bars({"P": bad})
    assert not plt.get_fignums()


def test_bars_of_equal_labels_stand_side_by_side():
    ax = plots.bars([0.5, 0.2, 0.3], ["a", "b", "a"])
    assert len({round(bar.get_x(), 6) for bar in ax.patches}) == 3


# ---------------------------------------------------------------- grouped bars


def test_grouped_bars():
    groups = {"P": [0.5, 0.3, 0.2], "Q": np.array([0.9, 0.1, 0.0])}
    ax = plots.grouped_bars(groups, ["a", "b", "c"], ylabel="share")
    assert [bar.get_height() for bar in ax.patches] == [0.5, 0.3, 0.2, 0.9, 0.1, 0]
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["P", "Q"]
    assert [label.get_text() for label in ax.get_xticklabels()] == ["a", "b", "c"]
    assert ax.get_ylabel() == "share"
    # Bars of an outcome touch, around its label, and do not overlap.
    left, right = ax.patches[0], ax.patches[3]
    assert left.get_x() + left.get_width() == pytest.approx(right.get_x())
    assert left.get_x() + left.get_width() == pytest.approx(0)


@pytest.mark.parametrize("number", range(1, 7))
def test_groups_differ_in_hatch_and_colour(number):
    ax = plots.grouped_bars({f"P{i}": [0.5, 0.5] for i in range(number)})
    first = ax.patches[::2]
    assert len({bar.get_hatch() or "" for bar in first}) == number
    assert len({bar.get_facecolor() for bar in first}) == number
    assert [label.get_text() for label in ax.get_xticklabels()] == ["1", "2"]
    edges = sorted((bar.get_x(), bar.get_x() + bar.get_width()) for bar in ax.patches)
    assert all(a[1] <= b[0] + 1e-9 for a, b in zip(edges, edges[1:], strict=False))


def test_grouped_bars_refuse():
    with pytest.raises(ValueError, match="groups holds 0 groups; pass 1 to 6"):
        plots.grouped_bars({})
    with pytest.raises(ValueError, match="groups holds 7 groups; pass 1 to 6"):
        plots.grouped_bars({str(i): [1] for i in range(7)})
    with pytest.raises(ValueError, match="groups differ in length: {'P': 2, 'Q': 1}"):
        plots.grouped_bars({"P": [0.5, 0.5], "Q": [1]})
    with pytest.raises(ValueError, match="labels has 3 names for 2 values"):
        plots.grouped_bars({"P": [0.5, 0.5]}, ["a", "b", "c"])
    with pytest.raises(ValueError, match="groups is of type list; pass a mapping of names to"):
        plots.grouped_bars([[0.5, 0.5]])
    assert not plt.get_fignums()


# ---------------------------------------------------------------- curves


def test_curve():
    x = np.linspace(0, 1, 5)
    ax = plots.curve(x, x**2, label="square", xlabel="$x$", ylabel="bits")
    plots.curve(x, 1 - x, label="line", style=3, ax=ax)
    first, second = ax.lines
    assert first.get_xdata().tolist() == x.tolist()
    assert first.get_ydata().tolist() == (x**2).tolist()
    assert second.get_ydata().tolist() == (1 - x).tolist()
    assert [line.get_label() for line in ax.lines] == ["square", "line"]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("$x$", "bits")  # the second call kept them


def test_curves_differ_in_colour_and_dashes():
    ax = plots.curve([0, 1], [0, 1])
    for style in range(1, 6):
        plots.curve([0, 1], [0, style], style=style, ax=ax)
    assert len({line.get_color() for line in ax.lines}) == 6
    assert len({str(line._dash_pattern) for line in ax.lines}) == 6
    assert ax.get_xlabel() == ax.get_ylabel() == ""


@pytest.mark.parametrize("style", [-1, 6, "dashed", None, 0.5])
def test_curve_refuses(style):
    with pytest.raises(ValueError, match="style is .*; choose 0 to 5"):
        plots.curve([0, 1], [0, 1], style=style)
    assert not plt.get_fignums()


# ---------------------------------------------------------------- tables


def test_heatmap():
    matrix = [[0.5, 0.0, 0.125], [0.25, 0.125, 0.0]]
    ax = plots.heatmap(matrix, rows=["x", "y"], columns=["a", "b", "c"], fmt="{:.3f}")
    assert ax.images[0].get_array().tolist() == matrix
    assert texts(ax) == ["0.500", "0.000", "0.125", "0.250", "0.125", "0.000"]
    assert [text.get_position() for text in ax.texts] == [(j, i) for i in (0, 1) for j in (0, 1, 2)]
    assert [label.get_text() for label in ax.get_xticklabels()] == ["a", "b", "c"]
    assert [label.get_text() for label in ax.get_yticklabels()] == ["x", "y"]


def test_numbers_can_be_read_on_their_shade():
    matrix = np.linspace(0, 1, 41).reshape(1, -1)
    ax = plots.heatmap(matrix, rows=["a"], columns=[str(i) for i in range(41)])
    image = ax.images[0]
    for text, value in zip(ax.texts, matrix.ravel(), strict=True):
        shade = image.cmap(image.norm(value))
        assert contrast(text.get_color(), shade[:3]) > 3, value
    zeros = plots.heatmap([[0.0, 0.0]], rows=["a"], columns=["b", "c"])
    assert {text.get_color() for text in zeros.texts} == {"black"}


@pytest.mark.parametrize(
    ("matrix", "shape"),
    [([[1.0, 2.0]], r"\(1, 2\)"), ([1.0], r"\(1,\)"), ([[1.0]] * 2, r"\(2, 1\)")],
)
def test_heatmap_refuses(matrix, shape):
    with pytest.raises(ValueError, match=f"matrix has shape {shape}, but there are 1 row names"):
        plots.heatmap(matrix, rows=["a"], columns=["b"])
    assert not plt.get_fignums()


# ---------------------------------------------------------------- trees


def test_binary_tree():
    code = huffman_code({"a": 0.4, "b": 0.3, "c": 0.2, "d": 0.1}).codewords
    ax = plots.binary_tree(code)
    leaves = [text for text in ax.texts if ": " in text.get_text()]
    assert {text.get_text() for text in leaves} == {f"{x}: {word}" for x, word in code.items()}
    # A leaf stands as far to the right as its codeword is long, each on a line of its own.
    for text in leaves:
        word = text.get_text().split(": ")[1]
        assert text.get_position()[0] == pytest.approx(len(word), abs=0.2)
    assert len({text.get_position()[1] for text in leaves}) == 4
    # One branch for each bit of the tree: 4 leaves and 2 inner nodes below the root.
    branches = [line for line in ax.lines if len(line.get_xdata()) == 3]
    assert len(branches) == 6
    assert sorted(t.get_text() for t in ax.texts if ": " not in t.get_text()) == list("000111")
    # Branches connect: each begins at the root or where another ends.
    ends = {(line.get_xdata()[-1], line.get_ydata()[-1]) for line in branches}
    starts = {(line.get_xdata()[0], line.get_ydata()[0]) for line in branches}
    assert len([start for start in starts if start not in ends]) == 1
    assert (ends - starts) == {
        (len(t.get_text().split(": ")[1]), t.get_position()[1]) for t in leaves
    }


def test_trees_with_one_leaf_or_a_gap():
    assert texts(plots.binary_tree({"a": "0"})) == ["0", "a: 0"]
    ax = plots.binary_tree({"a": "00", "b": "1101"})
    assert {"a: 00", "b: 1101"} <= set(texts(ax))
    assert len([line for line in ax.lines if len(line.get_xdata()) == 3]) == 6


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (
            huffman_code({"a": 0.5, "b": 0.5}),
            "codewords is a PrefixCode; pass its words: code.code",
        ),
        ({}, "codewords must be a mapping of symbols to words of 0 and 1"),
        (["0", "1"], "codewords must be a mapping of symbols to words of 0 and 1"),
        ({"a": "0", "b": "0"}, "the codeword '0' of 'a' begins the codeword '0' of 'b'"),
        ({"a": "0", "b": "2"}, "the codeword of 'b' is '2'; it must be a text of 0 and 1"),
    ],
)
def test_trees_of_no_prefix_code_are_refused(bad, message):
    with pytest.raises(ValueError, match=message):
        plots.binary_tree(bad)
    assert not plt.get_fignums()


def test_leaves_do_not_leave_the_axes():
    ax = plots.binary_tree({str(i): f"{i:04b}" for i in range(16)})
    low, high = ax.get_ylim()
    assert all(low < line.get_ydata()[-1] < high for line in ax.lines)
    assert all(0 <= x <= ax.get_xlim()[1] for line in ax.lines for x in line.get_xdata())


@pytest.mark.filterwarnings("ignore:InlineBackend._figure_formats_changed:DeprecationWarning")
def test_a_notebook_draws_twice_the_pixels_in_the_cell_that_sets_the_style(monkeypatch):
    from IPython.core.interactiveshell import InteractiveShell
    from matplotlib_inline.config import InlineBackend
    from traitlets.config import Config

    shell = InteractiveShell(config=Config(HistoryManager={"enabled": False}))
    monkeypatch.setattr("IPython.get_ipython", lambda: shell)
    monkeypatch.setattr(InlineBackend, "_instance", None)
    plots.use_style()
    figure, _ = plt.subplots(figsize=(6, 3))
    data, metadata = shell.display_formatter.format(figure)
    width, height = struct.unpack(">2I", base64.b64decode(data["image/png"])[16:24])
    assert metadata["image/png"] == {"width": width // 2, "height": height // 2}
