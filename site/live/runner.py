"""What runs around each cell: text as it is printed, rich values, figures, short tracebacks.

`course_page`, made by worker.js, hands outputs to the page.
"""

import base64
import builtins
import contextvars
import io
import linecache
import logging
import os
import sys
import traceback

import course_page
from pyodide.code import eval_code_async

import __main__

RICH = (  # what a value may offer, best first, and as what the page shows it
    ("text/html", "_repr_html_", "html"),
    ("image/svg+xml", "_repr_svg_", "html"),
    ("image/png", "_repr_png_", "png"),
)
cells = set()  # names of the cells that have run
# Tasks take it along: what one prints after its cell has ended belongs to that cell.
cell = contextvars.ContextVar("cell", default="")

os.environ["MPLBACKEND"] = "module://course_figures"
# Matplotlib looks for fonts in each new session, and says so.
logging.getLogger("matplotlib.font_manager").setLevel(logging.ERROR)


def send(kind, text):
    """Hand an output to the page, for the cell whose code makes it."""
    course_page.send(kind, text, cell.get())


class Stream(io.TextIOBase):
    """stdout or stderr, handed on at once, so that both keep their order."""

    encoding = "utf-8"

    def __init__(self, kind):
        self.kind = kind

    def writable(self):
        return True

    def write(self, text):
        if not isinstance(text, str):
            raise TypeError(f"write() argument must be str, not {type(text).__name__}")
        send(self.kind, text)
        return len(text)


def display(*values, **options):
    """Show values as a notebook does: each in the richest form that a page can show."""
    for value in values:
        if "course_figures" in sys.modules and _is_figure(value):
            sys.modules["course_figures"].send(value)
            continue
        offers = _offer(value, "_repr_mimebundle_") or {}
        if isinstance(offers, tuple):  # with metadata
            offers = offers[0]
        for kind, method, shown_as in RICH:
            offer = offers.get(kind) or _offer(value, method)
            if offer:
                text = base64.b64encode(offer).decode() if isinstance(offer, bytes) else offer
                send(shown_as, text)
                break
        else:
            send("result", _plain(value) + "\n")


def _is_figure(value):
    return isinstance(value, sys.modules["matplotlib.figure"].Figure)


def _offer(value, method):
    method = None if isinstance(value, type) else getattr(value, method, None)
    return method and method()


def _plain(value):
    """The value's text; for IPython's Markdown, Latex and Math their source."""
    source = getattr(value, "data", None)
    of_ipython = type(value).__module__.startswith("IPython.")
    return source if of_ipython and isinstance(source, str) else repr(value)


def no_input(prompt=""):
    raise RuntimeError(course_page.noInput)


async def run(code, name):
    """Run a cell; whether it ended without an error."""
    cells.add(name)
    cell.set(name)
    linecache.cache[name] = (len(code), None, code.splitlines(keepends=True), name)
    __main__.__dict__.pop("__warningregistry__", None)  # each run warns anew
    try:
        if "IPython" in code:
            _connect_ipython()
        value = await eval_code_async(code, __main__.__dict__, filename=name)
        if value is not None:
            __main__._ = value
            display(value)
        good = True
    except BaseException as error:  # also SystemExit: the page goes on
        _send_error(error)
        good = False
    try:
        if "course_figures" in sys.modules:
            sys.modules["course_figures"].show()
    except Exception as error:  # what cannot be drawn
        _send_error(error)
        good = False
    return good


def _connect_ipython():
    import IPython.display

    IPython.display.display = display


def _send_error(error):
    """The traceback through the page's cells; what happened around and inside them is left out."""
    report = traceback.TracebackException.from_exception(error, compact=True)
    left = [report]
    while left:
        part = left.pop()
        own = [frame for frame in part.stack if frame.filename in cells]
        part.stack = traceback.StackSummary.from_list(own)
        more = (part.__cause__, part.__context__, *(part.exceptions or ()))
        left += [another for another in more if another is not None]
    send("error", "".join(report.format()))


sys.stdout, sys.stderr = Stream("stdout"), Stream("stderr")
builtins.display, builtins.input = display, no_input
