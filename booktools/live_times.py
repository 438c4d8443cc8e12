"""How soon code runs in the page, and what it fetches, beside JupyterLite: `make live`.

Each time is the median of three, each with a fresh profile, on this machine and its own network;
bytes are those that the server sent. Run it on a quiet machine.
"""

import statistics
import sys
import time
from collections import Counter
from contextlib import contextmanager, suppress

from playwright.sync_api import TimeoutError

from booktools import browser
from booktools.publish import SITE
from booktools.serve import Handler, serving

RUNS = 3
PAGE = "book/01_information_content.html"
LITE = "lite/notebooks/index.html?path=book/01_information_content.ipynb"
# The same first cell for both; what it prints stands nowhere else.
CODE = (
    "import numpy as np\nfrom infolib import entropy\n"
    "print(entropy(np.array([0.5, 0.25, 0.25])), 'live')"
)
OUTPUT = "1.5 live"
PATIENCE = 180_000  # milliseconds
DONE = ".live-bar[data-state=done]"

sent = Counter()  # bytes by path


class Counting(Handler):
    def send_body(self, body):
        sent[self.path] += len(body)
        super().send_body(body)


@contextmanager
def visiting(chromium, address):
    """A page in a fresh profile, with nothing counted yet but what its opening needs."""
    sent.clear()
    context = chromium.new_context(viewport=browser.WIDE)
    context.set_default_timeout(PATIENCE)
    page = context.new_page()
    page.goto(address, wait_until="commit")
    yield page
    context.close()


def appearing(page, selector, text="", timeout=PATIENCE):
    """Wait for an element with this text. Looks at every frame: a locator looks twice a second."""
    page.wait_for_function(
        """([selector, text]) => [...document.querySelectorAll(selector)]
          .some((element) => element.textContent.includes(text))""",
        arg=[selector, text],
        timeout=timeout,
    )


def write_and_run(page, editor):
    """Put the code into an editor and run it; returns when that was."""
    editor.click()
    page.keyboard.press("Control+a")
    page.keyboard.insert_text(CODE)
    began = time.perf_counter()
    page.keyboard.press("Shift+Enter")
    return began


def first_output(chromium, address) -> dict[str, float]:
    with visiting(chromium, address + PAGE) as page:
        page.wait_for_load_state("networkidle")
        script = sum(n for path, n in sent.items() if "/live/" in path and path.endswith(".js"))
        cell = page.locator(".cell[data-live]").first
        cell.locator("summary").click()
        before = sum(sent.values())
        cell.get_by_role("button", name="Edit").click()
        cell.locator(".cm-content").wait_for()
        editor = sum(sent.values()) - before
        began = write_and_run(page, cell.locator(".cm-content"))
        appearing(page, "pre.live-stdout", OUTPUT)
        seconds = time.perf_counter() - began
        page.wait_for_load_state("networkidle")
        fetched = sum(sent.values()) - before
    return {"script": script, "editor": editor, "first": seconds, "fetched": fetched - editor}


def first_figure(chromium, address) -> dict[str, float]:
    with visiting(chromium, address + PAGE) as page:
        page.wait_for_load_state("networkidle")
        before = sum(sent.values())
        cell = page.locator(".cell[data-live]").nth(2)
        cell.locator("summary").click()
        began = time.perf_counter()
        cell.get_by_role("button", name="Run").click()
        appearing(page, "img[src^='data:']")
        seconds = time.perf_counter() - began
        page.locator(DONE).nth(2).wait_for(state="attached")
        again = page.evaluate(
            """() => new Promise((done) => {
              const bar = document.querySelectorAll(".live-bar")[1];
              const began = performance.now();
              new MutationObserver(() => {
                if (bar.dataset.state === "done") done((performance.now() - began) / 1000);
              }).observe(bar, {attributes: true});
              bar.querySelector("button").click();
            })"""
        )
        page.wait_for_load_state("networkidle")
        fetched = sum(sent.values()) - before
    return {"figure": seconds, "again": again, "with figure": fetched}


def write_and_run_in_jupyter(page, cell):
    """The same in JupyterLite; returns when the output is there.

    Now and then it drops a cell that is run while its Python starts: the cell is then run again.
    """
    write_and_run(page, cell.locator(".cm-content"))
    dropped = cell.locator(".jp-InputPrompt", has_text="[ ]")
    for _ in range(PATIENCE // 500):
        with suppress(TimeoutError):
            return appearing(page, ".jp-OutputArea-output", OUTPUT, 500)
        if dropped.count():
            cell.locator(".cm-content").press("Shift+Enter")
    raise TimeoutError("JupyterLite has not run the cell")


def jupyterlite(chromium, address) -> dict[str, float]:
    """From the opening of the notebook, since its Python starts with it."""
    opened = time.perf_counter()
    with visiting(chromium, address + LITE) as page:
        cell = page.locator(".jp-Notebook .jp-CodeCell").first
        cell.wait_for()
        write_and_run_in_jupyter(page, cell)
        return {"lite": time.perf_counter() - opened, "lite fetched": sum(sent.values())}


def measure() -> dict[str, float]:
    if not (SITE / "lite").exists():
        raise SystemExit("the site has no live code or no JupyterLite: `make book` says why")
    found = {}
    with serving(handler=Counting) as address, browser.launched() as chromium:
        for what in (first_output, first_figure, jupyterlite):
            for i in range(RUNS):
                print(f"{what.__name__}: {i + 1} of {RUNS}", file=sys.stderr, flush=True)
                for name, value in what(chromium, address).items():
                    found.setdefault(name, []).append(value)
    return {name: statistics.median(values) for name, values in found.items()}


def main() -> None:
    m = measure()
    times = m["lite"] / m["first"]
    rows = [
        ("", "here", "wanted"),
        ("script before a click", f"{m['script'] / 1e3:.1f} kB", "at most 15 kB"),
        ("editor, with the first Edit", f"{m['editor'] / 1e3:.1f} kB", "at most 130 kB"),
        ("first numpy and infolib output", f"{m['first']:.1f} s", "at most 5 s"),
        ("  fetched for it", f"{m['fetched'] / 1e6:.1f} MB", "at most 10 MB"),
        ("  the same in JupyterLite", f"{m['lite']:.1f} s", ""),
        ("  fetched for that", f"{m['lite fetched'] / 1e6:.1f} MB", ""),
        ("  times sooner", f"{times:.1f}", "at least 4"),
        ("first figure", f"{m['figure']:.1f} s", "at most 8 s"),
        ("  fetched for it", f"{m['with figure'] / 1e6:.1f} MB", "at most 20 MB"),
        ("a cell again", f"{m['again'] * 1e3:.0f} ms", "at most 200 ms"),
    ]
    widths = [max(len(row[i]) for row in rows) for i in range(3)]
    for row in rows:
        print(
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        )


if __name__ == "__main__":
    main()
