"""Write the whole course as one PDF.

python -m booktools.pdf SITE OUTPUT     SITE is the folder of the built website

Chromium prints twice: once to learn on which page each place is, and once with these numbers
in the contents and beside the exercises.
"""

import argparse
import io
import re
import sys
from pathlib import Path

import matplotlib
import pypdf
from playwright.sync_api import Browser, Page

from booktools.browser import launched
from booktools.print_document import ABOUT, NotPrintable, assemble

# The text's typefaces come with matplotlib, so that lines break alike on every machine.
FONTS = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
ORIGIN = "http://book.invalid/"  # leads nowhere: `open_book` answers every request itself


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m booktools.pdf", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("site", type=Path, help="the built website, such as _build/html")
    parser.add_argument("output", type=Path, help="the PDF to write")
    options = parser.parse_args(argv)
    try:
        html = assemble(options.site)
        with launched() as browser:
            pdf = print_twice(open_book(browser, html, options.site))
    except NotPrintable as error:
        print(error, file=sys.stderr)
        return 1
    options.output.parent.mkdir(parents=True, exist_ok=True)
    options.output.write_bytes(pdf)
    count = len(pypdf.PdfReader(io.BytesIO(pdf)).pages)
    print(f"The course as one PDF of {count} pages: {options.output.resolve()}")
    return 0


def open_book(browser: Browser, html: str, site: Path) -> Page:
    """The document in a browser that can see the site's files and the fonts, and nothing else."""
    if int(browser.version.partition(".")[0]) < 131:
        raise NotPrintable("Chromium before 131 cannot number pages: install a newer one.")
    missing = []

    def answer(route):
        path = route.request.url.removeprefix(ORIGIN).partition("?")[0]
        file = FONTS / path[6:] if path.startswith("fonts/") else site / path
        if not path:
            route.fulfill(body=html, content_type="text/html; charset=utf-8")
        elif file.is_file():
            route.fulfill(path=file)
        else:
            missing.append(path)
            route.abort()

    page = browser.new_page(color_scheme="light")
    page.route("**/*", answer)
    page.goto(ORIGIN, timeout=120_000)
    page.evaluate("document.fonts.ready.then(() => 0)")
    if missing:
        raise NotPrintable(f"{site} lacks {', '.join(missing)}: run make clean and make book.")
    return page


def print_twice(page: Page) -> bytes:
    """The PDF, with a page number wherever the book refers to a page."""
    pages = _pages_of_places(page.pdf(prefer_css_page_size=True))
    page.evaluate(
        """pages => document.querySelectorAll('[data-place]')
             .forEach(number => number.textContent = pages[number.dataset.place])""",
        pages,
    )
    pdf = page.pdf(prefer_css_page_size=True, print_background=True, outline=True, tagged=True)
    if _pages_of_places(pdf) != pages:
        raise NotPrintable(
            "The page numbers do not settle: give .page in print-book.css more room."
        )
    # The same book names the same day, whenever it is printed.
    released = str(ABOUT["date-released"]).replace("-", "")
    return re.sub(rb"\(D:\d{14}", f"(D:{released}000000".encode(), pdf)


def _pages_of_places(pdf: bytes) -> dict[str, int]:
    reader = pypdf.PdfReader(io.BytesIO(pdf))
    numbers = {page.indirect_reference.idnum: n for n, page in enumerate(reader.pages, 1)}
    places = reader.named_destinations
    return {name.removeprefix("/"): numbers[place.page.idnum] for name, place in places.items()}


if __name__ == "__main__":
    raise SystemExit(main())
