"""The course on paper: one PDF of the whole book, and each chapter printed from its own page."""

import collections
import hashlib
import io
import re
from pathlib import Path

import pypdf
import pytest
from bs4 import BeautifulSoup

from booktools import pdf
from booktools.print_document import ABOUT, NotPrintable, assemble

ROOT = Path(__file__).parents[2]
SITE, PUBLISHED = ROOT / "_build" / "html", ROOT / "_build" / "site"
CHAPTERS = sorted(page.stem for page in SITE.glob("book/0*.html"))
# The letters of the right options, by the titles of the questions.
KEY = """[...document.querySelectorAll('.quiz')].map(question => {
    const right = [...question.querySelectorAll('details')].findIndex(d => d.className === 'right')
    return question.querySelector('strong').textContent.slice(0, -1) + ': ' + 'ABCD'[right]
})"""
# What a page of the site says, formula by formula, without what print leaves out.
SPOKEN = """selector => [...document.querySelectorAll(selector)].map(element => {
    const copy = element.cloneNode(true)
    copy.querySelectorAll('.katex-mathml, .headerlink, button').forEach(e => e.remove())
    return copy.textContent
})"""
TOO_WIDE = """width => [...document.querySelectorAll('html, article *, .chapter *, .contents *')]
    .filter(e => e.getClientRects().length && !e.closest('.katex-mathml, svg'))
    .filter(e => e.getBoundingClientRect().right > width + 2 ||
        (e.matches('html, pre, table, .katex-display') && e.scrollWidth > e.clientWidth + 1))
    .map(e => e.outerHTML.slice(0, 80))"""
LIGATURES = str.maketrans({"ﬀ": "ff", "ﬁ": "fi", "ﬂ": "fl", "ﬃ": "ffi", "ﬄ": "ffl"})


def squash(text):
    """Without white space and ligatures, which differ between HTML and PDF."""
    return re.sub(r"\s+", "", text.translate(LIGATURES))


@pytest.fixture(scope="module")
def html(browser):
    return assemble(SITE)


@pytest.fixture(scope="module")
def book(html):
    return BeautifulSoup(html, "html.parser")


@pytest.fixture(scope="module")
def layout(browser, html):
    """The document in the browser that prints it."""
    return pdf.open_book(browser, html, SITE)


@pytest.fixture(scope="module")
def file(layout):
    return pdf.print_twice(layout)


@pytest.fixture(scope="module")
def reader(file):
    return pypdf.PdfReader(io.BytesIO(file))


@pytest.fixture(scope="module")
def texts(reader):
    """The text of each page, without white space; the first page has index 1."""
    return [""] + [squash(page.extract_text()) for page in reader.pages]


@pytest.fixture(scope="module")
def links(reader):
    return [
        annotation.get_object()
        for page in reader.pages
        for annotation in page.get("/Annots", [])
        if annotation.get_object()["/Subtype"] == "/Link"
    ]


def test_the_cover_names_the_course_and_no_day_or_place(reader, texts):
    assert 120 <= len(reader.pages) <= 220
    for words in (*ABOUT["title"].split(": ")[:1], "Edition " + ABOUT["version"], "CC BY 4.0"):
        assert squash(words) in texts[1]
    assert not re.search(r"\b(19|20)\d\d\b", reader.pages[0].extract_text())
    assert not any(str(folder) in text for folder in (ROOT, Path.home()) for text in texts)
    width, height = map(float, reader.pages[0].mediabox[2:])
    assert (width, height) == pytest.approx((595, 842), abs=1)  # A4


def test_every_page_number_in_the_contents_is_right(book, reader, texts):
    entries = book.select(".contents a")
    headings = book.select(".chapter h1, .chapter h2")
    assert [squash(entry.span.text) for entry in entries] == [squash(h.text) for h in headings]
    assert len(entries) > 100
    first = next(n for n, text in enumerate(texts) if text.startswith("Preface"))
    contents = "\n".join(page.extract_text() for page in reader.pages[1 : first - 1])
    start = 0
    for heading in headings:
        spaced = r"\s*".join(map(re.escape, squash(heading.text)))
        entry = re.compile(rf"^{spaced} (\d+)$", re.MULTILINE).search(contents, start)
        assert entry, heading.text
        assert squash(heading.text) in texts[int(entry[1])], heading.text
        start = entry.end()


def test_exercises_and_solutions_name_each_others_pages(book, texts):
    solutions = book.select(".solution")
    assert len(solutions) == len(book.select(".exercise")) > 40
    for solution in solutions:
        name = squash(solution.h3.text)
        asked, solved = (
            n for n, text in enumerate(texts) if re.search(rf"{re.escape(name)}(?!\d)", text)
        )
        assert f"Exerciseonpage{asked}" in texts[solved]
        assert f"Solutiononpage{solved}" in texts[asked]


def test_solutions_stand_in_their_chapter_and_not_before(book, texts):
    first = next(n for n, text in enumerate(texts) if text.startswith("Solutions"))
    before, after = "".join(texts[:first]), "".join(texts[first:])
    for solution in book.select(".solution"):
        code = solution.select_one(".cell_input pre").text.splitlines()
        two = squash("".join(code[-2:]))  # lines together, since one alone may occur elsewhere
        assert two in after, solution.h3.text
        assert two not in before, solution.h3.text


def test_a_quiz_is_a_list_to_choose_from_and_its_answers_stand_with_the_solutions(book, texts):
    first = next(n for n, text in enumerate(texts) if text.startswith("Solutions"))
    before, after = "".join(texts[:first]), "".join(texts[first:])
    assert "Notquite:" not in before
    questions, answers = book.select(".quiz"), book.select(".answers")
    assert len(answers) == len(CHAPTERS) and len(questions) >= 4 * len(CHAPTERS)
    said = [answer for chapter in answers for answer in chapter.select("ol")]
    for question, meanings in zip(questions, said, strict=True):
        options = question.select("ol > li")
        verdicts = [meaning.strong.text for meaning in meanings.select("li")]
        assert len(options) == len(verdicts) and sorted(set(verdicts)) == ["Not quite:", "Right."]
        assert verdicts.count("Right.") == 1
        assert meanings.find_previous_sibling("p").text == question.strong.text
        lettered = "".join(f"{chr(65 + i)}.{squash(o.text)}" for i, o in enumerate(options))
        assert lettered in before
        assert f"{squash(question.strong.text)}A.{squash(verdicts[0])}" in after
    lead = squash(questions[0].find_previous("p").text)
    asked = [n for n, text in enumerate(texts) if f"Checkyourself{lead[:20]}" in text]
    for chapter, page in zip(answers, asked, strict=True):
        title = squash(chapter.strong.text)  # of the first question
        solved = next(n for n in range(first, len(texts)) if title in texts[n])
        assert f"Questionsonpage{page}" in texts[solved]
        assert any(f"Answersonpage{solved}" in text for text in texts[page : page + 3])


def test_the_outline_leads_to_every_heading(book, reader):
    def titles(level):
        for entry in level:
            if isinstance(entry, list):
                yield from titles(entry)
            else:
                yield squash(entry.title), reader.get_destination_page_number(entry) + 1

    outline = list(titles(reader.outline))
    places = reader.named_destinations
    for heading in book.select(".chapter :is(h1, h2)"):
        page = reader.get_destination_page_number(places["/" + heading["id"]]) + 1
        assert (squash(heading.text), page) in outline
    assert {squash(exercise.text) for exercise in book.select("h3")} <= set(dict(outline))


def test_links_stay_inside_the_book_or_lead_to_the_web(book, reader, links):
    places = reader.named_destinations
    inside = [link["/Dest"] for link in links if "/Dest" in link]
    outside = [link["/A"]["/URI"] for link in links if "/A" in link]
    assert len(inside) + len(outside) == len(links)
    assert set(inside) <= set(places)
    assert {place[1:] for place in inside} == {
        link["href"][1:] for link in book.select("a[href^='#']")
    }
    assert all(address.startswith("https://") for address in outside)
    assert set(outside) == {link["href"] for link in book.select("a[href^=http]")}
    assert len(inside) > 500 and len(outside) >= 25


def test_nothing_of_the_site_is_lost_but_its_drawing_code(browser, book, layout):
    printed = squash("".join(layout.evaluate(SPOKEN, "body")))
    page = browser.new_context(java_script_enabled=True).new_page()
    for address in ("index", *CHAPTERS, "notation", "references"):
        page.goto((SITE / "book" / f"{address}.html").as_uri())
        said = page.evaluate(
            SPOKEN,
            "article :is(p, li, td, th, pre, figcaption, .quiz summary)"
            ":not(details.hide *, .admonition-title, .reading-time, .cite-page *)",
        )
        assert len(said) > 20
        for words in map(squash, said):
            assert words in printed
    page.context.close()
    assert "plt.show()" not in printed and "Showcodecell" not in printed


def test_figures_stay_with_their_captions(book, reader, texts):
    captions = [figure for figure in book.select("figure") if not figure.img["src"].endswith("svg")]
    assert len(captions) >= 50
    drawings = collections.Counter()
    for number, page in enumerate(reader.pages, 1):
        objects = page["/Resources"].get("/XObject", {}).values()
        drawings[number] = sum(entry.get_object()["/Subtype"] == "/Image" for entry in objects)
    for figure in captions:
        name = squash(figure.select_one(".caption-number").text)
        caption = name + squash(figure.select_one(".caption-text").contents[0].text)[:20]
        pages = [n for n, text in enumerate(texts) if caption in text]
        assert len(pages) == 1, caption
        drawings[pages[0]] -= 1
    assert set(drawings.values()) == {0}


def test_the_books_own_fonts_are_in_the_file(reader, texts):
    references = next(n for n, text in enumerate(texts) if text.startswith("References"))
    for number, page in enumerate(reader.pages, 1):
        for font in page["/Resources"]["/Font"].values():
            font = font.get_object()
            name = font.get("/BaseFont", "none")
            # Some titles in the references are Chinese: those letters come from the machine.
            assert re.search("STIX|KaTeX|DejaVuSansMono", name) or number >= references, name
            if font["/Subtype"] != "/Type3":  # which holds its drawings itself
                descendant = font["/DescendantFonts"][0].get_object()
                descriptor = descendant["/FontDescriptor"].get_object()
                assert {"/FontFile", "/FontFile2", "/FontFile3"} & set(descriptor), name


def test_it_can_be_read_aloud(book, file, reader):
    assert reader.trailer["/Root"]["/MarkInfo"]["/Marked"]
    assert reader.trailer["/Root"]["/Lang"] == "en"
    formulas = len(book.select(".katex"))
    assert formulas > 1000
    assert file.count(b"/Alt ") >= formulas + len(book.select("figure"))


def test_nothing_is_cut_at_the_right_edge(layout):
    width = round(160 / 25.4 * 96)  # A4 without its margins
    layout.set_viewport_size({"width": width, "height": 948})
    layout.emulate_media(media="print")
    assert layout.evaluate(TOO_WIDE, width) == []
    # Chromium shrinks every page to make room for what is a pixel too wide.
    assert layout.evaluate("document.documentElement.scrollWidth") == width


def contents(file):
    """What each page of a PDF holds: words, pictures, and where its links lead.

    Chromium cuts the area of a link into one rectangle or several, now so and now so, which
    nobody sees.
    """
    for page in pypdf.PdfReader(io.BytesIO(file)).pages:
        pictures = page["/Resources"].get("/XObject", {}).values()
        digests = sorted(hashlib.sha256(p.get_object().get_data()).hexdigest() for p in pictures)
        links = [note.get_object() for note in page.get("/Annots", [])]
        targets = sorted({str(link.get("/Dest") or link["/A"]["/URI"]) for link in links})
        yield page.extract_text(), digests, targets


def test_a_second_run_gives_the_same_book(browser, file):
    page = pdf.open_book(browser, assemble(SITE), SITE)
    again = pdf.print_twice(page)
    page.close()
    for number, (one, two) in enumerate(zip(contents(file), contents(again), strict=True), 1):
        assert one == two, number
    one, two = (pypdf.PdfReader(io.BytesIO(printed)).metadata for printed in (file, again))
    assert one == two and one["/CreationDate"] == one["/ModDate"]


def test_a_missing_site_or_picture_says_what_to_do(browser, tmp_path, capsys):
    assert pdf.main([str(tmp_path), str(tmp_path / "course.pdf")]) == 1
    assert "run make book" in capsys.readouterr().err
    with pytest.raises(NotPrintable, match="_images/none.png"):
        pdf.open_book(browser, "<img src='/_images/none.png'>", SITE)


def test_a_missing_browser_says_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setattr("shutil.which", lambda name: None)
    with pytest.raises(SystemExit, match="install one of chromium"):
        pdf.main([str(SITE), str(tmp_path / "course.pdf")])


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_a_chapter_prints_from_its_own_page(browser, chapter):
    page = browser.new_context(color_scheme="dark").new_page()
    page.goto((PUBLISHED / "book" / f"{chapter}.html").as_uri())
    page.emulate_media(media="print", color_scheme="dark")
    for width in (643, 665):  # A4 and Letter without margins of 20 mm
        page.set_viewport_size({"width": width, "height": 950})
        assert page.evaluate(TOO_WIDE, width) == []
    ink = page.eval_on_selector_all(
        "article p, article pre span:not(:empty)",
        "parts => [...new Set(parts.map(e => getComputedStyle(e).color))]",
    )
    assert all(int(part) < 80 for colour in ink for part in re.findall(r"\d+", colour)), ink
    hidden = page.eval_on_selector_all(
        "article details:not(.hide, .cite-page, .quiz *) p, article .solution :is(p, pre)",
        """parts => parts.filter(e => !e.checkVisibility({opacityProperty: true,
                visibilityProperty: true})).map(e => e.textContent)""",
    )
    assert hidden == []
    titles = page.evaluate(SPOKEN, "article :is(h1, h2)")
    solutions = page.evaluate(SPOKEN, "article .solution .cell_input pre")
    page.evaluate("document.querySelectorAll('.quiz details').forEach(d => (d.open = true))")
    *options, key = page.evaluate(SPOKEN, "article :is(.quiz summary, .quiz-key)")
    assert len(options) > 12 and key.endswith(": " + "; ".join(page.evaluate(KEY)) + ".")
    paper = pypdf.PdfReader(io.BytesIO(page.pdf(format="A4"))).pages
    page.context.close()
    printed = squash("".join(sheet.extract_text() for sheet in paper))
    assert printed.startswith(squash(titles[0]))
    for words in titles + [text.splitlines()[0] for text in solutions] + options:
        assert squash(words) in printed
    assert squash(key) in squash(paper[-1].extract_text())
    assert "Notquite:" not in printed
    for rest in (
        "Showcode",
        "Clickto",
        "Backtotop",
        "Skiptomain",
        "Searchthecourse",
        "Bytheauthors",
    ):
        assert rest not in printed
