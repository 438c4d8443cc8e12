"""Entropy, cross-entropy and KL divergence of densities, by quadrature.

Densities are SciPy's frozen continuous distributions, such as scipy.stats.norm(0, 1). The names
are those of `measures`; import the module: `from infolib import continuous`.
"""

import math
import warnings

import numpy as np
from scipy.integrate import IntegrationWarning, quad

from infolib._pmf import log_unit

# In nats, relative to the larger of 1 and the result.
TOLERANCE = 1e-8
# Each half of the mass is integrated in pieces that meet at these quantiles, so that no peak is
# overlooked.
QUANTILES = (0.25, 0.02, 1e-4, 1e-8, 1e-12)
# The last stretch before a finite end of the support, relative to its distance from the median:
# there a density is a power of the distance to the end, and its integral is known. Near an end
# other than 0, the distance has lost digits, and the stretch must be longer.
END = 1e-14
END_OF_ROUNDED = 1e-8
LONGEST_END = 1e-3
# Below this, the mass of the last stretch is taken from the density: SciPy's cumulative
# probabilities near an end may be rounding alone.
SMALL_MASS = 1e-8
# Periodic densities, which SciPy repeats without end, are recognised at a point so many
# interquartile ranges above the median.
FAR = 1e6
# Less than this on an e-fold of x is no mass: a logarithm that underflows there costs nothing.
NO_MASS = 1e-30


def differential_entropy(p, *, base=2):
    """Expected −log of a density: h(P) = −∫ p·log p dx.

    >>> from scipy.stats import uniform
    >>> print(f"{differential_entropy(uniform(0, 8)):.6f}")
    3.000000

    Parameters
    ----------
    p : frozen continuous distribution of scipy.stats
        The density.
    base : float
        Unit of the result: 2 gives bits, e gives nats, 10 gives bans.

    Returns
    -------
    float
        In units of `base`, relative to the unit in which x is measured; may be negative.

    Raises
    ------
    ValueError
        If `p` is no continuous distribution.
    ArithmeticError
        If the integral does not settle to 1e-8 nats (relative, above 1): it may diverge. Also
        if `p` has a total probability other than 1, as scipy.stats.vonmises has on its support.

    References
    ----------
    Cover & Thomas, 2nd ed., eq. (8.1). Derived in chapter 2.
    """
    unit = log_unit(base)
    _check(p, "p")
    return _expectation(p, lambda x: -_log(p, x)) / unit


def cross_entropy(p, q, *, base=2):
    """Expected −log q of draws from p: −∫ p·log q dx.

    >>> from scipy.stats import norm
    >>> print(f"{cross_entropy(norm(0, 1), norm(1, 1)):.6f}")
    2.768443

    Parameters
    ----------
    p, q : frozen continuous distributions of scipy.stats
        The densities.
    base : float
        Unit of the result: 2 gives bits, e gives nats, 10 gives bans.

    Returns
    -------
    float
        In units of `base`; infinite where `p` has mass outside the support of `q`.

    Raises
    ------
    ValueError, ArithmeticError
        As for `differential_entropy`.

    References
    ----------
    Derived in chapter 4.
    """
    unit = log_unit(base)
    _check(p, "p")
    _check(q, "q")
    if _has_mass_outside(p, q):
        return math.inf
    return _expectation(p, lambda x: -_log(q, x)) / unit


def kl_divergence(p, q, *, base=2):
    """Expected log(p/q) of draws from p: ∫ p·log(p/q) dx.

    >>> from scipy.stats import norm
    >>> print(f"{kl_divergence(norm(0, 1), norm(1, 1)):.6f}")
    0.721348

    Parameters
    ----------
    p, q : frozen continuous distributions of scipy.stats
        The densities.
    base : float
        Unit of the result: 2 gives bits, e gives nats, 10 gives bans.

    Returns
    -------
    float
        In units of `base`, 0 or more; infinite where `p` has mass outside the support of `q`.

    Raises
    ------
    ValueError, ArithmeticError
        As for `differential_entropy`.

    References
    ----------
    Cover & Thomas, 2nd ed., eq. (8.46). Derived in chapter 6.
    """
    unit = log_unit(base)
    _check(p, "p")
    _check(q, "q")
    if _has_mass_outside(p, q):
        return math.inf
    # The integral may end a rounding error below zero; the divergence cannot.
    return max(_expectation(p, lambda x: _log(p, x) - _log(q, x)), 0.0) / unit


def _check(p, name):
    if not all(hasattr(p, method) for method in ("logpdf", "logcdf", "logsf", "ppf", "support")):
        raise ValueError(
            f"{name} is of type {type(p).__name__}; pass a frozen continuous distribution, "
            "such as scipy.stats.norm(0, 1)"
        )
    try:
        with np.errstate(all="ignore"):
            (low, high), middle = p.support(), p.ppf([0.25, 0.5, 0.75])
        good = np.ndim(low) == 0 and low < high and np.isfinite(middle).all()
    except (TypeError, ValueError):  # a family without its parameters, or an array of them
        good = False
    if not good:
        raise ValueError(
            f"{name} is no single distribution with a scale above 0 and finite parameters"
        )
    with np.errstate(all="ignore"):
        far = p.logcdf(middle[1] + FAR * (middle[2] - middle[0]))
    if far > TOLERANCE:
        raise ArithmeticError(
            f"{name} has a total probability above 1 between {low:g} and {high:g}; restrict it to "
            "a support with probability 1, such as one period: vonmises_line instead of vonmises"
        )


def _has_mass_outside(p, q):
    (p_low, p_high), (q_low, q_high) = p.support(), q.support()
    # Ends that differ by rounding alone are the same.
    below = p_low < q_low - 4 * np.spacing(abs(q_low)) if math.isfinite(q_low) else False
    above = p_high > q_high + 4 * np.spacing(abs(q_high)) if math.isfinite(q_high) else False
    return bool((below and p.logcdf(q_low) > -math.inf) or (above and p.logsf(q_high) > -math.inf))


def _log(p, x):
    with np.errstate(all="ignore"):
        return float(p.logpdf(x))


def _expectation(p, g):
    """∫ p·g dx over both halves of the mass, which is checked on the way."""
    value = error = mass = 0.0
    infinite = False  # where q excludes what p allows
    for side in (-1, 1):
        points, place = _half(p, side)

        def weight(y, place=place):
            x, slope = place(y)
            w = math.exp(_log(p, x) + math.log(slope)) if slope > 0 else 0.0
            return w if w > 0 else 0.0  # far out, some densities of SciPy are NaN

        def integrand(y, place=place, weight=weight):
            w = weight(y)
            value = g(place(y)[0]) if w > 0 else 0.0
            return 0.0 if math.isinf(value) and w < NO_MASS else w * value

        for low, high in zip(points, points[1:], strict=False):
            piece = _integrate(integrand, low, high)
            infinite = infinite or piece[0] == math.inf
            value, error = value + piece[0], error + piece[1]
            mass += _integrate(weight, low, high)[0]
            if high == math.inf:
                # quad may miss that an integrand grows again beyond where it looked: what it is
                # at the farthest point that floating point reaches counts as an error.
                steps = (low + 2.0**i for i in range(-6, 10))
                seen = (y for y in steps if weight(y) > 0 and math.isfinite(g(place(y)[0])))
                error += abs(integrand(max(seen, default=low)))
        if math.isfinite(p.support()[side > 0]):
            tail = _end(p, g, p.support()[side > 0], place(points[-1])[0])
            value, error, mass = value + tail[0], error + tail[1], mass + tail[2]
    if abs(mass - 1) <= TOLERANCE and (infinite or error <= TOLERANCE * max(1.0, abs(value))):
        return math.inf if infinite else float(value)
    raise ArithmeticError(
        f"the integral did not settle: about {value:.6g} nats, with an error that may be "
        f"{error:.2g} and a total probability of {mass:.10g}; it may diverge"
    )


def _integrate(f, low, high):
    with warnings.catch_warnings():
        # What quad warns of shows in its estimate of the error, which is checked.
        warnings.simplefilter("ignore", IntegrationWarning)
        return quad(f, low, high, epsabs=TOLERANCE / 100, epsrel=1e-11, limit=400)


def _half(p, side):
    """Where pieces meet on one side of the median, and what turns y into x and dx/dy.

    y counts e-folds of the distance: to a finite end of the support it shrinks, on an infinite
    side the distance from the median grows. Singular ends and heavy tails become plain
    exponentials.
    """
    median, end = float(p.ppf(0.5)), float(p.support()[side > 0])
    quantile = p.isf if side > 0 else p.ppf
    if math.isfinite(end):
        width = abs(end - median)
        last = -math.log(min(max(END, END_OF_ROUNDED * abs(end) / width), LONGEST_END))

        def place(y):
            return end - side * width * math.exp(-y), width * math.exp(-y)

        def y_of(x):
            return -math.log(abs(end - x) / width) if x != end else math.inf

    else:
        scale = abs(float(quantile(QUANTILES[0])) - median)
        last = math.inf

        def place(y):
            grown = scale * math.exp(min(y, 709.0))
            return median + side * (grown - scale), grown

        def y_of(x):
            return math.log1p(abs(x - median) / scale)

    points = {y_of(float(quantile(u))) for u in QUANTILES}
    return [0.0, *sorted(y for y in points if 0 < y < last), last], place


def _end(p, g, end, cut):
    """∫ p·g from a finite end to the cut, how far it may be off, and the mass there.

    There p ∝ δ^(a−1) with δ the distance to the end, so that the mass is m = δ·p(δ)/a and
    E[log(δ/cut)] = −1/a; and g is linear in log δ, as far as its slope does not change. The
    exponent is that of two values of p for a small mass, and that which agrees with the cumulative
    probability for a larger one.
    """
    log_p, log_nearest = _log(p, cut), _log(p, end + (cut - end) / 4)
    if log_nearest == -math.inf:
        return 0.0, 0.0, 0.0
    weight = abs(cut - end) * math.exp(log_p)
    a = 1 + (log_p - log_nearest) / math.log(4)
    mass = weight / a if a > 0 else math.inf
    if not mass < SMALL_MASS:
        mass = math.exp(p.logcdf(cut) if end < cut else p.logsf(cut))
        a = weight / mass if mass > 0 else math.inf
    if mass == 0:
        return 0.0, 0.0, 0.0
    at_cut, nearer, nearest = (g(end + (cut - end) / part) for part in (1, 2, 4))
    slope, change = at_cut - nearer, abs(at_cut - 2 * nearer + nearest)
    return mass * (at_cut - slope / (a * math.log(2))), mass * change / a, mass
