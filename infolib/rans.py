"""The entropy coder of today's compressors (rANS): a message as numbers that its symbols multiply.

A symbol of probability p makes a number, the state, 1/p times as large and so log₂(1/p) bits
longer. Symbols take turns on many states, the lanes, so that one step of numpy codes a row of
symbols at once. All arithmetic is on whole numbers, some of them held as floating-point numbers
below 2**53, where it is exact: the same message gives the same bytes everywhere.
"""

import math
import zlib

import numpy as np

from infolib.range_coding import CHECKSUM, HEADER, _as_symbols, _fingerprint, _model, _read
from infolib.range_coding import TOTAL_BITS as RANGE_BITS

MAGIC = b"RA1"
MAX_ALPHABET = 2**12
# Probabilities become frequencies, the numbers of slots that symbols own, out of 2**16.
TOTAL_BITS = 16
TOTAL = 1 << TOTAL_BITS
# States stay in [2**32, 2**48) by giving off words of 16 bits. A state is never less than 2**16
# times the total, so its rounding costs less than 2**−15 bits a symbol.
LOWEST_BITS = 32
LOWEST = 1 << LOWEST_BITS
WORD_BITS = 16
STATE_WORDS = 3
CHUNK = 2**15  # symbols that are coded before words or slots are converted
# As arrays, since converting a number takes numpy as long as coding a hundred lanes.
SLOT, SHIFT, FLOOR, SHARE = map(np.array, (TOTAL - 1, WORD_BITS, LOWEST, 1 / TOTAL))


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
        The model: the probability of each symbol, of 4,096 symbols at most.

    Returns
    -------
    bytes
        15 bytes of header and checksum, then the message. The message is longer than the
        information content of the symbols under `p` by 6 bytes for each of 1 + ⌊√n / 2⌋ lanes
        and (K + 1)·2**−15 bits a symbol at most. Making it takes 2 bytes of memory a symbol or
        4 times its length, whichever is more.

    Raises
    ------
    ValueError
        If a symbol is impossible under `p` or out of range, or `p` is no distribution or has
        too many symbols.

    References
    ----------
    Duda 2013 (arXiv:1311.2540); Giesen 2014 (arXiv:1402.3392), §3, on lanes.
    """
    exact, frequencies, starts = _slots(p)
    symbols = _as_symbols(symbols, exact)
    lanes = _lanes(len(symbols))
    states = np.full(lanes, float(LOWEST))
    words = []
    # From the last row to the first: decoding takes out first what was put in last.
    end = len(symbols)
    for rows, width in reversed(list(_tables(end, lanes))):
        table = symbols[end - rows * width : end].reshape(rows, width)
        words.append(_put_in(table, states[:width], frequencies, starts))
        end -= rows * width
    words.append(states.astype(">u8").view(">u2").reshape(lanes, 4)[:, 1:].ravel())
    message = np.concatenate(words[::-1]).astype(">u2").tobytes()
    head = HEADER.pack(MAGIC, len(symbols), _fingerprint(exact))
    return b"".join([head, CHECKSUM.pack(zlib.crc32(message, zlib.crc32(head))), message])


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
        Beside it, decoding takes 2 bytes of memory a symbol, twice the length of `data`, and
        2 megabytes for tables.

    Raises
    ------
    ValueError
        If `data` is cut, damaged or of another format, or was made with another model.

    References
    ----------
    As for `encode`.
    """
    exact, frequencies, starts = _slots(p)
    n, words = _read(data, exact, MAGIC)
    states, words = _split(words, _lanes(n))
    # Of each slot: its symbol, and the frequency and remainder that the step back needs.
    times = frequencies.astype(np.intp, copy=False)  # in a browser, an index has 32 bits
    symbol_of = np.repeat(np.arange(len(exact), dtype=np.uint16), times)
    frequency_of = np.repeat(frequencies, times)
    remainder_of = np.arange(TOTAL) - np.repeat(starts, times)
    symbols, used = [symbol_of[:0]], 0
    for rows, width in _tables(n, len(states)):
        slots = np.empty((rows, width), dtype=np.intp)
        used += _take_out(slots, states[:width], words[used:], frequency_of, remainder_of)
        symbols.append(symbol_of.take(slots.ravel()))
    if used < len(words) or (states != LOWEST).any():
        raise ValueError("data does not end with its last symbol: it is not what encode wrote")
    return np.concatenate(symbols, dtype=np.int64)


def _put_in(table, states, frequencies, starts):
    """Multiply the states by rows of symbols, the last first; the words they give off."""
    words = []
    frequencies = frequencies.take(table).astype(float)
    limits = frequencies * LOWEST
    others = TOTAL - frequencies
    starts = starts.take(table).astype(float)
    quotient = np.empty_like(states)
    for i in reversed(range(len(table))):
        # Renormalise first what this symbol would bring to 2**48 or more.
        large = (states >= limits[i]).nonzero()[0]
        word = states[large]
        words.append(word)
        states[large] = np.floor(word * SHARE)
        # With quotient q and remainder r, the state becomes q·TOTAL + start + r.
        np.floor(np.divide(states, frequencies[i], out=quotient), out=quotient)
        quotient *= others[i]
        states += quotient
        states += starts[i]
    return np.concatenate(words[::-1]).astype(np.int64).astype(np.uint16)


def _take_out(table, states, words, frequency_of, remainder_of):
    """Undo `_put_in`: put slots into the table, and return how many words that used."""
    taken, used = np.empty_like(states), 0
    words = words[: table.size].astype(np.int64)
    for slots in table:
        np.bitwise_and(states, SLOT, out=slots)
        np.right_shift(states, SHIFT, out=states)
        states *= frequency_of.take(slots, out=taken, mode="clip")
        states += remainder_of.take(slots, out=taken, mode="clip")
        small = np.less(states, FLOOR).nonzero()[0]
        if len(small) > len(words) - used:
            raise ValueError("data ends before its last symbol: it is not what encode wrote")
        states[small] = np.left_shift(states[small], SHIFT) | words[used : used + len(small)]
        used += len(small)
    return used


def _tables(n, lanes):
    """(rows, lanes) of the tables that n symbols fill; those after the last whole row are one."""
    rows, rest = divmod(n, lanes)
    step = max(1, CHUNK // lanes)
    for i in range(0, rows, step):
        yield min(step, rows - i), lanes
    if rest:
        yield 1, rest


def _lanes(n):
    """So many that rows get longer, yet the lanes a smaller part of the message, as n grows."""
    return math.isqrt(n) // 2 + 1


def _slots(p):
    """Frequencies of the range coder; how many slots each symbol owns, and those before them."""
    exact, _ = _model(p)
    if len(exact) > MAX_ALPHABET:
        raise ValueError(f"p has {len(exact):,} symbols; pass at most {MAX_ALPHABET:,}")
    shares = np.array(exact, dtype=np.int64)
    possible = shares > 0
    # A possible symbol owns one slot at least, however rare it is.
    frequencies = (shares * (TOTAL - possible.sum()) >> RANGE_BITS) + possible
    frequencies[np.argmax(shares)] += TOTAL - frequencies.sum()
    return exact, frequencies, np.cumsum(frequencies) - frequencies


def _split(words, lanes):
    """The states that a message begins with, and its other words."""
    size = STATE_WORDS * lanes
    if len(words) < size:
        raise ValueError("data ends in half a state: it is not what encode wrote")
    states = words[:size].reshape(-1, STATE_WORDS) @ np.array([1 << 32, 1 << 16, 1])
    if (states < LOWEST).any():
        raise ValueError("data holds a state below 2**32: it is not what encode wrote")
    return states, words[size:]
