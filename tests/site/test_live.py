"""Live code as a reader uses it: run, change, stop, come back, without a network, on a bad one."""

import contextlib
import io
import itertools
import re
import shutil
import time

import nbformat
import pytest

from booktools import browser as chromium
from booktools import live_times
from booktools.browser import PHONE, WIDE
from booktools.publish import ROOT, SITE
from booktools.serve import Handler, serving

FIRST = "book/01_information_content.html"
NOTEBOOKS = [ROOT / "book" / "index.ipynb", *sorted((ROOT / "book").glob("0*.ipynb"))]
STARTED = 60_000  # milliseconds that a first run may take on a busy machine


class Cell:
    """A code cell of an open page; the first is number 1."""

    def __init__(self, page, n):
        self.page, self.root = page, page.locator(".cell[data-live]").nth(n - 1)
        self.bar, self.status = self.root.locator(".live-bar"), self.root.locator(".live-status")
        self.editor = self.root.locator(".cm-content")

    def press(self, name):
        unfold(self.root)
        self.bar.get_by_role("button", name=name).click()

    def run(self, code=None, state="done"):
        """Press Run, after writing other code if some is given; returns what is printed."""
        if code is not None:
            self.write(code)
        self.press("Run")
        self.wait(state)
        return self.text()

    def write(self, code):
        self.press("Edit")
        self.editor.wait_for()
        self.page.keyboard.press("Control+a")
        self.page.keyboard.insert_text(code)

    def wait(self, state="done", timeout=STARTED):
        self.root.locator(f".live-bar[data-state={state}]").wait_for(
            timeout=timeout, state="attached"
        )

    def text(self):
        blocks = self.root.locator(".cell_output pre").all()
        return "".join(block.text_content() for block in blocks if block.is_visible())


def unfold(part):
    part.evaluate(
        "e => { for (let d = e.querySelector('details'); d; d = d.parentElement.closest('details'))"
        " d.open = true }"
    )


@pytest.fixture(scope="module")
def shared(browser, address):
    """A page of the first chapter in which Python runs already, for tests that only run cells."""
    context = browser.new_context(viewport=WIDE, reduced_motion="reduce")
    page = context.new_page()
    page.goto(address + FIRST)
    Cell(page, 1).run()
    yield page
    context.close()


@pytest.fixture
def cell(shared):
    """A cell to write anything into, restored afterwards."""
    faults = []
    shared.on("console", lambda m: faults.append(m.text) if m.type == "error" else None)
    shared.on("pageerror", lambda error: faults.append(str(error)))
    cell = Cell(shared, 2)
    cell.faults = faults
    yield cell
    cell.press("Reset")
    assert faults == []


# --- before a click ---------------------------------------------------------------------------


def test_before_a_click_little_is_loaded(browser, address):
    page = browser.new_page()
    requests = []
    page.on("requestfinished", lambda request: requests.append(request))
    page.goto(address + FIRST, wait_until="networkidle")
    live = {r.url: r.sizes()["responseBodySize"] for r in requests if "/live/" in r.url}
    kinds = sorted(re.search(r"/live/(\w+)-\w+(\.\w+)$", url).groups() for url in live)
    assert kinds == [("live", ".css"), ("page", ".js")]
    assert sum(live.values()) <= 15_000
    assert page.evaluate("navigator.serviceWorker.getRegistrations().then(r => r.length)") == 0
    page.close()


def test_bundled_programs_come_with_their_licences():
    text = (SITE / "live" / "licences.txt").read_text("utf8")
    named = set(re.findall("^=== (.+)", text, re.MULTILINE))
    assert {"@codemirror/view", "@lezer/python", "style-mod", "dompurify"} <= named
    assert "Copyright (C) 2018 by Marijn Haverbeke" in text and "Apache License" in text


def test_a_page_without_code_loads_nothing_of_it():
    for page in chromium.pages(SITE):
        text = (SITE / page).read_text("utf8")
        assert ("/live/page-" in text) == ("data-live" in text) == ("wasm-unsafe-eval" in text)


# --- running ----------------------------------------------------------------------------------


def test_a_first_run_says_what_it_does_and_shows_the_output(visit):
    page = visit(FIRST)
    cell = Cell(page, 2)
    book = cell.text()
    page.evaluate(
        """() => {
          window.said = [];
          const status = document.querySelector("[role=status].live-announcer");
          new MutationObserver(() => said.push(status.textContent))
            .observe(status, {childList: true, characterData: true, subtree: true});
        }"""
    )
    assert cell.run() == book != ""
    assert re.match(r"Done: 2 cells in \d+\.\d s", cell.status.inner_text())
    assert Cell(page, 1).bar.get_attribute("data-state") == "done"
    said = page.evaluate("said")
    assert said[0].startswith("Step 1 of 3: fetching Python")
    assert "Step 2 of 3: starting Python" in said
    assert "Running cell 1 of 2 …" in said
    assert said[-1].startswith("Done: 2 cells")
    assert len(said) <= 8  # a screen reader is not told each percent


def test_a_later_run_starts_and_fetches_nothing(cell):
    """Which makes it quick: `make live` measures how quick."""
    assert cell.run("kept = 1 + 1\nprint(kept)") == "2\n"
    (python,) = cell.page.workers
    cell.page.evaluate("performance.clearResourceTimings()")
    assert cell.run("print(kept + 1)") == "3\n"
    assert cell.page.workers == [python]
    assert cell.page.evaluate("performance.getEntriesByType('resource').length") == 0


@pytest.mark.parametrize(
    ("code", "shown"),
    [
        ("3 * 7", "21\n"),
        ("3 * 7;", ""),
        ("x = 5", ""),
        ("None", ""),
        ("_ = 1\nprint('a', end='')\nprint('b')\n'c'", "ab\n'c'\n"),
        ("display(1, 'two')", "1\n'two'\n"),
        ("import numpy as np\nnp.arange(3)", "array([0, 1, 2])\n"),
        ("import asyncio\nawait asyncio.sleep(0)\n'awaited'", "'awaited'\n"),
        ("print('熵 ∑')", "熵 ∑\n"),
        ("from IPython.display import Markdown, display\ndisplay(Markdown('*m*'))", "*m*\n"),
    ],
)
def test_what_a_notebook_shows_is_shown(cell, code, shown):
    assert cell.run(code) == shown


def test_both_streams_keep_their_order(cell):
    cell.run("import sys\nprint('a')\nprint('b', file=sys.stderr)\nprint('c')")
    kinds = [pre.get_attribute("class") for pre in cell.root.locator(".cell_output pre").all()]
    assert kinds[-3:] == ["live-stdout", "live-stderr", "live-stdout"]
    assert cell.text() == "a\nb\nc\n"


def test_what_a_task_prints_later_belongs_to_its_cell(cell):
    task = "import asyncio\n\nasync def f():\n    await asyncio.sleep(1)\n    print('later')\n\n"
    assert cell.run(task + "task = asyncio.ensure_future(f())\nprint('now')") == "now\n"
    Cell(cell.page, 1).run()
    cell.root.locator("pre.live-stdout", has_text="later").wait_for()
    assert cell.text() == "now\nlater\n"


def test_a_warning_comes_with_each_run(cell):
    code = "import warnings\nwarnings.warn('careful')"
    for _ in range(2):
        assert cell.run(code) == "cell 2:2: UserWarning: careful\n  warnings.warn('careful')\n"


def test_html_is_shown_but_cannot_act(cell):
    """Tables are laid out; scripts, handlers, frames and styles for the page are taken out."""
    cell.run(
        "class Table:\n    def _repr_html_(self):\n"
        "        return '<table><tr><td id=\"cite\">7</td></tr></table>'\\\n"
        "            '<style>body{display:none}</style><script>window.ran = 1</script>'\\\n"
        '            \'<img src=x onerror="window.ran = 2"><iframe src="/"></iframe>\'\\\n'
        "            '<a href=\"javascript:window.ran = 3\">go</a>'\nTable()"
    )
    frame = cell.root.locator(".live-html")
    frame.locator("td").wait_for()
    assert frame.locator("td").inner_text() == "7"
    assert frame.locator("script, style, iframe, [onerror], a[href]").count() == 0
    assert cell.page.evaluate("window.ran") is None
    # The image that is not there, and the policy's own word on the handler.
    said = ("404", "inline event handler")
    cell.faults[:] = [fault for fault in cell.faults if not any(word in fault for word in said)]


def test_an_endless_print_is_cut(cell):
    text = cell.run("for i in range(100_000):\n    print('word', i)")
    assert 200_000 < len(text) < 200_100
    assert text.endswith("[The rest of the output is left out.]\n")
    frame = cell.root.locator("pre.live-stdout")
    assert frame.bounding_box()["height"] <= 500  # what follows on it stays within reach
    assert frame.evaluate("pre => pre.tabIndex") == 0


@pytest.mark.parametrize(
    "code",
    [
        "print('a')\n    print('b', file=sys.stderr)",
        "display(Table())",
    ],
)
def test_endless_parts_are_cut(cell, code):
    """Each change of the stream and each table is a new part of the page."""
    table = "class Table:\n    def _repr_html_(self):\n        return '<b>1</b>'\n\n"
    text = cell.run(f"import sys\n\n{table}for _ in range(20_000):\n    {code}")
    assert text.endswith("[The rest of the output is left out.]\n")
    assert 1990 < cell.root.locator(".cell_output > .output").count() < 2010


def test_figures_and_errors_are_not_cut(shared):
    cell = Cell(shared, 3)
    plot = "import matplotlib.pyplot as plt\nplt.plot([1, 2])\n"
    text = cell.run(f"print('x' * 300_000)\n{plot}1 / 0", state="failed")
    assert "left out" in text and "ZeroDivisionError" in text
    assert cell.root.locator("img").is_visible()
    cell.press("Reset")


def test_a_figure_takes_the_place_of_the_book_s(shared):
    cell = Cell(shared, 3)
    image = cell.root.locator("figure img")
    before = image.evaluate("i => [i.alt, i.width, i.height]")
    cell.run()
    assert image.get_attribute("src").startswith("data:image/png")
    shared.wait_for_function("i => i.complete && i.naturalWidth", arg=image.element_handle())
    alt, width, height = image.evaluate("i => [i.alt, i.width, i.height]")
    assert [alt, width] == before[:2] and abs(height - before[2]) <= 2
    assert image.evaluate("i => Math.abs(i.naturalWidth - 2 * i.getAttribute('width'))") <= 1
    assert cell.root.locator("figcaption").is_visible()
    cell.press("Reset")
    assert image.get_attribute("src").endswith(".webp")


def test_a_figure_of_changed_code_says_so(cell):
    cell.run("import matplotlib.pyplot as plt\nplt.plot([1, 2])\nprint('drawn')\nplt.show()")
    image = cell.root.locator(".cell_output img")
    assert image.get_attribute("alt") == "Figure made by this cell"
    changed = Cell(cell.page, 3)
    changed.run("fig, ax = plt.subplots()\nax.plot([3, 1])\nplt.show()\nprint('after')")
    image = changed.root.locator("figure img")
    assert image.get_attribute("alt").startswith(
        "Drawn by changed code. The original figure: Three"
    )
    assert changed.text() == "after\n"
    changed.press("Reset")
    assert image.get_attribute("alt").startswith("Three curves")


# --- errors, endless loops, reset -------------------------------------------------------------


def test_an_error_points_at_its_line_and_ends_the_run(cell):
    text = cell.run("from infolib import entropy\n\nentropy([0.5, 0.6])", state="failed")
    assert text.splitlines() == [
        "Traceback (most recent call last):",
        '  File "cell 2", line 3, in <module>',
        "    entropy([0.5, 0.6])",
        "ValueError: p sums to 1.1, not to 1; divide it by its sum if these are weights",
    ]
    below = Cell(cell.page, 4)
    book = below.text()
    below.run(state="failed")
    assert below.status.inner_text() == "Not run, because cell 2 ended in an error"
    assert below.text() == book


@pytest.mark.parametrize(
    ("code", "last"),
    [
        ("if True\n    pass", "SyntaxError: expected ':'"),
        ("try:\n    1 / 0\nexcept ZeroDivisionError as e:\n    raise KeyError('k') from e", "'k'"),
        ("raise SystemExit(3)", "SystemExit: 3"),
        ("input('how many?')", "write the value into the code"),
        ("import pandas", "ModuleNotFoundError: No module named 'pandas'"),
    ],
)
def test_other_errors_are_short_too(cell, code, last):
    text = cell.run(code, state="failed")
    assert last in text.strip().splitlines()[-1]
    assert "pyodide" not in text and "course_runner" not in text


def test_an_intended_error_stops_nothing(visit):
    def mark(route):
        body = route.fetch().text()
        tagged = '<div class="cell tag_raises-exception docutils container" data-live="">'
        plain = '<div class="cell docutils container" data-live="">'
        route.fulfill(body=body.replace(plain, tagged, 1), content_type="text/html")

    page = visit("book/index.html")
    page.route("**/" + FIRST, mark)
    page.goto(page.url.replace("book/index.html", FIRST))
    wrong, after = Cell(page, 2), Cell(page, 4)
    wrong.press("Edit")
    wrong.editor.wait_for()
    page.keyboard.press("Control+End")
    page.keyboard.insert_text("\n\n1 / 0")
    after.run()
    assert wrong.status.inner_text() == "Ended in an error, as intended"
    assert "ZeroDivisionError" in wrong.text()


def test_an_endless_loop_stops_and_the_page_lives_on(visit):
    page = visit(FIRST)
    cell = Cell(page, 2)
    cell.write("n = 0\nwhile True:\n    n += 1")
    page.keyboard.press("Shift+Enter")
    cell.wait("running")
    page.wait_for_timeout(300)
    page.locator(".bd-sidebar-primary a").first.hover()  # the page answers
    cell.press("Stop")
    assert cell.bar.get_attribute("data-state") == "failed"
    assert cell.status.inner_text().startswith("Stopped. Python has ended, and with it all that")
    assert page.evaluate("document.activeElement.textContent") == "Run"
    assert not cell.bar.get_by_role("button", name="Stop").is_visible()
    assert cell.run("print('again')") == "again\n"
    assert re.match("Done: 2 cells", cell.status.inner_text())  # the setup has run anew


def test_a_crash_of_python_is_told_and_the_next_run_starts_anew(visit):
    page = visit(FIRST)
    cell = Cell(page, 2)
    for end in ("import os; os._exit(1)", "import json; json.loads('[' * 100_000)"):
        cell.run(end, state="failed")
        assert re.match(r"Python has crashed \(.+\); the next run", cell.status.inner_text())
        assert cell.run("print('again')") == "again\n"
    visit.faults.clear()  # Pyodide says on the console what it died of


def test_reset_ends_a_cell_that_runs(cell):
    book = cell.text()
    cell.run()
    cell.write("import time\nwhile True:\n    print('old')\n    time.sleep(0.1)")
    cell.page.keyboard.press("Shift+Enter")
    cell.root.locator("pre.live-stdout", has_text="old").wait_for()
    cell.press("Reset")
    cell.page.wait_for_timeout(500)
    assert cell.text() == book
    assert cell.status.inner_text() == "Code and output are the original ones again"
    assert cell.run() == book


def test_code_that_is_changed_while_it_runs_runs_next(cell):
    cell.run()
    cell.write("import time\ntime.sleep(1)\nprint('old')")
    cell.page.keyboard.press("Shift+Enter")
    cell.wait("running")
    cell.page.keyboard.press("Control+a")
    cell.page.keyboard.insert_text("print('new')")
    cell.page.keyboard.press("Shift+Enter")
    cell.root.locator("pre.live-stdout", has_text="new").wait_for()
    cell.wait("done")
    assert cell.text() == "new\n"


def test_every_run_is_announced(cell):
    cell.run()
    cell.page.evaluate(
        """() => {
          window.heard = [];
          const announcer = document.querySelector(".live-announcer");
          new MutationObserver(() => heard.push(announcer.textContent)).observe(
            announcer, {childList: true});
        }"""
    )
    for _ in range(2):
        cell.run("1 / 0", state="failed")
        cell.page.wait_for_timeout(200)
    heard = cell.page.evaluate("heard")
    assert heard.count("Ended in an error") == 2, heard


def test_stop_while_python_starts(visit):
    page = visit(FIRST)
    cell = Cell(page, 2)
    cell.press("Run")
    cell.press("Stop")
    page.wait_for_timeout(2000)  # longer than what had begun takes
    assert cell.status.inner_text().startswith("Stopped")
    cell.run()


def test_reset_restores_code_and_output(cell):
    book = cell.text()
    code = cell.root.locator("pre").first.text_content()
    assert cell.run("print('mine')") == "mine\n"
    cell.press("Reset")
    assert cell.text() == book
    assert cell.root.locator("pre").first.is_visible()
    assert cell.root.locator("pre").first.text_content() == code
    assert cell.run() == book


def test_an_edit_outlasts_the_page(visit):
    """Reloaded, a page shows and runs what its reader wrote, with no editor; Reset is for good."""
    page = visit(FIRST)
    cell, folded = Cell(page, 2), Cell(page, 3)
    source, own = cell.root.locator("pre").first, "Your edit from before"
    book, spans = source.text_content(), source.locator("span").count()
    assert not folded.bar.is_visible()
    cell.write("print('mine')")
    folded.write("weather = {'fog': 1.0}")
    page.reload()
    assert "in cells: 2, 3." in page.locator(".live-top").inner_text()
    for one, code in (cell, "print('mine')"), (folded, "weather = {'fog': 1.0}"):
        assert one.root.locator("pre").first.text_content() == code
        assert one.bar.get_by_text(own).is_visible()
    assert cell.run() == "mine\n"
    page.emulate_media(media="print")
    assert cell.bar.inner_text() == "Cell 2, edited"
    page.emulate_media(media="screen")
    cell.press("Edit")
    cell.editor.wait_for()
    assert cell.editor.text_content() == "print('mine')"
    for one in (cell, folded):
        one.press("Reset")
    for _ in range(2):
        assert (source.text_content(), source.locator("span").count()) == (book, spans)
        assert cell.bar.locator(".live-name").inner_text() == "Cell 2"
        page.reload()
    assert not page.get_by_text(own).count()


def test_an_edit_that_cannot_be_kept_lasts_as_long_as_the_page(visit):
    page = visit(FIRST)
    cell = Cell(page, 2)
    for kept in "[]", "5", '"x"', "{", "null":
        page.evaluate("kept => localStorage.setItem('edits of ' + location.pathname, kept)", kept)
        page.reload()
        assert cell.bar.locator(".live-name").inner_text() == "Cell 2"
    page.evaluate("() => { Storage.prototype.setItem = () => { throw new Error('full') } }")
    assert cell.run("print('mine')") == "mine\n"


def test_a_changed_cell_above_runs_first(shared):
    above, below = Cell(shared, 4), Cell(shared, 5)
    above.run()
    above.write("h = lambda p: 7\nweather = {'fog': 1.0}\nfrom infolib import information_content")
    below.press("Run")
    below.wait()
    assert above.bar.get_attribute("data-state") == "done"
    assert above.text() == ""
    assert "Drawn by changed code" in below.root.locator("img").get_attribute("alt")
    for cell in (above, below):
        cell.press("Reset")


# --- the same numbers as in the book ----------------------------------------------------------


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_every_cell_prints_in_the_page_what_stands_in_the_book(visit, notebook):
    cells = [c for c in nbformat.read(notebook, as_version=4).cells if c.cell_type == "code"]
    page = visit(f"book/{notebook.stem}.html")
    assert page.locator(".cell[data-live]").count() == len(cells)
    page.locator(".live-top button").first.click()
    page.wait_for_function(
        "() => document.querySelector('.live-top > button:nth-of-type(2)').hidden", timeout=240_000
    )
    shown = page.evaluate(
        """() => [...document.querySelectorAll(".cell[data-live]")].map((cell) => ({
          state: cell.querySelector(".live-bar").dataset.state,
          text: [...cell.querySelectorAll(".cell_output pre")]
            .filter((pre) => !pre.closest("[hidden]")).map((pre) => pre.textContent).join(""),
          figures: [...cell.querySelectorAll(".cell_output img")]
            .filter((i) => i.src.startsWith("data:") && !i.closest("[hidden]")).length,
        }))"""
    )
    for cell, found in zip(cells, shown, strict=True):
        outputs = cell.outputs
        expected = {
            "state": "done",
            "text": "".join(o.text for o in outputs if o.output_type == "stream"),
            "figures": sum("image/png" in o.get("data", {}) for o in outputs),
        }
        assert found == expected, cell.id
    assert len(cells) == 3 or len(cells) > 40


def printed_here(code):
    here = io.StringIO()
    with contextlib.redirect_stdout(here):
        exec(code, {})
    return here.getvalue()


def test_the_library_s_examples_run_in_the_page(cell):
    """What its docstrings promise holds with a browser's 32-bit integers too."""
    code = (
        "import doctest, importlib, pkgutil, infolib\n"
        "import scipy, infolib.estimators, infolib.continuous, infolib.plots\n"
        "ran = failed = 0\n"
        "for module in pkgutil.iter_modules(infolib.__path__):\n"
        "    module = importlib.import_module(f'infolib.{module.name}')\n"
        "    found = doctest.testmod(module, verbose=False)\n"
        "    ran, failed = ran + found.attempted, failed + found.failed\n"
        "assert ran > 40\n"
        "print(ran, 'examples,', failed, 'failed')"
    )
    assert cell.run(code) == printed_here(code)


def test_the_coders_write_the_same_bytes_as_here(cell):
    code = (
        "import numpy as np, zlib\n"
        "from infolib import range_coding, rans\n"
        "from infolib.datasets import load_text\n"
        "data = load_text('english')[:50_000].encode()\n"
        "p = (np.bincount(np.frombuffer(data, np.uint8), minlength=256) + 0.01) / (50_000 + 2.56)\n"
        "for coder in (range_coding, rans):\n"
        "    message = coder.encode(data, p)\n"
        "    assert bytes(coder.decode(message, p).tolist()) == data\n"
        "    print(len(message), zlib.crc32(message))"
    )
    assert cell.run(code) == printed_here(code)


def test_a_page_that_cannot_run_says_why(visit):
    page = visit("book/appendix_beyond_memory.html")
    note = page.locator(".live-note")
    assert "needs dask, distributed, which Python in a browser does not have" in note.inner_text()
    assert note.get_by_role("link", name="download").is_visible()
    assert page.locator(".live-bar, .live-top").count() == 0


# --- the editor -------------------------------------------------------------------------------


def test_the_editor_is_fetched_with_the_first_edit(browser, address):
    page = browser.new_page()
    page.goto(address + FIRST, wait_until="networkidle")
    requests = []
    page.on("requestfinished", lambda request: requests.append(request))
    cell = Cell(page, 2)
    cell.press("Edit")
    cell.editor.wait_for()
    page.wait_for_load_state("networkidle")
    # Sections that are laid out meanwhile ask for their figures and fonts.
    (request,) = [r for r in requests if r.resource_type not in ("image", "font")]
    assert "/live/editor-" in request.url
    assert 0 < request.sizes()["responseBodySize"] <= 130_000
    page.close()


def test_the_editor_helps_to_write(cell):
    cell.write("")
    keyboard = cell.page.keyboard
    keyboard.type("def f(x):\nreturn (x)")  # the second line is indented by itself
    assert cell.editor.inner_text() == "def f(x):\n    return (x)"
    assert cell.root.locator(".cm-matchingBracket").count() == 2
    colours = cell.editor.locator(".cm-line span").evaluate_all(
        "spans => new Set(spans.map(s => getComputedStyle(s).color)).size"
    )
    assert colours >= 2
    keyboard.press("Control+z")
    assert "return (x)" not in cell.editor.inner_text()
    keyboard.press("Control+y")
    assert "return (x)" in cell.editor.inner_text()
    label = "Python code of cell 2. Shift+Enter runs it, Tab leaves it"
    assert cell.editor.get_attribute("aria-label") == label


def test_all_works_by_keyboard(cell):
    page, focused = cell.page, "document.activeElement"
    cell.bar.get_by_role("button", name="Edit").focus()
    page.keyboard.press("Enter")
    cell.editor.wait_for()
    page.keyboard.press("Control+a")
    page.keyboard.type("print('typed')")
    ring = cell.root.locator(".cm-editor").evaluate("e => getComputedStyle(e).outlineStyle")
    assert ring == "solid"
    page.keyboard.press("Shift+Enter")
    cell.wait()
    assert cell.text() == "typed\n"
    page.keyboard.press("Tab")
    assert page.evaluate(f"{focused}.getAttribute('aria-label')") == "Run cell 2"
    look = page.evaluate(f"getComputedStyle({focused}).outlineStyle")
    assert look == "solid"
    page.keyboard.press("Shift+Tab")
    assert page.evaluate(f"{focused}.className") == "live-editor"
    # Shift+Enter runs a cell whose code was not opened, too.
    cell.press("Reset")
    page.keyboard.press("Shift+Enter")
    cell.wait()


def test_it_is_open_to_everybody(visit):
    page = visit(FIRST)
    cell, wrong, figure = (Cell(page, n) for n in (2, 4, 5))
    cell.run("class T:\n    def _repr_html_(self): return '<table><td>7</td></table>'\nT()")
    page.locator(".live-html td").wait_for()
    wrong.run("import sys\nprint('x' * 200)\nprint('y', file=sys.stderr)\n1 / 0", state="failed")
    wrong.press("Edit")
    unfold(figure.root)
    chromium.unfold(page)
    for scheme, viewport in itertools.product(["light", "dark"], [WIDE, PHONE]):
        page.emulate_media(color_scheme=scheme)
        page.set_viewport_size(viewport)
        page.locator(f"html[data-theme={scheme}]").wait_for()
        assert chromium.violations(page) == []
        width = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        assert page.evaluate(width) == 0
        for button in cell.bar.locator("button:visible").all():
            assert button.bounding_box()["height"] >= 24


def test_the_print_shows_no_controls(visit):
    page = visit(FIRST)
    page.emulate_media(media="print")
    for part in (".live-bar", ".live-top"):
        assert not any(p.is_visible() for p in page.locator(part).all())


# --- coming back, on other pages, without a network --------------------------------------------


def kept(page):
    """Names of the files that are kept for later visits."""
    return page.evaluate(
        "caches.open('pages').then(cache => cache.keys())"
        ".then(kept => kept.map(request => request.url.split('/').pop()))"
    )


def wait_until_kept(page, name):
    deadline = time.monotonic() + 60
    while name not in kept(page):
        assert time.monotonic() < deadline, f"{name} is not kept"
        page.wait_for_timeout(100)


def last_figure(page):
    address = page.locator("article figure img").last.get_attribute("src")
    return address.rsplit("/", 1)[-1]


def test_two_chapters_in_turn_then_offline(visit, address):
    page = visit(FIRST)
    Cell(page, 2).run()
    wait_until_kept(page, last_figure(page))
    page.goto(address + "book/02_entropy.html")
    Cell(page, 2).run()
    wait_until_kept(page, last_figure(page))
    page.goto(address + FIRST)
    requests = []
    page.on("requestfinished", lambda request: requests.append(request))
    Cell(page, 2).run()
    assert len(requests) > 10
    assert sum(r.sizes()["responseBodySize"] for r in requests) < 100_000  # Python was kept
    page.wait_for_load_state("networkidle")
    wait_until_kept(page, next((SITE / "live").glob("editor-*.js")).name)
    page.context.set_offline(True)
    page.reload()
    cell = Cell(page, 2)
    book = cell.text()
    assert page.evaluate("document.styleSheets.length") >= 2
    assert cell.run("print('without a network')") == "without a network\n"
    cell.press("Reset")
    assert cell.run() == book
    page.goto(address + "book/02_entropy.html")
    assert Cell(page, 2).run() != ""


def test_a_renewed_site_is_never_mixed_with_the_old_one(browser, tmp_path):
    """Another build, with other scripts and another library, stands at the same address."""
    old, new, served = tmp_path / "old", tmp_path / "new", tmp_path / "served"
    for site in (old, new):
        shutil.copytree(SITE, site, ignore=shutil.ignore_patterns("lite"))
    (script,) = (new / "live").glob("page-*.js")
    renamed = script.with_name("page-NEWNEW22.js")
    script.rename(renamed)
    renamed.write_text(renamed.read_text("utf8").replace("Done in {seconds} s", "Renewed"), "utf8")
    for file in [*new.rglob("*.html"), new / "offline.js"]:
        text = file.read_text("utf8")
        if script.name in text:
            file.write_text(text.replace(script.name, renamed.name), "utf8")
    served.symlink_to(old)
    with serving(served) as address:
        page = browser.new_page()
        page.goto(address + FIRST)
        cell = Cell(page, 2)
        cell.run()
        assert cell.run() and cell.status.inner_text().startswith("Done in")
        wait_until_kept(page, script.name)
        served.unlink()
        served.symlink_to(new)
        page.reload()
        cell.run()
        assert cell.run() and cell.status.inner_text() == "Renewed"
        page.evaluate("navigator.serviceWorker.getRegistration().then(r => r.update())")
        deadline = time.monotonic() + 60
        while script.name in (names := kept(page)) and time.monotonic() < deadline:
            page.wait_for_timeout(100)
        assert script.name not in names and "pyodide.asm.wasm" in names
        page.close()


# --- whole notebooks ----------------------------------------------------------------------------


def test_a_chapter_opens_as_a_notebook_on_the_same_python(visit):
    assert len(list(SITE.rglob("pyodide.asm.wasm"))) == 1
    page = visit(FIRST)
    page.get_by_role("link", name="Open as notebook").click()
    cell = page.locator(".jp-Notebook .jp-CodeCell").first
    cell.locator(".cm-content", has_text="information_content").wait_for(timeout=STARTED)
    live_times.write_and_run_in_jupyter(page, cell)


def test_jupyter_s_pages_have_a_policy_too():
    pages = list((SITE / "lite").rglob("*.html"))
    assert len(pages) >= 3
    for page in pages:
        text = page.read_text("utf8")
        assert "default-src 'self'" in text and "://" not in text.split("Policy", 1)[1][:600]
    config = (SITE / "lite" / "jupyter-lite.json").read_text("utf8")
    assert "jsdelivr" not in config and '"disablePyPIFallback": true' in config


# --- bad networks -----------------------------------------------------------------------------


class Trickling(Handler):
    """Sends WebAssembly at a few megabytes a second, after a silence in its middle."""

    silence = 0

    def send_body(self, body):
        if not self.path.endswith(".wasm"):
            return super().send_body(body)
        parts = [body[i : i + 300_000] for i in range(0, len(body), 300_000)]
        for i, part in enumerate(parts):
            self.wfile.write(part)
            self.wfile.flush()
            time.sleep(self.silence if i == len(parts) // 2 else 0.1)


class Silent(Trickling):
    silence = 13


def watched(page):
    """What the status of the second cell says, in order, from now on."""
    page.evaluate(
        """() => {
          window.said = [];
          const status = document.querySelectorAll(".live-bar")[1].querySelector(".live-status");
          new MutationObserver(() => said.push(status.textContent))
            .observe(status, {childList: true, characterData: true, subtree: true});
        }"""
    )
    return lambda: page.evaluate("said")


@pytest.mark.parametrize("handler", [Trickling, Silent])
def test_a_slow_network_is_watched(browser, handler):
    with serving(SITE, handler=handler) as address:
        page = browser.new_page()
        page.goto(address + FIRST)
        said = watched(page)
        Cell(page, 2).run()
        percents = [int(n) for n in re.findall(r"fetching Python, (\d+)%", " ".join(said()))]
        assert len(set(percents)) >= 5 and percents == sorted(percents)
        silent = [text for text in said() if text.startswith("Nothing has come for")]
        assert bool(silent) == (handler is Silent)
        page.close()


# In the order in which Python's start needs them; two at a time are fetched.
MISSING = {
    "worker-*.js": "{file} could not be fetched",
    "*.asm.js": r"Python could not start \(.*{file}",
    "*.asm.wasm": r"{file} could not be fetched \(404\)",
    "pyodide-lock-*.json": r"{file} could not be fetched \(404\)",
    "numpy-*.whl": "{file} could not be fetched",
}


def test_a_missing_file_is_named_and_the_next_try_may_work(browser, broken_site):
    """All are away at first, and return one by one when they are named."""
    program, away = broken_site / "live", broken_site.parent
    lost = {next(program.rglob(pattern)): told for pattern, told in MISSING.items()}
    for file in lost:
        file.rename(away / file.name)
    with serving(broken_site) as address:
        page = browser.new_page()
        page.goto(address + FIRST)
        cell = Cell(page, 2)
        while lost:
            cell.press("Run")
            cell.wait("failed", 20_000)
            said = cell.status.inner_text()
            named = next((f for f in list(lost)[:2] if f.name in said), None)
            assert named, said
            assert re.match(lost.pop(named).format(file=re.escape(named.name)), said)
            (away / named.name).rename(named)
        cell.run()
        page.close()


def test_a_changed_file_is_refused(browser, broken_site):
    """The checksums of the official list hold in the browser too."""
    (wheel,) = (broken_site / "live").rglob("numpy-*.whl")
    good = wheel.read_bytes()
    wheel.write_bytes(good[:-1] + bytes([good[-1] ^ 1]))
    with serving(broken_site) as address:
        page = browser.new_page()
        page.goto(address + FIRST)
        cell = Cell(page, 2)
        cell.press("Run")
        cell.wait("failed", 20_000)
        assert f"{wheel.name} could not be fetched" in cell.status.inner_text()
        wheel.write_bytes(good)
        page.close()


def test_a_damaged_program_is_reported(browser, broken_site):
    (program,) = (broken_site / "live").rglob("*.wasm")
    good = program.read_bytes()
    program.write_bytes(good[:100_000])
    with serving(broken_site) as address:
        page = browser.new_page()
        page.goto(address + FIRST)
        cell = Cell(page, 2)
        cell.press("Run")
        cell.wait("failed", 20_000)
        assert cell.status.inner_text().startswith("Python could not start (")
        page.wait_for_function("() => caches.has('pages').then(has => !has)")
        program.write_bytes(good)
        page.close()


@pytest.fixture(scope="module")
def broken_site(tmp_path_factory):
    """A copy of the site to take files from."""
    site = tmp_path_factory.mktemp("broken") / "site"
    shutil.copytree(SITE, site, ignore=shutil.ignore_patterns("lite"))
    return site


# --- where it cannot run, and what it may not do ------------------------------------------------


def test_a_page_from_a_disk_says_what_it_needs(browser):
    page = browser.new_page()
    faults = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.goto(f"file://{SITE}/{FIRST}")
    note = page.locator(".live-note")
    assert note.inner_text().startswith("To run code here, the page has to come from a web server")
    assert note.get_by_role("link", name="download").get_attribute("href").endswith(".ipynb")
    assert page.locator(".live-bar button").count() == 0
    assert faults == []
    page.close()


@pytest.mark.parametrize("lacking", ["WebAssembly", "Worker"])
def test_an_old_browser_gets_a_sentence_and_the_links(browser, address, lacking):
    page = browser.new_page()
    page.add_init_script(f"delete window.{lacking}")
    page.goto(address + FIRST)
    note = page.locator(".live-note")
    assert note.inner_text().startswith("This browser cannot run the code here")
    assert note.get_by_role("link", name="download").is_visible()
    assert page.locator(".live-bar button").count() == 0
    page.close()


def test_code_reaches_no_other_site(visit, tmp_path):
    """Not even code that a reader pastes: the policy holds for Python too."""
    asked = []

    class Elsewhere(Handler):
        def do_GET(self):
            asked.append(self.path)
            super().do_GET()

        do_HEAD = do_GET

    page = visit(FIRST)
    with serving(tmp_path, handler=Elsewhere) as elsewhere:
        text = Cell(page, 2).run(
            "import js\nfrom pyodide.http import pyfetch\n"
            f"address = '{elsewhere}'\n"
            "for ask in (pyfetch, js.fetch):\n"
            "    try:\n        await ask(address)\n"
            "    except BaseException as error:\n        print(type(error).__name__)\n"
            "try:\n    js.importScripts(address)\n"
            "except BaseException as error:\n    print(type(error).__name__)"
        )
    assert len(text.splitlines()) == 3
    assert asked == []
    visit.faults.clear()  # the browser reports what it refused
