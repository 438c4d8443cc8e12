"""Each chapter's quiz has the shape that readers, translators and print rely on."""

import re
from collections import Counter
from pathlib import Path

import nbformat
import pytest
from bs4 import BeautifulSoup
from markdown_it import MarkdownIt

from booktools import numbers, run
from booktools.sphinx_site import heading_anchor

CHAPTERS = sorted(run.BOOK.glob("0*.ipynb"))
MARKDOWN = MarkdownIt("commonmark")  # what plain Jupyter and GitHub understand
each_chapter = pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)


def render(source: str) -> BeautifulSoup:
    return BeautifulSoup(MARKDOWN.render(numbers.COMMENT.sub("", source)), "html.parser")


def markdown_cells(path: Path):
    return [cell for cell in nbformat.read(path, 4).cells if cell.cell_type == "markdown"]


def quiz(path: Path) -> dict[str, BeautifulSoup]:
    """The rendered questions, by the ids of their cells."""
    cells = [cell for cell in markdown_cells(path) if "-quiz-" in cell.id]
    return {cell.id: render(cell.source) for cell in cells}


def options(question):
    return question.select(".quiz > details")


def said(option) -> str:
    """What opening an option shows."""
    return " ".join(p.get_text() for p in option.find_all("p", recursive=False))


def right(question) -> list[int]:
    return [i for i, option in enumerate(options(question)) if "right" in option.get("class", ())]


def anchors(path: Path) -> set[str]:
    headings = re.findall(
        r"^#{1,3} (.+)$", "\n\n".join(c.source for c in markdown_cells(path)), re.MULTILINE
    )
    return {heading_anchor(heading) for heading in headings}


@each_chapter
def test_a_quiz_stands_between_summary_and_exercises(path):
    ids = [cell.id for cell in nbformat.read(path, 4).cells]
    headings = [
        (cell.id, heading)
        for cell in markdown_cells(path)
        for heading in re.findall(r"^## (.+)$", cell.source, re.MULTILINE)
    ]
    place = [heading for _, heading in headings].index("Check yourself")
    assert [heading for _, heading in headings[place - 1 : place + 2 : 2]] == [
        "Summary",
        "Exercises",
    ]
    begin, end = (ids.index(cell_id) for cell_id, _ in headings[place : place + 2])
    assert ids[begin + 1 : end] == list(quiz(path))


@each_chapter
def test_one_question_a_cell_with_options_and_one_right(path):
    questions = quiz(path)
    assert 4 <= len(questions) <= 6
    titles = [question.strong.get_text() for question in questions.values()]
    assert len(set(titles)) == len(titles)
    for cell_id, question in questions.items():
        (box,) = question.select(".quiz")
        assert question.find_all(True, recursive=False) == [box], cell_id
        kinds = [part.name for part in box.find_all(True, recursive=False)]
        assert kinds == ["p"] + ["details"] * len(options(question)), cell_id
        assert box.p.get_text().rstrip().endswith("?"), cell_id
        assert 3 <= len(options(question)) <= 4, cell_id
        assert len(right(question)) == 1, cell_id


@each_chapter
def test_words_tell_right_from_wrong_and_why(path):
    for cell_id, question in quiz(path).items():
        for i, option in enumerate(options(question)):
            kinds = {part.name for part in option.find_all(True, recursive=False)}
            assert kinds == {"summary", "p"}, cell_id
            # Markdown is not read in the line of a summary: formulas, emphasis and straight
            # quotes would stay as they are.
            assert not re.search(r"""[$*`_\\'"]""", option.summary.get_text()), cell_id
            verdict = option.p.strong.get_text()
            assert said(option).startswith(verdict)
            assert verdict == ("Right." if [i] == right(question) else "Not quite:"), cell_id
            reason = said(option).removeprefix(verdict).partition(" See ")[0]
            assert len(reason.split()) >= 8 and "." in reason, (cell_id, reason)


@each_chapter
def test_every_wrong_option_says_where_to_look(path):
    own = anchors(path)
    for cell_id, question in quiz(path).items():
        for i, option in enumerate(options(question)):
            links = [link["href"] for link in option.select("a")]
            assert links or [i] == right(question), (cell_id, option.summary.get_text())
            for link in links:
                assert link.startswith("#") and link[1:] in own, (cell_id, link)


@each_chapter
def test_neither_place_nor_length_gives_the_right_option_away(path):
    questions = quiz(path).values()
    places = Counter(right(question)[0] for question in questions)
    assert len(places) >= 3 and max(places.values()) <= len(questions) / 2, places
    longest = shortest = 0
    for question in questions:
        lengths = [len(option.summary.get_text()) for option in options(question)]
        length = lengths.pop(right(question)[0])
        longest += length > max(lengths)
        shortest += length < min(lengths)
    assert max(longest, shortest) <= len(questions) / 2, (longest, shortest)


def test_numbers_in_options_are_checked():
    """A summary is raw HTML, and its numbers are quoted like all others."""
    option = "<details>\n<summary>{} bits</summary>\n\n**Not quite:** {} bits.\n\n</details>"
    _, faults = numbers.parse(option.format("0.5", "1"))
    assert [fault.message.split()[0] for fault in faults] == ["0.5", "1"]
    bound, faults = numbers.parse(option.format("0.5<!--= 1 / 2 -->", "1<!--= 1 -->"))
    assert [(b.shown.text, b.expression) for b in bound] == [("0.5", "1 / 2"), ("1", "1")]
    assert faults == []
