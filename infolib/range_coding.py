"""The arithmetic coder that reaches the entropy: a whole message as one number in an interval.

Each symbol narrows the current interval [low, low + width) in proportion to its probability; what
is written are the leading digits, to base 65,536, of a number in the last interval. All
arithmetic is on integers, so the same message gives the same bytes everywhere.
"""

import struct
import zlib
from bisect import bisect_right
from itertools import accumulate

import numpy as np

from infolib._pmf import as_array, as_pmf

# Format, number of symbols, checksum of the model; a checksum of all that and of the message
# comes after it.
HEADER = struct.Struct(">3sII")
CHECKSUM = struct.Struct(">I")
MAGIC = b"RC1"
MAX_SYMBOLS = 2**32 - 1
# Probabilities become integer frequencies that add up to 2**32.
TOTAL_BITS = 32
# The interval keeps its leading 64 bits; a word of 16 bits leaves when it can no longer change
# but by a carry. Rounding then costs less than 2**−15 bits a symbol.
WINDOW = 1 << 64
WORD_BITS = 16
BOTTOM = WINDOW >> WORD_BITS
# Words that a decoder needs to see beyond those that the encoder had to write.
AHEAD = 3


def encode(symbols, p):
    """Bytes from which `decode` recovers the symbols: about Σ −log₂ p(symbol) bits of them.

    >>> data = encode([0, 1, 0, 0], [0.75, 0.25])
    >>> decode(data, [0.75, 0.25]).tolist()
    [0, 1, 0, 0]

    Parameters
    ----------
    symbols : bytes or array_like of int, shape (n,)
        Symbols from 0 to K − 1.
    p : array_like, shape (K,)
        The model: the probability of each symbol.

    Returns
    -------
    bytes
        15 bytes of header and checksum, then the message. The message is longer than the
        information content of the symbols under `p` by 4 bytes and 2**−15 + K·2**−31 bits a
        symbol at most.

    Raises
    ------
    ValueError
        If a symbol is impossible under `p` or out of range, or `p` is no distribution.

    References
    ----------
    Rissanen 1976; Martin 1979; Cover & Thomas, 2nd ed., §13.3. Derived in chapter 2.
    """
    frequencies, starts = _model(p)
    symbols = _as_symbols(symbols, frequencies)
    low, width, words = 0, WINDOW, []
    for symbol in symbols.tolist():
        step = width >> TOTAL_BITS
        low += step * starts[symbol]
        width = step * frequencies[symbol]
        while width < BOTTOM:
            low = _emit(low, words)
            width <<= WORD_BITS
    # The last interval is as wide as the leading word's unit, so one more word singles it out.
    _emit(-(-low // BOTTOM) * BOTTOM, words)
    head = HEADER.pack(MAGIC, len(symbols), _fingerprint(frequencies))
    message = np.array(words, dtype=">u2").tobytes()
    return head + CHECKSUM.pack(zlib.crc32(head + message)) + message


def decode(data, p):
    """The symbols that `encode` was given, from its bytes and the same model.

    >>> decode(encode(b"\\x01\\x00", [0.5, 0.5]), [0.5, 0.5]).tolist()
    [1, 0]

    Parameters
    ----------
    data : bytes
        What `encode` returned.
    p : array_like, shape (K,)
        The model that it was given.

    Returns
    -------
    ndarray of int64, shape (n,)

    Raises
    ------
    ValueError
        If `data` is cut, damaged or of another format, or was made with another model.

    References
    ----------
    As for `encode`. Derived in chapter 2.
    """
    frequencies, starts = _model(p)
    n, words = _read(data, frequencies, MAGIC)
    words = words.tolist()
    if max(frequencies) == 1 << TOTAL_BITS:  # a certain symbol takes no room
        return np.full(n, frequencies.index(1 << TOTAL_BITS), dtype=np.int64)
    available = len(words) + AHEAD
    words = iter(words + [0] * AHEAD)
    code, width, used, symbols = 0, WINDOW, 0, []
    for _ in range(WINDOW.bit_length() // WORD_BITS):
        code, used = code << WORD_BITS | next(words, 0), used + 1
    for _ in range(n):
        step = width >> TOTAL_BITS
        symbol = bisect_right(starts, min(code // step, (1 << TOTAL_BITS) - 1)) - 1
        code -= step * starts[symbol]
        width = step * frequencies[symbol]
        symbols.append(symbol)
        while width < BOTTOM:
            code, used = code << WORD_BITS | next(words, 0), used + 1
            width <<= WORD_BITS
            if used > available:
                raise ValueError("data ends before its last symbol: it is not what encode wrote")
    return np.array(symbols, dtype=np.int64)


def _emit(low, words):
    """Write the leading word of `low`, carrying into those before it; return what is left."""
    if low >= WINDOW:
        i = len(words) - 1
        while words[i] == 0xFFFF:
            words[i] = 0
            i -= 1
        words[i] += 1
        low -= WINDOW
    words.append(low >> 48)
    return (low << WORD_BITS) & (WINDOW - 1)


def _model(p):
    """Integer frequencies with the sum 2**TOTAL_BITS, and the sum of those before each."""
    p = as_pmf(p)
    if p.ndim != 1:
        raise ValueError(f"p has {p.ndim} dimensions; pass one distribution")
    p = p.astype(np.float64)
    # A possible symbol keeps at least one part of the total, however rare it is.
    frequencies = np.floor(p * ((1 << TOTAL_BITS) - p.size)).astype(np.int64) + (p > 0)
    frequencies[np.argmax(p)] += (1 << TOTAL_BITS) - frequencies.sum()
    frequencies = frequencies.tolist()
    return frequencies, [0, *accumulate(frequencies)][:-1]


def _as_symbols(symbols, frequencies):
    if isinstance(symbols, (bytes, bytearray)):
        symbols = np.frombuffer(symbols, dtype=np.uint8)
    symbols = as_array(symbols, name="symbols")
    if symbols.size == 0:
        symbols = symbols.astype(np.int64)
    if symbols.ndim != 1 or symbols.dtype.kind not in "iu":
        raise ValueError(
            f"symbols has type {symbols.dtype} and shape {symbols.shape}; "
            "pass bytes, or whole numbers in one dimension"
        )
    if len(symbols) > MAX_SYMBOLS:
        raise ValueError(f"symbols holds {len(symbols):,}; encode at most {MAX_SYMBOLS:,} at once")
    known = (symbols >= 0) & (symbols < len(frequencies))
    if not known.all():
        i = int(np.argmin(known))
        raise ValueError(
            f"symbols[{i}] is {symbols[i]}; p has symbols from 0 to {len(frequencies) - 1}"
        )
    possible = (np.array(frequencies) > 0)[symbols]
    if not possible.all():
        i = int(np.argmin(possible))
        raise ValueError(
            f"symbols[{i}] is {symbols[i]}, which is impossible under p: "
            "a symbol of probability 0 has no code of finite length"
        )
    return symbols


def _fingerprint(frequencies):
    return zlib.crc32(np.array(frequencies, dtype=">i8").tobytes())


def _read(data, frequencies, magic):
    """Number of symbols and words of the message, after all checks."""
    if not isinstance(data, (bytes, bytearray)):
        raise ValueError(f"data is of type {type(data).__name__}; pass the bytes of encode")
    if data[:3] != magic[: len(data)]:
        raise ValueError("data is of another format: encode did not write it")
    start = HEADER.size + CHECKSUM.size
    if len(data) < start:
        raise ValueError(f"data is cut: {len(data)} bytes cannot hold the header")
    head, message = data[: HEADER.size], data[start:]
    if CHECKSUM.unpack(data[HEADER.size : start]) != (zlib.crc32(message, zlib.crc32(head)),):
        raise ValueError("data is cut or damaged: its checksum does not match")
    _, n, fingerprint = HEADER.unpack(head)
    if fingerprint != _fingerprint(frequencies):
        raise ValueError("data was encoded with another p: decode it with the same probabilities")
    if len(message) % 2:
        raise ValueError("data ends in half a word: it is not what encode wrote")
    return n, np.frombuffer(message, dtype=">u2").astype(np.uint16)
