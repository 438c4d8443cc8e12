"""Size and speed of the coders beside programs in daily use, on the bundled English text."""

import bz2
import lzma
import zlib

import numpy as np

from benchmarks import optional
from benchmarks.timing import medians
from infolib import entropy, range_coding, rans
from infolib.datasets import load_text

constriction, zstandard = optional("constriction"), optional("zstandard")


REPEATED = 28  # ten megabytes


def table(repeats=1):
    """(coder, size against n·H₀, MB/s to encode, MB/s to decode).

    Of the text several times over, for the coders that treat bytes as independent draws: to the
    others a repeated text is another thing.
    """
    data = load_text("english").encode() * repeats
    size = len(data)
    symbols = np.frombuffer(data, np.uint8)
    p = np.bincount(symbols, minlength=256) / size
    ideal = size * entropy(p) / 8
    coders = {
        "range_coding": (
            lambda: range_coding.encode(data, p),
            lambda packed: range_coding.decode(packed, p),
        ),
        "rans": (lambda: rans.encode(data, p), lambda packed: rans.decode(packed, p)),
    }
    if constriction:
        stack = constriction.stream.stack.AnsCoder
        model = constriction.stream.model.Categorical(p, perfect=False)
        whole = symbols.astype(np.int32)

        def pack():
            coder = stack()
            coder.encode_reverse(whole, model)
            return coder.get_compressed()

        coders["constriction, ANS"] = (pack, lambda packed: stack(packed).decode(model, size))
    if repeats > 1:
        return _lines(coders, size, ideal)
    coders |= {
        "zlib, level 6": (lambda: zlib.compress(data), zlib.decompress),
        "bz2": (lambda: bz2.compress(data), bz2.decompress),
        "lzma, preset 1": (lambda: lzma.compress(data, preset=1), lzma.decompress),
    }
    if zstandard:
        packer, unpacker = zstandard.ZstdCompressor(), zstandard.ZstdDecompressor()
        coders["zstd, level 3"] = (lambda: packer.compress(data), unpacker.decompress)
    return _lines(coders, size, ideal)


def _lines(coders, size, ideal):
    lines = []
    for name, (encode, decode) in coders.items():
        packed = encode()
        n_bytes = packed.nbytes if isinstance(packed, np.ndarray) else len(packed)
        times = medians(
            {"encode": encode, "decode": lambda d=decode, packed=packed: d(packed)}, least=3
        )
        speeds = (f"{size / times[way] / 1e6:.3g}" for way in ("encode", "decode"))
        lines.append((name, f"{n_bytes / ideal:.4f}", *speeds))
    return lines
