"""Draw `site/static/og.png`, the picture that a link to the course brings along.

python -m booktools.og_image

It is the landing page's first figure, drawn by the notebook's own cell, under the course's title.
Run it again when that figure or the title has changed.
"""

import hashlib
import io
import re
from pathlib import Path

import matplotlib.pyplot as plt
import nbformat
from PIL import Image, PngImagePlugin

ROOT = Path(__file__).parents[1]
NOTEBOOK = ROOT / "book" / "index.ipynb"
IMAGE = ROOT / "site" / "static" / "og.png"
WIDTH, HEIGHT, DPI = 1200, 630, 200  # the size that sites which show links expect
BAND = 0.22  # the title's share of the height


def sources() -> tuple[str, str, str]:
    """The course's title, the code of the figure, and a digest of both."""
    cells = {cell.id: cell.source for cell in nbformat.read(NOTEBOOK, 4).cells}
    title = re.search(r"^# (.*)", cells["index-title"], re.MULTILINE).group(1)
    code = cells["index-figure"].replace("plt.show()", "")
    return title, code, hashlib.sha256(f"{title}\n{code}".encode()).hexdigest()


def main(path: Path = IMAGE) -> None:
    title, code, digest = sources()
    names = {}
    with plt.rc_context():
        exec(code, names)
    figure, ax = names["fig"], names["ax"]
    figure.set_size_inches(WIDTH / DPI, HEIGHT / DPI)
    figure.set_layout_engine("constrained", rect=(0.02, 0.01, 0.965, 0.99 - BAND))
    ax.set_ylabel("bits a day")  # there is no room for more
    band = plt.Rectangle((0, 1 - BAND), 1, BAND, transform=figure.transFigure, color="#004B78")
    figure.add_artist(band)
    style = {"color": "white", "ha": "center", "va": "center"}
    figure.text(0.5, 1 - 0.39 * BAND, title, size=17, weight="bold", **style)
    figure.text(0.5, 1 - 0.77 * BAND, "an executable course", size=12, **style)
    drawn = io.BytesIO()
    figure.savefig(drawn, dpi=DPI)
    plt.close(figure)
    # A palette of 64 colours: fewer bytes, and no difference to be seen. The digest tells the
    # tests when the picture is out of date.
    info = PngImagePlugin.PngInfo()
    info.add_text("drawn from", digest)
    Image.open(drawn).convert("RGB").quantize(64).save(path, optimize=True, pnginfo=info)


if __name__ == "__main__":
    plt.switch_backend("Agg")
    main()
