"""The built site, served on this machine, in a real Chromium."""

import os

import pytest

from booktools import browser as chromium
from booktools.publish import SITE
from booktools.serve import serving


@pytest.fixture(scope="session")
def address():
    assert (SITE / "index.html").exists(), "the site is not built: run `make book` first"
    with serving() as address:
        yield address


@pytest.fixture(scope="session")
def browser():
    if chromium.find() is None:
        if os.environ.get("CI"):
            pytest.fail("no Chromium was found; the pages must be tested here")
        pytest.skip("no Chromium was found: install it to test the pages in a browser")
    with chromium.launched() as browser:
        yield browser


@pytest.fixture
def visit(browser, address):
    """Open a page; at the end of the test, no request has left the site and nothing has failed."""
    contexts, faults = [], []

    def open_page(name, viewport=chromium.WIDE, scheme="light", **options):
        context = browser.new_context(
            viewport=viewport, color_scheme=scheme, reduced_motion="reduce", **options
        )
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

    open_page.faults = faults
    yield open_page
    for context in contexts:
        context.close()
    assert faults == []
