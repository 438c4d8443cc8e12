"""Real data bundled with the library; nothing is fetched. Sources and licences: data/README.md."""

from importlib import resources

import numpy as np

TEXTS = {"english": "english.txt", "chinese": "chinese.txt"}


def load_text(name):
    """Genesis and Exodus, the same 2,745 verses in either language, one verse a line.

    Words only: punctuation was left out of both. The English is the King James Version, 354,557
    characters; the Chinese is the Union Version of 1919 in simplified characters, 82,850
    characters. Both are in the public domain.

    >>> load_text("english")[:27]
    'In the beginning God create'
    >>> len(load_text("chinese"))
    82850

    Parameters
    ----------
    name : {"english", "chinese"}
        The language.

    Returns
    -------
    str
        The text; each verse ends in a line break.

    Raises
    ------
    ValueError
        If there is no text of that name.

    References
    ----------
    infolib/data/README.md states source, licence and what was done to the texts. Used from
    chapter 1 on.
    """
    if not isinstance(name, str) or name not in TEXTS:
        raise ValueError(f"name is {name!r}; the texts are {', '.join(map(repr, TEXTS))}")
    return _file(TEXTS[name]).read_text(encoding="utf-8")


def load_digits():
    """1,797 handwritten digits of 8×8 pixels, with their labels.

    >>> images, labels = load_digits()
    >>> images.shape, int(labels[0])
    ((1797, 8, 8), 0)

    Returns
    -------
    images : ndarray of uint8, shape (1797, 8, 8)
        Ink in each pixel, from 0 to 16. A fresh copy at each call.
    labels : ndarray of int64, shape (1797,)
        The digit shown, from 0 to 9.

    References
    ----------
    E. Alpaydin and C. Kaynak, Optical Recognition of Handwritten Digits, 1998, UCI Machine
    Learning Repository, doi:10.24432/C50P49, CC BY 4.0. Used in chapter 5.
    """
    with _file("digits.npz").open("rb") as file, np.load(file, allow_pickle=False) as stored:
        return stored["images"], stored["labels"].astype(np.int64)


def _file(name):
    return resources.files("infolib") / "data" / name
