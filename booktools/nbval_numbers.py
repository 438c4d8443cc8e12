"""A pytest plugin: nbval's items with the quoted numbers as items of their own between them.

One kernel runs a notebook once; outputs, figures and prose are verified in the same pass.
"""

import ast

import pytest
from nbval.plugin import IPyNbCell, IPyNbFile

from booktools import figures, numbers


@pytest.hookimpl(wrapper=True)
def pytest_collect_file(file_path, parent):
    """Swap nbval's collector for the one that knows about numbers."""
    collectors = yield
    return [
        Notebook.from_parent(parent, path=file_path) if isinstance(c, IPyNbFile) else c
        for c in collectors
    ]


class Notebook(IPyNbFile):
    def collect(self):
        cells = {item.cell_num: item for item in super().collect()}
        code_cells_seen = 0
        ahead = []
        for cell in self.nb.cells:
            if cell.cell_type == "code":
                item = cells[code_cells_seen]
                # nbval calls it "Cell 7"; the cell's own id tells a reader where to look.
                yield Cell.from_parent(
                    self, name=cell.id, cell_num=item.cell_num, cell=cell, options=item.options
                )
                code_cells_seen += 1
                yield from ahead
                ahead = []
                yield from self._items(cell, caption(cell), ahead=None)
            elif cell.cell_type == "markdown":
                yield from self._items(cell, cell.source, ahead)
        for item in ahead:
            item.fault = "this binding looks ahead, but no code cell follows"
            yield item

    def _items(self, cell, text, ahead):
        bound, faults = numbers.parse(text)
        for i, fault in enumerate(faults, 1):
            name = f"{cell.id}, fault {i}"
            yield Number.from_parent(self, name=name, cell=cell, text=text, fault=fault.message)
        for i, number in enumerate(bound, 1):
            name = f"{cell.id}, number {i}: {number.shown.text} = {number.expression}"
            item = Number.from_parent(self, name=name, cell=cell, text=text, bound=number)
            if number.ahead and ahead is None:
                item.fault = "a caption is evaluated after its own cell; write <!--= instead"
            if number.ahead and ahead is not None:
                ahead.append(item)
            else:
                yield item


class Cell(IPyNbCell):
    """One code cell, whose figures are compared too: nbval compares their sizes only."""

    def compare_outputs(self, test, ref, skip_compare=None):
        if not super().compare_outputs(test, ref, skip_compare):
            return False
        stored, drawn = _figures(ref), _figures(test)
        if len(stored) != len(drawn):
            told = f"the notebook stores {len(stored)} figure(s), its code draws {len(drawn)}"
            self.comparison_traceback.append(told)
        self.comparison_traceback += filter(None, map(figures.differ, stored, drawn))
        return not self.comparison_traceback


def _figures(outputs):
    found = (output.get("data", {}).get("image/png") for output in outputs)
    return [png for png in found if png]


def caption(cell) -> str:
    """The caption in a code cell's metadata, or ''."""
    mystnb = cell.metadata.get("mystnb", {})
    return mystnb.get("figure", {}).get("caption", "")


class WrongNumber(Exception):
    """A quoted number that cannot be trusted; its text is the report."""


class Number(pytest.Item):
    """One quoted number, or one fault in the text of a cell."""

    def __init__(self, *, cell, text, bound=None, fault=None, **kwargs):
        super().__init__(**kwargs)
        self.cell, self.text, self.bound, self.fault = cell, text, bound, fault

    def runtest(self):
        if self.fault:
            raise WrongNumber(f"cell {self.cell.id}: {self.fault}")
        value = evaluate(self.parent.kernel, self.bound.expression)
        if isinstance(value, str):
            raise WrongNumber(
                f"cell {self.cell.id}: cannot evaluate {self.bound.expression!r}, bound to "
                f"{self.bound.shown.text} near {numbers.near(self.text, self.bound)!r}: {value}"
            )
        wrong = numbers.verdict(self.text, self.bound, value)
        if wrong:
            raise WrongNumber(f"cell {self.cell.id}: {wrong}")

    def repr_failure(self, excinfo, style=None):
        if isinstance(excinfo.value, WrongNumber):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self):
        return self.path, None, self.name


def evaluate(kernel, expression: str) -> float | str:
    """The value of an expression in a running kernel, or the error that it raised."""
    reply_id = kernel.kc.execute(
        "",
        silent=True,
        user_expressions={"value": f"repr(float({expression}))"},
        allow_stdin=False,
    )
    while True:
        reply = kernel.get_message(stream="shell", timeout=60)
        if reply["parent_header"].get("msg_id") == reply_id:
            break
    result = reply["content"]["user_expressions"]["value"]
    if result["status"] != "ok":
        return f"{result['ename']}: {result['evalue']}"
    # A quoted repr of a float: literal_eval takes off the quotes, and runs nothing.
    return float(ast.literal_eval(result["data"]["text/plain"]))
