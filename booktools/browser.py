"""The installed Chromium, and what it says of a page: what breaks, its weight, who can use it."""

import contextlib
import shutil
from functools import cache
from pathlib import Path

from playwright.sync_api import sync_playwright

from booktools import node

NAMES = ("chromium", "chromium-browser", "google-chrome")
MAC = ("Google Chrome", "Chromium")  # whose programs no command's name leads to
# Nothing but the page's own requests; and a container's root may start it.
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PHONE, WIDE = {"width": 390, "height": 844}, {"width": 1400, "height": 900}


def find() -> str | None:
    """The browser's path, or None where none is installed."""
    programs = (f"/Applications/{name}.app/Contents/MacOS/{name}" for name in MAC)
    return next(filter(None, map(shutil.which, (*NAMES, *programs))), None)


@contextlib.contextmanager
def launched():
    """A Chromium driven by Playwright."""
    path = find()
    if path is None:
        raise SystemExit(f"no browser was found: install one of {', '.join(NAMES)}")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()


def unfold(page) -> None:
    """Open all that is folded in a page, and lay out what is not near the screen yet."""
    page.evaluate("document.querySelectorAll('details').forEach((d) => (d.open = true))")
    page.evaluate(
        "document.querySelectorAll('.toggle-hidden > button.toggle-button')"
        ".forEach((b) => b.click())"
    )
    page.evaluate(
        "document.querySelectorAll('article section')"
        ".forEach((s) => (s.style.contentVisibility = 'visible'))"
    )


@cache
def _axe() -> str:
    return (node.HOME / "node_modules" / "axe-core" / "axe.min.js").read_text("utf8")


def violations(page) -> list[str]:
    """The rules of accessibility that a page breaks, by axe, each with the first place."""
    page.evaluate(_axe())
    found = page.evaluate(
        # Large enough for a thumb: axe asks it only if told to, Lighthouse always does.
        "axe.run({resultTypes: ['violations'], rules: {'target-size': {enabled: true}}})"
    )["violations"]
    return [f"{v['id']} ({len(v['nodes'])}): {v['nodes'][0]['html'][:200]}" for v in found]


def weigh(browser, address: str) -> tuple[int, int]:
    """Requests and bytes, as they come over the wire, of a first visit on a phone, unscrolled."""
    context = browser.new_context(viewport=PHONE, device_scale_factor=2)
    page = context.new_page()
    done = []
    page.on("requestfinished", lambda request: done.append(request))
    page.goto(address, wait_until="networkidle")
    sizes = [request.sizes() for request in done]
    context.close()
    return len(done), sum(s["responseBodySize"] + s["responseHeadersSize"] for s in sizes)


def pages(site: Path) -> list[str]:
    """All pages of the book, as addresses relative to the site; Jupyter's are not of the book."""
    found = (page.relative_to(site).as_posix() for page in site.rglob("*.html"))
    return sorted(page for page in found if not page.startswith(("_static/", "_sources/", "lite/")))
