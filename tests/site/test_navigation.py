"""What a reader does: go on, go back, search, unfold, copy, switch, download; by keyboard too."""

import contextlib

import nbformat
import pytest
from nbclient import NotebookClient

from booktools.browser import PHONE, WIDE
from booktools.publish import SITE

FOCUSED = "document.activeElement"
ALL_KNOWN = """() => [...document.querySelectorAll("article > section > section")]
    .every((section) => section.dataset.layout === "known")"""


def test_the_address_of_the_site_leads_to_the_landing_page(visit):
    page = visit("index.html")
    page.wait_for_url("**/book/index.html")
    assert page.locator("h1").first.inner_text().startswith("Entropy, cross-entropy")


def test_from_the_landing_page_through_all_chapters(visit):
    page = visit("book/index.html")
    page.get_by_role("link", name="Start with Chapter 1").click()
    page.wait_for_url("**/01_information_content.html")
    for chapter in ("02_entropy", "03_estimated_entropy"):
        page.locator("a.right-next").click()
        page.wait_for_url(f"**/{chapter}.html")
    page.locator("a.left-prev").click()
    page.wait_for_url("**/02_entropy.html")


@pytest.mark.parametrize(
    ("words", "chapter"),
    [
        ("KL", "6. KL divergence"),
        ("kl divergence", "6. KL divergence"),
        ("cross entropy", "4. Cross-entropy"),
        ("cross-entropy", "4. Cross-entropy"),
        ("entropy", "2. Entropy"),
        ("loss", "5. Classification loss"),
    ],
)
def test_a_search_finds_the_chapter_first(visit, words, chapter):
    page = visit("book/notation.html")
    page.keyboard.press("Control+k")
    page.keyboard.type(words)
    page.keyboard.press("Enter")
    page.wait_for_url("**/search.html?q=*")
    first = page.locator("#search-results li").first
    first.locator("p.context").wait_for()
    assert first.locator("a").inner_text() == chapter
    text = first.locator("p.context").inner_text()
    assert len(text) > 50
    assert not [wrong for wrong in ("\\", "ipynb", "Open as notebook") if wrong in text]
    first.locator("a").click()
    page.locator("article h1", has_text=chapter[3:]).wait_for()


def test_a_search_for_nothing_says_so(visit):
    page = visit("search.html?q=xylophone")
    page.locator("#search-results", has_text="did not match any").wait_for()


def test_links_to_equations_figures_and_citations_arrive(visit):
    page = visit("book/02_entropy.html")
    anchors = page.eval_on_selector_all(
        "article a.reference[href^='#']", "links => [...new Set(links.map(l => l.hash.slice(1)))]"
    )
    assert len(anchors) >= 5
    for anchor in anchors:
        page.evaluate("id => { location.hash = id }", anchor)
        page.wait_for_function(
            "id => document.getElementById(id).getBoundingClientRect().top < innerHeight",
            arg=anchor,
        )


@pytest.mark.parametrize("viewport", [WIDE, PHONE], ids=["wide", "phone"])
@pytest.mark.parametrize("anchor", ["the-ruler-again", "summary", "exercises"])
def test_a_link_from_elsewhere_ends_where_it_leads(browser, address, anchor, viewport):
    """Though most sections have no height yet when the page is opened."""
    page = browser.new_page(viewport=viewport)
    page.goto(f"{address}book/06_kl_divergence.html#{anchor}")
    page.wait_for_function(ALL_KNOWN)
    top = page.evaluate("id => document.getElementById(id).getBoundingClientRect().top", anchor)
    header = page.locator(".bd-header-article").first.bounding_box()["height"]
    assert header - 1 <= top < header + 40
    page.close()


def test_a_solution_unfolds_by_keyboard(visit):
    page = visit("book/01_information_content.html")
    solution = page.locator(".solution.dropdown").first
    hidden = solution.locator("section").first
    assert not hidden.is_visible()
    solution.locator("button").first.focus()
    page.keyboard.press("Enter")
    hidden.wait_for(state="visible")


def test_an_option_of_a_quiz_opens_by_keyboard_and_says_why(visit):
    page = visit("book/02_entropy.html")
    question = page.locator(".quiz").first
    wrong, right = question.locator("details:not(.right)").first, question.locator("details.right")
    link = wrong.locator("a")
    wrong.locator("summary").focus()
    assert not wrong.locator("p").is_visible()
    page.keyboard.press("Enter")
    wrong.locator("p").wait_for(state="visible")
    assert wrong.locator("p").inner_text().startswith("Not quite:")
    right.locator("summary").focus()
    page.keyboard.press("Space")
    right.locator("p").wait_for(state="visible")
    assert right.locator("p").inner_text().startswith("Right.")
    wrong.locator("summary").focus()
    page.keyboard.press("Tab")
    assert link.evaluate(f"link => link === {FOCUSED}")
    page.keyboard.press("Enter")
    page.wait_for_function(
        "id => document.querySelector(id).getBoundingClientRect().top < innerHeight",
        arg=link.get_attribute("href"),
    )
    heading = page.locator(f"{link.get_attribute('href')} > h2").inner_text()
    assert link.inner_text() in heading


def test_a_screen_reader_hears_an_option_and_whether_it_is_open(visit):
    page = visit("book/02_entropy.html")
    option = page.locator(".quiz summary").first
    option.focus()
    session = page.context.new_cdp_session(page)

    def heard():
        element = session.send(
            "Runtime.evaluate", {"expression": "document.querySelector('.quiz summary')"}
        )
        (node,) = session.send(
            "Accessibility.getPartialAXTree",
            {"objectId": element["result"]["objectId"], "fetchRelatives": False},
        )["nodes"]
        states = {state["name"]: state["value"]["value"] for state in node["properties"]}
        return node["role"]["value"], node["name"]["value"], states["expanded"]

    assert heard() == ("DisclosureTriangle", option.inner_text(), False)
    option.press("Enter")
    assert heard() == ("DisclosureTriangle", option.inner_text(), True)


def test_options_of_a_quiz_suit_a_thumb_and_look_alike_until_they_are_open(visit):
    page = visit("book/02_entropy.html", PHONE)
    looks = page.eval_on_selector_all(
        ".quiz > details",
        """options => options.map(option => {
             const summary = option.firstElementChild;
             const [own, its] = [getComputedStyle(option), getComputedStyle(summary)];
             const height = summary.getBoundingClientRect().height;
             return [height, own.border, own.backgroundColor, its.color, its.fontWeight];
           })""",
    )
    assert len(looks) == 24
    assert min(height for height, *_ in looks) >= 44
    assert len({tuple(look) for _, *look in looks}) == 1


def test_folded_code_unfolds_and_folds(visit):
    page = visit("book/02_entropy.html")
    fold = page.locator(".cell details").first
    code = fold.locator("pre")
    assert not code.is_visible()
    assert fold.locator("summary").inner_text() == "Show code cell source"
    fold.locator("summary").focus()
    page.keyboard.press("Enter")
    code.wait_for(state="visible")
    assert fold.locator("summary").inner_text() == "Hide code cell source"
    page.keyboard.press("Enter")
    code.wait_for(state="hidden")


def test_the_copy_button_copies_the_code(visit, address):
    page = visit("book/02_entropy.html", permissions=["clipboard-read", "clipboard-write"])
    block = page.locator(".cell:not(.tag_hide-input) div.highlight").first
    block.hover()
    block.locator("button.copybtn").click()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied.strip() == block.locator("pre").inner_text().strip()


def test_the_theme_switch_is_remembered(visit):
    page = visit("book/index.html")
    theme = "document.documentElement.dataset.theme"
    seen = set()
    for _ in range(3):
        page.locator("button.theme-switch-button").first.click()
        seen.add(page.evaluate("document.documentElement.dataset.mode"))
        if page.evaluate("document.documentElement.dataset.mode") == "dark":
            break
    assert page.evaluate(theme) == "dark", seen
    page.locator(".bd-sidebar-primary a", has_text="2. Entropy").first.click()
    page.wait_for_url("**/02_entropy.html")
    assert page.evaluate(theme) == "dark"


def test_a_button_keeps_the_keyboard_s_focus(visit):
    page = visit("book/index.html")
    page.locator("button.theme-switch-button").first.focus()
    modes = []
    for _ in range(3):
        page.keyboard.press("Enter")
        modes.append(page.evaluate("document.documentElement.dataset.mode"))
    assert sorted(modes) == ["auto", "dark", "light"]
    sidebar = page.locator(".bd-sidebar-primary")
    page.locator("button.primary-toggle").first.focus()
    for gone in ("hidden", "visible"):
        page.keyboard.press("Enter")
        sidebar.wait_for(state=gone)


def test_a_dialog_has_a_name_and_gives_the_focus_back(visit):
    page = visit("book/02_entropy.html", PHONE)
    for toggle, dialog in (
        ("button.primary-toggle", "#pst-primary-sidebar-modal"),
        ("button.secondary-toggle", "#pst-secondary-sidebar-modal"),
        ("button.search-button", "#pst-search-dialog"),
    ):
        button = page.locator(toggle).locator("visible=true").first
        button.press("Enter")
        page.locator(f"{dialog}[open]").wait_for()
        assert page.locator(dialog).get_attribute("aria-label")
        page.keyboard.press("Escape")
        page.locator(f"{dialog}[open]").wait_for(state="detached")
        assert button.evaluate("button => button === document.activeElement"), toggle


def test_a_solution_s_button_is_called_after_its_exercise(visit):
    page = visit("book/02_entropy.html")
    buttons = page.locator(".admonition-title > .toggle-button")
    names = buttons.evaluate_all("buttons => buttons.map(b => b.getAttribute('aria-label'))")
    assert len(names) >= 6 and all(name.startswith("Solution to Exercise") for name in names)
    assert len(set(names)) == len(names)


def test_a_link_that_is_no_valid_text_leads_to_the_page(visit):
    page = visit("book/02_entropy.html#%E0%A4%A")
    assert page.locator("article > section > section").count() > 5
    page.wait_for_function(ALL_KNOWN, timeout=5000)


def test_sections_keep_their_heights_unseen(visit):
    """Once laid out and skipped again, and after the window has another width."""
    page = visit("book/06_kl_divergence.html", PHONE)
    sections = page.locator("article > section > section")
    heights = "sections => sections.map((section) => section.offsetHeight)"
    for viewport in PHONE, WIDE:
        page.evaluate(
            "document.querySelectorAll('[data-layout]').forEach((s) => delete s.dataset.layout)"
        )
        page.set_viewport_size(viewport | {"width": viewport["width"] + 20})
        page.wait_for_function(ALL_KNOWN)
        unseen = sections.evaluate_all(heights)
        show = "(all, how) => all.forEach((one) => { one.style.contentVisibility = how })"
        sections.evaluate_all(show, "visible")
        assert sections.evaluate_all(heights) == pytest.approx(unseen, abs=1)
        sections.evaluate_all(show, "")


def test_without_scripts_a_page_is_in_the_light_theme(browser, address):
    page = browser.new_context(java_script_enabled=False, viewport=PHONE).new_page()
    page.goto(address + "book/02_entropy.html")
    header = page.locator(".bd-header-article")
    colour = header.evaluate("e => getComputedStyle(e).backgroundColor")
    assert colour == "rgb(255, 255, 255)"
    page.context.close()


def test_the_sidebar_opens_on_a_phone(visit):
    page = visit("book/index.html", PHONE)
    link = page.locator(".bd-sidebar-primary a", has_text="6. KL divergence").first
    assert not link.is_visible()
    page.locator("button.primary-toggle").first.click()
    link.click()
    page.wait_for_url("**/06_kl_divergence.html")


def test_the_sidebar_closes_by_keyboard_on_a_phone(visit):
    page = visit("book/index.html", PHONE)
    page.locator("button.primary-toggle").first.press("Enter")
    link = page.locator(".bd-sidebar-primary a", has_text="6. KL divergence").first
    link.wait_for(state="visible")
    page.keyboard.press("Escape")
    link.wait_for(state="hidden")


def test_the_keyboard_skips_to_the_text_and_shows_where_it_is(visit):
    page = visit("book/02_entropy.html")
    page.keyboard.press("Tab")
    assert page.evaluate(f"{FOCUSED}.textContent.trim()") == "Skip to main content"
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate(f"!!{FOCUSED}.closest('#main-content')")
    for _ in range(12):
        look = page.evaluate(
            f"(() => {{ const s = getComputedStyle({FOCUSED});"
            " return [s.outlineStyle, s.outlineWidth, s.boxShadow] })()"
        )
        where = page.evaluate(f"{FOCUSED}.outerHTML.slice(0, 200)")
        assert (look[0] != "none" and look[1] != "0px") or look[2] != "none", where
        page.keyboard.press("Tab")


def test_the_print_and_fullscreen_buttons_work_without_scripts_in_attributes(visit):
    page = visit("book/02_entropy.html")
    page.evaluate("window.print = () => { window.printed = true }")
    page.locator(".dropdown-download-buttons > button").click()
    page.locator("[data-action=print]").click()
    assert page.evaluate("window.printed")
    page.locator("[data-action=fullscreen]").click()
    page.wait_for_function("!!document.fullscreenElement")


@pytest.mark.parametrize("name", ["index", "01_information_content"])
def test_the_notebook_that_is_downloaded_runs(visit, tmp_path, name):
    page = visit(f"book/{name}.html")
    page.locator(".dropdown-download-buttons > button").click()
    link = page.locator("a.btn-download-source-button").get_attribute("href")
    response = page.request.get(f"{page.url.rsplit('/', 1)[0]}/{link}")
    assert response.status == 200
    notebook = nbformat.reads(response.text(), as_version=4)
    assert len([cell for cell in notebook.cells if cell.cell_type == "code"]) >= 3
    place = {"metadata": {"path": tmp_path}}
    NotebookClient(notebook, kernel_name="python3", resources=place).execute()


def test_a_wrong_address_gets_a_page_that_leads_on(visit):
    page = visit("book/deeply/lost.html")
    visit.faults.clear()  # the answer is 404, as it should be
    assert page.locator("h1").inner_text() == "Page not found"
    assert page.evaluate("getComputedStyle(document.querySelector('main')).display") == "flex"
    page.get_by_role("link", name="Start from the first page").click()
    page.wait_for_url("**/book/index.html")


def test_pages_read_from_a_disk(browser):
    """Without a server: text, formulas, figures, theme and links; a search gives its titles."""
    with contextlib.closing(browser.new_page()) as page:
        faults = []
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("requestfailed", lambda request: faults.append((request.failure, request.url)))
        page.goto(f"file://{SITE}/index.html")
        page.wait_for_url("**/book/index.html")
        page.locator("article figure img").first.wait_for()
        assert page.evaluate("document.querySelector('article figure img').naturalWidth") > 0
        assert page.evaluate("document.documentElement.dataset.theme") == "light"
        page.locator(".bd-sidebar-primary a", has_text="2. Entropy").first.click()
        page.wait_for_url("**/02_entropy.html")
        page.goto(f"file://{SITE}/search.html?q=KL")
        page.locator("#search-results li a", has_text="KL divergence").first.wait_for()
        page.get_by_text("Search finished").wait_for()
        # What a page still asks for when it is left, the browser gives up itself.
        assert [fault for fault in faults if fault[0] != "net::ERR_ABORTED"] == []


def test_a_page_is_printed_without_its_buttons(visit):
    page = visit("book/02_entropy.html")
    assert not page.locator(".quiz-key").is_visible()
    page.emulate_media(media="print")
    for part in (
        ".bd-sidebar-primary",
        ".bd-header-article",
        "button.copybtn",
        "details.cite-page",
    ):
        assert not page.locator(part).first.is_visible(), part
    assert page.locator("article h1").is_visible()
    assert len(page.pdf(format="A4")) > 100_000


def test_every_page_can_be_cited(visit):
    page = visit("book/04_cross_entropy.html")
    page.locator("details.cite-page summary").click()
    page.locator("details.cite-page pre").wait_for()
    entry = page.locator("details.cite-page pre").inner_text()
    assert "title = {Cross-entropy}" in entry and "booktitle = {Entropy, cross" in entry
