"""Prefix codes: Kraft's inequality, Shannon's bounds, optimality, and messages gone wrong."""

import itertools
import math
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from infolib import (
    PrefixCode,
    block_distribution,
    entropy,
    huffman_code,
    kraft_sum,
    shannon_code,
)
from tests.infolib.reference import pmfs, seconds

WEATHER = PrefixCode({"sun": "0", "cloud": "10", "rain": "11"})
BUILDERS = {"shannon": shannon_code, "huffman": huffman_code}
mappings = pmfs(min_size=2).map(lambda p: {f"x{i}": q for i, q in enumerate(p.tolist())})


def is_prefix_free(words):
    return not any(a != b and b.startswith(a) for a in words for b in words) and len(
        set(words)
    ) == len(words)


# Tracing lines, as a measurement of coverage does, takes several times longer.
LIMIT = 3 if sys.gettrace() is None else 15


# ---------------------------------------------------------------- laws


@given(mappings)
def test_huffman_obeys_kraft_and_the_entropy_bounds(p):
    code = huffman_code(p)
    words = list(code.codewords.values())
    assert is_prefix_free(words)
    assert set(code.codewords) == {x for x, q in p.items() if q > 0}
    assert code.kraft_sum() == (1 if len(words) > 1 else 0.5)  # nothing is wasted
    h = entropy(list(p.values()))
    mean = code.mean_length(p)
    assert h - 1e-12 <= mean
    assert mean < h + 1 or h < 1e-9  # a certain symbol still takes one bit


@given(mappings)
def test_shannon_obeys_kraft_and_the_entropy_bounds(p):
    # Weights that add up to a little less than 1 keep this apart from rounding (see below).
    p = {x: q * (1 - 1e-12) for x, q in p.items()}
    code = shannon_code(p)
    assert is_prefix_free(list(code.codewords.values()))
    assert code.kraft_sum() <= 1
    h = entropy(list(p.values()))
    mean = code.mean_length(p)
    assert h - 1e-11 <= mean
    assert mean < h + 1 or h < 1e-9
    assert huffman_code(p).mean_length(p) <= mean + 1e-12
    for x, length in code.lengths.items():
        assert length - 1 < -math.log2(p[x]) + 1e-9
        assert length >= -math.log2(p[x]) - 1e-9 and length >= 1
    lengths = list(code.lengths.values())
    assert lengths == sorted(lengths)  # in order of decreasing probability


@pytest.mark.parametrize(
    "p",
    [
        [0.5, 0.5, 1e-17],
        [0.5, 0.25, 0.25, 1e-17],
        [0.5, 0.25, 0.125, 0.125, 1e-300],
        [0.5, 0.5, 1e-10],  # within the tolerance of 1e-9
    ],
)
def test_shannon_code_with_a_symbol_that_rounding_let_in(p):
    # These sum to 1 in doubles, or nearly: softmax([0, 0, −40]) is such a distribution.
    code = shannon_code(dict(enumerate(p)))
    assert is_prefix_free(list(code.codewords.values()))
    assert len(code.codewords) == len(p)


@given(pmfs(min_size=2, max_size=5, zeros=False))
def test_huffman_is_optimal_against_all_codes(p):
    # By Kraft, the codes are all the lengths whose sum of 2^−l is at most 1.
    k = len(p)
    best = min(
        math.fsum(p * np.array(lengths))
        for lengths in itertools.product(range(1, k), repeat=k)
        if sum(2.0**-length for length in lengths) <= 1
    )
    mapping = dict(enumerate(p.tolist()))
    assert huffman_code(mapping).mean_length(mapping) == pytest.approx(best, rel=1e-12)


@given(pmfs(min_size=1, max_size=4), st.integers(1, 4))
def test_blocks_sum_to_1_and_their_entropy_to_n_times_one(p, n):
    single = dict(enumerate(p.tolist()))
    blocks = block_distribution(single, n)
    assert len(blocks) == len(p) ** n
    assert math.fsum(blocks.values()) == pytest.approx(1, rel=1e-12)
    h = entropy(p)
    assert entropy(list(blocks.values())) == pytest.approx(n * h, rel=1e-12, abs=1e-14)
    assert list(blocks) == list(itertools.product(range(len(p)), repeat=n))
    for block, q in blocks.items():
        assert q == pytest.approx(math.prod(p[x] for x in block), rel=1e-14)
    if h > 1e-9:
        mean = huffman_code(blocks).mean_length(blocks) / n
        assert h - 1e-12 <= mean < h + 1 / n  # Cover & Thomas, 2nd ed., theorem 5.4.2


@given(st.lists(st.integers(1, 12), min_size=1, max_size=12))
def test_kraft_sum_against_floating_point(lengths):
    assert kraft_sum(lengths) == sum(2.0**-length for length in lengths)
    assert kraft_sum(iter(lengths)) == kraft_sum(np.array(lengths))
    assert kraft_sum([float(length) for length in lengths]) == kraft_sum(lengths)


@given(mappings, st.data())
def test_what_is_encoded_is_decoded(p, data):
    code = huffman_code(p)
    symbols = data.draw(st.lists(st.sampled_from(list(code.codewords)), max_size=50))
    bits = code.encode(symbols)
    assert len(bits) == sum(code.lengths[x] for x in symbols)
    assert set(bits) <= {"0", "1"}
    assert code.decode(bits) == symbols
    assert code.encode(iter(symbols)) == bits


# ---------------------------------------------------------------- published values


def test_huffman_examples_of_cover_and_thomas():
    # Cover & Thomas, 2nd ed., example 5.6.1: lengths 2, 2, 2, 3, 3 and 2.3 bits a symbol.
    p = dict(zip("12345", [0.25, 0.25, 0.2, 0.15, 0.15], strict=True))
    code = huffman_code(p)
    assert list(code.lengths.values()) == [2, 2, 2, 3, 3]
    assert code.mean_length(p) == pytest.approx(2.3, rel=1e-15)
    # §5.7: (1/3, 1/3, 1/4, 1/12) has lengths (2, 2, 2, 2) or (1, 2, 3, 3).
    p = dict(zip("1234", [1 / 3, 1 / 3, 1 / 4, 1 / 12], strict=True))
    code = huffman_code(p)
    assert sorted(code.lengths.values()) in ([2, 2, 2, 2], [1, 2, 3, 3])
    assert code.mean_length(p) == pytest.approx(2)
    # Shannon's code gives 1/4 two bits as well, but 1/12 four.
    assert shannon_code(p).lengths == {"1": 2, "2": 2, "3": 2, "4": 4}


def test_both_codes_meet_the_entropy_at_powers_of_2():
    # Cover & Thomas, 2nd ed., example 5.1.1: 1.75 bits, as much as the entropy.
    p = {"a": 1 / 2, "b": 1 / 4, "c": 1 / 8, "d": 1 / 8}
    for build in BUILDERS.values():
        assert build(p).mean_length(p) == 1.75
        assert list(build(p).lengths.values()) == [1, 2, 3, 3]
    # Cover & Thomas, 2nd ed., §5.7: Shannon's code for (0.9999, 0.0001).
    assert shannon_code({1: 0.9999, 2: 0.0001}).lengths == {1: 1, 2: 14}
    assert huffman_code({1: 0.9999, 2: 0.0001}).lengths == {1: 1, 2: 1}


def test_single_and_impossible_symbols():
    for build in BUILDERS.values():
        assert build({"a": 1.0}).codewords == {"a": "0"}
        code = build({"a": 1.0, "b": 0.0})
        assert list(code.codewords) == ["a"]
        assert code.mean_length({"a": 1.0, "b": 0.0}) == 1
        assert code.decode(code.encode("aaa")) == ["a"] * 3
        with pytest.raises(ValueError, match=r"symbols\[1\] is 'b', which has no codeword"):
            code.encode("ab")
    # The rarest double takes 1,074 bits.
    assert shannon_code({"a": 1.0, "b": 5e-324}).lengths["b"] in (1074, 1075)


def test_ties_are_broken_the_same_way_each_time():
    p = {x: 1 / 5 for x in "edcba"}
    for build in BUILDERS.values():
        assert build(p).codewords == build(dict(p)).codewords
        assert list(build(p).codewords) == list("edcba")


def test_kraft_sums():
    assert kraft_sum([1, 2, 2]) == 1
    assert kraft_sum([1, 1, 2]) == 1.25
    assert kraft_sum([]) == 0
    assert kraft_sum([2000]) == 0  # beyond the range of doubles
    assert kraft_sum([1, *range(2, 1000), 999]) == 1
    assert WEATHER.kraft_sum() == 1
    assert PrefixCode({"a": "00"}).kraft_sum() == 0.25


# ---------------------------------------------------------------- messages gone wrong


def test_a_message_cut_anywhere_gives_its_beginning_or_an_error():
    symbols = ["rain", "sun", "cloud", "rain", "rain"]
    bits = WEATHER.encode(symbols)
    for end in range(len(bits)):
        try:
            decoded = WEATHER.decode(bits[:end])
        except ValueError as error:
            assert "the bits end within a codeword that begins at bits[" in str(error)
        else:
            assert decoded == symbols[: len(decoded)] and len(decoded) < len(symbols)
    with pytest.raises(ValueError, match=r"within a codeword that begins at bits\[2\]"):
        WEATHER.decode("111")


def test_bits_of_another_code():
    code = PrefixCode({"a": "00", "b": "01"})
    with pytest.raises(ValueError, match=r"no codeword stands at bits\[2\]"):
        code.decode("0010")
    for junk in ("02", "0 1", "ab", "\n0"):
        with pytest.raises(ValueError, match="bits"):
            code.decode(junk)
    with pytest.raises(ValueError, match="bits"):
        code.decode(b"00")


def test_every_flipped_bit_and_junk_ends_well():
    code = PrefixCode({"a": "0", "b": "100", "c": "1011"})
    bits = code.encode("abcbaacb")
    for i in range(len(bits)):
        wrong = bits[:i] + "10"[int(bits[i])] + bits[i + 1 :]
        try:
            assert code.decode(wrong) != list("abcbaacb")
        except ValueError as error:
            assert "bits" in str(error)
    assert code.decode(bits + "0") == list("abcbaacba")  # a prefix code has no end mark
    with pytest.raises(ValueError, match=rf"bits\[{len(bits)}\]"):
        code.decode(bits + "11")


def test_empty_message():
    assert WEATHER.encode([]) == ""
    assert WEATHER.decode("") == []


def test_a_million_symbols():
    rng = np.random.default_rng(0)
    symbols = rng.choice(["sun", "cloud", "rain"], size=1_000_000, p=[0.5, 0.25, 0.25]).tolist()
    encoding, bits = seconds(WEATHER.encode, symbols)
    decoding, decoded = seconds(WEATHER.decode, bits)
    assert decoded == symbols
    assert encoding < LIMIT and decoding < LIMIT


def test_unknown_symbols_are_named_with_their_place():
    with pytest.raises(ValueError, match=r"symbols\[2\] is 'fog', which has no codeword"):
        WEATHER.encode(["sun", "rain", "fog", "hail"])


def test_unknown_symbols_of_an_iterator_are_refused_too():
    with pytest.raises(ValueError, match=r"symbols\[1\] is 'fog'"):
        WEATHER.encode(iter(["sun", "fog", "sun"]))


@pytest.mark.parametrize("symbols", [None, 5, 0.5, np.array(1)])
def test_a_message_is_a_list_of_symbols(symbols):
    with pytest.raises(ValueError, match="symbols is .*; pass a list of symbols that have codew"):
        WEATHER.encode(symbols)


@pytest.mark.parametrize("symbol", [["rain"], {"rain": 1}, np.array(["rain"])])
def test_what_can_be_no_symbol_is_named_with_its_place(symbol):
    with pytest.raises(ValueError, match=r"symbols\[1\] is .*rain.*, which has no codeword"):
        WEATHER.encode(["sun", symbol])


@pytest.mark.parametrize("bits", [None, 0, [0, 1], ["0", "1"], b"01"])
def test_bits_are_a_text(bits):
    message = f"bits is of type {type(bits).__name__}; pass a text of 0 and 1, such as '011'"
    with pytest.raises(ValueError, match=message):
        WEATHER.decode(bits)


# ---------------------------------------------------------------- bad input


@pytest.mark.parametrize("bad", [{}, [], ["0"], "01", None, 3, {"0", "1"}])
def test_codewords_must_be_a_mapping(bad):
    with pytest.raises(ValueError, match="codewords must be a mapping of symbols to words"):
        PrefixCode(bad)


@pytest.mark.parametrize("word", ["", "02", "a", " 0", 0, None, b"0", ["0"]])
def test_codewords_must_be_of_0_and_1(word):
    with pytest.raises(ValueError, match="the codeword of 'x' is .*; it must be a text of 0 and 1"):
        PrefixCode({"y": "1", "x": word})


@pytest.mark.parametrize("words", [("0", "0"), ("0", "01"), ("110", "11"), ("10", "1001")])
def test_no_codeword_may_begin_another(words):
    shorter, longer = sorted(words, key=len)
    with pytest.raises(
        ValueError, match=f"the codeword '{shorter}' of .* begins the codeword '{longer}'"
    ):
        PrefixCode(
            {"a": words[0], "b": "111111", "c": words[1]}
            if "11" not in words
            else dict(zip("ab", words, strict=True))
        )


@given(st.lists(st.text("01", min_size=1, max_size=5), min_size=1, max_size=6))
def test_exactly_the_prefix_free_sets_are_accepted(words):
    if is_prefix_free(words):
        code = PrefixCode(dict(enumerate(words)))
        assert code.kraft_sum() <= 1
        assert code.decode("".join(words)) == list(range(len(words)))
    else:
        with pytest.raises(ValueError, match="begins the codeword"):
            PrefixCode(dict(enumerate(words)))


def test_a_code_keeps_its_words_whatever_happens_to_the_mapping():
    words = {"a": "0", "b": "1"}
    code = PrefixCode(words)
    words["b"] = "0"
    assert code.codewords == {"a": "0", "b": "1"} and code.lengths == {"a": 1, "b": 1}


@pytest.mark.parametrize("length", [0, -1, 1.5, True, False, "1"])
def test_lengths_are_whole_and_positive(length):
    with pytest.raises(ValueError, match=r"lengths\[1\] is .*; pass whole numbers, 1 or more"):
        kraft_sum([1, length])


@pytest.mark.parametrize("length", [math.nan, math.inf, -math.inf, "a", None, 1j, [1]])
def test_lengths_are_numbers(length):
    with pytest.raises(ValueError, match=r"lengths\[1\] is"):
        kraft_sum([1, length])


@pytest.mark.parametrize("lengths", [5, None, np.array(2), WEATHER])
def test_lengths_are_a_list(lengths):
    message = f"lengths is of type {type(lengths).__name__}; pass the length of each codeword"
    with pytest.raises(ValueError, match=message):
        kraft_sum(lengths)


def test_lengths_are_no_mapping():
    # Its symbols, were they whole numbers, would be taken for lengths.
    with pytest.raises(ValueError, match=r"lengths is a dict; pass its values: lengths\.values"):
        kraft_sum({1: 1, 2: 1})
    assert kraft_sum(WEATHER.lengths.values()) == 1


def test_mean_length_needs_a_codeword_for_each_possible_symbol():
    p = {"sun": 0.5, "fog": 0.5}
    with pytest.raises(ValueError, match="'fog' has probability 0.5 but no codeword"):
        WEATHER.mean_length(p)
    assert WEATHER.mean_length({"sun": 1.0, "fog": 0.0}) == 1
    assert WEATHER.mean_length({"rain": 0.5, "sun": 0.5}) == 1.5


@pytest.mark.parametrize("build", [*BUILDERS.values(), lambda p: block_distribution(p, 2)])
@pytest.mark.parametrize("value", [[0.5, 0.5], [1.0]])
def test_probabilities_are_single_numbers(build, value):
    with pytest.raises(ValueError, match="p"):
        build({"a": value})


@pytest.mark.parametrize("n", [0, -1, 1.0, "2", None, True, math.nan])
def test_blocks_have_a_whole_number_of_symbols(n):
    with pytest.raises(ValueError, match="n is .*; pass a whole number, 1 or more"):
        block_distribution({"a": 0.5, "b": 0.5}, n)


def test_blocks_have_a_limit():
    with pytest.raises(ValueError, match="n is 20: 2 symbols make 1,048,576 blocks"):
        block_distribution({"a": 0.5, "b": 0.5}, 20)
    assert block_distribution({"a": 1.0}, 100) == {("a",) * 100: 1.0}


def test_blocks_far_beyond_the_limit_are_refused_in_the_same_words():
    with pytest.raises(ValueError, match="n is 20000"):
        block_distribution({"a": 0.5, "b": 0.5}, 20_000)


def test_blocks_of_a_numpy_length():
    # n_outcomes, n_classes and k may be NumPy integers; so may this.
    assert len(block_distribution({"a": 0.5, "b": 0.5}, np.int64(3))) == 8
