"""The built site in a real Chromium: every page, wide and on a phone, light and dark."""

import functools
import http.server
import os
import shutil
import threading
from pathlib import Path

import pytest
from playwright.sync_api import sync_playwright

HTML = Path(__file__).parents[2] / "_build" / "html"
CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
PAGES = sorted(str(page.relative_to(HTML)) for page in HTML.glob("book/*.html")) + [
    "search.html",
    "genindex.html",
]
NARROW = {"width": 390, "height": 844}
WIDE = {"width": 1400, "height": 900}


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *arguments):
        """Nothing: a test's output is its result."""


@pytest.fixture(scope="module")
def address():
    assert (HTML / "index.html").exists(), "the site is not built: run `make book` first"
    handler = functools.partial(Quiet, directory=HTML)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


@pytest.fixture(scope="module")
def browser():
    if CHROMIUM is None:
        if os.environ.get("CI"):
            pytest.fail("no Chromium was found; the pages must be tested here")
        pytest.skip("no Chromium was found: install it to test the pages in a browser")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM,
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
        )
        yield browser
        browser.close()


@pytest.fixture
def visit(browser, address):
    """Open a page; at the end of the test, no request has left the site and nothing has failed."""
    contexts, faults = [], []

    def open_page(name, viewport=WIDE, scheme="light"):
        context = browser.new_context(viewport=viewport, color_scheme=scheme)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda m: faults.append(m.text) if m.type == "error" else None)
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("response", lambda r: faults.append(f"{r.status} {r.url}") if r.status > 399 else 0)

        def check(request):
            if not request.url.startswith((address, "data:", "blob:")):
                faults.append(f"asks a third party: {request.url}")

        page.on("request", check)
        page.goto(address + name, wait_until="networkidle")
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert faults == []


@pytest.mark.parametrize("viewport", [WIDE, NARROW], ids=["wide", "phone"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", PAGES)
def test_a_page_loads_whole_and_fits(visit, name, viewport, scheme):
    page = visit(name, viewport, scheme)
    assert page.locator("html").get_attribute("data-theme") == scheme
    width = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
    assert page.evaluate(width) == 0
    text = page.locator("main").first.inner_text()
    for raw in (
        "{cite",
        "{eq}",
        "{numref}",
        "{ref}",
        "{exercise",
        "{solution",
        "```",
        "$$",
        "<!--",
    ):
        assert raw not in text
    broken = page.eval_on_selector_all(
        "article img", "images => images.filter(i => i.complete && !i.naturalWidth).map(i => i.src)"
    )
    assert broken == []
    without = page.eval_on_selector_all(
        "article img", "images => images.filter(i => !i.alt || i.alt.includes('/')).map(i => i.src)"
    )
    assert without == []


@pytest.mark.parametrize("name", [page for page in PAGES if page[5:7].isdigit() and page[5] == "0"])
def test_formulas_are_set_and_none_is_clipped(visit, name):
    page = visit(name, NARROW)
    assert page.locator("article .katex-display").count() >= 3
    page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
    clipped = page.eval_on_selector_all(
        "article .katex-display",
        """formulas => formulas
             .filter(f => f.scrollWidth > f.clientWidth + 1)
             .filter(f => !['auto', 'scroll'].includes(getComputedStyle(f).overflowX))
             .map(f => f.textContent)""",
    )
    assert clipped == []
    # Inline formulas wrap with the text or scroll; none may be cut at the edge of the screen.
    beyond = page.eval_on_selector_all(
        "article p .katex .base, article li .katex .base",
        """bases => bases.filter(b => b.getBoundingClientRect().right > innerWidth)
                         .filter(b => !b.closest('table'))  // tables scroll
                         .map(b => b.closest('.katex').querySelector('annotation').textContent)""",
    )
    assert beyond == []


def test_the_address_of_the_site_leads_to_the_landing_page(visit):
    page = visit("index.html")
    page.wait_for_url("**/book/index.html")
    assert page.locator("h1").first.inner_text().startswith("Entropy, cross-entropy")


@pytest.mark.parametrize(
    ("words", "chapter"), [("cross-entropy", "04_cross_entropy"), ("KL divergence", "06_kl")]
)
def test_search_finds_the_chapter(visit, words, chapter):
    page = visit(f"search.html?q={words}")
    page.wait_for_selector("#search-results li a")
    links = page.eval_on_selector_all(
        "#search-results li > a", "links => links.slice(0, 3).map(link => link.href)"
    )
    assert any(chapter in link for link in links)


def test_links_to_equations_figures_and_citations_arrive(visit):
    page = visit("book/02_entropy.html")
    anchors = page.eval_on_selector_all(
        "article a.reference[href^='#']", "links => [...new Set(links.map(l => l.hash.slice(1)))]"
    )
    assert len(anchors) >= 5
    for anchor in anchors:
        assert page.evaluate("id => !!document.getElementById(id)", anchor), anchor


def test_a_solution_unfolds_by_keyboard(visit):
    page = visit("book/01_information_content.html")
    solution = page.locator(".solution.dropdown, details.toggle-details, .solution").first
    button = solution.locator("button, summary").first
    hidden = solution.locator(".cell, .solution-content, p").last
    assert not hidden.is_visible()
    button.focus()
    page.keyboard.press("Enter")
    hidden.wait_for(state="visible")


def test_the_sidebar_opens_on_a_phone(visit):
    page = visit("book/index.html", NARROW)
    link = page.locator(".bd-sidebar-primary a", has_text="6. KL divergence").first
    assert not link.is_visible()
    page.locator("button.primary-toggle").first.click()
    link.click()
    page.wait_for_url("**/06_kl_divergence.html")
