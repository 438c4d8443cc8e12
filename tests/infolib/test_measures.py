"""Entropy and the divergences: laws, published values, and 50-digit arithmetic."""

import math

import numpy as np
import pytest
import scipy.spatial.distance
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from infolib import (
    binary_entropy,
    cross_entropy,
    entropy,
    information_content,
    js_divergence,
    kl_divergence,
    perplexity,
)
from tests.infolib import reference
from tests.infolib.reference import normalised, pmf_pairs, pmfs, relative_error

TINY = 5e-324  # the least positive double
PAIRS = (cross_entropy, kl_divergence, js_divergence)


# ---------------------------------------------------------------- laws


@given(pmfs())
def test_entropy_lies_between_0_and_log_k(p):
    h = entropy(p)
    assert 0 <= h <= math.log2(len(p)) + 1e-14


@given(st.integers(1, 1000))
def test_entropy_is_log_k_for_equal_chances(k):
    assert entropy(np.full(k, 1 / k)) == pytest.approx(math.log2(k), rel=1e-13, abs=1e-15)


@given(st.integers(1, 20), st.data())
def test_entropy_is_0_for_certainty_alone(k, data):
    certain = np.eye(k)[data.draw(st.integers(0, k - 1))]
    assert entropy(certain) == 0
    assert math.copysign(1, entropy(certain)) == 1  # a printed "-0.0" would puzzle
    assert entropy(normalised(certain + 1e-12)) > 0 or k == 1


@given(pmf_pairs(), st.floats(0, 1))
def test_entropy_is_concave(pair, t):
    p, q = pair
    mixed = normalised(t * p + (1 - t) * q)
    assert entropy(mixed) >= t * entropy(p) + (1 - t) * entropy(q) - 1e-12


@given(pmf_pairs(zeros=False), pmf_pairs(zeros=False), st.floats(0, 1))
def test_kl_is_convex_in_the_pair(pair1, pair2, t):
    k = min(len(pair1[0]), len(pair2[0]))
    (p1, q1), (p2, q2) = (
        [normalised(x[:k]) for x in pair1],
        [normalised(x[:k]) for x in pair2],
    )
    mixed = kl_divergence(normalised(t * p1 + (1 - t) * p2), normalised(t * q1 + (1 - t) * q2))
    apart = t * kl_divergence(p1, q1) + (1 - t) * kl_divergence(p2, q2)
    assert mixed <= apart + 1e-11 * (1 + apart)


@given(pmf_pairs(), st.randoms(use_true_random=False))
def test_the_order_of_outcomes_does_not_matter(pair, random):
    p, q = pair
    order = list(range(len(p)))
    random.shuffle(order)
    assert entropy(p[order]) == pytest.approx(entropy(p), rel=1e-13)
    assert perplexity(p[order]) == pytest.approx(perplexity(p), rel=1e-13)
    for f in PAIRS:
        assert f(p[order], q[order]) == pytest.approx(f(p, q), rel=1e-12, abs=1e-30)


@given(pmf_pairs())
def test_an_impossible_outcome_changes_nothing(pair):
    p, q = pair
    assert entropy(np.append(p, 0)) == pytest.approx(entropy(p), rel=1e-14)
    for f in PAIRS:
        longer = f(np.append(p, 0), np.append(q, 0))
        assert longer == pytest.approx(f(p, q), rel=1e-13, abs=1e-30)


@given(pmf_pairs())
def test_gibbs_inequality(pair):
    p, q = pair
    assert cross_entropy(p, q) >= entropy(p) - 1e-14
    assert cross_entropy(p, p) == entropy(p)
    assert kl_divergence(p, q) >= 0
    assert kl_divergence(p, p) == 0
    if np.abs(p - q).max() > 1e-6:
        assert cross_entropy(p, q) > entropy(p)
        assert kl_divergence(p, q) > 0


@given(pmf_pairs())
def test_kl_is_cross_entropy_less_entropy(pair):
    p, q = pair
    if np.any((q == 0) & (p > 0)):
        assert kl_divergence(p, q) == cross_entropy(p, q) == math.inf
    else:
        apart = cross_entropy(p, q) - entropy(p)
        assert kl_divergence(p, q) == pytest.approx(apart, rel=1e-12, abs=1e-12)


@given(pmf_pairs(min_size=2), st.data())
def test_coarse_graining_lowers_entropy_and_divergence(pair, data):
    p, q = pair
    cells = data.draw(st.lists(st.integers(0, 2), min_size=len(p), max_size=len(p)))
    coarse_p, coarse_q = (np.bincount(cells, weights=x, minlength=3) for x in pair)
    assert entropy(coarse_p) <= entropy(p) + 1e-13
    assert kl_divergence(coarse_p, coarse_q) <= kl_divergence(p, q) * (1 + 1e-12) + 1e-13
    assert js_divergence(coarse_p, coarse_q) <= js_divergence(p, q) * (1 + 1e-12) + 1e-13


@given(pmf_pairs(number=4, max_size=4))
def test_independent_pairs_add_up(four):
    p1, q1, p2, q2 = four
    p, q = np.outer(p1, p2).ravel(), np.outer(q1, q2).ravel()
    assert entropy(p) == pytest.approx(entropy(p1) + entropy(p2), rel=1e-12)
    for f in (kl_divergence, cross_entropy):
        assert f(p, q) == pytest.approx(f(p1, q1) + f(p2, q2), rel=1e-11, abs=1e-13)


@given(pmf_pairs())
def test_js_is_bounded_and_symmetric(pair):
    p, q = pair
    js = js_divergence(p, q)
    assert 0 <= js <= 1 + 1e-15
    assert js_divergence(q, p) == js
    assert js_divergence(p, p) == 0
    if not (p * q).any():  # no outcome is possible under both
        assert js == pytest.approx(1, abs=1e-15)


@given(pmf_pairs())
def test_js_is_the_mean_divergence_from_the_average(pair):
    p, q = pair
    middle = (p + q) / 2
    mean = (kl_divergence(p, middle) + kl_divergence(q, middle)) / 2
    assert js_divergence(p, q) == pytest.approx(mean, rel=1e-12, abs=1e-15)


@given(pmf_pairs(number=3))
def test_root_of_js_obeys_the_triangle_inequality(three):
    p, q, r = three
    pq, qr, pr = (math.sqrt(js_divergence(*pair)) for pair in ((p, q), (q, r), (p, r)))
    assert pr <= pq + qr + 1e-13


@given(pmf_pairs())
def test_perplexity_is_2_to_the_entropy(pair):
    p, q = pair
    assert perplexity(p) == pytest.approx(2 ** entropy(p), rel=1e-15)
    assert 1 <= perplexity(p) <= len(p) * (1 + 1e-13)
    assert perplexity(p, q) == pytest.approx(2 ** cross_entropy(p, q), rel=1e-15)
    assert perplexity(p, q) >= perplexity(p) * (1 - 1e-13)


def test_perplexity_is_never_below_1():
    assert perplexity([1.0], [1 + 5e-10]) == 1
    assert perplexity([[1.0], [1.0]], [[1 + 5e-10], [1.0]]).tolist() == [1, 1]


def test_perplexity_is_infinite_where_the_model_excludes_the_truth():
    assert perplexity([0.5, 0.5], [1.0, 0.0]) == math.inf


def test_perplexity_beyond_the_range_of_doubles_is_infinite():
    # 2^1074 is no double; a batch with such a row must still be answered.
    assert perplexity([0.0, 1.0], [1.0, TINY]) == math.inf
    assert perplexity([[0.0, 1.0]], [[1.0, TINY]]).tolist() == [math.inf]


@given(pmf_pairs(), st.floats(1.01, 100))
def test_a_change_of_base_divides_by_its_logarithm(pair, base):
    p, q = pair
    for f in (*PAIRS, lambda p, q, **k: entropy(p, **k)):
        nats = f(p, q, base=math.e)
        assert f(p, q, base=base) == pytest.approx(nats / math.log(base), rel=1e-13)
        assert f(p, q) == f(p, q, base=2)  # bits are the default
    for f in (information_content, binary_entropy):
        expected = f(p, base=math.e) / math.log(base)
        assert f(p, base=base) == pytest.approx(expected, rel=1e-13)
        assert (f(p) == f(p, base=2)).all()


@given(st.floats(0, 1))
def test_binary_entropy_is_the_entropy_of_two_outcomes(p):
    q = 1 - p
    assert binary_entropy(p) == pytest.approx(entropy([p, q]), rel=1e-12, abs=1e-15)
    assert 0 <= binary_entropy(p) <= 1
    assert binary_entropy(1 - q) == pytest.approx(binary_entropy(q), rel=1e-13)


@given(st.floats(0, 1), st.floats(0, 1))
def test_information_of_independent_events_adds_up(p, q):
    if p * q > 1e-290:
        together = information_content(p) + information_content(q)
        assert information_content(p * q) == pytest.approx(together, rel=1e-13, abs=1e-15)


@given(pmfs())
def test_entropy_is_the_mean_information_content(p):
    possible = p[p > 0]
    mean = math.fsum(possible * information_content(possible))
    assert entropy(p) == pytest.approx(mean, rel=1e-13, abs=1e-30)


# ---------------------------------------------------------------- shapes


@given(st.lists(pmf_pairs(4, 4), min_size=1, max_size=5))
def test_rows_are_answered_one_by_one(rows):
    # Near rows take another formula than far ones, and a few outcomes alone a third: company must
    # not change any result by more than a unit in the last place.
    p, q = np.array([row[0] for row in rows]), np.array([row[1] for row in rows])
    unit = {"rel": 2**-52, "abs": 0.0}
    assert entropy(p).tolist() == pytest.approx([entropy(row) for row in p], **unit)
    assert perplexity(p).tolist() == pytest.approx([perplexity(row) for row in p], rel=1e-15)
    for f in PAIRS:
        one_by_one = [f(a, b) for a, b in zip(p, q, strict=True)]
        assert f(p, q).tolist() == pytest.approx(one_by_one, **unit)
        assert f(p, q[0]).tolist() == pytest.approx([f(a, q[0]) for a in p], **unit)
        assert f(p[0], q).tolist() == pytest.approx([f(p[0], b) for b in q], **unit)
        assert f(p[:, None], q[None]).shape == (len(p), len(q))
        assert f(p.T, q.T, axis=0).tolist() == pytest.approx(f(p, q).tolist(), rel=1e-13)
    assert entropy(p.T, axis=0).tolist() == pytest.approx(entropy(p).tolist(), rel=1e-13)


def test_near_and_far_rows_together():
    p = np.array([[0.5, 0.5], [0.5, 0.5], [1.0, 0.0]])
    q = np.array([[0.5 + 1e-9, 0.5 - 1e-9], [0.01, 0.99], [0.0, 1.0]])
    together = kl_divergence(p, q)
    one_by_one = [kl_divergence(a, b) for a, b in zip(p, q, strict=True)]
    assert together.tolist() == pytest.approx(one_by_one, rel=2**-52)
    assert together[2] == math.inf


def test_axis_of_many_dimensions():
    rng = np.random.default_rng(0)
    p = rng.dirichlet(np.ones(4), size=(2, 3))  # (2, 3, 4)
    moved = np.moveaxis(p, -1, 1)  # (2, 4, 3)
    assert entropy(moved, axis=1).shape == (2, 3)
    np.testing.assert_allclose(entropy(moved, axis=1), entropy(p), rtol=1e-14)
    np.testing.assert_allclose(perplexity(moved, axis=-2), perplexity(p), rtol=1e-14)
    np.testing.assert_allclose(
        perplexity(moved, moved[::-1], axis=1), perplexity(p, p[::-1]), rtol=1e-14
    )


def test_one_distribution_gives_a_float_and_many_an_array():
    half, rows = [0.5, 0.5], [[0.5, 0.5]] * 3
    for f in (entropy, perplexity):
        assert type(f(half)) is float
        assert isinstance(f(rows), np.ndarray) and f(rows).shape == (3,)
    for f in (*PAIRS, perplexity):
        assert type(f(half, half)) is float
        assert f(rows, half).shape == f(half, rows).shape == (3,)
    for f in (information_content, binary_entropy):
        assert type(f(0.5)) is float
        assert f([0.5]).shape == (1,) and f(rows).shape == (3, 2)


def test_single_precision_is_answered_in_single_precision():
    p = np.full((2, 4), 0.25, dtype=np.float32)
    assert entropy(p).dtype == kl_divergence(p, p).dtype == np.float32
    assert entropy(p).tolist() == pytest.approx([2, 2], rel=1e-6)


# ---------------------------------------------------------------- zeros and infinities


def test_zeros_are_legal():
    assert entropy([0.5, 0.0, 0.5]) == 1
    assert cross_entropy([0.5, 0.0, 0.5], [0.25, 0.5, 0.25]) == 2
    assert kl_divergence([1.0, 0.0], [0.5, 0.5]) == 1
    assert kl_divergence([1.0, 0.0], [1.0, 0.0]) == 0
    assert js_divergence([1.0, 0.0], [0.0, 1.0]) == 1
    assert entropy([-0.0, 1.0]) == 0


def test_what_q_excludes_and_p_allows_is_infinitely_bad():
    assert cross_entropy([0.5, 0.5], [1.0, 0.0]) == math.inf
    assert kl_divergence([0.5, 0.5], [1.0, 0.0]) == math.inf
    assert kl_divergence([TINY, 1.0], [0.0, 1.0]) == math.inf
    assert kl_divergence([[0.5, 0.5], [1, 0]], [1, 0]).tolist() == [math.inf, 0]


def test_information_content_of_impossible_and_certain_events():
    assert information_content(0) == math.inf
    assert information_content(1) == 0
    assert math.copysign(1, information_content(1)) == 1
    assert information_content(1, base=math.e) == 0
    assert information_content(2.0**-1074) == 1074
    assert information_content([2.0**-k for k in range(60)]).tolist() == list(range(60))
    assert binary_entropy([0, 1]).tolist() == [0, 0]


# ---------------------------------------------------------------- published values


def test_values_of_cover_and_thomas():
    # Cover & Thomas, 2nd ed., example 1.1.1: a uniform choice of 32 takes 5 bits.
    assert entropy([1 / 32] * 32) == pytest.approx(5, rel=1e-15)
    # Example 1.1.2: the horse race.
    assert entropy([1 / 2, 1 / 4, 1 / 8, 1 / 16, *[1 / 64] * 4]) == pytest.approx(2, rel=1e-15)
    # Example 2.1.2.
    assert entropy([1 / 2, 1 / 4, 1 / 8, 1 / 8]) == pytest.approx(7 / 4, rel=1e-15)
    # Example 2.3.1, with r = 1/2 and s = 1/4.
    assert kl_divergence([1 / 2, 1 / 2], [3 / 4, 1 / 4]) == pytest.approx(0.2075, abs=5e-5)
    assert kl_divergence([3 / 4, 1 / 4], [1 / 2, 1 / 2]) == pytest.approx(0.1887, abs=5e-5)


def test_value_of_mackay():
    # MacKay 2003, chapter 1: a channel that flips a tenth of all bits has the capacity
    # 1 − H2(0.1) = 0.53 bits.
    assert 1 - binary_entropy(0.1) == pytest.approx(0.53, abs=5e-3)


@given(pmf_pairs(min_size=2))
def test_scipy_agrees(pair):
    p, q = pair
    assert entropy(p) == pytest.approx(scipy.stats.entropy(p, base=2), rel=1e-11, abs=1e-14)
    ratio = scipy.stats.entropy(p, q, base=2)
    assert kl_divergence(p, q) == pytest.approx(ratio, rel=1e-9, abs=1e-12)
    distance = scipy.spatial.distance.jensenshannon(p, q, base=2)
    if distance > 1e-5:  # SciPy loses its digits to cancellation below
        assert js_divergence(p, q) == pytest.approx(distance**2, rel=1e-4)


# ---------------------------------------------------------------- 50 digits


@given(pmfs())
def test_entropy_to_the_last_digits(p):
    assert relative_error(entropy(p, base=math.e), reference.entropy(p)) < 2e-14 or (
        max(p) > 0.999  # −p·log p of a nearly certain outcome is as uncertain as p itself
        and entropy(p, base=math.e) == pytest.approx(float(reference.entropy(p)), abs=3e-16)
    )


@given(pmf_pairs(zeros=False))
def test_cross_entropy_to_the_last_digits(pair):
    p, q = pair
    truth = float(reference.cross_entropy(p, q))
    assert cross_entropy(p, q, base=math.e) == pytest.approx(truth, rel=1e-14, abs=3e-16)


@given(pmf_pairs(zeros=False))
def test_divergences_to_the_last_digits(pair):
    p, q = pair
    truth = float(reference.kl(p, q))
    assert kl_divergence(p, q, base=math.e) == pytest.approx(truth, rel=2e-14, abs=1e-32)
    assert relative_error(js_divergence(p, q, base=math.e), reference.js(p, q)) < 3e-14


@given(pmf_pairs())
def test_js_to_the_last_digits_with_zeros(pair):
    p, q = pair
    assert js_divergence(p, q, base=math.e) == pytest.approx(
        float(reference.js(p, q)), rel=3e-14, abs=1e-32
    )


@pytest.mark.parametrize("step", [10.0**-k for k in range(1, 10)])
def test_divergence_of_near_distributions_keeps_its_digits(step):
    # The divergence is about 2·step²: down to 1e-18, where log(p/q) has no digits left.
    p, q = np.array([0.5 + step, 0.5 - step]), np.array([0.5, 0.5])
    third = np.full(3, 1 / 3)
    moved = normalised(third + np.array([step, -step, 0]) / 10)
    for a, b in ((p, q), (q, p), (third, moved), (moved, third)):
        kl = kl_divergence(a, b, base=math.e)
        # Stored sums differ from 1 by e = 1e-16, which adds as much as e² ≪ the divergence.
        assert relative_error(kl, reference.kl(a, b)) < 1e-13
        assert relative_error(js_divergence(a, b, base=math.e), reference.js(a, b)) < 1e-6
    a, b = p, q  # these sum to 1 exactly, so that nothing but the formula errs
    assert relative_error(js_divergence(a, b, base=math.e), reference.js(a, b)) < 1e-13


@pytest.mark.parametrize("off", [1e-10, 4e-10, -7e-10])
def test_sums_that_miss_1_are_no_divergence(off):
    # Within the tolerance of sums, a distribution counts as what it is after division by its sum.
    p, q = np.array([0.5 + off, 0.5]), np.array([0.5, 0.5])
    assert relative_error(kl_divergence(p, q, base=math.e), reference.kl(p, q)) < 1e-6
    assert kl_divergence(q * (1 + off), q) == pytest.approx(0, abs=1e-28)


@pytest.mark.parametrize("shift", [0.01, 0.1, 0.15, 0.17, 0.1767, 0.1768, 0.18, 0.2, 0.3, 0.4])
def test_formulas_meet_at_their_border(shift):
    # KL passes 1/16 near a shift of 0.1767; relative differences pass 0.2 near 0.17.
    p, q = [0.5 + shift, 0.5 - shift], [0.5, 0.5]
    for a, b in ((p, q), (q, p)):
        assert relative_error(kl_divergence(a, b, base=math.e), reference.kl(a, b)) < 1e-14
        assert relative_error(js_divergence(a, b, base=math.e), reference.js(a, b)) < 1e-14


@pytest.mark.parametrize(
    ("p", "q"),
    [
        ([1e-300, 1.0], [0.5, 0.5]),
        ([0.5, 0.5], [1e-300, 1.0]),
        ([0.5, 0.5], [TINY, 1.0]),
        ([1e-310, 1.0], [1e-320, 1.0]),
        ([1.0, TINY], [TINY, 1.0]),
        ([1e-200, 1.0], [1.0, 1e-200]),
        ([0.3, 0.7], [2.5e-308, 1.0]),
        ([1e-16, 1.0], [1e-17, 1.0]),
        ([1e-9, 1 - 1e-9], [1e-12, 1 - 1e-12]),
        ([0.1, 0.2, 0.7], [0.7, 0.2, 0.1]),
    ],
)
def test_tiny_probabilities_and_huge_ratios(p, q):
    with reference.mpmath.workdps(700):  # so that 1 + 1e-310 is not 1
        pairs = zip(reference.exact(p, False), reference.exact(q, False), strict=True)
        truths = {
            kl_divergence: reference.kl(p, q),
            js_divergence: reference.js(p, q),
            # Here 1e-17 that is missing in q counts, so that q is taken as it is.
            cross_entropy: -sum(x * reference.mpmath.log(y) for x, y in pairs),
        }
    for f, truth in truths.items():
        value = f(p, q, base=math.e)
        # Subnormal results have fewer digits: one unit in their last place is allowed.
        assert relative_error(value, truth) < 1e-13 or abs(value - float(truth)) <= 1e-321
    assert entropy(p, base=math.e) == pytest.approx(
        float(reference.entropy(p)), rel=1e-14, abs=2e-16
    )


@pytest.mark.parametrize("p", [TINY, 1e-300, 1e-20, 1e-9, 0.1, 0.5, 0.9, 1 - 1e-9, 1 - 2.0**-53])
def test_binary_entropy_near_0_and_1(p):
    # The complement 1 − p is taken exactly, which two stored probabilities could not do.
    x = reference.mpf(p)
    log = reference.mpmath.log
    truth = -x * log(x) - (1 - x) * reference.mpmath.log1p(-x)
    value = binary_entropy(p, base=math.e)
    assert relative_error(value, truth) < 1e-14 or p == TINY
    assert value == pytest.approx(float(truth), rel=1e-2)  # subnormal: two digits
