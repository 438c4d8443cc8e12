"""`make run` and `make numbers`: execute, write back what changed, show or write stale numbers."""

import nbformat
import pytest

from booktools import run
from tests.booktools.notebooks import notebook


@pytest.fixture
def path(tmp_path):
    """A notebook that was never run, with one number right, one stale, one stale in a caption."""
    path = tmp_path / "chapter.ipynb"
    nbformat.write(
        notebook(
            ("md", "Ahead 0.2<!--=> p -->, and 7.4<!--=> x --> bits, and 25%<!--=> p -->."),
            ("code", "p, x = 0.2, 7.5\nprint(p)", "old\n", "Up to 8<!--= x -->."),
        ),
        path,
    )
    return path


def test_outputs_are_written_and_stale_numbers_shown(path, capsys):
    assert run.main([str(path)]) == 1
    written = nbformat.read(path, 4)
    assert written.cells[1].outputs[0].text == "0.2\n"
    assert "7.4<!--" in written.cells[0].source
    report = capsys.readouterr().out
    assert "the text says 7.4 near" in report and "x is 7.5; write 7.5" in report
    assert "p is 0.2; write 20%" in report


def test_numbers_are_written_on_request(path):
    assert run.main([str(path), "--write-numbers"]) == 0
    cells = nbformat.read(path, 4).cells
    assert cells[0].source == (
        "Ahead 0.2<!--=> p -->, and 7.5<!--=> x --> bits, and 20%<!--=> p -->."
    )
    assert cells[1].metadata.mystnb.figure.caption == "Up to 8<!--= x -->."
    assert run.main([str(path)]) == 0


def test_a_second_run_writes_nothing(path):
    run.main([str(path), "--write-numbers"])
    before = path.stat().st_mtime_ns, path.read_bytes()
    assert run.run(path) == (False, [], [])
    assert (path.stat().st_mtime_ns, path.read_bytes()) == before


def test_printed_text_is_one_output_however_it_was_sent(path):
    sent = nbformat.read(path, 4)
    sent.cells[
        1
    ].source = (
        "import sys, time\np, x = 0.2, 7.5\nprint('a', flush=True)\ntime.sleep(0.5)\nprint('b')"
    )
    nbformat.write(sent, path)
    run.main([str(path)])
    (output,) = nbformat.read(path, 4).cells[1].outputs
    assert output.text == "a\nb\n"


def test_nothing_personal_or_fleeting_is_stored(path):
    run.main([str(path)])
    written = nbformat.read(path, 4)
    assert written.metadata == {"kernelspec": run.KERNELSPEC, "language_info": run.LANGUAGE}
    assert all("execution" not in cell.metadata for cell in written.cells)


def test_an_error_in_a_cell_leaves_the_file_as_it_was(path, capsys):
    broken = nbformat.read(path, 4)
    broken.cells[1].source = "1 / 0"
    nbformat.write(broken, path)
    before = path.read_bytes()
    assert run.main([str(path)]) == 1
    assert path.read_bytes() == before
    assert "ZeroDivisionError" in capsys.readouterr().err


def test_an_expression_that_raises_is_reported_and_left(path):
    broken = nbformat.read(path, 4)
    broken.cells[0].source = "Here 0.2<!--=> nobody -->."
    nbformat.write(broken, path)
    _, rewritten, unsettled = run.run(path, write_numbers=True)
    assert rewritten == []
    assert unsettled == [
        "cell-0: cannot evaluate 'nobody': NameError: name 'nobody' is not defined"
    ]
    assert nbformat.read(path, 4).cells[0].source == "Here 0.2<!--=> nobody -->."
    assert run.main([str(path), "--write-numbers"]) == 1
