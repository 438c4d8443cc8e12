"""The landing page leads to the right chapters, and its map is that of their links."""

import ast
import re
from pathlib import Path

import nbformat
from PIL import Image

from booktools import og_image, run

CHAPTERS = dict(enumerate(sorted(run.BOOK.glob("0*.ipynb")), 1))
CELLS = nbformat.read(run.BOOK / "index.ipynb", 4).cells
SOURCE = {cell.id: cell.source for cell in CELLS}


def prose(path: Path) -> str:
    cells = nbformat.read(path, 4).cells
    return "\n\n".join(cell.source for cell in cells if cell.cell_type == "markdown")


def drawn(name: str):
    """What the map's cell assigns to a name."""
    for node in ast.parse(SOURCE["index-map"]).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == name:
            return ast.literal_eval(node.value)


def links_back() -> set[tuple[int, int]]:
    """Every (earlier, later) of which the later chapter links to the earlier."""
    return {
        (int(earlier), later)
        for later, path in CHAPTERS.items()
        for earlier in re.findall(r"\]\(0(\d)_\w+\.ipynb", prose(path))
        if int(earlier) < later
    }


def reachable(arrows) -> set[tuple[int, int]]:
    closure = set(arrows)
    while more := {(a, d) for a, b in closure for c, d in closure if b == c} - closure:
        closure |= more
    return closure


def test_the_first_thing_to_click_is_chapter_1_and_the_first_thing_to_see_is_a_figure():
    links = re.findall(r"\]\(([^)]*)\)", CELLS[0].source)
    assert links[0] == CHAPTERS[1].name
    assert CELLS[1].id == "index-figure"


def test_the_map_shows_the_chapters_under_their_own_titles():
    titles = {
        n: re.search(r"^# (.*)", prose(path), re.MULTILINE).group(1) for n, path in CHAPTERS.items()
    }
    assert drawn("titles") == titles
    assert drawn("symbols").keys() == titles.keys()


def test_the_arrows_of_the_map_are_the_chapters_links():
    needs, recalls = drawn("needs"), drawn("recalls")
    assert set(needs + recalls) <= links_back()
    assert links_back() <= reachable(needs + recalls)


def test_the_shortest_paths_hold_all_that_a_chapter_needs():
    text = re.search(r"To know what.*", SOURCE["index-table"]).group()
    paths = [[int(n) for n in re.findall(r"\d", part)] for part in text.split(";")]
    assert len(paths) == 3
    for path in paths:
        goal = path[-1]
        assert path == sorted({goal} | {a for a, b in reachable(drawn("needs")) if b == goal})


def test_the_picture_for_links_is_small_and_up_to_date(tmp_path):
    og_image.main(tmp_path / "og.png")
    for path in (tmp_path / "og.png", og_image.IMAGE):
        with Image.open(path) as image:
            assert image.size == (1200, 630)
            up_to_date = image.info["drawn from"] == og_image.sources()[2]
        assert up_to_date, "run python -m booktools.og_image"
        assert path.stat().st_size < 60_000
