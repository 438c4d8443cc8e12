"""Measure every page of the built site: `python -m booktools.audit [part of an address …]`.

Lighthouse's scores on a phone (median of three) and on a desktop, rules of accessibility broken in
light, dark and narrow, requests and kilobytes of a first visit.
"""

import json
import os
import statistics
import sys
import tempfile
from pathlib import Path

from booktools import browser, node
from booktools.publish import SITE
from booktools.serve import serving

RUNS = 3
CATEGORIES = ("performance", "accessibility", "best-practices", "seo")
VIEWS = ((browser.WIDE, "light"), (browser.WIDE, "dark"), (browser.PHONE, "light"))
HEAD = ("page", "mobile P/A/B/S", "desktop P", "axe", "requests", "kB")


def lighthouse(address: str, desktop: bool) -> dict[str, float] | None:
    """Median scores of the categories, or None where Lighthouse is not installed."""
    if not (node.HOME / "node_modules" / "lighthouse").exists():
        return None
    os.environ["CHROME_PATH"] = browser.find()
    scores = {category: [] for category in CATEGORIES}
    for _ in range(RUNS):
        with tempfile.TemporaryDirectory() as folder:
            out = Path(folder) / "report.json"
            node.run(
                "lighthouse/cli/index.js",
                address,
                "--quiet",
                "--output=json",
                f"--output-path={out}",
                f"--chrome-flags=--headless=new {' '.join(browser.FLAGS)}",
                *(["--preset=desktop"] if desktop else []),
            )
            for category, result in json.loads(out.read_text("utf8"))["categories"].items():
                if category in scores:
                    scores[category].append(100 * (result["score"] or 0))
    return {category: statistics.median(found) for category, found in scores.items()}


def accessibility(chromium, address: str) -> list[str]:
    """Rules broken in any view of the page, with all that folds unfolded."""
    broken = []
    for viewport, scheme in VIEWS:
        context = chromium.new_context(
            viewport=viewport, color_scheme=scheme, reduced_motion="reduce"
        )
        page = context.new_page()
        page.goto(address, wait_until="networkidle")
        browser.unfold(page)
        broken += [f"{scheme}, {viewport['width']} px: {rule}" for rule in browser.violations(page)]
        context.close()
    return broken


def audit(wanted: list[str]) -> None:
    names = [n for n in browser.pages(SITE) if not wanted or any(w in n for w in wanted)]
    if not names:
        raise SystemExit("no page to measure: run `make book`, or name another part of an address")
    rows, faults = [HEAD], []
    with serving() as address, browser.launched() as chromium:
        for i, name in enumerate(names, 1):
            print(f"{i}/{len(names)} {name}", file=sys.stderr, flush=True)
            broken = accessibility(chromium, address + name)
            faults += [f"{name}: {rule}" for rule in broken]
            requests, size = browser.weigh(chromium, address + name)
            mobile, desktop = (lighthouse(address + name, d) for d in (False, True))
            shown = "/".join(f"{mobile[c]:.0f}" for c in CATEGORIES) if mobile else "-"
            of_desktop = f"{desktop['performance']:.0f}" if desktop else "-"
            rows.append((name, shown, of_desktop, len(broken), requests, f"{size / 1000:.0f}"))
    widths = [max(len(str(row[i])) for row in rows) for i in range(len(HEAD))]
    for row in rows:
        print("  ".join(str(cell).ljust(w) for cell, w in zip(row, widths, strict=True)).rstrip())
    print(*faults, sep="\n")
    if mobile is None:
        print("Lighthouse is not installed: `python -m booktools.node lighthouse` brings it.")


if __name__ == "__main__":
    audit(sys.argv[1:])
