"""Whether a figure that a cell draws is still the one that stands in the notebook."""

import base64
import io

import numpy as np
from PIL import Image

COLUMNS = 32  # so few that nothing remains of how edges and letters are smoothed
# Root-mean-square difference in grey levels of 255. Releases of Matplotlib differ by up to 6;
# a bar that is gone makes 40.
SAME_RELEASE, OTHER_RELEASE = 0.5, 10


def differ(stored: str, drawn: str) -> str:
    """What is wrong with a stored figure, given the one that its cell draws; "" if nothing is.

    Both are PNG files as notebooks hold them, in base64.
    """
    old, new = (Image.open(io.BytesIO(base64.b64decode(png))) for png in (stored, drawn))
    if old.size != new.size:
        return f"the stored figure has {old.size} pixels, the one that is drawn {new.size}"
    releases = {image.info.get("Software") for image in (old, new)}
    limit = SAME_RELEASE if len(releases) == 1 else OTHER_RELEASE
    difference = np.sqrt(np.mean((_small(old) - _small(new)) ** 2))
    if difference <= limit:
        return ""
    return (
        f"the stored figure is not the one that is drawn: they differ by {difference:.1f} of 255 "
        f"grey levels, more than {limit}; `make run` stores the new one"
    )


def _small(image):
    rows = max(1, round(COLUMNS * image.height / image.width))
    return np.asarray(image.convert("L").resize((COLUMNS, rows), Image.Resampling.BOX), float)
