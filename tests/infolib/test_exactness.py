"""Units in the last place against hundreds of digits; any layout; memory that does not grow."""

import tracemalloc
from concurrent.futures import ThreadPoolExecutor

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks import exactness
from infolib import (
    _sums,
    binary_entropy,
    cross_entropy,
    cross_entropy_loss,
    entropy,
    js_divergence,
    kl_divergence,
    mutual_information,
    perplexity,
)

ULP = 2.0**-52


@pytest.fixture(scope="module")
def worst():
    return exactness.errors(draws=2, seed=1)


@pytest.mark.parametrize(
    ("quantity", "units"),
    [
        ("entropy", 2),
        ("entropy, float32", 2),
        ("cross-entropy", 2),
        ("KL divergence", 2),
        ("KL divergence, below 1/16 nat", 2),
        ("Jensen–Shannon divergence", 2),
        ("loss", 2),
        ("loss, confident", 2),
        ("loss, float32", 2),
        ("gradient", 3),
        ("gradient, confident", 3),
    ],
)
def test_worst_error(worst, quantity, units):
    ours = {name: e for name, e in worst[quantity].items() if name.startswith("infolib")}
    assert ours and max(ours.values()) <= units


weights = st.floats(-300, 0).map(lambda e: 10.0**e)
rows = st.integers(2, 6).flatmap(
    lambda k: st.tuples(
        st.lists(weights, min_size=k, max_size=k), st.lists(weights, min_size=k, max_size=k)
    )
)


@given(rows)
def test_divergences_of_any_magnitudes(pair):
    p, q = (exactness.normalised(np.array(w)) for w in pair)
    with mpmath.workdps(exactness.DIGITS):
        truth = exactness.kl_divergence(p, q)
        # The border between the two meanings of the truth is no place to measure units.
        if abs(truth - 1 / 16) > 1e-9 and truth > 1e-26:
            assert exactness.error(kl_divergence(p, q, base=np.e), truth, ULP) <= 2.5
        truth = exactness.js_divergence(p, q)
        if truth > 1e-26:
            assert exactness.error(js_divergence(p, q, base=np.e), truth, ULP) <= 2


@given(st.lists(st.floats(-1e4, 1e4), min_size=2, max_size=6), st.data())
def test_losses_of_any_logits(z, data):
    z, label = np.array(z), data.draw(st.integers(0, len(z) - 1))
    loss, gradient = cross_entropy_loss(z, label, return_gradient=True)
    with mpmath.workdps(exactness.DIGITS):
        truth, slopes = exactness.loss_and_gradient(z, label)
        assert exactness.error(loss, truth, ULP) <= 2
        for value, slope in zip(gradient, slopes, strict=True):
            assert exactness.error(value, slope, ULP) <= 3


PAIRS = (cross_entropy, kl_divergence, js_divergence)


def layouts(a):
    """The same table of two axes, stored in every way."""
    read_only = a.copy()
    read_only.flags.writeable = False
    wide = np.zeros((a.shape[0], 2 * a.shape[1]))
    wide[:, ::2] = a
    yield from (np.asfortranarray(a), read_only, wide[:, ::2], a[::-1][::-1], a.astype(">f8"))
    yield np.ascontiguousarray(a.T).T


@pytest.mark.parametrize("shape", [(7, 5), (3, 70_000), (40_000, 3)])
def test_layouts(shape):
    rng = np.random.default_rng(5)
    p, q = (rng.dirichlet(np.ones(shape[1]), shape[0]) for _ in range(2))
    labels = rng.integers(0, shape[1], shape[0])
    for a, b in zip(layouts(p), layouts(q), strict=True):
        assert (entropy(a) == entropy(p)).all()
        assert (entropy(a.T, axis=0) == entropy(p)).all()
        for f in PAIRS:
            assert (f(a, b) == f(p, q)).all()
        assert (cross_entropy_loss(a, labels) == cross_entropy_loss(p, labels)).all()


def test_three_axes_in_any_order():
    rng = np.random.default_rng(6)
    p, q = (rng.dirichlet(np.ones(4), (30, 20)) for _ in range(2))
    p[0, 0], q[0, 0] = q[0, 0], q[0, 0] * (1 + 1e-9 * np.array([1, -1, 1, -1]))
    for axis in range(3):
        a, b = np.moveaxis(p, -1, axis), np.moveaxis(q, -1, axis)
        np.testing.assert_allclose(kl_divergence(a, b, axis=axis), kl_divergence(p, q), rtol=ULP)


@pytest.mark.parametrize("kind", [np.int8, np.uint8, np.int32, np.uint64])
def test_integers_are_certain(kind):
    p = np.eye(3, dtype=kind)
    assert entropy(p).tolist() == [0, 0, 0] and entropy(p).dtype == np.float64
    assert kl_divergence(p[0], np.array([0.5, 0.25, 0.25])) == 1
    assert cross_entropy(np.array([0.5, 0.25, 0.25]), p[0]) == np.inf
    assert js_divergence(p[0], p[1]) == 1
    with pytest.raises(ValueError, match="p sums to 3, not to 1"):
        entropy(np.array([1, 2], dtype=kind))


@pytest.mark.parametrize("kind", ["f8", "f4"])
def test_results_are_in_the_machines_byte_order(kind):
    z, y = np.zeros((2, 4), dtype=f">{kind}"), np.array([0, 3], dtype=np.uint64)
    loss, gradient = cross_entropy_loss(z, y, return_gradient=True)
    results = (loss, gradient, entropy(np.full((2, 4), 0.25, dtype=z.dtype)))
    assert [result.dtype.str for result in results] == [np.dtype(kind).str] * 3
    assert loss.tolist() == pytest.approx([np.log(4)] * 2)


def peak_memory(f, *arguments):
    """Bytes beyond the arguments."""
    tracemalloc.start()
    try:
        f(*arguments)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("f", [lambda p, q: entropy(p), *PAIRS])
def test_memory_beyond_the_input_does_not_grow(f):
    small, large = (np.full(n, 1 / n) for n in (10**6, 4 * 10**6))
    peak = peak_memory(f, small, small)
    assert peak < small.nbytes
    assert peak_memory(f, large, large) < peak + 100_000
    certain = np.zeros(16 * 10**6, dtype=np.int8)
    certain[7] = 1
    assert peak_memory(f, certain, certain) < certain.nbytes / 2


@pytest.mark.parametrize("labels", [np.zeros(400_000, dtype=int), np.full((400_000, 10), 0.1)])
def test_memory_of_a_loss_is_a_few_numbers_a_row(labels):
    z = np.zeros((400_000, 10))
    assert peak_memory(cross_entropy_loss, z, labels) < z.nbytes / 3
    gradient = z.nbytes
    assert peak_memory(lambda: cross_entropy_loss(z, labels, return_gradient=True)) < (
        gradient + z.nbytes / 3
    )


LONG = [_sums.BLOCK - 1, _sums.BLOCK, _sums.BLOCK + 1, 2 * _sums.BLOCK + 1, 3 * _sums.BLOCK + 7]


@pytest.mark.parametrize("k", LONG)
def test_near_distributions_of_many_outcomes(k):
    rng = np.random.default_rng(k)
    p = rng.dirichlet(np.ones(k))
    q = exactness.normalised(p * (1 + 1e-5 * rng.standard_normal(k)))
    assert kl_divergence(p, p) == 0
    together = kl_divergence(np.stack([p, p]), np.stack([q, p]))
    assert together[0] == pytest.approx(kl_divergence(p, q), rel=ULP) and together[1] == 0
    with mpmath.workdps(50):
        assert (
            exactness.error(kl_divergence(p, q, base=np.e), exactness.kl_divergence(p, q), ULP) < 2
        )
    x = np.stack([p, p]) / 2
    assert mutual_information(x) < 1e-15


@pytest.mark.parametrize("off", [1e-12, 9e-10, -9e-10])
def test_near_distributions_whose_sums_miss_1(off):
    p = np.tile([0.99 / 64, 0.01 / 64], 64)
    q = np.tile([0.998 / 64, 0.002 / 64], 64) * (1 + off)
    with mpmath.workdps(50):
        truth = exactness.kl_divergence(p, q)
        assert exactness.error(kl_divergence(p, q, base=np.e), truth, ULP) <= 3


def test_smallest_numbers():
    assert js_divergence([1.0, 5e-324], [1.0, 0.0]) <= 5e-324
    loss, gradient = cross_entropy_loss([1.7e308, -1.7e308], 1, return_gradient=True)
    assert loss == np.inf and gradient.tolist() == [1, -1]
    assert cross_entropy_loss(np.float32([[3.4e38, -3.4e38]]), [1])[0] == np.inf


def test_a_call_inside_another_has_memory_of_its_own():
    p, inner = np.full(300_000, 1 / 300_000), np.full(1000, 1e-3)
    with _sums._work() as outer:
        outer[:] = 1
        entropy(inner), kl_divergence(inner, inner), cross_entropy_loss(inner, 0)
        assert (outer == 1).all()
    assert entropy(p) == pytest.approx(np.log2(300_000), rel=1e-14)


def test_threads_do_not_share_memory():
    rng = np.random.default_rng(9)
    many = [rng.dirichlet(np.ones(100_000)) for _ in range(8)]
    alone = [entropy(p) for p in many]
    with ThreadPoolExecutor(8) as pool:
        for _ in range(5):
            assert list(pool.map(entropy, many)) == alone


def test_what_overflows_is_refused_by_name():
    p = np.zeros(2 * _sums.BLOCK)
    p[0] = p[-1] = 1.7e308
    with pytest.raises(ValueError, match="p sums to inf, not to 1"):
        entropy(p)


def test_masked_arrays_are_refused():
    with pytest.raises(ValueError, match=r"p is a masked array; pass p\.compressed\(\)"):
        entropy(np.ma.array([0.25, 0.25, 0.5], mask=[0, 0, 1]))


@pytest.mark.parametrize("base", [np.array([2, 2]), 2 + 0j])
def test_a_base_that_is_no_number_is_named(base):
    with pytest.raises(ValueError, match="base is"):
        entropy([0.5, 0.5], base=base)


def test_half_precision_is_answered_in_double():
    p = np.float16([0.1])
    assert binary_entropy(p).tolist() == [binary_entropy(float(p[0]))]


@pytest.mark.parametrize("n", [8, 100, 3 * _sums.BLOCK])
def test_zeros_anywhere(n):
    """Met in the first block or a later one, in p, in q, or in both."""
    rng = np.random.default_rng(n)
    dense = rng.dirichlet(np.ones(n))
    keep = np.arange(n) < (2 * n + 2) // 3
    for kept in (keep, ~keep, rng.random(n) < 0.6):
        p = exactness.normalised(np.where(kept, dense, 0.0))
        q = exactness.normalised(np.where(kept, dense[::-1] + 1 / n, 0.0))
        x, y = p[kept], q[kept]
        assert entropy(p) == pytest.approx(entropy(x), rel=2 * ULP, abs=0)
        for f in PAIRS:
            assert f(p, q) == pytest.approx(f(x, y), rel=3 * ULP, abs=0)
        q[np.flatnonzero(kept)[-1]] = 0.0
        assert cross_entropy(p, exactness.normalised(q)) == np.inf
        assert kl_divergence(p, exactness.normalised(q)) == np.inf


@pytest.mark.parametrize("tiny", [5e-324, 1e-310, 1e-200, 1e-20])
def test_what_q_excludes_counts_however_rare(tiny):
    p, q = np.zeros((2, 40)), np.zeros((2, 40))
    p[:, 0] = q[:, 0] = 1
    p[1, 7] = tiny
    for f in (cross_entropy, kl_divergence):
        assert f(p, q).tolist() == [0, np.inf]
        assert f(p[1], q[1]) == np.inf


@pytest.mark.parametrize("place", [0, _sums.BLOCK + 5])
def test_a_negative_number_among_zeros_is_found(place):
    p = np.zeros(2 * _sums.BLOCK)
    p[-1] = 1
    p[place] = -1e-310
    q = np.full(p.size, 1 / p.size)
    for f in (entropy, lambda p: kl_divergence(p, q), lambda p: cross_entropy(p, q)):
        with pytest.raises(ValueError, match=rf"p\[{place}\] is -1e-310; probabilities"):
            f(p)
    for f in PAIRS:
        with pytest.raises(ValueError, match=rf"q\[{place}\] is -1e-310; probabilities"):
            f(q, p)


def test_sums_above_1_give_no_negative_uncertainty():
    above = [1 + 5e-10]
    assert entropy(above) == cross_entropy([1.0], above) == 0
    assert cross_entropy(np.array([[1.0]]), np.array([above])).tolist() == [0]
    assert perplexity(above) == perplexity([1.0], above) == 1


def test_rows_do_not_depend_on_their_neighbours():
    """Losses do within a unit: a product with ones adds four rows at a time."""
    rng = np.random.default_rng(8)
    for k in range(2, 40):
        p, q = rng.dirichlet(np.ones(k), 11), rng.dirichlet(np.ones(k), 11)
        labels = rng.integers(0, k, 11)
        for n in range(1, 11):
            rows = slice(11 - n, 11)
            assert (entropy(p[rows], base=3) == entropy(p, base=3)[rows]).all()
            assert (cross_entropy(p[rows], q[rows]) == cross_entropy(p, q)[rows]).all()
            few = cross_entropy_loss(p[rows], labels[rows])
            np.testing.assert_allclose(few, cross_entropy_loss(p, labels)[rows], rtol=ULP)
