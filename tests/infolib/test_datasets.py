"""The bundled data: what is promised about it, and that its licences are stated."""

import re
import unicodedata
from importlib import resources

import numpy as np
import pytest

from infolib import datasets

FOLDER = resources.files("infolib") / "data"


def test_english():
    text = datasets.load_text("english")
    assert len(text) == 354_557 and len(text.encode()) == 354_557
    assert len(set(text)) == 52
    assert text.startswith("In the beginning God created the heaven and the earth\n")
    assert re.fullmatch("[A-Za-z \n]*", text)


def test_chinese():
    text = datasets.load_text("chinese")
    assert len(text) == 82_850
    assert len(text.encode()) == 243_060
    assert len(set(text)) == 1_828
    assert text.startswith("起初")
    assert all("\u4e00" <= c <= "\u9fff" for c in text.replace("\n", ""))


@pytest.mark.parametrize("name", ["english", "chinese"])
def test_texts_hold_one_verse_a_line(name):
    text = datasets.load_text(name)
    assert text.count("\n") == 2_745 and text.endswith("\n")
    assert all(line.strip() == line != "" for line in text.splitlines())
    assert "\r" not in text and "  " not in text and "\ufeff" not in text
    assert unicodedata.is_normalized("NFC", text)
    assert datasets.load_text(name) == text


@pytest.mark.parametrize("name", ["latin", "", "English", "english.txt", "../README.md", None, 1])
def test_unknown_texts(name):
    with pytest.raises(ValueError, match="name is .*; the texts are 'english', 'chinese'"):
        datasets.load_text(name)


def test_a_name_that_is_a_list():
    with pytest.raises(ValueError, match="name is"):
        datasets.load_text(["english"])


def test_digits():
    images, labels = datasets.load_digits()
    assert images.shape == (1797, 8, 8) and images.dtype == np.uint8
    assert images.min() == 0 and images.max() == 16
    assert labels.shape == (1797,) and labels.dtype == np.int64
    # The counts that scikit-learn publishes for its copy.
    expected = [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]
    assert np.bincount(labels).tolist() == expected
    assert labels[:10].tolist() == list(range(10))
    # The first row of the first image, as scikit-learn's documentation prints it.
    assert images[0, 0].tolist() == [0, 0, 5, 13, 9, 1, 0, 0]


def test_digits_are_fresh_at_each_call():
    images, labels = datasets.load_digits()
    images[:], labels[:] = 99, 99  # writeable, too
    again, labels_again = datasets.load_digits()
    assert again.max() == 16 and labels_again.max() == 9


def test_every_file_has_a_licence():
    readme = (FOLDER / "README.md").read_text(encoding="utf-8")
    rows = [line.split("|")[1:-1] for line in readme.splitlines() if line.startswith("| `")]
    licences = {row[0].strip().strip("`"): row[-1].strip() for row in rows}
    files = {file.name for file in FOLDER.iterdir()} - {"README.md"}
    assert licences.keys() == files
    for licence in licences.values():
        assert re.search("public domain|CC BY 4.0", licence)
    assert all(len(row) == 4 and row[2].strip() for row in rows)  # each with its source
