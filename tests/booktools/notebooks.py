"""Small notebooks for the tests, and what pytest says of them."""

import os
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import nbformat

ROOT = Path(__file__).parents[2]


def notebook(*cells):
    """A notebook; a cell is ('md', text) or ('code', source, printed output, caption or None)."""
    built = nbformat.v4.new_notebook(
        metadata={
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}
        }
    )
    for i, (kind, source, *rest) in enumerate(cells):
        if kind == "md":
            cell = nbformat.v4.new_markdown_cell(source)
        else:
            cell = nbformat.v4.new_code_cell(source, execution_count=i + 1)
            if rest and rest[0]:
                cell.outputs = [nbformat.v4.new_output("stream", name="stdout", text=rest[0])]
            if len(rest) > 1:
                cell.metadata["mystnb"] = {"figure": {"caption": rest[1]}}
        cell.id = f"cell-{i}"
        built.cells.append(cell)
    return built


def verify(path: Path, built) -> dict[str, str]:
    """Run pytest on a notebook as `make test` does: "passed", or the report, of each item."""
    nbformat.write(built, path)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", str(path), "-p", "no:cacheprovider", "--color=no",
         f"--junitxml={path.with_suffix('.xml')}", "-c", str(ROOT / "pyproject.toml"),
         f"--rootdir={path.parent}",
         "-p", "booktools.nbval_numbers"],
        capture_output=True, text=True, check=False, cwd=path.parent,
        env={**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "1000"},
    )  # fmt: skip
    cases = ElementTree.parse(path.with_suffix(".xml")).getroot().iter("testcase")
    outcomes = {case.get("name"): case[0].text if len(case) else "passed" for case in cases}
    assert outcomes, done.stdout + done.stderr
    return outcomes
