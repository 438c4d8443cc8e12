"""The range coder: exact round trips, its length, and every way a message can go wrong."""

import math
import struct
import sys
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from infolib import datasets, entropy, estimators, information_content, range_coding
from infolib.range_coding import decode, encode
from tests.infolib.reference import normalised, pmfs, seconds

HEADER = 15  # bytes before the message, as the documentation of encode says
P = [0.5, 0.25, 0.125, 0.125]
# Tracing lines, as a measurement of coverage does, takes several times longer.
LIMIT = 3 if sys.gettrace() is None else 15


def bound(symbols, p):
    """The documented maximum in bytes."""
    bits = math.fsum(information_content(np.asarray(p)[symbols]))
    return HEADER + 4 + (bits + len(symbols) * (2**-15 + len(p) * 2**-31)) / 8


@given(pmfs(), st.lists(st.integers(0, 10**6), max_size=200))
def test_round_trip_and_length(p, numbers):
    possible = np.flatnonzero(p)
    symbols = possible[np.array(numbers, dtype=int) % len(possible)]
    data = encode(symbols, p)
    assert type(data) is bytes
    decoded = decode(data, p)
    assert decoded.dtype == np.int64 and decoded.tolist() == symbols.tolist()
    assert len(data) <= bound(symbols, p)
    assert encode(symbols, p) == data  # the same message gives the same bytes
    assert decode(bytearray(data), p).tolist() == symbols.tolist()


@pytest.mark.parametrize("seed", range(20))
def test_round_trip_of_drawn_messages(seed):
    rng = np.random.default_rng(seed)
    k = int(rng.integers(1, 300))
    p = normalised(rng.dirichlet(np.full(k, rng.choice([0.01, 0.1, 1, 10]))))
    symbols = rng.choice(k, size=int(rng.integers(0, 3000)), p=p)
    data = encode(symbols, p)
    assert decode(data, p).tolist() == symbols.tolist()
    assert len(data) <= bound(symbols, p)
    # No code beats the information content by more than the header and the words' rounding.
    assert len(data) >= HEADER + math.fsum(information_content(p[symbols])) / 8 - 3


def test_carries_run_through_the_words():
    # The upper end of the interval, over and over, lets words of 0xFFFF pile up.
    rng = np.random.default_rng(0)
    for p in ([1e-9, 1 - 1e-9], [0.001, 0.999], [1 / 3, 2 / 3], [0.5, 0.5 - 1e-6, 1e-6]):
        p = normalised(p)
        last = len(p) - 1
        for _ in range(30):
            symbols = np.where(rng.random(400) < 0.98, last, rng.integers(0, last + 1, 400))
            assert decode(encode(symbols, p), p).tolist() == symbols.tolist()


def test_all_short_messages():
    p = normalised([0.7, 0.2, 0.1])
    seen = set()
    for n in range(6):
        for code in range(3**n):
            symbols = [code // 3**i % 3 for i in range(n)]
            data = encode(symbols, p)
            assert decode(data, p).tolist() == symbols
            seen.add(data)
    assert len(seen) == sum(3**n for n in range(6))


def test_english_takes_its_entropy():
    text = datasets.load_text("english").encode()
    p = np.bincount(np.frombuffer(text, dtype=np.uint8), minlength=256) / len(text)
    data = encode(text, p)
    bits = len(text) * entropy(p)
    assert bits == pytest.approx(len(text) * estimators.plug_in(estimators.count(text)))
    assert bits <= 8 * len(data) <= 1.001 * bits
    assert decode(data, p).astype(np.uint8).tobytes() == text


def test_a_million_symbols():
    rng = np.random.default_rng(1)
    symbols = rng.choice(4, size=1_000_000, p=P)
    encoding, data = seconds(encode, symbols, P)
    decoding, decoded = seconds(decode, data, P)
    assert (decoded == symbols).all()
    assert len(data) <= bound(symbols, P)
    assert encoding < LIMIT and decoding < LIMIT


def test_a_large_alphabet_keeps_within_the_documented_length():
    # Frequencies of 32 bits are coarse for a million rare symbols.
    p = np.full(1_000_000, 0.5 / 999_999)
    p[0] = 0.5
    symbols = np.arange(1, 200_001)
    data = encode(symbols, p)
    assert decode(data, p).tolist() == symbols.tolist()
    assert len(data) <= bound(symbols, p)


def test_rare_symbols_can_be_written():
    for rare in (5e-324, 1e-300, 1e-12):
        p = [1 - rare, rare]
        assert decode(encode([1, 0, 1], p), p).tolist() == [1, 0, 1]
        # Each takes at most as many bits as the frequencies have.
        assert len(encode([1] * 100, p)) <= HEADER + 4 + 100 * 32 / 8 + 1


def test_empty_message():
    for symbols in (b"", [], np.array([], dtype=np.uint8), bytearray()):
        data = encode(symbols, P)
        assert decode(data, P).tolist() == []
        assert decode(data, P).dtype == np.int64
        assert len(data) <= HEADER + 4


@pytest.mark.parametrize("p", [[1.0], [0.0, 1.0, 0.0]])
def test_a_certain_symbol_takes_no_room(p):
    symbol = p.index(1.0)
    for n in (0, 1, 1000, 100_000):
        data = encode([symbol] * n, p)
        assert len(data) <= HEADER + 4
        assert decode(data, p).tolist() == [symbol] * n


def test_kinds_of_symbols():
    expected = encode([0, 1, 3, 2], P)
    for dtype in (np.uint8, np.int32, np.uint64):
        assert encode(np.array([0, 1, 3, 2], dtype=dtype), P) == expected
    assert encode(b"\x00\x01\x03\x02", P) == encode(bytearray([0, 1, 3, 2]), P) == expected
    single = np.array(P, dtype=np.float32)
    assert decode(encode([0, 1, 3, 2], single), single).tolist() == [0, 1, 3, 2]


# ---------------------------------------------------------------- messages gone wrong

MESSAGE = [0, 1, 0, 2, 3, 0, 0, 1, 3, 3, 2, 0, 1, 2, 0, 0, 3, 1, 1, 0, 2, 2, 0, 0, 0]
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


def test_every_wrong_byte_is_noticed():
    for i in range(len(DATA)):
        for byte in {0, 255, DATA[i] ^ 0x55, (DATA[i] + 1) % 256} - {DATA[i]}:
            with pytest.raises(ValueError, match="^data is "):
                decode(DATA[:i] + bytes([byte]) + DATA[i + 1 :], P)


@pytest.mark.parametrize("junk", [b"\0", b"\0\0", b"x", bytes(1000), DATA])
def test_appended_junk_is_noticed(junk):
    with pytest.raises(ValueError, match="data is cut or damaged"):
        decode(DATA + junk, P)


@given(st.binary(max_size=60))
def test_foreign_bytes_are_refused(data):
    with pytest.raises(ValueError, match="^data is "):
        decode(data, P)
    with pytest.raises(ValueError, match="^data is "):
        decode(b"RC1" + data, P)


def test_another_format():
    for data in (b"PK\x03\x04 and so on, for long enough", b"rc1" + DATA[3:], b"x"):
        with pytest.raises(ValueError, match="data is of another format"):
            decode(data, P)


@pytest.mark.parametrize(
    "p",
    [[0.25, 0.5, 0.125, 0.125], [0.5, 0.25, 0.25], [*P, 0.0], [0.5 + 1e-8, 0.25 - 1e-8, *P[2:]]],
)
def test_another_model_is_refused(p):
    with pytest.raises(ValueError, match="data was encoded with another p"):
        decode(DATA, p)


@pytest.mark.parametrize("data", ["RC1", None, 3, [1, 2], memoryview(DATA), np.zeros(3)])
def test_data_are_bytes(data):
    with pytest.raises(ValueError, match="data is of type .*; pass the bytes of encode"):
        decode(data, P)


def forged(n, message, p=P):
    """A message with valid checksums that encode did not write."""
    fingerprint = struct.unpack(">3sII", encode([], p)[:11])[2]
    head = struct.pack(">3sII", b"RC1", n, fingerprint)
    return head + struct.pack(">I", zlib.crc32(head + message)) + message


def test_the_layout_is_what_the_forgeries_assume():
    assert forged(len(MESSAGE), DATA[HEADER:]) == DATA


def test_forged_half_word():
    with pytest.raises(ValueError, match="data ends in half a word"):
        decode(forged(len(MESSAGE), DATA[HEADER:] + b"\0"), P)


@pytest.mark.parametrize("n", [100, 10_000, 2**32 - 1])
@pytest.mark.parametrize("message", [b"", b"\xff\xff", b"\0\0", DATA[HEADER:]])
def test_forged_number_of_symbols_ends_soon(n, message):
    taken, error = seconds(lambda: pytest.raises(ValueError, decode, forged(n, message), P))
    assert "data ends before its last symbol" in str(error.value)
    assert taken < 1


@given(st.integers(0, 60), st.binary(max_size=20), pmfs(min_size=2))
def test_any_forged_message_ends_in_symbols_or_an_error(n, message, p):
    try:
        decoded = decode(forged(n, message, p), p)
    except ValueError as error:
        assert str(error).startswith("data ends")
    else:
        assert len(decoded) == n and (p[decoded] > 0).all()


# ---------------------------------------------------------------- bad input


@pytest.mark.parametrize(
    ("symbols", "message"),
    [
        ([0, 4], r"symbols\[1\] is 4; p has symbols from 0 to 3"),
        ([0, 0, -1], r"symbols\[2\] is -1; p has symbols from 0 to 3"),
        (b"\x00a", r"symbols\[1\] is 97; p has symbols"),
        (np.array([2**64 - 1], dtype=np.uint64), r"symbols\[0\] is 18446744073709551615"),
        ([0.0, 1.0], r"symbols has type float64 and shape \(2,\); pass bytes, or whole numbers"),
        ([0.5], "symbols has type float64"),
        ([math.nan], "symbols has type float64"),
        ("ab", r"symbols has type <U2 and shape \(\)"),
        (["a"], "symbols has type <U1"),
        ([True], "symbols has type bool"),
        ([1j], "symbols has type complex128"),
        ([None], "symbols has type object"),
        (1, r"symbols has type int64 and shape \(\)"),
        ([[0, 1]], r"symbols has type int64 and shape \(1, 2\)"),
        (np.zeros((0, 2)), r"symbols has type int64 and shape \(0, 2\)"),
    ],
)
def test_bad_symbols(symbols, message):
    with pytest.raises(ValueError, match=message):
        encode(symbols, P)


def test_ragged_symbols_are_named():
    with pytest.raises(ValueError, match="symbols"):
        encode([[0], [0, 1]], P)


def test_an_impossible_symbol_is_refused_with_its_place():
    with pytest.raises(ValueError, match=r"symbols\[3\] is 1, which is impossible under p"):
        encode([0, 2, 0, 1, 1], [0.5, 0.0, 0.5])


def test_too_many_symbols_are_refused_before_any_work():
    symbols = np.broadcast_to(np.uint8(0), (2**32,))  # no memory is taken
    with pytest.raises(ValueError, match="symbols holds 4,294,967,296; encode at most"):
        encode(symbols, [1.0])


def test_one_model_at_a_time():
    for f in (lambda p: encode([0], p), lambda p: decode(DATA, p)):
        with pytest.raises(ValueError, match="p has 2 dimensions; pass one distribution"):
            f([[0.5, 0.5], [0.5, 0.5]])


def test_frequencies_add_up_and_leave_no_possible_symbol_out():
    rng = np.random.default_rng(2)
    for k in (1, 2, 3, 256, 70_000):
        p = rng.dirichlet(np.full(k, 0.1)) * (rng.random(k) < 0.9)
        p[0] += 1e-9
        p = normalised(p)
        frequencies, starts = range_coding._model(p)
        assert sum(frequencies) == 2**32
        assert [f > 0 for f in frequencies] == (p > 0).tolist()
        assert starts == [0, *np.cumsum(frequencies)[:-1].tolist()]
