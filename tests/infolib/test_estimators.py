"""Estimators against their published formulas in 50 digits, and against simulation."""

import collections
import functools
import math
import tracemalloc

import mpmath
import numpy as np
import pytest
import scipy.spatial
import scipy.special
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st
from mpmath import mpf

from infolib import entropy, estimators
from tests.infolib.reference import relative_error

NAN, INF = math.nan, math.inf
DISCRETE = {
    name: getattr(estimators, name)
    for name in ("plug_in", "miller_madow", "jackknife", "grassberger", "chao_shen")
} | {"chao_wang_jost": estimators.chao_wang_jost}
ALL = DISCRETE | {"nsb": lambda counts, **k: estimators.nsb(counts, 1000, **k)}
COUNTS = [
    [1],
    [2],
    [7],
    [1, 1],
    [2, 1],
    [2, 1, 1],
    [1, 1, 1, 1, 1],  # nothing seen twice
    [5, 3, 3, 1, 1],  # no outcome seen twice: f2 = 0
    [5, 3, 1],  # f2 = 0, f1 = 1
    [6, 4, 4, 3],  # f1 = f2 = 0
    [8, 2, 2],  # f1 = 0
    [40, 20, 11, 7, 4, 2, 2, 1, 1, 1, 1],
    [1000, 1],
    [*range(1, 25)],
    [1] * 100 + [2] * 3,
    [100, 60, 30, 2, 2, 1, 1, 1, 1, 1],
    [10_000, 500, 200, 2, 1, 1, 1],
]
ONE_DOMINATES = [
    [10**6, 1],
    [10**6, 10**5, 10, 2],
    [10**9, 2, 2, 1, 1, 1],
    [10**12, 1, 1, 1],
    [10**12 + 1, 3, 1],
    [10**15, 7, 2, 1],
]
counts_lists = st.lists(st.integers(1, 40), min_size=1, max_size=12)


# ---------------------------------------------------------------- formulas in 50 digits, in nats


def plug_in(counts):
    n = sum(counts)
    return -mpmath.fsum(mpf(c) / n * mpmath.log(mpf(c) / n) for c in counts if c)


def miller_madow(counts):
    return plug_in(counts) + mpf(len(counts) - 1) / (2 * sum(counts))


def jackknife(counts):
    """Every observation left out once, in so many words (equal counts give equal results)."""
    n = sum(counts)
    if n == 1:
        return mpf(0)
    left_out = functools.cache(
        lambda c: (
            plug_in([c - 1, *(counts[:i] + counts[i + 1 :])])
            if (i := counts.index(c)) >= 0
            else None
        )
    )
    return n * plug_in(counts) - mpf(n - 1) / n * mpmath.fsum(c * left_out(c) for c in counts)


def grassberger(counts):
    """Grassberger 2003: G by its recursion, or for large counts by its definition."""
    g = {1: -mpmath.euler - mpmath.log(2), 2: 2 - mpmath.euler - mpmath.log(2)}
    for m in range(3, min(max(counts), 20_000) + 1):
        g[m] = g[m - 1] if m % 2 else g[m - 2] + mpf(2) / (m - 1)
    for c in set(counts) - g.keys():
        halves = mpmath.psi(0, mpf(c + 1) / 2) - mpmath.psi(0, mpf(c) / 2)
        g[c] = mpmath.psi(0, c) + mpf(-1) ** c / 2 * halves
    n = sum(counts)
    return mpmath.log(n) - mpmath.fsum(c * g[c] for c in counts) / n


def chao_shen(counts):
    n, f1 = sum(counts), counts.count(1)
    coverage = 1 - mpf(f1 if f1 < n else n - 1) / n
    scaled = [coverage * c / n for c in counts]
    return -mpmath.fsum(p * mpmath.log(p) / (1 - (1 - p) ** n) for p in scaled)


def chao_wang_jost(counts):
    """Chao, Wang & Jost 2013, eq. (7), whose last bracket cancels: hence many digits."""
    n, f1, f2 = sum(counts), counts.count(1), counts.count(2)
    if f2:
        a = mpf(2 * f2) / ((n - 1) * f1 + 2 * f2)
    elif f1:
        a = mpf(2) / ((n - 1) * (f1 - 1) + 2)
    else:
        a = mpf(1)
    # Σ 1/k over the k from c to n − 1.
    tails = {c: mpmath.harmonic(n - 1) - mpmath.harmonic(c - 1) for c in set(counts)}
    seen = mpmath.fsum(c * tails[c] for c in counts) / n
    if f1 == 0 or a == 1:
        return seen
    if (
        n > 100_000
    ):  # the bracket without its first n − 1 terms, Σ_{r≥n} (1 − A)^r/r, as an integral
        f = lambda s: (1 - a) * mpmath.exp(-s) / (n * (1 - (1 - a) * mpmath.exp(-s / n)))  # noqa: E731
        return seen + mpf(f1) / n * mpmath.quad(f, [0, n * a / 100, n * a, 1, 10, 100, 200])
    # As many digits more as (1 − A)^(1 − n) has.
    with mpmath.workdps(60 + int((1 - n) * mpmath.log10(1 - a))):
        x = 1 - mpf(2 * f2 if f2 else 2) / ((n - 1) * (f1 if f2 else f1 - 1) + (2 * f2 or 2))
        rest, power = -mpmath.log(1 - x), mpf(1)
        for r in range(1, n):
            power *= x
            rest -= power / r
        return seen + mpf(f1) / n / power * rest


FORMULAS = {
    f.__name__: f
    for f in (plug_in, miller_madow, jackknife, grassberger, chao_shen, chao_wang_jost)
}


@pytest.mark.parametrize(
    ("name", "counts"),
    [
        pytest.param(
            name,
            counts,
            id=f"{name}-{counts[:5]}",
        )
        for name in FORMULAS
        for counts in COUNTS
    ],
)
def test_estimators_follow_their_formulas(name, counts):
    value, truth = ALL[name](counts, base=math.e), FORMULAS[name](counts)
    assert value == pytest.approx(float(truth), rel=2e-13, abs=1e-15)


@pytest.mark.parametrize("name", FORMULAS)
@pytest.mark.parametrize("counts", ONE_DOMINATES, ids=str)
def test_no_digits_are_lost_where_one_count_dominates(name, counts):
    # The entropy is tiny, and a difference of logarithms or of ψ would lose as many digits.
    truth = FORMULAS[name](counts)
    assert relative_error(ALL[name](counts, base=math.e), truth) < 1e-13


@given(counts_lists)
def test_any_counts_follow_the_formulas(counts):
    for name, formula in FORMULAS.items():
        truth = float(formula(counts))
        assert ALL[name](counts, base=math.e) == pytest.approx(truth, rel=1e-12, abs=1e-13), name


def test_chao_wang_jost_where_the_rest_is_nearly_divergent():
    # All 20,000 seen once or twice: 1 − A is near 1 and the series is long.
    counts = [1] * 18_000 + [2] * 1_000
    value = estimators.chao_wang_jost(counts, base=math.e)
    assert value == pytest.approx(float(chao_wang_jost(counts)), rel=1e-12)


@given(counts_lists, st.floats(1.1, 20), st.randoms(use_true_random=False))
def test_zeros_order_type_and_base_change_nothing(counts, base, random):
    shuffled = [*counts, 0, 0]
    random.shuffle(shuffled)
    for name, f in DISCRETE.items():
        h = f(counts)
        assert type(h) is float
        assert f(shuffled) == h, name
        for dtype in (float, np.float32, np.int8, np.uint64, np.int64):
            assert f(np.array(shuffled, dtype=dtype)) == h, name
        assert f(counts, base=2) == h
        assert f(counts, base=base) == pytest.approx(h * math.log(2) / math.log(base), abs=1e-12)


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize(("n", "k"), [(50, 900), (3000, 900), (300_000, 30)])
def test_counts_of_parts_add_up_to_the_counts_of_the_whole(name, n, k):
    samples = np.random.default_rng(n).geometric(4 / k, size=n) % k
    parts = [np.bincount(part, minlength=k) for part in np.array_split(samples, 3)]
    merged = ALL[name](parts[2] + (parts[0] + parts[1]))
    assert (
        merged
        == ALL[name](np.bincount(samples, minlength=k))
        == ALL[name](estimators.count(samples))
    )


@pytest.mark.parametrize("name", ALL)
def test_distinct_counts_found_in_a_table_or_by_sorting_give_the_same(name, monkeypatch):
    rng = np.random.default_rng(12)
    counts = rng.poisson(300, size=900)
    counts[0] = 2 * counts.size + estimators.ROOM  # the largest for which there is a table
    in_table = ALL[name](counts)
    monkeypatch.setattr(estimators, "ROOM", estimators.ROOM - 600)
    assert ALL[name](counts) == in_table
    assert ALL[name](counts.tolist()) == in_table


@given(counts_lists)
def test_plug_in_is_the_entropy_of_frequencies(counts):
    frequencies = np.array(counts) / sum(counts)
    assert estimators.plug_in(counts) == pytest.approx(entropy(frequencies), rel=1e-13, abs=1e-15)
    assert estimators.miller_madow(counts) >= estimators.plug_in(counts)


@pytest.mark.parametrize("name", DISCRETE)
@pytest.mark.parametrize("n", [1, 2, 3, 1000, 10**6, 10**12])
def test_a_single_outcome_has_hardly_any_entropy(name, n):
    # Grassberger's estimator is below 2/n off; the others vanish.
    h = DISCRETE[name]([n], base=math.e)
    if name == "grassberger":
        assert abs(h) <= (1.3 if n == 1 else 2 / n)
    else:
        assert h == 0 and math.copysign(1, h) == 1


@pytest.mark.parametrize("name", DISCRETE)
def test_many_observations_of_few_outcomes(name):
    assert DISCRETE[name]([2**50, 2**50]) == pytest.approx(1, rel=1e-12)
    assert DISCRETE[name]([3 * 10**9, 10**9]) == pytest.approx(entropy([0.75, 0.25]), rel=1e-8)


@pytest.mark.parametrize("half", [10**6, 10**9, 2**40, 2**52])
def test_jackknife_of_many_observations(half):
    # The correction is about (K − 1)/2N: two equal counts give 1 bit and next to nothing more.
    expected = 1 + 1 / (4 * half * math.log(2))
    assert estimators.jackknife([half, half]) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("name", ALL)
def test_sums_of_counts_may_exceed_64_bits(name):
    assert ALL[name](np.full(1000, 2**53 - 1)) == pytest.approx(math.log2(1000), rel=1e-9)


def test_plug_in_of_powers_of_two():
    for bits in range(1, 12):
        assert estimators.plug_in([4] * 2**bits) == pytest.approx(bits, rel=5e-16)


# ---------------------------------------------------------------- bias, by simulation


def samples_of(p, n, times, seed):
    return np.random.default_rng(seed).multinomial(n, p, size=times)


def test_plug_in_is_too_low_and_corrections_are_closer():
    p = np.random.default_rng(3).dirichlet(np.ones(30))
    truth = entropy(p)
    samples = samples_of(p, 60, 400, seed=4)
    mean = {name: np.mean([f(c) for c in samples]) for name, f in DISCRETE.items()}
    assert mean["plug_in"] < truth - 0.2
    assert mean["plug_in"] < mean["miller_madow"] < truth
    for name in DISCRETE.keys() - {"plug_in"}:
        assert abs(mean[name] - truth) < 0.5 * abs(mean["plug_in"] - truth), name
    # Miller 1955: the bias is −(K − 1)/2N nats to leading order.
    at_large = samples_of(p, 3000, 300, seed=5)
    bias = np.mean([estimators.plug_in(c, base=math.e) for c in at_large]) - entropy(p, base=math.e)
    assert bias == pytest.approx(-29 / 6000, rel=0.2)


def test_chao_wang_jost_on_a_zipf_source():
    p = 1 / np.arange(1, 1001)
    p /= p.sum()
    truth = entropy(p)
    samples = samples_of(p, 1000, 50, seed=6)
    cwj = np.mean([estimators.chao_wang_jost(c) for c in samples])
    plug = np.mean([estimators.plug_in(c) for c in samples])
    assert abs(cwj - truth) < 0.1
    assert plug < truth - 0.5


def test_all_estimators_are_consistent():
    p = np.array([0.5, 0.25, 0.125, 0.0625, 0.0625])
    counts = samples_of(p, 1_000_000, 1, seed=7)[0]
    for name, f in DISCRETE.items():
        assert f(counts) == pytest.approx(1.875, abs=5e-3), name
    assert estimators.nsb(counts, 5) == pytest.approx(1.875, abs=5e-3)


# ---------------------------------------------------------------- NSB


def nsb_by_quadrature(counts, k):
    """Posterior mean and standard deviation in nats: the integral over β by the definitions.

    Where they differ by little, gamma functions lose up to 30 of the 55 digits.
    """
    times, n = collections.Counter(counts), sum(counts)
    log_gamma, psi = mpmath.loggamma, mpmath.psi

    def log_weight(t):
        beta = mpmath.exp(t)
        f = mpmath.fsum(m * (log_gamma(c + beta) - log_gamma(beta)) for c, m in times.items())
        f -= log_gamma(n + k * beta) - log_gamma(k * beta)
        slope = k * psi(1, k * beta + 1) - psi(1, beta + 1)  # of the prior mean of H
        return f + mpmath.log(slope) + t

    def moments(t):
        """E[H] and E[H²] of Wolpert & Wolf 1995."""
        beta = mpmath.exp(t)
        total = n + k * beta
        a = [(c + beta, m) for c, m in times.items()] + [(beta, k - len(counts))]
        a = [(x, m, psi(0, x + 1), psi(1, x + 1)) for x, m in a if m]
        mean = psi(0, total + 1) - mpmath.fsum(m * x * d for x, m, d, _ in a) / total
        shift, common = psi(0, total + 2), psi(1, total + 2)
        square = mpmath.fsum(m * x * (d - shift) for x, m, d, _ in a) ** 2
        square -= mpmath.fsum(m * (x * (d - shift)) ** 2 for x, m, d, _ in a)
        square -= common * (total**2 - mpmath.fsum(m * x**2 for x, m, _, _ in a))
        for x, m, d, d1 in a:
            d, d1 = d + 1 / (x + 1), d1 - 1 / (x + 1) ** 2
            square += m * x * (x + 1) * ((d - shift) ** 2 + d1 - common)
        return mean, square / (total * (total + 1))

    results = []
    with mpmath.workdps(55):
        low, high = -mpmath.log(k) - 70, mpmath.log(n) + 70
        found = range(0)
        while len(found) < 8:
            grid = mpmath.linspace(low, high, 17)
            f = [log_weight(t) for t in grid]
            found = [i for i, value in enumerate(f) if value > max(f) - 45]
            low, high = grid[max(found[0] - 1, 0)], grid[min(found[-1] + 1, 16)]
        # The trapezoidal rule on a grid, and on the points between: that both agree shows how
        # small the step is, and both together have the square of their error.
        step = min((high - low) / 60, mpf(2) / 5)
        grids = []
        for offset in (0, step / 2):
            points = [low + offset + i * step for i in range(int((high - low) / step))]
            rows = [(mpmath.exp(log_weight(t) - max(f)), *moments(t)) for t in points]
            sums = [mpmath.fsum(row[0] * row[i] for row in rows) for i in (1, 2)]
            grids.append([mpmath.fsum(row[0] for row in rows), *sums])
        for total, first, second in (*grids, [x + y for x, y in zip(*grids, strict=True)]):
            h = first / total
            results.append((h, mpmath.sqrt(second / total - h**2)))
    assert relative_error(results[0][0], results[1][0]) < 1e-8
    assert relative_error(results[0][1], results[1][1]) < 1e-6
    return results[2]


@pytest.mark.parametrize(
    ("counts", "k"),
    [
        ([2, 1, 1], 3),
        ([1], 2),
        ([1], 10**9),
        ([5, 2, 1], 10),
        ([4, 3, 1, 1], 10**6),
        ([2, 1, 1], 10**18),
        ([1] * 100, 100),
        ([1] * 100, 10**9),
        ([30, 17, 17, 16, 15, 4], 1000),
        ([1000] * 100, 100),
        ([10**6], 10**9),
        ([600_000, 250_000, 120_000, 25_000, 5_000], 5),
        ([10**6, 1, 1, 1], 10),
        ([10**12, 1, 1, 1], 10**9),
        ([10**15, 5, 1], 7),
    ],
    ids=lambda x: str(x[:5] if isinstance(x, list) else x),
)
def test_nsb_against_quadrature(counts, k):
    h, std = estimators.nsb(counts, k, base=math.e, return_std=True)
    mean, spread = nsb_by_quadrature(counts, k)
    assert relative_error(h, mean) < 1e-12
    assert relative_error(std, spread) < 1e-10


@pytest.mark.parametrize(
    ("counts", "k", "mean", "spread"),
    [
        ([3000 // i for i in range(1, 100)], 10**6, 3.67243809050939169, 0.0118882082471559922),
        ([300 + i * i % 41 for i in range(40)], 40, 3.68872591329897204, 0.000148711481559735613),
        ([2**i for i in range(20)], 20, 1.38629020012719858, 0.000957212258717917662),
    ],
    ids=["zipf", "nearly-uniform", "geometric"],
)
def test_nsb_of_many_distinct_counts(counts, k, mean, spread):
    # The same quadrature, made once: with so many distinct counts it takes a minute.
    h, std = estimators.nsb(counts, k, base=math.e, return_std=True)
    assert h == pytest.approx(mean, rel=1e-14)
    assert std == pytest.approx(spread, rel=1e-11)


@pytest.mark.parametrize("n", [10**12, 2**52])
def test_nsb_where_rounding_exceeds_the_drop_of_the_posterior(n):
    # Equal counts of this size say that p is uniform, whatever the concentration.
    for counts in ([n] * 50, [n - 1, n, n + 1] * 20):
        h, std = estimators.nsb(counts, len(counts), base=math.e, return_std=True)
        assert h == pytest.approx(math.log(len(counts)), rel=1e-12)
        assert 0 <= std < 1e-10


def test_nsb_of_two_outcomes_by_integrating_over_probabilities():
    # No moment of a Dirichlet distribution is used: p and β are both integrated over.
    for a, b in ((3, 2), (1, 1), (20, 4)):
        u = np.linspace(-45, 45, 3001)[:, None]  # log odds
        log_p, log_q = -np.logaddexp(0, -u), -np.logaddexp(0, u)
        h = -(np.exp(log_p) * log_p + np.exp(log_q) * log_q)
        t = np.linspace(-40, 40, 801)
        beta = np.exp(t)
        slope = 2 * scipy.special.polygamma(1, 2 * beta + 1) - scipy.special.polygamma(1, beta + 1)
        slope = np.where(beta > 1e4, 1 / (4 * beta**2), slope)
        # The peak of p^(a + β)·q^(b + β) narrows as β grows: cut where the grid is too coarse.
        keep = beta < 2e3
        log_w = (a + beta) * log_p + (b + beta) * log_q - scipy.special.betaln(beta, beta)
        w = np.exp(np.where(keep, log_w, -np.inf)) * slope * beta
        # From there on p = ½: the weights of β sum to an integral of 1/(4β²).
        tail = 2.0 ** -(a + b) / (4 * beta[keep][-1]) / ((t[1] - t[0]) * (u[1, 0] - u[0, 0]))
        total = w.sum() + tail
        mean = ((w * h).sum() + tail * math.log(2)) / total
        second = ((w * h**2).sum() + tail * math.log(2) ** 2) / total
        value, std = estimators.nsb([a, b], 2, base=math.e, return_std=True)
        assert value == pytest.approx(mean, rel=2e-4)
        assert std == pytest.approx(math.sqrt(second - mean**2), rel=2e-3)


def test_nsb_standard_deviation_is_the_spread_of_its_posterior():
    counts, k = np.array([6, 3, 2, 0, 0]), 5
    rng = np.random.default_rng(8)
    # Draw β from prior times likelihood on a grid, then probabilities, then look at entropies.
    t = np.linspace(-20, 20, 4001)
    beta = np.exp(t)
    log_w = (scipy.special.gammaln(counts[:, None] + beta) - scipy.special.gammaln(beta)).sum(0)
    log_w += scipy.special.gammaln(k * beta) - scipy.special.gammaln(11 + k * beta)
    expected = scipy.special.digamma(k * beta + 1) - scipy.special.digamma(beta + 1)
    w = np.exp(log_w - log_w.max()) * np.gradient(expected, t)
    drawn = beta[rng.choice(len(t), size=20_000, p=w / w.sum())]
    gammas = rng.standard_gamma(counts + drawn[:, None])
    h = scipy.stats.entropy(gammas / gammas.sum(axis=1, keepdims=True), axis=1, base=2)
    value, std = estimators.nsb(counts, k, return_std=True)
    assert value == pytest.approx(h.mean(), abs=0.01)
    assert std == pytest.approx(h.std(), rel=0.03)


def test_nsb_takes_its_unit_and_ignores_zeros():
    h, s = estimators.nsb([4, 2, 1], 7, base=math.e, return_std=True)
    for counts in ([4, 2, 1], [0, 1, 0, 4, 2], np.array([2.0, 1.0, 4.0])):
        bits, std = estimators.nsb(counts, np.int64(7), return_std=True)
        assert type(bits) is float and type(std) is float
        assert bits == pytest.approx(h / math.log(2), rel=1e-15)
        assert std == pytest.approx(s / math.log(2), rel=1e-15)
        assert estimators.nsb(counts, 7) == bits
    assert estimators.nsb([9], 1) == 0
    assert estimators.nsb([9], 1, return_std=True) == (0, 0)


@given(counts_lists, st.integers(0, 1000))
def test_nsb_lies_between_0_and_log_k(counts, more):
    k = len(counts) + more
    h, std = estimators.nsb(counts, k, return_std=True)
    assert 0 <= h <= math.log2(k) + 1e-12
    assert 0 <= std <= math.log2(k)


@pytest.mark.parametrize("n", [10**3, 10**5, 10**9])
def test_nsb_is_surer_the_more_it_saw(n):
    # For p near ½ the entropy is 1 − 2δ²/ln 2 bits, with δ of spread 1/(2·√(2n)): its standard
    # deviation is √2·2/ln 2·1/8n.
    _, std = estimators.nsb([n, n], 2, return_std=True)
    assert std == pytest.approx(math.sqrt(2) / (4 * n * math.log(2)), rel=0.1)


@pytest.mark.parametrize("k", [2.0, "3", None, True, NAN])
def test_nsb_needs_a_whole_number_of_outcomes(k):
    with pytest.raises(ValueError, match="n_outcomes is .*; pass a whole number"):
        estimators.nsb([1, 1], k)


@pytest.mark.parametrize("k", [1, 0, -5])
def test_nsb_needs_as_many_outcomes_as_were_seen(k):
    with pytest.raises(ValueError, match=f"n_outcomes is {k}, but 2 outcomes were seen"):
        estimators.nsb([3, 0, 1], k)


# ---------------------------------------------------------------- bad input


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ([1, -2], r"counts\[1\] is -2"),
        ([NAN, 1], r"counts\[0\] is nan"),
        ([1, INF], r"counts\[1\] is inf"),
        ([0.5, 0.5], r"counts\[0\] is 0\.5; .*not its probability"),
        ([0, 0], "counts holds no observation"),
        ([], "counts holds no observation"),
        ([[1, 2]], "counts has 2 dimensions"),
        (3, "counts has 0 dimensions"),
        ([[1], [1, 2]], "counts is ragged"),
        ("abc", "counts holds text"),
        ([1j], "counts is complex"),
    ],
)
def test_estimators_refuse_bad_counts(name, bad, message):
    with pytest.raises(ValueError, match=message):
        ALL[name](bad)


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("base", [0, 1, -2, NAN, INF, "2", None, True])
def test_estimators_refuse_bad_bases(name, base):
    with pytest.raises(ValueError, match="base is "):
        ALL[name]([2, 1], base=base)
    with pytest.raises(ValueError, match="base is "):
        ALL[name]([1], base=base)


# ---------------------------------------------------------------- count


def test_count():
    assert estimators.count("mississippi").tolist() == [4, 4, 2, 1]
    assert estimators.count("神说要有光就有了光").tolist() == [2, 2, 1, 1, 1, 1, 1]
    assert estimators.count("😀😀a").tolist() == [2, 1]  # beyond the first 65,536 characters
    assert estimators.count(b"aab").tolist() == [2, 1]
    assert estimators.count(bytearray(b"aab")).tolist() == [2, 1]
    assert estimators.count([3, -1, 3]).tolist() == [2, 1]
    assert estimators.count(["a", "b", "a"]).tolist() == [2, 1]
    assert estimators.count(np.array([0.5, 0.5])).tolist() == [2]
    assert estimators.count("a").dtype == np.int64


@pytest.mark.parametrize(
    ("samples", "counts"),
    [
        ([1, "1"], [1, 1]),
        (["a", "a\0"], [1, 1]),
        ([b"a", b"a\0", b"a"], [2, 1]),
        (["a", None, None], [2, 1]),
        (["a", 1.5, "a", None], [2, 1, 1]),
        (("a", "b", "a"), [2, 1]),
        ([2**70, 2**70 + 1, 2**70], [2, 1]),  # more than a whole number of NumPy holds
        ([2**53, 2**53 + 1, 0.5], [1, 1, 1]),
        ([2**63, 2**63 + 1, -1], [1, 1, 1]),
        ([0.5, 1e300, 0.5], [2, 1]),
        ([True, 1], [2]),  # equal in Python
        (np.array(["a", None, "a"], dtype=object), [2, 1]),
        (np.array(["a", "b", "a"]), [2, 1]),
        ("\ud800\udc00\ud800", [2, 1]),  # halves of pairs, of which no encoding makes bytes
    ],
)
def test_different_values_stay_different_outcomes(samples, counts):
    assert estimators.count(samples).tolist() == counts
    assert estimators.count(samples).dtype == np.int64


@given(st.text(st.characters(), min_size=1, max_size=20))
def test_count_agrees_with_counting(text):
    expected = sorted((text.count(c) for c in set(text)), reverse=True)
    assert estimators.count(text).tolist() == expected
    assert estimators.count(list(text)).tolist() == expected


@pytest.mark.parametrize(
    "dtype", [bool, *(f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64))]
)
@pytest.mark.parametrize("size", [1, 300, 200_000])
@pytest.mark.parametrize("place", ["lowest", "middle", "highest", "everywhere"])
def test_count_of_whole_numbers_of_every_kind(dtype, size, place):
    low, high = (0, 1) if dtype is bool else (np.iinfo(dtype).min, np.iinfo(dtype).max)
    width = min(max((high - low) // 2, 1), 1000)
    start = {"lowest": low, "middle": (low + high) // 2, "highest": high - width}.get(place, low)
    samples = np.random.default_rng(size).integers(0, width, size=size, endpoint=True).tolist()
    samples = [start + x for x in samples]
    if place == "everywhere":
        samples[0], samples[-1] = low, high
    expected = sorted(collections.Counter(samples).values(), reverse=True)
    counts = estimators.count(np.array(samples, dtype=dtype))
    assert counts.tolist() == expected
    assert counts.dtype == np.int64


def test_counting_takes_little_memory():
    samples = np.random.default_rng(14).integers(0, 256, size=5_000_000, dtype=np.uint8)
    tracemalloc.start()
    try:
        counts = estimators.count(samples)
        estimators.plug_in(counts)
        estimators.plug_in(np.array([2**52, 1]))
        assert tracemalloc.get_traced_memory()[1] < 2_000_000
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("bad", ["", b"", [], [[1, 2]], 5, None, np.zeros((0, 3))])
def test_count_refuses(bad):
    with pytest.raises(ValueError, match=r"samples has shape \(.*\); pass one observation"):
        estimators.count(bad)


def test_count_refuses_ragged_samples_by_name():
    with pytest.raises(ValueError, match="samples"):
        estimators.count([[1, 2], [3]])


@pytest.mark.parametrize("bad", [[{}], ["a", {}], np.array([[1], None], dtype=object)])
def test_count_refuses_what_cannot_be_told_apart(bad):
    with pytest.raises(ValueError, match="samples cannot be counted .*; pass numbers, texts or"):
        estimators.count(bad)


def test_count_refuses_what_is_no_sequence():
    with pytest.raises(ValueError, match=r"samples is a generator; pass a list: list\(samples\)"):
        estimators.count(x for x in "ab")


# ---------------------------------------------------------------- densities


@pytest.mark.parametrize("k", [1, 3, 10])
@pytest.mark.parametrize(
    "density",
    [scipy.stats.norm(0, 3), scipy.stats.uniform(2, 5), scipy.stats.expon(scale=0.01)],
    ids=["norm", "uniform", "expon"],
)
def test_kozachenko_leonenko_in_one_dimension(density, k):
    samples = density.rvs(20_000, random_state=np.random.default_rng(9))
    h = estimators.kozachenko_leonenko(samples, k=k, base=math.e)
    assert h == pytest.approx(density.entropy(), abs=0.04)


def test_kozachenko_leonenko_in_more_dimensions():
    rng = np.random.default_rng(10)
    for d in (2, 3):
        covariance = np.eye(d) + 0.5
        samples = rng.multivariate_normal(np.zeros(d), covariance, size=10_000)
        truth = scipy.stats.multivariate_normal(np.zeros(d), covariance).entropy() / math.log(2)
        assert estimators.kozachenko_leonenko(samples) == pytest.approx(truth, abs=0.08)


def test_kozachenko_leonenko_by_hand():
    # Kozachenko & Leonenko 1987: ψ(N) − ψ(k) + log(volume of the unit ball) + d·mean log distance.
    samples = [0.0, 1.0, 3.0]  # nearest neighbours at 1, 1, 2
    h = 1 + 1 / 2 + math.log(2) + math.log(2) / 3  # ψ(3) − ψ(1) = 1 + 1/2; the ball is [−1, 1]
    assert estimators.kozachenko_leonenko(samples, k=1, base=math.e) == pytest.approx(h, rel=1e-14)
    plane = [[0.0, 0.0], [3.0, 4.0]]
    h = 1 + math.log(math.pi) + 2 * math.log(5)
    assert estimators.kozachenko_leonenko(plane, k=1, base=math.e) == pytest.approx(h, rel=1e-14)


@pytest.mark.parametrize("n", [2, 3, 10, 500])
@pytest.mark.parametrize("dtype", [float, np.float32, int])
def test_kozachenko_leonenko_finds_the_neighbours_on_a_line(n, dtype):
    samples = (1000 * np.random.default_rng(n).standard_t(2, size=n)).astype(dtype)
    x = samples.astype(float)
    distances = np.sort(np.abs(x[:, None] - x), axis=1)
    for k in {1, 2, 3, 7, n // 2, n - 2, n - 1} & set(range(1, n)):
        if not distances[:, k].all():
            continue
        log_distance = np.log(distances[:, k]).mean()
        h = scipy.special.psi(n) - scipy.special.psi(k) + math.log(2) + log_distance
        for pass_as in (samples, samples[:, None], samples.tolist(), samples[::-1]):
            value = estimators.kozachenko_leonenko(pass_as, k=k, base=math.e)
            assert value == pytest.approx(h, rel=1e-13, abs=1e-13)
        by_tree = scipy.spatial.cKDTree(x[:, None]).query(x[:, None], k=[k + 1])[0]
        assert np.log(by_tree).mean() == pytest.approx(log_distance, rel=1e-13, abs=1e-13)


def test_kozachenko_leonenko_of_numbers_whose_squares_leave_the_range():
    x = np.random.default_rng(13).normal(size=200)
    h = estimators.kozachenko_leonenko(x)
    for exponent in (-900, 900):
        scaled = estimators.kozachenko_leonenko(np.ldexp(x, exponent))
        assert scaled == pytest.approx(h + exponent, rel=1e-13)
    assert estimators.kozachenko_leonenko([-1.7e308, 0, 1.7e308], k=2) == INF


def test_kozachenko_leonenko_scales_and_shifts():
    x = np.random.default_rng(11).normal(size=(500, 2))
    h = estimators.kozachenko_leonenko(x)
    assert estimators.kozachenko_leonenko(8 * x) == pytest.approx(h + 6, rel=1e-12)
    assert estimators.kozachenko_leonenko(x + 100) == pytest.approx(h, rel=1e-9)
    assert estimators.kozachenko_leonenko(x[::-1]) == pytest.approx(h, rel=1e-12)
    assert estimators.kozachenko_leonenko(x, base=4) == pytest.approx(h / 2, rel=1e-12)
    assert estimators.kozachenko_leonenko(x[:, :1]) == estimators.kozachenko_leonenko(x[:, 0])


@pytest.mark.parametrize(
    ("samples", "message"),
    [
        ([0.0, NAN, 1.0, 2.0, 3.0], "samples holds NaN or infinity"),
        ([0.0, INF, 1.0, 2.0, 3.0], "samples holds NaN or infinity"),
        ([], r"samples has shape \(0, 1\); pass one row for each draw"),
        (1.0, r"samples has shape \(\)"),
        (np.zeros((2, 2, 2)), r"samples has shape \(2, 2, 2\)"),
        ([[0.0], [1.0, 2.0]], "samples is ragged"),
        ("abcd", "samples holds text"),
        ([1j, 2j], "samples is complex"),
        ([1.0, 1.0, 1.0, 1.0, 2.0, 3.0], "samples repeats a value more than 3 times"),
    ],
)
def test_kozachenko_leonenko_refuses(samples, message):
    with pytest.raises(ValueError, match=message):
        estimators.kozachenko_leonenko(samples)


@pytest.mark.parametrize("k", [0, -1, 5, 1.0, True, None, "1"])
def test_kozachenko_leonenko_needs_a_neighbour(k):
    with pytest.raises(
        ValueError, match="k is .*; with 5 samples, pass a whole number from 1 to 4"
    ):
        estimators.kozachenko_leonenko([0.0, 1, 2, 3, 4], k=k)


@pytest.mark.parametrize("base", [0, 1, NAN, "2"])
def test_kozachenko_leonenko_refuses_bad_bases(base):
    with pytest.raises(ValueError, match="base is "):
        estimators.kozachenko_leonenko([0.0, 1, 2, 3, 4], base=base)


@pytest.mark.parametrize(
    ("counts", "k", "mean", "digits"),
    [
        # In nats, from the documentation of the package ndd: versions 0.8, 1.6.1 and 2, the last
        # of which integrates to fewer digits.
        ([7, 3, 5, 8, 9, 1, 3, 3, 1, 2, 5, 2, 11, 4, 23, 5, 8], 20, 2.623634344888532, 10),
        (
            [12, 4, 12, 4, 5, 3, 1, 5, 1, 2, 2, 2, 2, 11, 3, 4, 12, 12, 1, 2],
            100,
            2.840012048914245,
            10,
        ),
        ([4, 12, 4, 5, 3, 1, 5, 1, 2, 2, 2, 2, 11, 3, 4, 12, 12, 1, 2], 100, 2.8060922529931, 5),
    ],
)
def test_published_values_of_nsb(counts, k, mean, digits):
    assert estimators.nsb(counts, k, base=math.e) == pytest.approx(mean, rel=10.0**-digits)


def test_published_standard_deviation_of_nsb():
    counts = [4, 12, 4, 5, 3, 1, 5, 1, 2, 2, 2, 2, 11, 3, 4, 12, 12, 1, 2]
    std = estimators.nsb(counts, 100, base=math.e, return_std=True)[1]
    assert std == pytest.approx(0.11945501149743358, rel=1e-3)  # ndd, version 2
