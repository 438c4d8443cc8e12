"""Put the pages of the built site together into one document for print.

Cover, contents, the pages in the order of the sidebar, and all solutions in a chapter at the end.
`booktools.pdf` prints it; `site/print-book.css` says what it looks like.
"""

import copy
import json
import posixpath
import re
from html import escape
from pathlib import Path
from typing import NamedTuple

import yaml
from bs4 import BeautifulSoup, Comment, Tag

ROOT = Path(__file__).parents[1]
ABOUT = yaml.safe_load((ROOT / "CITATION.cff").read_text("utf8"))
HEADING = re.compile("^h[1-6]$")
UNPRINTABLE = (
    "script, style, button, iframe, .headerlink, .toctree-wrapper, .katex-mathml, .reading-time, "
    ".cite-page"
)
# In print, comments, keywords, numbers and strings have colours. All other code is plain text,
# which also halves the number of elements.
PLAIN_TOKEN = re.compile(r'<span class="(?:[nopw]|n[a-z]|bp|fm|vm)">([^<]*)</span>')


class NotPrintable(Exception):
    """There is no PDF of this site on this machine; the message says what to do about it."""


class Page(NamedTuple):
    """A page of the site: its address there, its part of the book, and what it says."""

    address: str
    part: str
    article: Tag


class Chapter(NamedTuple):
    """A chapter of the book: its id, its part, and what it says."""

    place: str
    part: str
    article: Tag


def assemble(site: Path) -> str:
    """The book as one HTML document, whose addresses start at the site's root."""
    pages = read_pages(site)
    pages[0].article.h1.string = "Preface"
    _link_inside(pages)
    solutions = _gather_solutions(pages)
    chapters = [Chapter(_place(page.address), page.part, page.article) for page in pages]
    chapters.append(Chapter("solutions", pages[-1].part, solutions))
    title, _, subtitle = map(escape, ABOUT["title"].partition(": "))
    # Chromium has no `string-set`: each chapter names its pages, and these know its title.
    running = "".join(
        f"@page {place} {{ @top-right {{ content: {_css_string(article.h1.text)} }} }}"
        for place, _, article in chapters
    )
    style = (ROOT / "site" / "print-book.css").read_text("utf8") + running
    body = "".join(
        f'<section class="chapter" id="{place}" style="page: {place}">'
        f"{article.decode_contents()}</section>"
        for place, _, article in chapters
    )
    return f"""<!DOCTYPE html>
<html lang="en" data-theme="light"><head><meta charset="utf-8"><title>{title}</title>
<link rel="stylesheet" href="/_static/pygments.css">
<link rel="stylesheet" href="/_static/katex/katex.min.css">
<style>{style}</style></head><body><section class="cover">
<p class="title">{title}</p>
<p class="subtitle">{subtitle[:1].upper()}{subtitle[1:]}, with all solutions</p>
<p class="authors">{escape(", ".join(author["name"] for author in ABOUT["authors"]))}</p>
<p>Edition {escape(str(ABOUT["version"]))}</p>
<p>Text and figures: CC BY 4.0. Code: BSD 3-Clause.</p></section>
<section class="contents"><h1>Contents</h1>{_contents(chapters)}</section>{body}</body></html>"""


def read_pages(site: Path) -> list[Page]:
    """The pages in the order of the site's sidebar, the landing page first."""
    start = "index.html"
    for _ in range(2):  # the site's root may forward to the landing page
        landing = _read(site, start)
        forward = landing.find("meta", attrs={"http-equiv": re.compile("refresh", re.I)})
        if forward is None:
            break
        start = forward["content"].partition("url=")[2]
    parts, part = {start: ""}, ""
    for entry in landing.select("nav.bd-docs-nav p.caption, nav.bd-docs-nav a.reference.internal"):
        if entry.name == "p":
            part = entry.get_text(strip=True)
        elif entry["href"] != "#":
            parts[_resolve(entry["href"], start)[0]] = part
    return [Page(address, part, _article(site, address)) for address, part in parts.items()]


def _read(site: Path, address: str) -> BeautifulSoup:
    if not (site / address).is_file():
        raise NotPrintable(f"There is no built site in {site}, or not all of it: run make book.")
    html = PLAIN_TOKEN.sub(r"\1", (site / address).read_text("utf8"))
    return BeautifulSoup(html, "html.parser")


def _article(site: Path, address: str) -> Tag:
    """What a page prints: without the code that draws, and with every proof open."""
    article = _read(site, address).select_one("main article.bd-article")
    if article is None:
        raise NotPrintable(f"{site / address} is no page of the course: run make book.")
    for comment in article.find_all(string=lambda text: isinstance(text, Comment)):
        comment.extract()
    article.smooth()
    for folded in article.select(".cell > details.hide"):
        cell = folded.parent
        folded.decompose()
        if cell.find(class_="cell_output") is None:
            cell.decompose()
    for formula in article.select(".katex"):
        _prepare_formula(formula)
    for element in article.select(UNPRINTABLE):
        element.decompose()
    for word in article.select("code.literal .pre"):  # a name may break after its dots
        word.replace_with(_element(f"<span>{escape(word.text).replace('.', '.<wbr>')}</span>"))
    for fold in article.select(":not(.quiz) > details"):
        fold.name, fold["class"], fold.summary.name = "div", "proof", "p"
    for content in article.select(".exercise > section, .solution > section"):
        content.unwrap()
    for image in article.select("img"):
        image["src"] = "/" + _resolve(image["src"], address)[0]
    return article


def _prepare_formula(formula: Tag) -> None:
    """Let it be read aloud from its TeX, and stay with the comma or bracket beside it."""
    shown, tex = formula.find(class_="katex-html"), formula.annotation.get_text(strip=True)
    del shown["aria-hidden"]
    before, after = formula.parent.previous_sibling, formula.parent.next_sibling
    if isinstance(before, str) and (found := re.search(r"[(\[“‘]+$", before)):
        before.replace_with(before[: found.start()])
        _tie(shown.find(class_="base")).insert_before(_element(f"<i>{found[0]}</i>"))
        tex = found[0] + tex
    if isinstance(after, str) and (found := re.match(r"[^\s\w(\[“‘]+", after)):
        after.replace_with(after[found.end() :])
        _tie(shown.find_all(class_="base")[-1]).insert_after(_element(f"<i>{found[0]}</i>"))
        tex += found[0]
    formula["role"], formula["aria-label"] = "img", tex


def _tie(part: Tag) -> Tag:
    """Chromium breaks lines at a formula's parts, even before a comma, but not inside a tie."""
    if "tie" not in part.parent["class"]:
        part.wrap(_element('<span class="tie"></span>'))
    return part


def _resolve(link: str, address: str) -> tuple[str, str]:
    """Where a link on the page at this address leads: a file of the site, and a place in it."""
    path, _, fragment = link.partition("#")
    target = posixpath.join(posixpath.dirname(address), path) if path else address
    return posixpath.normpath(target), fragment


def _place(address: str, fragment: str = "") -> str:
    """An id in the book for a page of the site, or for a place on it."""
    return re.sub(r"[^\w-]", "-", f"at-{address.removesuffix('.html')}-{fragment}")


def _link_inside(pages: list[Page]) -> None:
    """Make ids unique by the page's address, and links between pages links inside the book."""
    places = {_place(page.address): _place(page.address) for page in pages}
    for page in pages:
        for section in page.article.select("section[id]"):
            # A page may end between a section's start and its heading: aim at the heading.
            heading = section.find(HEADING, recursive=False)
            heading["id"] = section.attrs.pop("id")
            for label in section.find_all("span", id=True, recursive=False):
                places[_place(page.address, label["id"])] = _place(page.address, heading["id"])
                label.decompose()
        for element in page.article.find_all(id=True):
            element["id"] = _place(page.address, element["id"])
            places[element["id"]] = element["id"]
    for page in pages:
        for link in page.article.find_all("a", href=re.compile(r"^(?![a-z]+:)")):
            place = places.get(_place(*_resolve(link["href"], page.address)))
            if place is None:  # a part of the site that is not in the book
                link.unwrap()
            else:
                link["href"] = f"#{place}"


def _gather_solutions(pages: list[Page]) -> Tag:
    """Move the solutions, and what the options of the quizzes say, into a chapter.

    Each exercise and its solution name the other's page; so do a quiz and its answers.
    """
    chapter = _element('<section><h1 id="solutions-title">Solutions</h1></section>')
    for page in pages:
        questions, solutions = page.article.select(".quiz"), page.article.select(".solution")
        if questions or solutions:
            heading = copy.copy(page.article.h1)
            heading.name, heading["id"] = "h2", f"solutions-{_place(page.address)}"
            chapter.append(heading)
        if questions:
            chapter.append(_gather_answers(questions))
        for solution in solutions:
            title = solution.find(class_="admonition-title")
            exercise = solution.find_previous(id=title.a["href"][1:])
            exercise.append(_to_page("Solution", solution["id"]))
            title.insert_after(_to_page("Exercise", exercise["id"]))
            title.replace_with(_element(f"<h3>{escape(title.a.get_text(strip=True))}</h3>"))
            chapter.append(solution.extract())
    return chapter


def _gather_answers(questions: list[Tag]) -> Tag:
    """Leave a quiz its questions and options; return what the options say."""
    heading = questions[0].find_previous("h2")
    place = f"answers-{heading['id']}"
    title = heading.find(string=True, recursive=False)
    answers = _element(f'<div class="answers" id="{place}"><h3>{escape(title)}</h3></div>')
    answers.append(_to_page("Questions", heading["id"]))
    for question in questions:
        options, said = (_element('<ol class="options"></ol>') for _ in range(2))
        for option in question.find_all("details", recursive=False):
            options.append(option.summary.extract())
            said.append(option.extract())
            options.contents[-1].name, option.name, option.attrs = "li", "li", {}
        question.append(options)
        answers.append(_element(f"<p>{question.strong}</p>"))
        answers.append(said)
    questions[-1].insert_after(_to_page("Answers", place))
    return answers


def _to_page(words: str, place: str) -> Tag:
    number = _page_number(place)
    return _element(f'<p class="to-page"><a href="#{place}">{words} on page {number}</a></p>')


def _page_number(place: str) -> str:
    return f'<span class="page" data-place="{place}">000</span>'  # booktools.pdf fills it in


def _element(html: str) -> Tag:
    return BeautifulSoup(html, "html.parser").contents[0].extract()


def _css_string(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _contents(chapters: list[Chapter]) -> str:
    lines, last = [], ""
    for _, part, article in chapters:
        if part != last:
            lines.append(f'<p class="part">{escape(part)}</p>')
        last = part
        for heading in article.find_all(["h1", "h2"]):
            lines.append(
                f'<p class="to-{heading.name}"><a href="#{heading["id"]}">'
                f"<span>{heading.decode_contents()}</span>{_page_number(heading['id'])}</a></p>"
            )
    return "".join(lines)
