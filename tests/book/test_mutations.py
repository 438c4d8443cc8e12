"""Change every quoted number, and every expression, a little: each change must be caught.

Three mutants of each bound number, all run in one execution of their chapter: the last digit
shown plus one, the value plus one unit in the last place shown, and the value's sign turned.
"""

import re
from pathlib import Path

import nbformat
import pytest

from booktools import numbers
from booktools.nbval_numbers import caption
from tests.booktools.notebooks import ROOT, verify

NOTEBOOKS = sorted((ROOT / "book").glob("*.ipynb"))


def change_digit(bound):
    """The number with its last digit plus one (of a fraction, the denominator's)."""
    match = numbers.NUMBER.fullmatch(bound.shown.text)
    if match["infinity"]:
        return bound.shown.text.replace(match["infinity"], "9")
    group = next(g for g in ("mantissa", "den", "den1", "den2", "plain") if match[g])
    last = match.end(group) - 1
    digit = str((int(bound.shown.text[last]) + 1) % 10)
    return bound.shown.text[:last] + digit + bound.shown.text[last + 1 :]


def one_unit_more(bound):
    """The expression's value plus one unit in the last place shown, as an expression."""
    match = numbers.NUMBER.fullmatch(bound.shown.text)
    if match["infinity"]:
        return f"-({bound.expression})"  # no step moves an infinity
    denominator = next((match[den] for den in ("den", "den1", "den2") if match[den]), None)
    if denominator:
        unit = f"1 / {denominator}"
    else:
        exponent = numbers._mantissa(match).as_tuple().exponent + numbers._exponent(match)
        # 5e-324 is the least step of a float: a smaller unit would change nothing.
        unit = f"max(1e{exponent - 2 * bool(match['percent'])}, 5e-324)"
    return f"({bound.expression}) + {unit}"


def is_zero(bound):
    return not re.search("[1-9∞]|infty", bound.shown.text)


def with_mutants(notebook):
    """A copy in which mutated texts stand in place of the prose; and how many mutants there are."""
    cells, count = [], 0
    for cell in notebook.cells:
        if cell.cell_type == "code":
            text = caption(cell)
            cell.metadata.pop("mystnb", None)
            cells.append(cell)
        else:
            text = cell.source
        bound, _ = numbers.parse(text)
        for kind in ("digit", "value", "sign") if bound else ():
            cuts = []
            for b in bound:
                value = f"({b.expression})"
                if kind == "digit":
                    shown = change_digit(b)
                elif kind == "value":
                    shown, value = b.shown.text, one_unit_more(b)
                else:
                    shown, value = b.shown.text, f"-{value}"
                    if is_zero(b):
                        continue
                cuts.append((b, shown, value))
            # Each mutant is a paragraph of its own, so that no cut can disturb another.
            arrow = {True: "=>", False: "="}
            mutant = "\n\n".join(f"${s}$<!--{arrow[b.ahead]} {v} -->" for b, s, v in cuts)
            count += len(cuts)
            new = nbformat.v4.new_markdown_cell(mutant)
            new.id = f"mutant-{len(cells)}"
            cells.append(new)
    notebook.cells = cells
    return notebook, count


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_every_mutant_is_caught(path: Path, tmp_path, record_property):
    notebook, count = with_mutants(nbformat.read(path, 4))
    outcomes = verify(tmp_path / path.name, notebook)
    mutants = {name: text for name, text in outcomes.items() if name.startswith("mutant-")}
    # Caught by the comparison, not by luck of a crash.
    assert [name for name, text in mutants.items() if ": the text says " not in text] == []
    assert len(mutants) == count
    record_property("mutants caught", count)
