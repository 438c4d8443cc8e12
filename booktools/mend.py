"""What the theme, its extensions and pandas get wrong in a page, put right."""

import re
import string
from pathlib import Path

from bs4 import BeautifulSoup, Comment
from PIL import Image

PHONE_COLUMNS = 38  # letters of code beside each other
# What belongs to a formula that it stands beside: brackets before; letters, punctuation after.
BEFORE, AFTER = re.compile(r"[(\[“‘（「《]+$"), re.compile(r"[a-z]*[^\s\w(\[“‘（「《]*")


def mend(soup: BeautifulSoup, page: Path) -> None:
    """Make the page valid, light and open to those who do not see it or use a mouse."""
    _head(soup)
    for part in soup.select("#jb-print-docs-body, .onlyprint"):
        part.decompose()  # a second title and contents, for paper alone
    _controls(soup)
    _ids(soup)
    _tables(soup)
    _code(soup)
    _roles(soup)
    _images(soup, page)
    _quiz_key(soup)
    for comment in soup.find_all(string=lambda text: isinstance(text, Comment)):
        comment.extract()
    soup.smooth()
    _formulas(soup)


DIALOGS = {
    "pst-search-dialog": "Search",
    "pst-primary-sidebar-modal": "Site",
    "pst-secondary-sidebar-modal": "Contents",
}


def _head(soup) -> None:
    # Where no script runs, the theme's "auto" would be neither light nor dark.
    soup.html["data-theme"] = "light"
    for meta in soup.find_all("meta", attrs={"name": "viewport"})[1:]:
        meta.decompose()
    for meta in soup.select("meta[name^=docsearch]"):
        meta.decompose()
    # Shared links need whole addresses, known only where the site's own is.
    for meta in soup.select("meta[property='og:url'], meta[property='og:image']"):
        if not meta["content"].startswith("http"):
            meta.decompose()


def _controls(soup) -> None:
    for button in soup.select("[onclick]"):  # the page's policy forbids scripts in attributes
        button["data-action"] = "print" if "print" in button["onclick"] else "fullscreen"
        del button["onclick"]
    # What a button is called must hold the words that it shows, and no more than these are shown.
    for shortcut in soup.select("button .search-button__kbd-shortcut"):
        shortcut.decompose()
    for icon in soup.select("button i, a i, button > span[class*=fa-], form i"):
        icon["aria-hidden"] = "true"
        icon.attrs.pop("title", None)
    for button in soup.select("button[title]:not([aria-label])"):
        if not button.get_text(strip=True):
            button["aria-label"] = button["title"]
    for summary in soup.select("summary"):
        summary.attrs.pop("aria-label", None)  # its text is its name
        for paragraph in summary.find_all("p"):
            paragraph.name = "span"
    for part in soup.select(".sidebar-primary-items__start"):
        part["role"], part["aria-label"] = "navigation", "Site"
    for dialog in soup.select("dialog[id]"):
        dialog["aria-label"] = DIALOGS[dialog["id"]]
    for field in soup.select("[autocorrect]"):
        del field["autocorrect"]


def _ids(soup) -> None:
    """An id may stand in a page once; sphinx-exercise writes the same one for every solution."""
    seen = set()
    for tag in soup.find_all(id=True):
        if tag["id"] in seen:
            del tag["id"]
        else:
            seen.add(tag["id"])


def _tables(soup) -> None:
    for style in soup.select("div.output style"):
        style.decompose()  # pandas' own, which the policy forbids
    for table in soup.select("article table"):
        table.attrs.pop("border", None)
        for cell in table.find_all("th"):
            if not cell.get_text(strip=True):
                cell.name = "td"  # an empty corner heads nothing
            else:
                cell["scope"] = "col" if cell.find_parent("thead") else "row"
        # A wide table scrolls in a frame that the keyboard can reach.
        table.wrap(soup.new_tag("div", attrs={"class": "table-frame", "tabindex": "0"}))


def _code(soup) -> None:
    """The keyboard can scroll what is wider than a phone."""
    for block in soup.select("article pre"):
        if max(map(len, block.get_text().splitlines()), default=0) > PHONE_COLUMNS:
            block["tabindex"] = "0"


def _roles(soup) -> None:
    """Roles that the standard has dropped since, or that their parts do not fit."""
    for part in soup.select("[role=doc-biblioentry], .citation-list[role=list]"):
        del part["role"]


def _images(soup, page: Path) -> None:
    """Room for each picture before it has arrived; all but the first wait until they are near."""
    for i, image in enumerate(soup.select("article img[src]")):
        image.attrs.pop("style", None)  # a fixed height would distort it on a phone
        if "image-reference" in image.parent.get("class", ()):
            image.parent.unwrap()
        file = page.parent / image["src"]
        if file.suffix == ".png":
            with Image.open(file) as picture:
                width, height = picture.size
            # Figures are drawn with twice the pixels that they take.
            image["width"], image["height"] = width // 2, height // 2
            image["src"] = image["src"].removesuffix(".png") + ".webp"
            _compress(file)
        elif file.suffix == ".svg" and not image.get("width"):
            box = re.search(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', file.read_text("utf8"))
            image["width"], image["height"] = (round(float(x)) for x in box.groups())
        image["decoding"] = "async"
        if i:
            image["loading"] = "lazy"


def _formulas(soup) -> None:
    """A browser may break a line between a formula and its comma, unless a span forbids it."""
    for formula in soup.select("article span.math"):
        before, after = formula.previous_sibling, formula.next_sibling
        start = (
            BEFORE.search(before)[0] if isinstance(before, str) and BEFORE.search(before) else ""
        )
        end = AFTER.match(after)[0] if isinstance(after, str) else ""
        if start or end:
            if start:
                before.replace_with(before.removesuffix(start))
            if end:
                after.replace_with(after.removeprefix(end))
            tied = formula.wrap(soup.new_tag("span", attrs={"class": "tied"}))
            tied.insert(0, start)
            tied.append(end)


def _quiz_key(soup) -> None:
    """At the end of a page the letters of the right answers, which only print shows."""
    questions = soup.select("article .quiz")
    if not questions:
        return
    key = soup.new_tag("p", attrs={"class": "quiz-key"})
    title = questions[0].find_previous("h2").find(string=True, recursive=False)
    key.string = f"{title}: {'; '.join(map(_title_and_letter, questions))}."
    soup.select_one("article.bd-article").append(key)


def _title_and_letter(question) -> str:
    options = question.find_all("details", recursive=False)
    right = next(i for i, option in enumerate(options) if "right" in option.get("class", ()))
    return f"{question.strong.get_text().rstrip('.?。？')}: {string.ascii_uppercase[right]}"


def _compress(png: Path) -> None:
    """The same pixels in a third of the bytes, beside the file."""
    webp = png.with_suffix(".webp")
    if not webp.exists():
        with Image.open(png) as picture:
            picture.convert("RGB").save(webp, lossless=True, method=4)
