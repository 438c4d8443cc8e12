"""Entropy from samples: seven estimators on counts, and one for densities.

Counts are all that an estimator of discrete entropy needs; `count` makes them from samples.
N is the number of observations, f₁ and f₂ how many outcomes were seen once and twice.

Outcomes with equal counts contribute equal terms, so every estimator works on the distinct counts
and how many outcomes have each. Distinct counts are at most √(2N): hundreds for a million outcomes.
"""

import math
from collections import Counter

import numpy as np
from scipy.spatial import cKDTree
from scipy.special import digamma, gammaln, zeta

from infolib._pmf import as_array, as_counts, as_real, log_unit

# Gauss–Legendre quadrature; e^−NEGLIGIBLE is beyond the last digit.
NODES, WEIGHTS = np.polynomial.legendre.leggauss(128)
NEGLIGIBLE = 45.0

# Whole numbers whose range is at most 2·(how many there are) + ROOM are counted in a table, others
# by sorting. The table is ten times faster, and takes no more memory than two copies of them.
ROOM = 4096
BLOCK = 2**16  # numbers counted at a time: what is converted stays in the cache

# From LARGE on, these terms of Stirling's series for log Γ and its derivatives ψ and ψ′ leave no
# error in double precision.
LARGE = 16
BERNOULLI = (1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66, -691 / 2730)  # B₂, B₄, …
LOG_GAMMA = [b / (2 * j * (2 * j - 1)) for j, b in enumerate(BERNOULLI, start=1)]
DIGAMMA = [b / (2 * j) for j, b in enumerate(BERNOULLI, start=1)]


def count(samples):
    """How often each outcome was seen, most frequent first.

    >>> count("abracadabra").tolist()
    [5, 2, 2, 1, 1]

    Parameters
    ----------
    samples : str, bytes or array_like, shape (N,)
        Observations; equal values are the same outcome. Of a list, they may be of several types:
        1 and "1" are different outcomes.

    Returns
    -------
    ndarray of int64, shape (K,)
        Counts of the K outcomes that were seen.

    Raises
    ------
    ValueError
        If there is no sample, samples are not in one dimension, or one cannot be counted since
        Python cannot hash it.
    """
    if isinstance(samples, str):
        # Half of a pair of UTF-16 is a character like others.
        samples = np.frombuffer(samples.encode("utf-32-le", "surrogatepass"), dtype="<u4")
    elif isinstance(samples, (bytes, bytearray)):
        samples = np.frombuffer(samples, dtype=np.uint8)
    array = as_array(samples, name="samples")
    if array.ndim != 1 or array.size == 0:
        raise ValueError(f"samples has shape {array.shape}; pass one observation or more in a row")
    if array.dtype.kind == "O":
        counts = _counts_of_objects(array.tolist())
    elif array is not samples and _may_be_merged(array):
        counts = _counts_of_objects(samples)
    else:
        counts = _distinct(array)[1]
    return np.sort(counts)[::-1].astype(np.int64)


def plug_in(counts, *, base=2):
    """Entropy of the observed frequencies: the maximum-likelihood estimate, too low on average.

    >>> plug_in([2, 1, 1])
    1.5

    Parameters
    ----------
    counts : array_like of int, shape (K,)
        How often each outcome was seen; zeros change nothing.
    base : float
        Unit of the result: 2 gives bits, e gives nats, 10 gives bans.

    Returns
    -------
    float
        In units of `base`.

    Raises
    ------
    ValueError
        If the counts are negative, fractional or all zero.

    References
    ----------
    Paninski 2003. Derived in chapter 3.
    """
    values, multiplicity, n = _counts_of_counts(counts)
    return _plug_in(values, multiplicity, n) / log_unit(base)


def miller_madow(counts, *, base=2):
    """Plug-in estimate plus the leading term of its bias: (seen outcomes − 1)/2N nats.

    >>> print(f"{miller_madow([2, 1, 1]):.4f}")  # 1.5 + 2/(2·4·ln 2)
    1.8607

    Parameters
    ----------
    counts : array_like of int, shape (K,)
        How often each outcome was seen; zeros change nothing.
    base : float
        Unit of the result: 2 gives bits, e gives nats, 10 gives bans.

    Returns
    -------
    float
        In units of `base`.

    Raises
    ------
    ValueError
        If the counts are negative, fractional or all zero.

    References
    ----------
    Miller 1955; Paninski 2003. Derived in chapter 3.
    """
    values, multiplicity, n = _counts_of_counts(counts)
    correction = (float(multiplicity.sum()) - 1) / (2 * n)
    return (_plug_in(values, multiplicity, n) + correction) / log_unit(base)


def jackknife(counts, *, base=2):
    """N·H − (N − 1) times the mean plug-in estimate with one observation left out.

    >>> print(f"{jackknife([2, 1, 1]):.4f}")
    2.2451

    Parameters
    ----------
    counts : array_like of int, shape (K,)
        How often each outcome was seen; zeros change nothing.
    base : float
        Unit of the result: 2 gives bits, e gives nats, 10 gives bans.

    Returns
    -------
    float
        In units of `base`. A single observation gives 0.

    Raises
    ------
    ValueError
        If the counts are negative, fractional or all zero.

    References
    ----------
    Zahl 1977; Paninski 2003. Derived in chapter 3.
    """
    values, multiplicity, n = _counts_of_counts(counts)
    # What N·H − (N − 1)·mean adds to H, with all that cancels taken out: the terms n·log n.
    correction = (multiplicity * values / n * _jackknife_term(values)).sum() - _jackknife_term(n)
    return (_plug_in(values, multiplicity, n) + float(correction)) / log_unit(base)


def _jackknife_term(n):
    """1 + (n − 1)·log(1 − 1/n): 1 for n = 1, and about 1/2n for large n, where a series is used."""
    x = 1 / n
    series = x * (1 / 2 + x * (1 / 6 + x * (1 / 12 + x * (1 / 20 + x / 30))))
    return np.where(n < 500, 1 + (n - 1) * np.log1p(-1 / np.maximum(n, 1.5)), series)


def grassberger(counts, *, base=2):
    """log N − Σ (n/N)·G(n), where G replaces the logarithm of each count.

    >>> print(f"{grassberger([2, 1, 1]):.4f}")
    2.3901

    G(n) = ψ(n) + (−1)ⁿ/2·(ψ((n + 1)/2) − ψ(n/2)), with ψ the digamma function.

    Parameters
    ----------
    counts : array_like of int, shape (K,)
        How often each outcome was seen; zeros change nothing.
    base : float
        Unit of the result: 2 gives bits, e gives nats, 10 gives bans.

    Returns
    -------
    float
        In units of `base`.

    Raises
    ------
    ValueError
        If the counts are negative, fractional or all zero.

    References
    ----------
    Grassberger 2003. Used in chapter 3.
    """
    values, multiplicity, n = _counts_of_counts(counts)
    # By the duplication formula of ψ, G(n) = log 2 + ψ(odd/2), with odd the one of n and n + 1.
    odd = values + (values + 1) % 2
    terms = np.log1p((n - odd) / odd) - _digamma_less_log(odd / 2)
    return float((multiplicity * values / n * terms).sum() / log_unit(base))


def chao_shen(counts, *, base=2):
    """Horvitz–Thompson estimate with frequencies scaled to the coverage, 1 − f₁/N.

    >>> print(f"{chao_shen([2, 1, 1]):.4f}")
    2.5438

    Parameters
    ----------
    counts : array_like of int, shape (K,)
        How often each outcome was seen; zeros change nothing.
    base : float
        Unit of the result: 2 gives bits, e gives nats, 10 gives bans.

    Returns
    -------
    float
        In units of `base`. If every outcome was seen once, the coverage is taken as 1/N.

    Raises
    ------
    ValueError
        If the counts are negative, fractional or all zero.

    References
    ----------
    Chao & Shen 2003. Used in chapter 3.
    """
    values, multiplicity, n = _counts_of_counts(counts)
    singletons = float(multiplicity[values == 1].sum())
    covered = max(n - singletons, 1.0)
    p = covered / n * values / n
    minus_log_p = math.log1p((n - covered) / covered) + np.log1p((n - values) / values)
    # 1 − (1 − p)ᴺ, the chance that an outcome is seen at all; without loss for small p.
    with np.errstate(divide="ignore"):
        seen = -np.expm1(n * np.log1p(-p))
    return float((multiplicity * p * minus_log_p / seen).sum() / log_unit(base))


def chao_wang_jost(counts, *, base=2):
    """Estimate from the rate at which new outcomes are still being discovered.

    >>> print(f"{chao_wang_jost([2, 1, 1]):.4f}")
    2.2902

    Parameters
    ----------
    counts : array_like of int, shape (K,)
        How often each outcome was seen; zeros change nothing.
    base : float
        Unit of the result: 2 gives bits, e gives nats, 10 gives bans.

    Returns
    -------
    float
        In units of `base`. It needs no number of outcomes.

    Raises
    ------
    ValueError
        If the counts are negative, fractional or all zero.

    References
    ----------
    Chao, Wang & Jost 2013. Used in chapter 3.
    """
    values, multiplicity, n = _counts_of_counts(counts)
    unit = log_unit(base)
    f1, f2 = (float(multiplicity[values == times].sum()) for times in (1, 2))
    # ψ(N) − ψ(n), accurate also where one n is nearly all of N.
    rest = _digamma_less_log(np.append(values, n))
    rise = np.log1p((n - values) / values) + (rest[-1] - rest[:-1])
    seen = (multiplicity * values / n * rise).sum()
    if f2 > 0:
        a = 2 * f2 / ((n - 1) * f1 + 2 * f2)
    else:
        a = 2 / ((n - 1) * (f1 - 1) + 2) if f1 > 0 else 1.0
    return float((seen + f1 / n * _rest_of_logarithm(a, n)) / unit)


def _rest_of_logarithm(a, n):
    """(1 − A)^(1−n)·(−log A − Σ_{r<n} (1 − A)^r/r), as an integral in which no digits cancel.

    The bracket is the rest of the series of −log A, and the whole is the integral of
    x·e^−s/(n·(1 − x·e^(−s/n))) over s > 0, with x = 1 − A. In w, where s = c·(e^w − 1) and c is
    the scale on which the denominator doubles, it is smooth.
    """
    x = 1 - a
    if x <= 0:
        return 0.0
    c = n * a / x
    end = math.log1p(NEGLIGIBLE / c)
    w = (NODES + 1) / 2 * end
    s = c * np.expm1(w)
    f = x * np.exp(-s) / (n * (a - x * np.expm1(-s / n))) * c * np.exp(w)
    return float(WEIGHTS @ f * end / 2)


def nsb(counts, n_outcomes, *, base=2, return_std=False):
    """Posterior mean of the entropy under a prior that is nearly uniform in entropy.

    >>> print(f"{nsb([2, 1, 1], 3):.4f}")
    1.4105

    Parameters
    ----------
    counts : array_like of int, shape (K,)
        How often each outcome was seen; zeros may be left out.
    n_outcomes : int
        How many outcomes are possible, seen or not.
    base : float
        Unit of the result: 2 gives bits, e gives nats, 10 gives bans.
    return_std : bool
        Whether to return the posterior standard deviation too.

    Returns
    -------
    entropy : float
        In units of `base`.
    std : float
        Only with `return_std`: in units of `base`.

    Raises
    ------
    ValueError
        If the counts are negative, fractional or all zero, or more outcomes were seen than
        `n_outcomes`.

    References
    ----------
    Nemenman, Shafee & Bialek 2002; Wolpert & Wolf 1995 for the moments at a
    fixed concentration. Used in chapter 3.
    """
    values, multiplicity, n = _counts_of_counts(counts)
    unit = log_unit(base)
    if isinstance(n_outcomes, bool) or not isinstance(n_outcomes, (int, np.integer)):
        raise ValueError(f"n_outcomes is {n_outcomes!r}; pass a whole number")
    k = int(n_outcomes)
    seen = int(multiplicity.sum())
    if k < seen:
        raise ValueError(f"n_outcomes is {k}, but {seen} outcomes were seen")
    if k == 1:
        return (0.0, 0.0) if return_std else 0.0
    beta, weights = _nsb_posterior(values, multiplicity, n, k)
    # Those not seen are outcomes of count 0.
    values, multiplicity = np.append(0.0, values), np.append(float(k - seen), multiplicity)
    mean, variance = _in_blocks(
        lambda b: _dirichlet_moments(values, multiplicity, n, k, b), beta, values.size
    )
    h = float(weights @ mean)
    if not return_std:
        return h / unit
    return h / unit, math.sqrt(weights @ (variance + (mean - h) ** 2)) / unit


def kozachenko_leonenko(samples, *, k=3, base=2):
    """Differential entropy from the distance of each sample to its k-th nearest neighbour.

    >>> rng = np.random.default_rng(0)
    >>> print(f"{kozachenko_leonenko(rng.normal(size=10_000)):.1f}")  # truth: 2.05 bits
    2.1

    Parameters
    ----------
    samples : array_like, shape (N,) or (N, d)
        Draws from a density in d dimensions.
    k : int
        Which neighbour; a larger k means less variance and more bias.
    base : float
        Unit of the result: 2 gives bits, e gives nats, 10 gives bans.

    Returns
    -------
    float
        In units of `base`; may be negative.

    Raises
    ------
    ValueError
        If `k` is not from 1 to N − 1, a sample is not finite, or k + 1 samples are equal.

    References
    ----------
    Kozachenko & Leonenko 1987. Used in chapter 3.
    """
    x = as_real(samples, name="samples")
    x = x[:, np.newaxis] if x.ndim == 1 else x
    if x.ndim != 2 or x.size == 0:
        raise ValueError(f"samples has shape {x.shape}; pass one row for each draw")
    if not np.isfinite(x).all():
        raise ValueError("samples holds NaN or infinity; leave such rows out")
    n, d = x.shape
    if isinstance(k, bool) or not isinstance(k, (int, np.integer)) or not 1 <= k < n:
        raise ValueError(f"k is {k!r}; with {n} samples, pass a whole number from 1 to {n - 1}")
    distance = _distance_on_a_line(x[:, 0], k) if d == 1 else cKDTree(x).query(x, [k + 1])[0]
    if not distance.all():
        raise ValueError(
            f"samples repeats a value more than {k} times: these are not draws from a density; "
            "count them and estimate a discrete entropy, or choose a larger k"
        )
    log_ball = d / 2 * math.log(math.pi) - gammaln(d / 2 + 1)
    h = digamma(n) - digamma(k) + log_ball + d * np.log(distance).mean()
    return float(h / log_unit(base))


def _distance_on_a_line(x, k):
    """From each number to its k-th nearest other, in sorted order.

    A number and its k nearest are neighbours in sorted order: one of the k + 1 windows that hold
    the number. The wrong windows reach further than the right one.
    """
    x = np.sort(x).astype(float, copy=False)
    low, high = x[:-k], x[k:]
    distance = np.full(x.size, np.inf)
    down, up = np.empty_like(low), np.empty_like(low)
    with np.errstate(over="ignore"):
        for i in range(k + 1):  # the place of the number in its window
            inside = slice(i, i + low.size)
            np.subtract(x[inside], low, out=down)
            np.subtract(high, x[inside], out=up)
            np.maximum(down, up, out=up)
            np.minimum(distance[inside], up, out=distance[inside])
    return distance


# ---------------------------------------------------------------- counts of counts


def _may_be_merged(array):
    """Whether different objects of a list may have become equal in the array that NumPy makes.

    It makes text of all that stands beside text, drops null characters at its end, and rounds
    large whole numbers beside fractions or negative ones.
    """
    return array.dtype.kind in "US" or (array.dtype.kind == "f" and (abs(array) >= 2.0**53).any())


def _counts_of_objects(samples):
    """How often each of the objects in a sequence occurs."""
    try:
        return list(Counter(samples).values())
    except TypeError as error:
        raise ValueError(
            f"samples cannot be counted ({error}); pass numbers, texts or tuples of them"
        ) from None


def _distinct(array):
    """The distinct values in order, and how often each occurs."""
    if array.dtype.kind in "iub":
        low, high = int(array.min()), int(array.max())
        width = high - low + 1
        if width <= 2 * array.size + ROOM and high < 2**63:
            table = np.zeros(width, dtype=np.int64)
            step = max(BLOCK, width)  # so that adding up tables takes no longer than counting
            for start in range(0, array.size, step):
                block = array[start : start + step]
                block = np.subtract(block, low, dtype=np.int64, casting="unsafe")
                # The platform's own integers have 32 bits in a browser.
                table += np.bincount(block.astype(np.intp, copy=False), minlength=width)
            values = np.flatnonzero(table).astype(np.int64, copy=False)
            return values + low, table[values]
    return np.unique(array, return_counts=True)


def _counts_of_counts(counts):
    """The distinct positive counts in order, how many outcomes have each, and N, all as floats.

    Results depend on these alone: order, zeros and how counts were added up change no digit.
    """
    array = as_array(counts, name="counts")
    values, multiplicity = _distinct(array if _are_plain_counts(array) else as_counts(counts))
    if values[0] == 0:
        values, multiplicity = values[1:], multiplicity[1:]
    values, multiplicity = values.astype(float), multiplicity.astype(float)
    return values, multiplicity, float((values * multiplicity).sum())


def _are_plain_counts(array):
    """Whether `as_counts` would return them as they are: a check without its copies as floats."""
    if array.dtype.kind not in "iu" or array.ndim != 1 or array.size == 0:
        return False
    return array.min() >= 0 and 0 < array.max() < 2**53


def _plug_in(values, multiplicity, n):
    # −log(n/N) as log(1 + (N − n)/n): no digits cancel where one count is nearly all of N.
    return float((multiplicity * values / n * np.log1p((n - values) / values)).sum())


# ---------------------------------------------------------------- ψ and Γ without cancellation


def _stirling(x, coefficients):
    """Σ c₂ⱼ/x²ʲ, the sum at the end of Stirling's series and of its derivatives."""
    y = 1 / (x * x)
    total = coefficients[-1] * y
    for c in coefficients[-2::-1]:
        total += c
        total *= y
    return total


def _digamma_less_log(x):
    """ψ(x) − log x, which is about −1/2x, to its last digit."""
    result = -0.5 / x - _stirling(x, DIGAMMA)
    small = x < LARGE
    result[small] = digamma(x[small]) - np.log(x[small])
    return result


def _trigamma_excess(x):
    """x·ψ′(x) − 1, which is about 1/2x, to its last digit."""
    result = 0.5 / x + _stirling(x, BERNOULLI)
    small = x < LARGE
    result[small] = x[small] * zeta(2, x[small]) - 1
    return result


def _log_rising(beta, values, multiplicity):
    """Σ m·log Γ(β + n)/Γ(β), less what does not depend on β, at each β.

    The ratio is β·(β + 1)·…·(β + n − 1). Up to LARGE factors are taken one by one, and Stirling's
    series gives the others. Its terms are arranged, and its constants left out, such that none is
    large: the difference of two logarithms of Γ loses digits for many observations and huge β.
    """
    first = np.arange(LARGE)
    above = (multiplicity * (values > first[:, np.newaxis])).sum(axis=1)
    result = np.log(beta[:, np.newaxis] + first) @ above
    many = values > LARGE
    if many.any():
        n, m, beta = values[many], multiplicity[many], beta[:, np.newaxis]
        # log Γ(b + more)/Γ(b), with b = β + LARGE and more = n − LARGE
        b, more = beta + LARGE, n - LARGE
        terms = (b - 0.5) * np.log1p(more / b) + more * np.log1p(beta / n)
        terms += (b + more) * _stirling(b + more, LOG_GAMMA) - b * _stirling(b, LOG_GAMMA)
        result += terms @ m
    return result


# ---------------------------------------------------------------- NSB

NSB_SEARCH = 33  # points on which the peak is searched
NSB_POINTS = 25  # points on which it is integrated, before the step is halved as often as needed
NSB_HALVINGS = 7
NSB_TOLERANCE = 1e-7  # of the sum before the last halving, which squares the error, or better
NSB_CELLS = 2**13  # values × points evaluated at a time: what is computed stays in the cache


def _nsb_posterior(values, multiplicity, n, k):
    """Concentrations β, and their normalised posterior weights.

    Both are for an integral over log β by the trapezoidal rule. Its integrand is smooth and falls
    off on both sides, where the rule converges faster than any power of the step.
    """

    def log_weight(log_beta):
        beta = np.exp(log_beta)
        f = _in_blocks(lambda b: _log_rising(b, values, multiplicity), beta, values.size)
        return f - _log_rising(k * beta, np.array([n]), np.ones(1)) + np.log(_nsb_prior(beta, k))

    # Below β = 1/K the weight falls at least as fast as β, above N as fast as 1/β, and in between
    # it has one peak: cut off what is negligible until that is less than half of the range.
    low, high = -math.log(k) - NEGLIGIBLE - 15, math.log(n) + NEGLIGIBLE + 15
    width = math.inf
    while high - low < width / 2:
        width = high - low
        t = np.linspace(low, high, NSB_SEARCH)
        f = log_weight(t)
        peak = np.flatnonzero(f > f.max() - NEGLIGIBLE)
        low, high = t[max(peak[0] - 1, 0)], t[min(peak[-1] + 1, NSB_SEARCH - 1)]

    t = np.linspace(low, high, NSB_POINTS)
    f = log_weight(t)
    for _ in range(NSB_HALVINGS):
        t, before = np.linspace(low, high, 2 * t.size - 1), f
        f = np.empty_like(t)
        f[::2], f[1::2] = before, log_weight(t[1::2])
        weights = np.exp(f - f.max())
        total = weights.sum()
        if abs(2 * weights[::2].sum() - total) < NSB_TOLERANCE * total:
            break
    return np.exp(t), weights / total


def _in_blocks(evaluate, beta, width):
    """The results of `evaluate`, which uses arrays of `width` columns, for a few β at a time."""
    blocks = np.array_split(beta, math.ceil(beta.size * width / NSB_CELLS))
    return np.concatenate([evaluate(block) for block in blocks], axis=-1)


def _nsb_prior(beta, k):
    """β·dξ/dβ, with ξ(β) the entropy expected before any observation."""
    # β·(K·ψ′(Kβ + 1) − ψ′(β + 1)); for large β the series is what does not cancel.
    large = np.maximum(beta, LARGE)
    series = _stirling(k * large, BERNOULLI) - _stirling(large, BERNOULLI) + (1 - 1 / k) / 2 / large
    direct = k * beta * zeta(2, k * beta + 1) - beta * zeta(2, beta + 1)
    return np.where(beta < LARGE, direct, series)


def _dirichlet_moments(values, multiplicity, n, k, beta):
    """Mean and variance of H in nats, for p ~ Dirichlet(n + β), at each β.

    With a = n + β, A = Σ a and d = ψ(A + 1) − ψ(a + 1), the mean is Σ (a/A)·d. Wolpert & Wolf's
    variance can be arranged into terms none of which is negative, with τ(x) = x·ψ′(x):
    (A + 1)·Var = Σ (a/A)·(d − mean)² + Σ (a/A)·(τ(a + 1) − τ(A + 1)).
    """
    beta = beta[:, np.newaxis]
    a, total = values + beta, n + k * beta
    others = (n - values) + (k - 1) * beta
    share = multiplicity * a / total
    d = np.log1p(others / (a + 1)) + (_digamma_less_log(total + 1) - _digamma_less_log(a + 1))
    mean = (share * d).sum(axis=1)
    spread = (d - mean[:, np.newaxis]) ** 2
    spread += _trigamma_excess(a + 1) - _trigamma_excess(total + 1)
    return np.stack([mean, (share * spread).sum(axis=1) / (total[:, 0] + 1)])
