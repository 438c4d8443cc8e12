"""The rANS coder: exact round trips, its length and format, and messages gone wrong."""

import math
import sys
import tracemalloc
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from infolib import datasets, entropy, information_content, range_coding, rans
from infolib.range_coding import CHECKSUM
from infolib.range_coding import HEADER as HEAD
from infolib.rans import decode, encode
from tests.infolib.reference import normalised, pmfs, seconds

HEADER = 15  # bytes before the message, as the documentation of encode says
P = [0.5, 0.25, 0.125, 0.125]
# Tracing lines, as a measurement of coverage does, takes several times longer.
LIMIT = 1 if sys.gettrace() is None else 5


def lanes(n):
    """How many the documentation of encode says there are."""
    return 1 + math.floor(math.sqrt(n) / 2)


def bound(symbols, p):
    """The documented maximum in bytes."""
    bits = math.fsum(information_content(np.asarray(p)[symbols]))
    return HEADER + 6 * lanes(len(symbols)) + (bits + len(symbols) * (len(p) + 1) * 2**-15) / 8


def least(symbols):
    """No code of one model for all symbols beats their entropy by more than the states hold."""
    counts = np.bincount(symbols, minlength=1)
    bits = len(symbols) * (entropy(counts / len(symbols)) - 2**-15) if len(symbols) else 0
    return HEADER + 4 * lanes(len(symbols)) + bits / 8


def check(symbols, p):
    """The bytes of the symbols, after all laws about them."""
    data = encode(symbols, p)
    assert type(data) is bytes
    decoded = decode(data, p)
    assert decoded.dtype == np.int64 and np.array_equal(decoded, symbols)
    assert least(symbols) <= len(data) <= bound(symbols, p)
    return data


def english(n):
    """As many bytes of English, and their frequencies."""
    text = np.frombuffer(datasets.load_text("english").encode(), dtype=np.uint8)
    text = np.resize(text, n)
    return text, np.bincount(text, minlength=256) / n


@given(pmfs(), st.lists(st.integers(0, 10**6), max_size=200))
def test_round_trip_and_length(p, numbers):
    possible = np.flatnonzero(p)
    symbols = possible[np.array(numbers, dtype=int) % len(possible)]
    data = check(symbols, p)
    assert encode(symbols, p) == data  # the same message gives the same bytes
    assert decode(bytearray(data), p).tolist() == symbols.tolist()


@pytest.mark.parametrize("seed", range(40))
def test_round_trip_of_drawn_messages(seed):
    rng = np.random.default_rng(seed)
    k = int(rng.integers(1, 300))
    p = normalised(rng.dirichlet(np.full(k, rng.choice([0.01, 0.1, 1, 10]))))
    check(rng.choice(k, size=int(rng.integers(0, 5000)), p=p), p)
    # A message that is not what the model expects.
    check(rng.choice(np.flatnonzero(p), size=int(rng.integers(0, 5000))), p)


def test_every_number_of_symbols():
    # Around squares the number of lanes changes; in between, the last row has every length.
    symbols = np.random.default_rng(0).choice(4, size=700, p=P)
    for n in range(len(symbols)):
        check(symbols[:n], P)


def test_all_short_messages():
    p = normalised([0.7, 0.2, 0.1])
    seen = set()
    for n in range(6):
        for code in range(3**n):
            seen.add(check(np.array([code // 3**i % 3 for i in range(n)], dtype=int), p))
    assert len(seen) == sum(3**n for n in range(6))


@pytest.mark.parametrize(("n", "excess"), [(100, 1.95), (10_000, 1.06), (1_000_000, 1.005)])
def test_english_takes_its_entropy(n, excess):
    text, p = english(n)
    data = check(text, p)
    assert encode(text.tobytes(), p) == data
    assert 8 * len(data) <= excess * n * entropy(p)


@pytest.mark.parametrize("name", ["english", "uniform", "one"])
def test_speed_and_memory_of_a_million_symbols(name):
    n = 1_000_000
    text, p = english(n)
    if name == "uniform":
        text, p = np.arange(n).astype(np.uint8), np.full(256, 1 / 256)
    if name == "one":
        text, p = np.zeros(n, dtype=np.uint8), [0.999, 0.001]
    encoding, data = seconds(encode, text, p)
    decoding, decoded = seconds(decode, data, p)
    assert (decoded == text).all()
    assert encoding < LIMIT and decoding < LIMIT
    # As documented, with a tenth for what is small; the result of decoding is in the 10.
    assert peak(encode, text, p) <= 1.1 * max(2 * n, 4 * len(data))
    assert peak(decode, data, p) <= 1.1 * (10 * n + 2 * len(data) + 2_000_000)


def peak(f, *arguments):
    tracemalloc.start()
    f(*arguments)
    result = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return result


def test_the_largest_alphabet():
    rng = np.random.default_rng(1)
    for p in (np.full(4096, 1 / 4096), rng.dirichlet(np.full(4096, 0.1)) + 1e-12):
        p = normalised(p)
        check(rng.choice(4096, size=20_000, p=p), p)
        check(np.arange(4096), p)


def test_a_larger_alphabet_is_refused():
    for f in (encode, decode):
        with pytest.raises(ValueError, match="p has 4,097 symbols; pass at most 4,096"):
            f(b"", np.full(4097, 1 / 4097))


def test_rare_symbols_can_be_written():
    for rare in (5e-324, 1e-300, 1e-12):
        for p in ([1 - rare, rare], [rare, 1 - rare]):
            check(np.array([1, 0, 1]), p)
            # Each takes at most as many bits as the frequencies have.
            data = encode([p.index(rare)] * 100, p)
            assert len(data) <= HEADER + 6 * lanes(100) + 100 * 16 / 8


def test_empty_message():
    for symbols in (b"", [], np.array([], dtype=np.uint8), bytearray()):
        for p in (P, [1.0]):
            data = encode(symbols, p)
            assert decode(data, p).tolist() == [] and decode(data, p).dtype == np.int64
            assert len(data) == HEADER + 6


@pytest.mark.parametrize("p", [[1.0], [0.0, 1.0, 0.0]])
def test_a_certain_symbol_takes_no_room_but_for_the_lanes(p):
    for n in (0, 1, 1000, 100_000):
        symbols = np.full(n, p.index(1.0))
        assert len(check(symbols, p)) == HEADER + 6 * lanes(n)


def test_kinds_of_symbols():
    expected = encode([0, 1, 3, 2], P)
    for dtype in (np.uint8, np.int32, np.uint64, ">i2"):
        assert encode(np.array([0, 1, 3, 2], dtype=dtype), P) == expected
    assert encode(b"\x00\x01\x03\x02", P) == encode(bytearray([0, 1, 3, 2]), P) == expected
    single = np.array(P, dtype=np.float32)
    assert decode(encode([0, 1, 3, 2], single), single).tolist() == [0, 1, 3, 2]


def test_the_arguments_stay_as_they_are():
    p, symbols = np.array(P), np.array([3, 0, 1])
    symbols.flags.writeable = p.flags.writeable = False
    data = bytearray(encode(symbols, p))
    before = bytes(data)
    decode(data, p)
    assert data == before


# ---------------------------------------------------------------- the format


def decode_one_by_one(message, n, p):
    """rANS on Python's integers, one symbol at a time, lane after lane."""
    words = [int.from_bytes(message[i : i + 2], "big") for i in range(0, len(message), 2)]
    _, frequencies, starts = rans._slots(p)
    turns = [words[3 * i : 3 * i + 3] for i in range(lanes(n))]
    turns = [a << 32 | b << 16 | c for a, b, c in turns]
    rest = iter(words[3 * lanes(n) :])
    symbols = []
    for i in range(n):
        x = turns[i % len(turns)]
        slot = x % 2**16
        symbol = max(s for s in range(len(p)) if frequencies[s] and starts[s] <= slot)
        x = int(frequencies[symbol]) * (x // 2**16) + slot - int(starts[symbol])
        turns[i % len(turns)] = x if x >= 2**32 else x << 16 | next(rest)
        symbols.append(symbol)
    assert turns == [2**32] * lanes(n) and not list(rest)
    return symbols


@given(pmfs(), st.lists(st.integers(0, 10**6), max_size=200))
def test_symbols_taken_out_one_by_one_are_the_same(p, numbers):
    possible = np.flatnonzero(p)
    symbols = possible[np.array(numbers, dtype=int) % len(possible)]
    assert decode_one_by_one(encode(symbols, p)[HEADER:], len(symbols), p) == symbols.tolist()


def test_the_bytes_are_the_same_everywhere():
    data = encode(b"\x00\x01\x00\x02\x03\x00\x00\x01\x03" * 3, P)
    header, words = "5241310000001b4e0f0ffda7d1f01f", "a000"
    states = "800004a5400000200013a9d7800009ce6000"  # of 3 lanes
    assert data.hex() == header + states + words
    text, p = english(100_000)
    assert zlib.crc32(encode(text, p)) == 0x11B2B174


def test_frequencies_add_up_and_leave_no_possible_symbol_out():
    rng = np.random.default_rng(2)
    for k in (1, 2, 3, 256, 4096):
        for _ in range(5):
            p = rng.dirichlet(np.full(k, 0.1)) * (rng.random(k) < 0.9)
            p[0] += 1e-9
            p = normalised(p)
            exact, frequencies, starts = rans._slots(p)
            assert exact == range_coding._model(p)[0]
            assert frequencies.sum() == 2**16
            assert ((frequencies > 0) == (p > 0)).all()
            assert (starts == [0, *np.cumsum(frequencies)[:-1]]).all()
            assert (frequencies >= np.floor(p * (2**16 - k))).all()


# ---------------------------------------------------------------- messages gone wrong

MESSAGE = [0, 1, 0, 2, 3, 0, 0, 1, 3, 3, 2, 0, 1, 2, 0, 0, 3, 1, 1, 0, 2, 2, 0, 0, 0] * 4
DATA = encode(MESSAGE, P)


def test_a_message_cut_anywhere_is_refused():
    for end in range(len(DATA)):
        with pytest.raises(ValueError, match="^data is cut"):
            decode(DATA[:end], P)


def test_every_flipped_bit_is_noticed():
    for bit in range(8 * len(DATA)):
        wrong = bytearray(DATA)
        wrong[bit // 8] ^= 1 << bit % 8
        with pytest.raises(ValueError, match="^data is "):
            decode(bytes(wrong), P)


@pytest.mark.parametrize("junk", [b"\0", b"\0\0", b"x", bytes(1000), DATA])
def test_appended_junk_is_noticed(junk):
    with pytest.raises(ValueError, match="data is cut or damaged"):
        decode(DATA + junk, P)


@given(st.binary(max_size=60))
def test_foreign_bytes_are_refused(data):
    with pytest.raises(ValueError, match="^data is "):
        decode(data, P)
    with pytest.raises(ValueError, match="^data is "):
        decode(b"RA1" + data, P)


def test_another_format():
    foreign = range_coding.encode(MESSAGE, P)
    for data in (foreign, b"PK\x03\x04 and so on, for long enough", b"ra1" + DATA[3:], b"x"):
        with pytest.raises(ValueError, match="data is of another format"):
            decode(data, P)


@pytest.mark.parametrize(
    "p",
    [[0.25, 0.5, 0.125, 0.125], [0.5, 0.25, 0.25], [*P, 0.0], [0.5 + 1e-8, 0.25 - 1e-8, *P[2:]]],
)
def test_another_model_is_refused(p):
    with pytest.raises(ValueError, match="data was encoded with another p"):
        decode(DATA, p)


@pytest.mark.parametrize("data", ["RA1", None, 3, [1, 2], memoryview(DATA), np.zeros(3)])
def test_data_are_bytes(data):
    with pytest.raises(ValueError, match="data is of type .*; pass the bytes of encode"):
        decode(data, P)


def forged(n, message, p=P):
    """A message with valid checksums that encode did not write."""
    head = HEAD.pack(b"RA1", n, HEAD.unpack(encode([], p)[: HEAD.size])[2])
    return head + CHECKSUM.pack(zlib.crc32(head + message)) + message


def test_the_layout_is_what_the_forgeries_assume():
    assert HEAD.size + CHECKSUM.size == HEADER
    assert forged(len(MESSAGE), DATA[HEADER:]) == DATA


def test_forged_half_word_or_state():
    states = 6 * lanes(len(MESSAGE))
    for end in (*range(states), states + 1, len(DATA) - HEADER - 1):
        with pytest.raises(ValueError, match="data ends in half a "):
            decode(forged(len(MESSAGE), DATA[HEADER : HEADER + end]), P)


def test_forged_state_out_of_range():
    for state in (0, 1, 2**32 - 1):
        message = state.to_bytes(6, "big") + DATA[HEADER + 6 :]
        with pytest.raises(ValueError, match=r"data holds a state below 2\*\*32"):
            decode(forged(len(MESSAGE), message), P)


def test_forged_words_missing_or_left_over():
    for end in range(HEADER + 6 * lanes(len(MESSAGE)), len(DATA), 2):
        with pytest.raises(ValueError, match="data ends before its last symbol"):
            decode(forged(len(MESSAGE), DATA[HEADER:end]), P)
    with pytest.raises(ValueError, match="data does not end with its last symbol"):
        decode(forged(len(MESSAGE), DATA[HEADER:] + b"\0\0"), P)


def test_forged_last_state():
    # The same words with one changed: a symbol or more is wrong, and the last states are.
    message = bytearray(DATA[HEADER:])
    message[-1] ^= 1
    with pytest.raises(ValueError, match="data (does not end with|ends before) its last symbol"):
        decode(forged(len(MESSAGE), bytes(message)), P)
    with pytest.raises(ValueError, match="data does not end with its last symbol"):
        decode(forged(0, b"\0\1\0\0\0\1"), P)


@pytest.mark.parametrize("n", [104, 10_000, 2**32 - 1])
@pytest.mark.parametrize("message", [b"", b"\xff\xff", b"\xff" * 6 * 2**15, DATA[HEADER:]])
def test_forged_number_of_symbols_ends_soon(n, message):
    taken, error = seconds(lambda: pytest.raises(ValueError, decode, forged(n, message), P))
    assert str(error.value).startswith(("data ends ", "data does not end "))
    assert taken < 1


@given(st.integers(0, 60), st.binary(max_size=40), pmfs())
def test_any_forged_message_is_refused_or_what_encode_wrote(n, message, p):
    # With states in range, for most; the others end at once.
    for start in (b"", b"\0\1" + message[:4].ljust(4, b"\0")):
        data = forged(n, start + message, p)
        try:
            decoded = decode(data, p)
        except ValueError as error:
            assert str(error).startswith(("data ends ", "data does not end ", "data holds a state"))
        else:
            assert encode(decoded, p) == data


def test_each_changed_word_is_refused_or_another_message():
    rng = np.random.default_rng(3)
    for _ in range(300):
        message = bytearray(DATA[HEADER:])
        message[rng.integers(len(message))] = rng.integers(256)
        data = forged(len(MESSAGE), bytes(message))
        try:
            decoded = decode(data, P)
        except ValueError as error:
            assert str(error).startswith(("data ends ", "data does not end ", "data holds a state"))
        else:
            assert encode(decoded, P) == data


# ---------------------------------------------------------------- bad input


@pytest.mark.parametrize(
    ("symbols", "message"),
    [
        ([0, 4], r"symbols\[1\] is 4; p has symbols from 0 to 3"),
        ([0, 0, -1], r"symbols\[2\] is -1; p has symbols from 0 to 3"),
        (np.array([2**64 - 1], dtype=np.uint64), r"symbols\[0\] is 18446744073709551615"),
        ([0.0, 1.0], r"symbols has type float64 and shape \(2,\); pass bytes, or whole numbers"),
        ("ab", r"symbols has type <U2 and shape \(\)"),
        ([[0, 1]], r"symbols has type int64 and shape \(1, 2\)"),
        ([[0], [0, 1]], "symbols is ragged"),
    ],
)
def test_bad_symbols(symbols, message):
    with pytest.raises(ValueError, match=message):
        encode(symbols, P)


def test_an_impossible_symbol_is_refused_with_its_place():
    with pytest.raises(ValueError, match=r"symbols\[3\] is 1, which is impossible under p"):
        encode([0, 2, 0, 1, 1], [0.5, 0.0, 0.5])


def test_too_many_symbols_are_refused_before_any_work():
    symbols = np.broadcast_to(np.uint8(0), (2**32,))  # no memory is taken
    with pytest.raises(ValueError, match="symbols holds 4,294,967,296; encode at most"):
        encode(symbols, [1.0])


@pytest.mark.parametrize(
    ("p", "message"),
    [
        ([[0.5, 0.5], [0.5, 0.5]], "p has 2 dimensions; pass one distribution"),
        ([0.5, 0.6], "p sums to 1.1"),
        ([1.5, -0.5], r"p\[1\] is -0.5"),
        ([], "p is empty"),
    ],
)
def test_bad_models(p, message):
    for f, argument in ((encode, [0]), (decode, DATA)):
        with pytest.raises(ValueError, match=message):
            f(argument, p)
