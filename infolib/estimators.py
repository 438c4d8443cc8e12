"""Entropy from samples: seven estimators on counts, and one for densities.

Counts are all that an estimator of discrete entropy needs; `count` makes them from samples.
N is the number of observations, f₁ and f₂ how many outcomes were seen once and twice.
"""

import math

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.spatial import cKDTree
from scipy.special import betaln, digamma, entr, gammaln, polygamma

from infolib._pmf import as_array, as_counts, as_real, log_unit

# Gauss–Legendre quadrature; e^−NEGLIGIBLE is beyond the last digit.
NODES, WEIGHTS = np.polynomial.legendre.leggauss(128)
NEGLIGIBLE = 45.0


def count(samples):
    """How often each outcome was seen, most frequent first.

    >>> count("abracadabra").tolist()
    [5, 2, 2, 1, 1]

    Parameters
    ----------
    samples : str, bytes or array_like, shape (N,)
        Observations; equal values are the same outcome.

    Returns
    -------
    ndarray of int64, shape (K,)
        Counts of the K outcomes that were seen.

    Raises
    ------
    ValueError
        If there is no sample, or samples are not in one dimension.
    """
    if isinstance(samples, str):
        samples = np.frombuffer(samples.encode("utf-32-le"), dtype="<u4")
    elif isinstance(samples, (bytes, bytearray)):
        samples = np.frombuffer(samples, dtype=np.uint8)
    samples = as_array(samples, name="samples")
    if samples.ndim != 1 or samples.size == 0:
        raise ValueError(
            f"samples has shape {samples.shape}; pass one observation or more in a row"
        )
    return np.sort(np.unique(samples, return_counts=True)[1])[::-1].astype(np.int64)


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
    counts = _observed(counts)
    return float(entr(counts / counts.sum()).sum() / log_unit(base))


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
    counts = _observed(counts)
    correction = (counts.size - 1) / (2 * counts.sum())
    return plug_in(counts, base=base) + float(correction / log_unit(base))


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
    counts = _observed(counts)
    unit = log_unit(base)
    n = counts.sum()
    if n == 1:
        return 0.0
    # What N·H − (N − 1)·mean adds to H, with all that cancels taken out: the terms k·log k.
    k = counts[counts > 1]
    correction = (k / n * (k - 1) * np.log1p(-1 / k)).sum() - (n - 1) * math.log1p(-1 / n)
    return plug_in(counts, base=base) + float(correction / unit)


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
    counts = _observed(counts)
    n = counts.sum()
    sign = np.where(counts % 2, -1.0, 1.0)
    g = digamma(counts) + sign / 2 * (digamma((counts + 1) / 2) - digamma(counts / 2))
    return float((math.log(n) - (counts * g).sum() / n) / log_unit(base))


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
    counts = _observed(counts)
    n = counts.sum()
    singletons = (counts == 1).sum()
    coverage = 1 - min(singletons, n - 1) / n if n > 1 else 1.0
    p = coverage * counts / n
    # 1 − (1 − p)ᴺ, the chance that an outcome is seen at all; without loss for small p.
    with np.errstate(divide="ignore"):
        seen = -np.expm1(n * np.log1p(-p))
    return float((entr(p) / seen).sum() / log_unit(base))


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
    counts = _observed(counts)
    unit = log_unit(base)
    n = int(counts.sum())
    f1, f2 = int((counts == 1).sum()), int((counts == 2).sum())
    seen = (counts / n * (digamma(n) - digamma(counts))).sum()
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
    counts = _observed(counts)
    unit = log_unit(base)
    if isinstance(n_outcomes, bool) or not isinstance(n_outcomes, (int, np.integer)):
        raise ValueError(f"n_outcomes is {n_outcomes!r}; pass a whole number")
    k = int(n_outcomes)
    if k < counts.size:
        raise ValueError(f"n_outcomes is {k}, but {counts.size} outcomes were seen")
    if k == 1:
        return (0.0, 0.0) if return_std else 0.0
    log_beta, weights = _nsb_posterior(counts, k)
    beta = np.exp(log_beta)
    h = float(weights @ _dirichlet_mean(counts, k, beta))
    if not return_std:
        return h / unit
    variance = float(weights @ _dirichlet_square(counts, k, beta, h))
    return h / unit, math.sqrt(max(variance, 0.0)) / unit


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
    distance = cKDTree(x).query(x, k=[k + 1])[0][:, 0]
    if not distance.all():
        raise ValueError(
            f"samples repeats a value more than {k} times: these are not draws from a density; "
            "count them and estimate a discrete entropy, or choose a larger k"
        )
    log_ball = d / 2 * math.log(math.pi) - gammaln(d / 2 + 1)
    h = digamma(n) - digamma(k) + log_ball + d * np.log(distance).mean()
    return float(h / log_unit(base))


def _observed(counts):
    counts = as_counts(counts)
    return counts[counts > 0]


# Points of the trapezoidal rule over the posterior of log β. The integrand is smooth and falls off
# on both sides, where the rule converges faster than any power of the step.
NSB_POINTS = 2001
NSB_DROP = 45.0  # what is cut off is below e^−45 of the maximum


def _nsb_posterior(counts, k):
    """Log concentrations, and their normalised posterior weights."""
    values, multiplicity = np.unique(counts, return_counts=True)
    n = int(counts.sum())

    def log_weight(log_beta):
        beta = np.exp(np.atleast_1d(np.asarray(log_beta, dtype=float)))[:, np.newaxis]
        # log Γ(n + β)/Γ(β) = log Γ(n) − log B(β, n): without the difference of two large numbers.
        likelihood = (multiplicity * (gammaln(values) - betaln(beta, values))).sum(axis=1)
        likelihood -= gammaln(n) - betaln(k * beta[:, 0], n)
        return likelihood + np.log(_nsb_slope(beta[:, 0], k)) + np.log(beta[:, 0])

    grid = np.linspace(-60.0, 60.0, 481)
    start = grid[np.argmax(log_weight(grid))]
    peak = minimize_scalar(
        lambda t: -float(log_weight(t)[0]), bounds=(start - 0.5, start + 0.5), method="bounded"
    ).x
    top = log_weight(peak)[0]
    ends = []
    for direction in (-1, 1):
        step = 1e-6
        while step < 100 and log_weight(peak + direction * step)[0] > top - NSB_DROP:
            step *= 1.5
        ends.append(peak + direction * step)
    log_beta = np.linspace(*ends, NSB_POINTS)
    weights = np.exp(log_weight(log_beta) - top)
    return log_beta, weights / weights.sum()


def _nsb_slope(beta, k):
    """dξ/dβ, with ξ(β) the entropy expected before any observation."""
    slope = k * polygamma(1, k * beta + 1) - polygamma(1, beta + 1)
    # For large β the two terms cancel, and the difference of their asymptotic series is left.
    series = ((1 - 1 / k) / 2 - (1 - 1 / k**2) / (6 * beta)) / beta**2
    return np.where(beta > 1e4, series, slope)


def _dirichlet(counts, k, beta):
    """Parameters n + β of the posterior at each β, how many outcomes have each, and their sum."""
    values, multiplicity = np.unique(counts, return_counts=True)
    a = np.append(values, 0) + beta[:, np.newaxis]
    multiplicity = np.append(multiplicity, k - counts.size).astype(float)
    return a, multiplicity, (multiplicity * a).sum(axis=1, keepdims=True)


def _dirichlet_mean(counts, k, beta):
    """E[H] in nats, for p ~ Dirichlet(counts + β), at each β."""
    a, multiplicity, total = _dirichlet(counts, k, beta)
    return (multiplicity * a / total * (digamma(total + 1) - digamma(a + 1))).sum(axis=1)


def _dirichlet_square(counts, k, beta, h):
    """E[(H − h)²], for p ~ Dirichlet(counts + β), at each β.

    H − h = −Σ p·(log p + h). Taking h into each term leaves little to cancel.
    """
    a, multiplicity, total = _dirichlet(counts, k, beta)
    shift = digamma(a + 1) - digamma(total + 2) + h
    # The double sum over i ≠ j is a square less its diagonal.
    pairs = (multiplicity * a * shift).sum(axis=1) ** 2 - (multiplicity * (a * shift) ** 2).sum(1)
    common = polygamma(1, total + 2)
    same = a * (a + 1) * ((shift + 1 / (a + 1)) ** 2 + polygamma(1, a + 2) - common)
    # Σ_{i≠j} aᵢ·aⱼ = total² − Σ a²
    products = total[:, 0] ** 2 - (multiplicity * a**2).sum(axis=1)
    sums = pairs - products * common[:, 0] + (multiplicity * same).sum(axis=1)
    return sums / (total * (total + 1))[:, 0]
