"""Codes whose words can be told apart without separators: Shannon's, Huffman's, and their laws."""

import heapq
import math
from collections.abc import Hashable, Mapping
from fractions import Fraction
from itertools import count, product

import numpy as np

from infolib._pmf import as_pmf

MAX_BLOCKS = 1_000_000


class PrefixCode:
    """A binary code in which no codeword begins another.

    >>> code = PrefixCode({"sun": "0", "cloud": "10", "rain": "11"})
    >>> code.encode(["sun", "rain"])
    '011'
    >>> code.decode("011")
    ['sun', 'rain']

    Parameters
    ----------
    codewords : mapping of symbol to str
        Codewords made of 0 and 1, none empty and none the beginning of another.

    Attributes
    ----------
    codewords : dict of symbol to str
    lengths : dict of symbol to int
        Bits in each codeword.

    Raises
    ------
    ValueError
        If a codeword is empty, holds anything but 0 and 1, or begins another.

    References
    ----------
    Cover & Thomas, 2nd ed., §5.1. Derived in chapter 2.
    """

    def __init__(self, codewords):
        if not isinstance(codewords, Mapping) or not codewords:
            raise ValueError("codewords must be a mapping of symbols to words of 0 and 1")
        for symbol, word in codewords.items():
            if not isinstance(word, str) or not word or word.strip("01"):
                raise ValueError(
                    f"the codeword of {symbol!r} is {word!r}; it must be a text of 0 and 1"
                )
        # In sorted order, a word that begins another stands right before one that it begins.
        ordered = sorted(codewords.items(), key=lambda item: item[1])
        for (first, word), (second, longer) in zip(ordered, ordered[1:], strict=False):
            if longer.startswith(word):
                raise ValueError(
                    f"the codeword {word!r} of {first!r} begins the codeword {longer!r} of "
                    f"{second!r}; no message could be decoded without a separator"
                )
        self.codewords = dict(codewords)
        self.lengths = {symbol: len(word) for symbol, word in codewords.items()}

    def encode(self, symbols):
        """The codewords of a sequence of symbols, one after the other.

        >>> PrefixCode({"sun": "0", "cloud": "10", "rain": "11"}).encode(["rain", "sun"])
        '110'

        Parameters
        ----------
        symbols : iterable of symbols
            The message; it may be empty.

        Returns
        -------
        str
            Of 0 and 1, without separators.

        Raises
        ------
        ValueError
            If a symbol has no codeword, or `symbols` is no iterable.

        References
        ----------
        Cover & Thomas, 2nd ed., §5.1. Used in chapter 2.
        """
        try:
            iter(symbols)
        except TypeError:
            raise ValueError(
                f"symbols is {symbols!r}; pass a list of symbols that have codewords"
            ) from None
        words, symbols = self.codewords, list(symbols)
        try:
            return "".join([words[symbol] for symbol in symbols])
        except (KeyError, TypeError):  # a list, for instance, is no key
            position = next(
                i for i, x in enumerate(symbols) if not (isinstance(x, Hashable) and x in words)
            )
            raise ValueError(
                f"symbols[{position}] is {symbols[position]!r}, which has no codeword"
            ) from None

    def decode(self, bits):
        """The symbols that bits stand for.

        >>> PrefixCode({"sun": "0", "cloud": "10", "rain": "11"}).decode("110")
        ['rain', 'sun']

        Parameters
        ----------
        bits : str
            Codewords of 0 and 1, one after the other, as `encode` returns them.

        Returns
        -------
        list of symbols

        Raises
        ------
        ValueError
            If the bits are no text, end within a codeword, or are not of this code.

        References
        ----------
        Cover & Thomas, 2nd ed., §5.1. Used in chapter 2.
        """
        if not isinstance(bits, str):
            raise ValueError(
                f"bits is of type {type(bits).__name__}; pass a text of 0 and 1, such as '011'"
            )
        symbol_of = {word: symbol for symbol, word in self.codewords.items()}
        longest = max(self.lengths.values())
        symbols, start, length = [], 0, 1
        while start + length <= len(bits):
            word = bits[start : start + length]
            if word in symbol_of:
                symbols.append(symbol_of[word])
                start, length = start + length, 1
            elif length < longest:
                length += 1
            else:
                raise ValueError(
                    f"no codeword stands at bits[{start}]: the bits are not of this code"
                )
        if start < len(bits):
            raise ValueError(
                f"the bits end within a codeword that begins at bits[{start}]: they were cut, "
                "or are not of this code"
            )
        return symbols

    def mean_length(self, p):
        """Expected length of a codeword: Σ p(x)·l(x).

        >>> PrefixCode({"sun": "0", "cloud": "10", "rain": "11"}).mean_length(
        ...     {"sun": 0.5, "cloud": 0.25, "rain": 0.25}
        ... )
        1.5

        Parameters
        ----------
        p : mapping of symbol to probability
            Probabilities; non-negative, summing to 1. A symbol of probability 0 needs no codeword.

        Returns
        -------
        float
            Bits a symbol.

        Raises
        ------
        ValueError
            If `p` is no distribution, or a symbol that is possible has no codeword.

        References
        ----------
        Cover & Thomas, 2nd ed., eq. (5.1). Derived in chapter 2.
        """
        symbols, probabilities = _as_pmf_mapping(p)
        for symbol, probability in zip(symbols, probabilities, strict=True):
            if probability > 0 and symbol not in self.lengths:
                raise ValueError(f"{symbol!r} has probability {probability:.6g} but no codeword")
        return math.fsum(
            probability * self.lengths.get(symbol, 0)
            for symbol, probability in zip(symbols, probabilities, strict=True)
        )

    def kraft_sum(self):
        """Σ 2^−l over the codewords.

        >>> PrefixCode({"sun": "0", "cloud": "10", "rain": "11"}).kraft_sum()
        1.0

        Returns
        -------
        float
            At most 1, and 1 for a code that wastes nothing.

        References
        ----------
        Cover & Thomas, 2nd ed., theorem 5.2.1. Derived in chapter 2.
        """
        return kraft_sum(self.lengths.values())


def kraft_sum(lengths):
    """Sum of 2^−length over the codewords of a code.

    >>> kraft_sum([1, 2, 2])
    1.0

    Parameters
    ----------
    lengths : iterable of int
        Bits in each codeword, 1 or more.

    Returns
    -------
    float
        At most 1 if and only if a prefix code with these lengths exists.

    Raises
    ------
    ValueError
        If a length is no whole number of at least 1, or `lengths` is a mapping or no iterable.

    References
    ----------
    Kraft 1949; McMillan 1956; Cover & Thomas, 2nd ed., theorem 5.2.1. Derived in chapter 2.
    """
    return float(_exact_kraft_sum(lengths))


def shannon_code(p):
    """Prefix code whose words are as long as the information content, rounded up.

    >>> shannon_code({"sun": 0.5, "cloud": 0.3, "rain": 0.2}).lengths
    {'sun': 1, 'cloud': 2, 'rain': 3}

    Parameters
    ----------
    p : mapping of symbol to probability
        Probabilities; non-negative, summing to 1. A symbol of probability 0 gets no codeword.

    Returns
    -------
    PrefixCode
        Codewords in order of decreasing probability, ties in the order given.

    Raises
    ------
    ValueError
        If `p` is no distribution.

    References
    ----------
    Shannon 1948, §9; Cover & Thomas, 2nd ed., §5.4. Derived in chapter 2.
    """
    symbols, probabilities = _as_pmf_mapping(p)
    possible = [(x, q) for x, q in zip(symbols, probabilities, strict=True) if q > 0]
    possible.sort(key=lambda item: -item[1])  # stable: ties stay in the order given
    # frexp gives q = m·2^e with ½ ≤ m < 1, so that 1 − e is ⌈−log₂ q⌉, exactly.
    lengths = {symbol: max(1, 1 - math.frexp(q)[1]) for symbol, q in possible}
    if _exact_kraft_sum(lengths.values()) > 1:
        # The probabilities sum to a little more than 1, by rounding: divide by their exact sum.
        total = sum(Fraction(q) for _, q in possible)
        lengths = {
            symbol: max(1, (math.ceil(total / Fraction(q)) - 1).bit_length())
            for symbol, q in possible
        }
    return PrefixCode(_canonical(lengths))


def huffman_code(p):
    """Prefix code of least mean length among all uniquely decodable codes for single symbols.

    >>> huffman_code({"sun": 0.5, "cloud": 0.3, "rain": 0.2}).lengths
    {'sun': 1, 'cloud': 2, 'rain': 2}

    Parameters
    ----------
    p : mapping of symbol to probability
        Probabilities; non-negative, summing to 1. A symbol of probability 0 gets no codeword.

    Returns
    -------
    PrefixCode
        Deterministic: ties are broken by the order given.

    Raises
    ------
    ValueError
        If `p` is no distribution.

    References
    ----------
    Huffman 1952; Cover & Thomas, 2nd ed., §5.6. Derived in chapter 2.
    """
    symbols, probabilities = _as_pmf_mapping(p)
    order = count()
    # Of two trees of equal weight the older one is merged first; that keeps words short.
    heap = [(q, next(order), [x]) for x, q in zip(symbols, probabilities, strict=True) if q > 0]
    heapq.heapify(heap)
    lengths = {symbol: 0 for _, _, (symbol,) in sorted(heap, key=lambda tree: tree[1])}
    if len(lengths) == 1:
        return PrefixCode({symbol: "0" for symbol in lengths})
    while len(heap) > 1:
        (q1, _, tree1), (q2, _, tree2) = heapq.heappop(heap), heapq.heappop(heap)
        for symbol in tree1 + tree2:
            lengths[symbol] += 1
        heapq.heappush(heap, (q1 + q2, next(order), tree1 + tree2))
    return PrefixCode(_canonical(lengths))


def block_distribution(p, n):
    """Distribution of blocks of `n` independent symbols.

    >>> block_distribution({"a": 0.75, "b": 0.25}, 2)[("a", "b")]
    0.1875

    Parameters
    ----------
    p : mapping of symbol to probability
        Distribution of a single symbol.
    n : int
        Symbols in a block, 1 or more.

    Returns
    -------
    dict of tuple to float
        Probability of each block, in lexicographic order of positions.

    Raises
    ------
    ValueError
        If `p` is no distribution, `n` is not 1 or more, or there are more than a million blocks.

    References
    ----------
    Cover & Thomas, 2nd ed., §5.4. Used in chapter 2.
    """
    symbols, probabilities = _as_pmf_mapping(p)
    if not isinstance(n, (int, np.integer)) or not _is_whole_and_positive(n):
        raise ValueError(f"n is {n!r}; pass a whole number, 1 or more")
    # Whole numbers, so exact at the limit; any two symbols pass it long before 64.
    if len(symbols) ** min(int(n), 64) > MAX_BLOCKS:
        blocks = f"{len(symbols) ** n:,}" if n < 100 else f"{len(symbols)}^{n}"
        raise ValueError(
            f"n is {n}: {len(symbols)} symbols make {blocks} blocks; "
            f"choose n so that there are at most {MAX_BLOCKS:,}"
        )
    items = list(zip(symbols, probabilities, strict=True))
    return {
        tuple(x for x, _ in block): math.prod(q for _, q in block)
        for block in product(items, repeat=int(n))
    }


def _canonical(lengths):
    """Codewords of the given lengths, counted upwards: exists because the Kraft sum is ≤ 1."""
    codewords, value, previous = {}, 0, 0
    for symbol, length in sorted(lengths.items(), key=lambda item: item[1]):
        value <<= length - previous
        codewords[symbol] = f"{value:0{length}b}"
        value, previous = value + 1, length
    return {symbol: codewords[symbol] for symbol in lengths}


def _as_pmf_mapping(p):
    if not isinstance(p, Mapping):
        raise ValueError("p must be a mapping of symbols to probabilities, such as {'a': 0.5, …}")
    for symbol, probability in p.items():
        if np.ndim(probability) != 0:
            raise ValueError(f"p of {symbol!r} is {probability!r}; pass one probability for each")
    return list(p), as_pmf(list(p.values())).tolist()


def _exact_kraft_sum(lengths):
    if isinstance(lengths, Mapping):
        raise ValueError(
            f"lengths is a {type(lengths).__name__}; pass its values: lengths.values()"
        )
    try:
        numbered = enumerate(lengths)
    except TypeError:
        raise ValueError(
            f"lengths is of type {type(lengths).__name__}; pass the length of each codeword: "
            "[1, 2, 2]"
        ) from None
    total = Fraction(0)
    for position, length in numbered:
        if not _is_whole_and_positive(length):
            raise ValueError(f"lengths[{position}] is {length!r}; pass whole numbers, 1 or more")
        total += Fraction(1, 1 << int(length))
    return total


def _is_whole_and_positive(x):
    if isinstance(x, bool) or not isinstance(x, (int, float, np.integer, np.floating)):
        return False
    return math.isfinite(x) and x == int(x) and x >= 1
