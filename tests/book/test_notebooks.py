"""What every notebook promises its readers, beyond right numbers."""

import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from booktools import numbers, run
from booktools.nbval_numbers import caption

BOOK = run.BOOK
NOTEBOOKS = sorted(BOOK.glob("*.ipynb"))
CHAPTERS = [path for path in NOTEBOOKS if path.name[0].isdigit()]
each_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
each_chapter = pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)

FOREIGN = '"""Somebody else\'s package of the same name."""\n'


def read(path: Path):
    return nbformat.read(path, 4)


def code_cells(path: Path):
    return [cell for cell in read(path).cells if cell.cell_type == "code"]


def prose(path: Path) -> str:
    cells = read(path).cells
    return "\n\n".join(cell.source for cell in cells if cell.cell_type == "markdown")


def figures(cell):
    return [output for output in cell.outputs if "image/png" in output.get("data", {})]


def test_all_six_chapters_are_there():
    assert [path.name[:2] for path in CHAPTERS] == ["01", "02", "03", "04", "05", "06"]


@each_notebook
def test_stored_outputs_are_those_of_one_run_from_top_to_bottom(path):
    # nbval compares nothing where a cell was never run.
    assert [cell.execution_count for cell in code_cells(path)] == [
        *range(1, len(code_cells(path)) + 1)
    ]


@each_notebook
def test_no_cell_hides_from_verification(path):
    for cell in code_cells(path):
        assert set(cell.metadata.get("tags", [])) <= {"hide-input"}, cell.id
        assert not re.search(r"(?i)#\s*(nbval|pytest)", cell.source), cell.id
        assert [
            o for o in cell.outputs if o.output_type == "error" or o.get("name") == "stderr"
        ] == []


@each_notebook
def test_the_file_is_as_make_run_writes_it(path):
    notebook = read(path)
    assert notebook.metadata == {"kernelspec": run.KERNELSPEC, "language_info": run.LANGUAGE}
    assert path.read_text("utf8") == nbformat.writes(notebook) + "\n"


@each_notebook
def test_cell_ids_are_readable_and_unique(path):
    ids = [cell.id for cell in read(path).cells]
    assert [i for i in ids if not re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)+", i)] == []
    assert len(set(ids)) == len(ids)


@each_notebook
def test_text_outputs_are_formatted_and_say_nothing_about_the_machine(path):
    for cell in code_cells(path):
        for output in cell.outputs:
            text = output.get("text", "") + str(output.get("data", {}).get("text/plain", ""))
            assert not re.search(r"np\.\w+\(|array\(|0x[0-9a-f]{6}|/home/|/tmp/|/root", text), (
                cell.id
            )
            assert output.output_type != "execute_result", cell.id


@each_notebook
def test_figures_have_caption_name_and_alternative_text(path):
    names = []
    for cell in code_cells(path):
        if not figures(cell):
            assert "mystnb" not in cell.metadata, cell.id
            continue
        assert len(figures(cell)) == 1, cell.id
        meta = cell.metadata["mystnb"]
        assert len(caption(cell)) > 20 and len(meta["image"]["alt"]) > 40, cell.id
        names.append(meta["figure"]["name"])
    assert all(name.startswith("fig-") for name in names)
    assert len(set(names)) == len(names)


@each_notebook
def test_code_and_outputs_are_without_chinese_letters(path):
    # The editions of the course share both, and the fonts of figures hold no such letters.
    for cell in code_cells(path):
        text = cell.source + "".join(output.get("text", "") for output in cell.outputs)
        assert not re.search(r"[\u2e80-\uffef]", text), cell.id


@each_chapter
def test_a_chapter_has_the_size_of_a_chapter(path):
    # A quiz comes on top; its own tests say how large it may be.
    cells = [cell for cell in read(path).cells if cell.cell_type == "markdown"]
    text = "\n\n".join(cell.source for cell in cells if "-quiz-" not in cell.id)
    text = numbers.COMMENT.sub("", text)
    text = re.sub(r"^```.*$|^:label:.*$", " ", text, flags=re.MULTILINE)
    text = re.sub(r"\$\$.*?\$\$|\$[^$]*\$|<[^>]*>", " ", text, flags=re.DOTALL)
    words = len(re.findall(r"[A-Za-z][\w’'-]*", text))
    assert 2500 <= words <= 4500, words
    assert 25 <= len(code_cells(path)) <= 45
    assert sum(len(figures(cell)) for cell in code_cells(path)) >= 5
    assert len(numbers.parse(prose(path))[0]) >= 50


@each_chapter
def test_exercises_have_solutions_that_run_and_assert(path):
    cells = read(path).cells
    text = prose(path)
    labels = re.findall(r"\{exercise-start\}.*\n:label: (\S+)", text)
    solved = re.findall(r"\{solution-start\} (\S+)", text)
    assert 5 <= len(labels) <= 8 and labels == solved
    inside, asserts = None, {}
    for cell in cells:
        if started := re.search(r"\{solution-start\} (\S+)", cell.source):
            inside = started.group(1)
        elif "{solution-end}" in cell.source:
            inside = None
        elif inside and cell.cell_type == "code":
            asserts[inside] = asserts.get(inside, 0) + cell.source.count("assert ")
    assert [label for label in labels if not asserts.get(label)] == []


@each_chapter
def test_the_parts_of_a_chapter_are_there(path):
    headings = re.findall(r"^##? (.*)$", prose(path), re.MULTILINE)
    for part in ("You will be able to", "Common mistakes", "Lab", "Summary", "Exercises"):
        assert [h for h in headings if h.startswith(part)], part


@each_notebook
@pytest.mark.parametrize("found", ["a foreign infolib", "no infolib"])
def test_the_setup_cell_refuses_any_infolib_but_ours(path, found, tmp_path):
    (tmp_path / "infolib").mkdir()
    (tmp_path / "infolib" / "__init__.py").write_text(FOREIGN)
    setup = code_cells(path)[0].source
    assert "import" in setup and "infolib" in setup
    hide = "import sys; sys.modules['infolib'] = None\n" if found == "no infolib" else ""
    prelude = f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n{hide}"
    done = subprocess.run(
        [sys.executable, "-c", prelude + setup], capture_output=True, text=True, cwd=tmp_path
    )
    assert done.returncode == 1
    assert "This notebook needs the course's own infolib" in done.stderr.splitlines()[-1]
    assert "pip install infolib" not in setup


# Its figures are what `make bench` measured and wrote; nobody types them.
MEASURED = BOOK / "appendix_exactness_speed.md"


@pytest.mark.parametrize(
    "path", sorted({*BOOK.glob("*.md")} - {MEASURED}), ids=lambda path: path.stem
)
def test_pages_without_a_kernel_quote_no_numbers(path):
    bound, faults = numbers.parse(path.read_text("utf8"))
    assert (bound, faults) == ([], [])
