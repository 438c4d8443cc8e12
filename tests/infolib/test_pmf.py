"""What is accepted as a distribution, and that each refusal names the argument and the place."""

import math

import numpy as np
import pytest

import infolib
from infolib import range_coding
from infolib._pmf import as_counts, as_pmf, as_real, log_unit, scalar_if_0d

NAN, INF = math.nan, math.inf
CODE = infolib.PrefixCode({0: "0", 1: "1"})

# Each with what its message must say about the argument, which stands for {name}.
BAD = {
    "negative": ([1.5, -0.5], r"{name}\[1\] is -0\.5; probabilities are numbers from 0 to 1"),
    "NaN": ([NAN, 1.0], r"{name}\[0\] is nan"),
    "infinite": ([0.0, INF], r"{name}\[1\] is inf"),
    "minus infinite": ([1.0, -INF], r"{name}\[1\] is -inf"),
    "sum below 1": ([0.5, 0.4], r"{name} sums to 0\.9, not to 1"),
    "sum above 1": ([0.5, 0.500001], r"{name} sums to 1\.000001, not to 1"),
    "infinite sum": ([1.7e308, 1.7e308], r"{name} sums to inf"),
    "all zero": ([0.0, 0.0], r"{name} sums to 0"),
    "weights": ([1, 2], r"{name} sums to 3, not to 1; divide it by its sum"),
    "empty": ([], r"{name} is empty"),
    "text": (["a", "b"], r"{name} holds text, not numbers"),
    "bytes": ([b"a", b"b"], r"{name} holds bytes"),
    "booleans": ([True, False], r"{name} holds booleans"),
    "objects": ([None, 1.0], r"{name} holds objects"),
    "complex": ([0.5 + 0j, 0.5], r"{name} is complex"),
    "dates": (np.array(["2000-01-01", "2000-01-02"], dtype="M8[D]"), r"{name} holds dates"),
    "durations": (np.array([1, 2], dtype="m8[s]"), r"{name} holds durations"),
}
SHAPED = {
    "ragged": ([[0.5, 0.5], [1.0]], r"{name} is ragged"),
    "0-d": (1.0, r"{name} is a single number, not a distribution"),
    "second row": ([[0.5, 0.5], [0.5, 0.6]], r"{name}\[1\] sums to 1\.1"),
    "second row negative": ([[0.5, 0.5], [1.5, -0.5]], r"{name}\[1, 1\] is -0\.5"),
    "no columns": (np.zeros((3, 0)), r"{name} is empty"),
    "no rows": (np.zeros((0, 3)), r"{name} is empty"),
    "values": (
        {"a": 0.5, "b": 0.5}.values(),
        r"{name} is a dict_values; pass a list: list\({name}\)",
    ),
    "mapping": ({"a": 1.0}, r"{name} is a dict; pass its values as a list: list\({name}\.values"),
    "set": ({0.25, 0.75}, r"{name} is a set; pass a list: a set has no order"),
    "frozen set": (frozenset({1.0}), r"{name} is a frozenset; pass a list: a set has no order"),
    "iterator": (iter([0.5, 0.5]), r"{name} is a list_iterator; pass a list: list\({name}\)"),
}
OF_ARRAYS = {
    "as_pmf": ("p", as_pmf),
    "entropy": ("p", infolib.entropy),
    "perplexity": ("p", infolib.perplexity),
    "perplexity of a model": ("p", lambda p: infolib.perplexity(p, [0.5, 0.5])),
    "perplexity under a model": ("q", lambda q: infolib.perplexity([0.5, 0.5], q)),
    "smooth_labels": ("p", lambda p: infolib.smooth_labels(p, 0.1)),
    "range encode": ("p", lambda p: range_coding.encode([0], p)),
    "range decode": ("p", lambda p: range_coding.decode(b"", p)),
}
for _name in ("cross_entropy", "kl_divergence", "js_divergence"):
    _f = getattr(infolib, _name)
    OF_ARRAYS[f"{_name} p"] = ("p", lambda p, f=_f: f(p, [0.5, 0.5]))
    OF_ARRAYS[f"{_name} q"] = ("q", lambda q, f=_f: f([0.5, 0.5], q))
OF_MAPPINGS = {
    "huffman_code": infolib.huffman_code,
    "shannon_code": infolib.shannon_code,
    "block_distribution": lambda p: infolib.block_distribution(p, 2),
    "mean_length": CODE.mean_length,
}
OF_TABLES = {
    name: getattr(infolib, name)
    for name in ("joint_entropy", "conditional_entropy", "mutual_information")
}


@pytest.mark.parametrize("function", OF_ARRAYS)
@pytest.mark.parametrize("kind", [*BAD, *SHAPED])
def test_functions_of_arrays_refuse(function, kind):
    name, f = OF_ARRAYS[function]
    bad, message = (BAD | SHAPED)[kind]
    with pytest.raises(ValueError, match=message.format(name=name)):
        f(bad)


@pytest.mark.parametrize("function", OF_MAPPINGS)
@pytest.mark.parametrize("kind", BAD)
def test_functions_of_mappings_refuse(function, kind):
    bad, message = BAD[kind]
    with pytest.raises(ValueError, match=message.format(name="p")):
        OF_MAPPINGS[function](dict(enumerate(bad)))


@pytest.mark.parametrize("function", OF_MAPPINGS)
@pytest.mark.parametrize("bad", [[0.5, 0.5], "ab", None, 1.0])
def test_functions_of_mappings_refuse_anything_else(function, bad):
    with pytest.raises(ValueError, match="p must be a mapping of symbols to probabilities"):
        OF_MAPPINGS[function](bad)


@pytest.mark.parametrize("function", OF_TABLES)
@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ([0.5, 0.5], r"p_xy has 1 dimension\(s\); pass a table"),
        (1.0, r"p_xy has 0 dimension\(s\)"),
        ([[0.5, 0.5], [0.5]], "p_xy is ragged"),
        ([["a"]], "p_xy holds text"),
        ([[1 + 0j]], "p_xy is complex"),
        ([[0.5, 0.4]], r"p_xy sums to 0\.9"),
        ([[[0.5, 0.5]], [[0.5, 0.6]]], r"p_xy\[1\] sums to 1\.1"),
        ([[-0.5, 1.5]], r"p_xy\[.*0\] is -0\.5"),
        ([[NAN, 1.0]], r"p_xy\[.*0\] is nan"),
        ([[INF, 1.0]], r"p_xy\[.*0\] is inf"),
        ([[]], "p_xy is empty"),
    ],
)
def test_functions_of_tables_refuse(function, bad, message):
    with pytest.raises(ValueError, match=message):
        OF_TABLES[function](bad)


@pytest.mark.parametrize("function", OF_TABLES)
def test_a_bad_entry_of_a_table_is_named_by_row_and_column(function):
    with pytest.raises(ValueError, match=r"p_xy\[1, 0\] is -0\.5"):
        OF_TABLES[function]([[0.5, 0.5], [-0.5, 0.5]])


WITH_BASE = {
    "information_content": lambda base: infolib.information_content(0.5, base=base),
    "binary_entropy": lambda base: infolib.binary_entropy(0.5, base=base),
    "entropy": lambda base: infolib.entropy([0.5, 0.5], base=base),
    "cross_entropy": lambda base: infolib.cross_entropy([0.5, 0.5], [0.5, 0.5], base=base),
    "kl_divergence": lambda base: infolib.kl_divergence([0.5, 0.5], [0.5, 0.5], base=base),
    "js_divergence": lambda base: infolib.js_divergence([0.5, 0.5], [0.5, 0.5], base=base),
    "cross_entropy_loss": lambda base: infolib.cross_entropy_loss([0.0, 0.0], 0, base=base),
    "log_unit": log_unit,
}
for _name, _f in OF_TABLES.items():
    WITH_BASE[_name] = lambda base, f=_f: f([[0.5, 0.5]], base=base)


@pytest.mark.parametrize("function", WITH_BASE)
@pytest.mark.parametrize("base", [0, 1, 1.0, -2, 0.5, NAN, INF, "2", None, True, [2], 3 + 0j])
def test_base_must_be_a_number_above_1(function, base):
    with pytest.raises(ValueError, match=r"base is "):
        WITH_BASE[function](base)


@pytest.mark.parametrize("base", [2 + 0j, np.array([2, 2])])
def test_information_content_refuses_a_base_that_only_looks_like_2(base):
    with pytest.raises(ValueError, match="base is "):
        infolib.information_content(0.5, base=base)


@pytest.mark.parametrize("base", [2, 2.0, np.float32(2), np.int64(2), np.float64(2)])
def test_numpy_numbers_are_bases(base):
    assert log_unit(base) == math.log(2)


@pytest.mark.parametrize("axis", [1, -2, 5, None, 0.0, "0"])
def test_axis_must_exist(axis):
    for f in (infolib.entropy, infolib.perplexity):
        with pytest.raises(ValueError, match=r"axis is .*, but p has 1 dimension\(s\)"):
            f([0.5, 0.5], axis=axis)
    for f in (infolib.cross_entropy, infolib.kl_divergence, infolib.js_divergence):
        with pytest.raises(ValueError, match=r"axis is .*, but q has 1 dimension\(s\)"):
            f(np.full((2, 2, 2), 0.5), [0.5, 0.5], axis=1)
        with pytest.raises(ValueError, match=r"axis is .*, but p has 1 dimension\(s\)"):
            f([0.5, 0.5], [0.5, 0.5], axis=axis)


@pytest.mark.parametrize("f", [infolib.cross_entropy, infolib.kl_divergence, infolib.js_divergence])
def test_two_distributions_must_match(f):
    with pytest.raises(ValueError, match="p has 2 outcomes and q has 3; both must list the same"):
        f([0.5, 0.5], [0.5, 0.25, 0.25])
    with pytest.raises(ValueError, match=r"p has shape \(2, 2\) and q has shape \(3, 2\)"):
        f(np.full((2, 2), 0.5), np.full((3, 2), 0.5))
    # One outcome could be broadcast over two, but it is not the same outcome.
    with pytest.raises(ValueError, match="p has 1 outcomes and q has 2"):
        f([1.0], [0.5, 0.5])


@pytest.mark.parametrize("f", [infolib.cross_entropy, infolib.kl_divergence, infolib.js_divergence])
def test_what_is_wrong_with_one_comes_before_how_they_fit(f):
    with pytest.raises(ValueError, match=r"p sums to 1.1"):
        f([0.5, 0.6], [0.5, 0.25, 0.25])
    with pytest.raises(ValueError, match=r"q\[2\] is -0.25"):
        f([0.5, 0.5], [0.5, 0.75, -0.25])
    with pytest.raises(ValueError, match="q is empty"):
        f([0.5, 0.5], [])


@pytest.mark.parametrize("f", [infolib.cross_entropy, infolib.kl_divergence, infolib.js_divergence])
@pytest.mark.parametrize("k", [40, 400, 40_000])
def test_negative_probabilities_of_both_are_seen(f, k):
    p = np.full(k, 1 / (k - 2))
    p[:2] = -1 / (k - 2), 1 / (k - 2)
    p[2:4] = 1.5 / (k - 2), 0.5 / (k - 2)
    fine = np.full(k, 1 / k)
    for wrong, name in (((p, p), "p"), ((p, fine), "p"), ((fine, p), "q")):
        with pytest.raises(ValueError, match=rf"{name}\[0\] is -"):
            f(*wrong)
        with pytest.raises(ValueError, match=rf"{name}\[1, 0\] is -"):
            f(*(np.stack([fine, x]) for x in wrong))


@pytest.mark.parametrize("f", [infolib.information_content, infolib.binary_entropy])
@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (-0.1, "p is -0.1; a probability is a number from 0 to 1"),
        (1.1, "p is 1.1"),
        (NAN, "p is nan"),
        ([0.5, INF], r"p\[1\] is inf"),
        ([0.5, -INF], r"p\[1\] is -inf"),
        ([[0.5, 0.5], [0.5, 2.0]], r"p\[1, 1\] is 2"),
        ([[0.5], [0.5, 0.5]], "p is ragged"),
        ("half", "p holds text"),
        (0.5j, "p is complex"),
        (None, "p holds objects"),
    ],
)
def test_probabilities_of_events_are_checked_one_by_one(f, bad, message):
    with pytest.raises(ValueError, match=message):
        f(bad)


def test_rounding_is_no_error_but_a_percent_is():
    tenths = [0.1] * 10
    assert np.cumsum(tenths)[-1] != 1
    as_pmf(tenths)
    as_pmf(np.full(1_000_003, 1 / 1_000_003))
    as_pmf([0.5, 0.5 + 9e-10])
    with pytest.raises(ValueError, match="sums to"):
        as_pmf([0.5, 0.5 + 2e-9])


def test_single_precision_stays_and_has_a_wider_tolerance():
    p = np.full(3, 1 / 3, dtype=np.float32)
    assert as_pmf(p).dtype == np.float32
    as_pmf(np.array([0.5, 0.500005], dtype=np.float32))
    with pytest.raises(ValueError, match="sums to"):
        as_pmf(np.array([0.5, 0.50002], dtype=np.float32))
    with pytest.raises(ValueError, match="sums to"):
        as_pmf(np.array([0.5, 0.500005]))


@pytest.mark.parametrize("dtype", [np.uint8, np.int64, np.float16, np.longdouble])
def test_other_numbers_become_double_precision(dtype):
    assert as_real(np.array([0, 1], dtype=dtype), name="p").dtype == np.float64


def test_the_axis_of_outcomes_moves_last():
    p = np.array([[[0.5], [0.5]], [[0.25], [0.75]]])
    assert as_pmf(p, axis=1).shape == (2, 1, 2)
    assert as_pmf(p, axis=-2).tolist() == [[[0.5, 0.5]], [[0.25, 0.75]]]
    with pytest.raises(ValueError, match=r"p\[0, 0\] sums to 0\.75"):
        as_pmf(p, axis=0)


def test_input_is_left_as_it_was():
    p = np.array([[0.5, 0.25], [0.5, 0.75]])
    before = p.copy()
    infolib.kl_divergence(p, p[:, ::-1], axis=0)
    infolib.cross_entropy_loss(p, [0, 1], return_gradient=True)
    infolib.conditional_entropy(p / 2)
    assert (p == before).all()


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ([1, -2], r"counts\[1\] is -2; counts are whole numbers, 0 or more$"),
        ([NAN, 1], r"counts\[0\] is nan"),
        ([1, INF], r"counts\[1\] is inf; counts are whole numbers, 0 or more$"),
        ([1, -INF], r"counts\[1\] is -inf"),
        ([2.0**53, 1], r"counts\[0\] is 9\.0072e\+15; counts are .*, 0 or more and below 2\*\*53$"),
        ([1, 2**53], r"counts\[1\] is 9\.0072e\+15; counts are .*, 0 or more and below 2\*\*53$"),
        ({"a": 3}, r"counts is a dict; pass its values as a list: list\(counts\.values\(\)\)"),
        ([0.5, 0.5], r"counts\[0\] is 0\.5; .*not its probability"),
        ([0, 0], "counts holds no observation"),
        ([], "counts holds no observation"),
        ([[1, 2]], "counts has 2 dimensions"),
        (3, "counts has 0 dimensions"),
        ([[1], [1, 2]], "counts is ragged"),
        (["a"], "counts holds text"),
        ([True, False], "counts holds booleans"),
        ([1j], "counts is complex"),
        ([None], "counts holds objects"),
    ],
)
def test_counts_are_checked(bad, message):
    with pytest.raises(ValueError, match=message):
        as_counts(bad)


def test_counts_may_be_whole_floats():
    counts = as_counts([3.0, 0.0])
    assert counts.dtype == np.int64 and counts.tolist() == [3, 0]


def test_one_result_is_a_float():
    assert type(scalar_if_0d(np.float32(0.5))) is float
    assert type(scalar_if_0d(np.array(0.5))) is float
    assert scalar_if_0d(np.array([0.5])).shape == (1,)
