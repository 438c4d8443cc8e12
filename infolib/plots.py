"""Every figure style and reusable plot of the course. Functions take and return Axes.

The one module that imports matplotlib. Nothing is told by colour alone: bars differ in hatch,
curves in line style, and both are labelled.
"""

import sys
from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
from cycler import cycler

from infolib._pmf import as_array
from infolib.prefix_codes import PrefixCode

# Okabe and Ito's palette, without its yellow (too pale on white), in an order in which
# neighbours differ in lightness too.
COLORS = {
    "blue": "#0072B2",
    "vermilion": "#D55E00",
    "green": "#009E73",
    "purple": "#AA4499",
    "sky": "#56B4E9",
    "grey": "#595959",
}
LINE_STYLES = ["-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)), (0, (1, 1))]
HATCHES = ["", "///", "...", "xxx", "\\\\\\", "ooo"]


def use_style():
    """One look for all figures: 6×3.7 in, white face, no frame on top and right.

    >>> use_style()

    The white face keeps figures readable when the page around them is dark. In a notebook, figures
    are drawn with twice the pixels that they take on the page, for screens that have them.
    """
    plt.rcParams.update(
        {
            "figure.figsize": (6, 3.7),
            "figure.dpi": 130,
            "figure.facecolor": "white",
            "figure.constrained_layout.use": True,
            "axes.facecolor": "white",
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.grid": True,
            "axes.axisbelow": True,
            "axes.prop_cycle": cycler(color=list(COLORS.values()), linestyle=LINE_STYLES),
            "grid.color": "#DDDDDD",
            "grid.linewidth": 0.6,
            "hatch.linewidth": 0.6,
            "lines.linewidth": 1.8,
            "font.size": 10,
            "legend.frameon": False,
        }
    )
    shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    if shell:
        from matplotlib_inline.config import InlineBackend

        # Matplotlib 3.8 tells its backend of the shell only after the first cell that draws,
        # whose figure would not be shown.
        inline = InlineBackend.instance()
        inline.shell = shell
        inline.figure_formats = {"retina"}


def bars(heights, labels=None, *, ax=None, color="blue", annotate="{:.2f}", ylabel="probability"):
    """A bar for each outcome, with its value above it.

    >>> ax = bars([0.5, 0.25, 0.25], ["sun", "cloud", "rain"])
    >>> [float(bar.get_height()) for bar in ax.patches]
    [0.5, 0.25, 0.25]

    Parameters
    ----------
    heights : array_like, shape (K,)
        What the bars show.
    labels : sequence of str, length K, optional
        Names of the outcomes; by default 1 to K.
    ax : matplotlib Axes, optional
        Where to draw; by default a new figure.
    color : str
        A name in `COLORS`.
    annotate : str or None
        Format of the value above each bar; None leaves it out.
    ylabel : str
        What the heights are, with unit.

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    ValueError
        If the heights are no numbers in a row, there are not as many labels, or the colour is
        unknown.
    """
    heights = _row(heights, "heights")
    labels = _labels(labels, len(heights))
    if color not in COLORS:
        raise ValueError(f"color is {color!r}; choose one of {', '.join(COLORS)}")
    ax = _axes(ax)
    drawn = ax.bar(np.arange(len(heights)), heights, color=COLORS[color], width=0.7)
    ax.set_xticks(np.arange(len(heights)), labels)
    if annotate is not None:
        ax.bar_label(drawn, labels=[annotate.format(h) for h in heights], padding=2)
    ax.margins(y=0.12)
    ax.grid(axis="x", visible=False)
    ax.set_ylabel(ylabel)
    return ax


def grouped_bars(groups, labels=None, *, ax=None, ylabel="probability"):
    """Several distributions side by side, told apart by colour, hatch and legend.

    >>> ax = grouped_bars({"P": [0.5, 0.5], "Q": [0.9, 0.1]}, ["heads", "tails"])
    >>> [text.get_text() for text in ax.get_legend().get_texts()]
    ['P', 'Q']

    Parameters
    ----------
    groups : mapping of str to array_like, shape (K,)
        Name and heights of each distribution; at most six.
    labels : sequence of str, length K, optional
        Names of the outcomes; by default 1 to K.
    ax : matplotlib Axes, optional
        Where to draw; by default a new figure.
    ylabel : str
        What the heights are, with unit.

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    ValueError
        If the groups are no mapping, differ in length, or are none or more than six, or their
        heights are no numbers in a row.
    """
    if not isinstance(groups, Mapping):
        raise ValueError(
            f"groups is of type {type(groups).__name__}; pass a mapping of names to heights, such "
            "as {'P': [0.5, 0.5]}"
        )
    if not 1 <= len(groups) <= len(HATCHES):
        raise ValueError(f"groups holds {len(groups)} groups; pass 1 to {len(HATCHES)}")
    groups = {name: _row(heights, f"groups[{name!r}]") for name, heights in groups.items()}
    sizes = {name: len(heights) for name, heights in groups.items()}
    if len(set(sizes.values())) > 1:
        raise ValueError(f"groups differ in length: {sizes}")
    size = next(iter(sizes.values()))
    labels = _labels(labels, size)
    ax = _axes(ax)
    width = 0.8 / len(groups)
    for i, (name, heights) in enumerate(groups.items()):
        offset = (i - (len(groups) - 1) / 2) * width
        ax.bar(
            np.arange(size) + offset,
            heights,
            width,
            label=name,
            color=list(COLORS.values())[i],
            hatch=HATCHES[i],
            edgecolor="white",
        )
    ax.set_xticks(np.arange(size), labels)
    ax.grid(axis="x", visible=False)
    ax.set_ylabel(ylabel)
    ax.legend()
    return ax


def curve(x, y, *, label=None, style=0, ax=None, xlabel=None, ylabel=None):
    """A line whose colour and dash pattern both tell it from the others.

    >>> ax = curve([0, 1], [0, 1], label="identity", xlabel="$p$")
    >>> ax.lines[0].get_label(), ax.get_xlabel()
    ('identity', '$p$')

    Parameters
    ----------
    x, y : array_like, shape (N,)
        Points of the curve.
    label : str, optional
        Name in the legend; call `ax.legend()` after the last curve.
    style : int
        Which colour and dash pattern, from 0 to 5.
    ax : matplotlib Axes, optional
        Where to draw; by default a new figure.
    xlabel, ylabel : str, optional
        What the axes show, with unit.

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    ValueError
        If `style` is not from 0 to 5.
    """
    if style not in range(len(LINE_STYLES)):
        raise ValueError(f"style is {style!r}; choose 0 to {len(LINE_STYLES) - 1}")
    ax = _axes(ax)
    color = list(COLORS.values())[style]
    ax.plot(x, y, label=label, color=color, linestyle=LINE_STYLES[style])
    if xlabel is not None:
        ax.set_xlabel(xlabel)
    if ylabel is not None:
        ax.set_ylabel(ylabel)
    return ax


def heatmap(matrix, *, rows, columns, ax=None, fmt="{:.2f}"):
    """A table of numbers, shaded by size, each number written in its field.

    >>> ax = heatmap([[0.5, 0.0], [0.25, 0.25]], rows=["a", "b"], columns=["0", "1"])
    >>> [text.get_text() for text in ax.texts]
    ['0.50', '0.00', '0.25', '0.25']

    Parameters
    ----------
    matrix : array_like, shape (R, C)
        The numbers, 0 or more.
    rows, columns : sequence of str, lengths R and C
        Names of rows and columns.
    ax : matplotlib Axes, optional
        Where to draw; by default a new figure.
    fmt : str
        Format of the numbers.

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    ValueError
        If there are not as many names as rows and columns.
    """
    matrix = np.asarray(matrix, dtype=float)
    if matrix.shape != (len(rows), len(columns)):
        raise ValueError(
            f"matrix has shape {matrix.shape}, but there are {len(rows)} row names "
            f"and {len(columns)} column names"
        )
    ax = _axes(ax)
    ax.imshow(matrix, cmap="Blues", aspect="auto", vmin=0)
    dark = matrix > 0.6 * max(matrix.max(), np.finfo(float).tiny)
    for (i, j), value in np.ndenumerate(matrix):
        color = "white" if dark[i, j] else "black"
        ax.text(j, i, fmt.format(value), ha="center", va="center", color=color)
    ax.set_xticks(np.arange(len(columns)), columns)
    ax.set_yticks(np.arange(len(rows)), rows)
    ax.grid(visible=False)
    return ax


def binary_tree(codewords, *, ax=None):
    """A prefix code as a tree: a codeword is the path of branches from the root to its leaf.

    >>> ax = binary_tree({"a": "0", "b": "10", "c": "11"})
    >>> sorted(text.get_text() for text in ax.texts if len(text.get_text()) > 1)
    ['a: 0', 'b: 10', 'c: 11']

    Parameters
    ----------
    codewords : mapping of symbol to str
        Codewords of 0 and 1, none a prefix of another.
    ax : matplotlib Axes, optional
        Where to draw; by default a new figure.

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    ValueError
        If the codewords are no mapping, or those of no prefix code.
    """
    if isinstance(codewords, PrefixCode):
        raise ValueError("codewords is a PrefixCode; pass its words: code.codewords")
    codewords = PrefixCode(codewords).codewords  # which refuses what cannot be drawn
    ax = _axes(ax)
    leaves = sorted(codewords.items(), key=lambda item: item[1])
    height = {word: -i for i, (_, word) in enumerate(leaves)}
    for depth in range(max(map(len, height)) - 1, -1, -1):
        for node in sorted({word[:depth] for word in codewords.values() if len(word) > depth}):
            children = [node + bit for bit in "01" if node + bit in height]
            height[node] = sum(height[child] for child in children) / len(children)
            for child in children:
                ax.plot(
                    [len(node), len(node) + 0.35, len(child)],
                    [height[node], height[child], height[child]],
                    color=COLORS["grey"],
                    linestyle="-",
                    linewidth=1.2,
                )
                ax.text(len(node) + 0.6, height[child] + 0.08, child[-1], ha="center")
    for symbol, word in leaves:
        ax.plot(len(word), height[word], "o", color=COLORS["blue"])
        ax.text(len(word) + 0.08, height[word], f"{symbol}: {word}", va="center")
    ax.set_xlim(-0.1, max(map(len, height)) + 0.9)
    ax.set_ylim(-len(leaves) + 0.5, 0.6)
    ax.axis("off")
    return ax


def _axes(ax):
    return plt.subplots()[1] if ax is None else ax


def _row(heights, name):
    """Numbers in one dimension, or a ValueError that says why not."""
    shape = as_array(heights, name=name).shape
    if len(shape) != 1:
        raise ValueError(f"{name} has shape {shape}; pass a row of numbers: [0.5, 0.5]")
    try:
        return np.asarray(heights, dtype=float)
    except (TypeError, ValueError):
        raise ValueError(f"{name} holds what is no number; pass numbers: [0.5, 0.5]") from None


def _labels(labels, size):
    if labels is None:
        return [str(i) for i in range(1, size + 1)]
    if len(labels) != size:
        raise ValueError(f"labels has {len(labels)} names for {size} values; pass one for each")
    return list(labels)
