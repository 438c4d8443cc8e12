"""Every page, wide and on a phone, light and dark: whole, the site's own, open to everybody."""

import pytest

from booktools import browser as chromium
from booktools.browser import PHONE, WIDE
from booktools.publish import SITE

PAGES = chromium.pages(SITE)
CHAPTERS = [page for page in PAGES if page.startswith("book/0")]
REQUESTS, BYTES, BYTES_OF_TEXT = 40, 300_000, 120_000  # of a first visit, before scrolling


@pytest.mark.parametrize("viewport", [WIDE, PHONE], ids=["wide", "phone"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", PAGES)
def test_a_page_loads_whole_and_fits(visit, name, viewport, scheme):
    page = visit(name, viewport, scheme)
    assert page.locator("html").get_attribute("data-theme") == scheme
    width = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    chromium.unfold(page)
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
    stretched = page.eval_on_selector_all(
        "article img",
        """images => images.filter(i => {
             const padding = 2 * parseFloat(getComputedStyle(i).paddingLeft);
             const [width, height] = [i.clientWidth - padding, i.clientHeight - padding];
             const ratio = (width * i.naturalHeight) / (height * i.naturalWidth);
             return i.naturalWidth && Math.abs(ratio - 1) > 0.02;
           }).map(i => i.src)""",
    )
    assert stretched == []
    assert chromium.violations(page) == []


@pytest.mark.parametrize("name", PAGES)
def test_a_first_visit_loads_little(browser, address, name):
    requests, size = chromium.weigh(browser, address + name)
    assert requests <= REQUESTS
    formulas = (SITE / name).read_text("utf8").count("katex-display")
    figures = (SITE / name).read_text("utf8").count("<img")
    # A redirect weighs what the page behind it does.
    text_page = not formulas and not figures and name != "index.html"
    assert size <= (BYTES_OF_TEXT if text_page else BYTES)


def test_the_policy_holds(visit):
    """Neither a script in the page nor a request to another host gets through."""
    page = visit("book/index.html")
    refused = page.evaluate(
        """() => new Promise((done) => {
          const seen = [];
          document.addEventListener("securitypolicyviolation", (event) => {
            seen.push(event.effectiveDirective);
            if (seen.length === 3) done(seen.sort());
          });
          const script = document.createElement("script");
          script.textContent = "window.ran = true";
          document.body.append(script);
          const image = document.createElement("img");
          image.src = "http://127.0.0.1:9/x.png";
          document.body.append(image);
          fetch("http://127.0.0.1:9/").catch(() => {});
        })"""
    )
    assert refused == ["connect-src", "img-src", "script-src-elem"]
    assert page.evaluate("window.ran") is None
    visit.faults.clear()  # the browser reports what it refused


@pytest.mark.parametrize("name", PAGES)
def test_every_page_says_what_it_may_load(name):
    page = (SITE / name).read_text("utf8")
    if name == "index.html":  # leads on and loads nothing
        assert "<script" not in page
        return
    policy = page.split('Content-Security-Policy"')[0].rsplit('content="', 1)[1]
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    assert rules["default-src"] == "'self'"
    # Where cells run, WebAssembly may be compiled; text never becomes a script.
    allowed = " 'wasm-unsafe-eval'" if "data-live" in page else ""
    assert "unsafe" not in rules["script-src"].replace(allowed, "") + rules["style-src"]
    assert "://" not in policy


@pytest.mark.parametrize("name", CHAPTERS)
def test_no_formula_runs_into_its_number(visit, name):
    page = visit(name)
    chromium.unfold(page)
    for width, media in ((1400, "screen"), (1024, "screen"), (768, "screen"), (643, "print")):
        page.set_viewport_size({"width": width, "height": 900})
        page.emulate_media(media=media)
        crossing = page.eval_on_selector_all(
            "div.math > .eqno",
            """numbers => numbers.filter(number => {
                 const n = number.getBoundingClientRect();
                 const frame = number.parentNode.querySelector(".katex-display");
                 const edge = frame.getBoundingClientRect().right;
                 const scrolls = getComputedStyle(frame).overflowX === "auto";
                 return [...frame.querySelectorAll(".katex-html .base")].some(base => {
                   const b = base.getBoundingClientRect();
                   const right = scrolls ? Math.min(b.right, edge) : b.right;
                   const beside = right <= n.left + 1 || b.left >= n.right;
                   return !beside && b.bottom > n.top && b.top < n.bottom;
                 });
               }).map(number => number.textContent)""",
        )
        assert crossing == [], (width, media)
        ends = page.eval_on_selector_all(
            "div.math > .eqno",
            """numbers => numbers.map(number => Math.round(
                 number.parentNode.getBoundingClientRect().right -
                 number.getBoundingClientRect().right))""",
        )
        assert set(ends) == {0} and len(ends) >= 5  # at the end of its line


@pytest.mark.parametrize("name", CHAPTERS)
def test_formulas_are_set_and_none_is_clipped(visit, name):
    page = visit(name, PHONE)
    assert page.locator("article .katex-display").count() >= 3
    chromium.unfold(page)
    clipped = page.eval_on_selector_all(
        "article .katex-display",
        """formulas => formulas
             .filter(f => f.scrollWidth > f.clientWidth + 1)
             .filter(f => !['auto', 'scroll'].includes(getComputedStyle(f).overflowX))
             .map(f => f.textContent)""",
    )
    assert clipped == []
    # No comma begins a line that follows on a formula.
    alone = page.eval_on_selector_all(
        "article .tied",
        """ties => ties.filter(tied => {
             const end = document.createRange();
             end.selectNode(tied.lastChild);
             const bases = tied.querySelectorAll(".base");
             const formula = bases[bases.length - 1].getBoundingClientRect();
             return end.getBoundingClientRect().top > formula.bottom;
           }).map(tied => tied.parentNode.textContent)""",
    )
    assert alone == [] and page.locator("article .tied").count() > 20
    # Inline formulas wrap with the text or scroll; none may be cut at the edge of the screen.
    beyond = page.eval_on_selector_all(
        "article p .katex .base, article li .katex .base",
        """bases => bases.filter(b => b.getBoundingClientRect().right > innerWidth)
                         .filter(b => !b.closest('table'))  // tables scroll
                         .map(b => b.closest('.katex').querySelector('annotation').textContent)""",
    )
    assert beyond == []
