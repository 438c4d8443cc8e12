"""Execute the notebooks; write back what changed; show, or write, the numbers that went stale.

python -m booktools.run                   all notebooks of book/
python -m booktools.run book/02*.ipynb    some of them
python -m booktools.run --write-numbers   also replace stale numbers in the prose
"""

import argparse
import ast
import copy
import sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

from booktools import numbers
from booktools.nbval_numbers import caption

BOOK = Path(__file__).parents[1] / "book"
KERNELSPEC = {"display_name": "Python 3", "language": "python", "name": "python3"}
LANGUAGE = {"name": "python"}


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m booktools.run", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("notebooks", nargs="*", type=Path, help="default: all of book/")
    parser.add_argument("--write-numbers", action="store_true", help="replace stale numbers")
    options = parser.parse_args(argv)
    open_reports = 0
    for path in options.notebooks or sorted(BOOK.glob("*.ipynb")):
        print(f"{path.name}: running", flush=True)
        try:
            changed, rewritten, unsettled = run(path, options.write_numbers)
        except CellExecutionError as error:
            print(f"{path.name}: stopped; the file is as it was\n{error}", file=sys.stderr)
            return 1
        print(f"{path.name}: {'written' if changed else 'unchanged'}")
        for report in rewritten:
            print(f"  corrected: {report}")
        for report in unsettled:
            print(f"  {report}")
        open_reports += len(unsettled)
    if open_reports and not options.write_numbers:
        print("`make numbers` writes the values of stale numbers; the rest needs an author.")
    return bool(open_reports)


def run(path: Path, write_numbers: bool = False) -> tuple[bool, list[str], list[str]]:
    """Execute one notebook, and write it if anything changed.

    Returns whether it changed, the numbers that were corrected, and what still needs an author.
    """
    notebook = nbformat.read(path, as_version=4)
    before = nbformat.writes(notebook)
    values = execute(notebook)
    rewritten, unsettled = [], []
    for cell in notebook.cells:
        text = fresh = _text(cell)
        bound, faults = numbers.parse(text)
        unsettled += [f"{cell.id}: {fault.message}" for fault in faults]
        for number in reversed(bound):  # from the end, so that earlier positions stay right
            shown, value = number.shown, values[cell.id, number.shown.start]
            if isinstance(value, str):
                unsettled.append(f"{cell.id}: cannot evaluate {number.expression!r}: {value}")
            elif wrong := numbers.verdict(text, number, value):
                (rewritten if write_numbers else unsettled).append(f"{cell.id}: {wrong}")
                corrected = numbers.write(shown.text, value)
                fresh = fresh[: shown.start] + corrected + fresh[shown.stop :]
        if write_numbers and fresh != text:
            _set_text(cell, fresh)
    after = nbformat.writes(notebook)
    if after != before:
        path.write_text(after + "\n", encoding="utf8")
    return after != before, rewritten, unsettled


def execute(notebook) -> dict[tuple[str, int], float | str]:
    """Execute in place; return the value, or the error, of each bound number.

    Keys are (cell id, position of the number in the cell's text). The expressions are evaluated
    by cells that are put into a copy of the notebook where the numbers stand.
    """
    instrumented = copy.deepcopy(notebook)
    cells, owners, ahead = [], [], []

    def ask(cell, number):
        probe = nbformat.v4.new_code_cell(
            f"try: print(repr(repr(float(eval({number.expression!r})))))\n"
            "except Exception as e: print(repr(f'!{type(e).__name__}: {e}'))"
        )
        cells.append(probe)
        owners.append((probe, (cell.id, number.shown.start)))

    for cell in instrumented.cells:
        bound, _ = numbers.parse(_text(cell))
        cells.append(cell)
        if cell.cell_type == "code":
            for owner, number in ahead:
                ask(owner, number)
            ahead = []
        for number in bound:
            if number.ahead:
                ahead.append((cell, number))
            else:
                ask(cell, number)
    instrumented.cells = cells
    # Outputs must not depend on how long a cell took, nor on who ran it.
    NotebookClient(
        instrumented, timeout=600, record_timing=False, resources={"metadata": {"path": str(BOOK)}}
    ).execute()

    ran = {cell.id: cell for cell in instrumented.cells}
    code_cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    for count, cell in enumerate(code_cells, 1):
        cell.outputs = _joined(ran[cell.id].outputs)
        cell.execution_count = count
        for output in cell.outputs:
            if "execution_count" in output:
                output.execution_count = count
    notebook.metadata = nbformat.from_dict({"kernelspec": KERNELSPEC, "language_info": LANGUAGE})

    values = {
        (cell.id, n.shown.start): "the binding looks ahead, but no code cell follows"
        for cell, n in ahead
    }
    for probe, key in owners:
        answer = ast.literal_eval(probe.outputs[0].text)
        values[key] = answer[1:] if answer.startswith("!") else float(answer)
    return values


def _joined(outputs: list) -> list:
    """Printed text as one output, however many messages the kernel happened to send it in."""
    joined = []
    for output in outputs:
        last = joined[-1] if joined else {}
        if output.output_type == "stream" and last.get("name") == output.name:
            last.text += output.text
        else:
            joined.append(output)
    return joined


def _text(cell) -> str:
    return caption(cell) if cell.cell_type == "code" else cell.source


def _set_text(cell, text: str) -> None:
    if cell.cell_type == "code":
        cell.metadata.mystnb.figure.caption = text
    else:
        cell.source = text


if __name__ == "__main__":
    raise SystemExit(main())
