"""Sums of x·log y over the last axis, in nats: the one room where accuracy is bought."""

import numpy as np

# Below this divergence the sum of p·log(p/q) loses digits to cancellation, and the sum of
# non-negative terms below takes over. Both are accurate on either side of the border.
NEAR = 1 / 16
# Where p and q differ by less than this, relative to their sum, the series below needs few terms.
SERIES_LIMIT = 0.2
SERIES_TERMS = 12


def sum_p_log_p(p):
    """Σ p·log p: minus the entropy in nats. 0·log 0 counts as 0."""
    return _sum(_x_log_y(p, p))


def sum_p_log_q(p, q):
    """Σ p·log q: minus the cross-entropy in nats. −inf where q = 0 < p."""
    return _sum(_x_log_y(p, q))


def sum_p_log_ratio(p, q):
    """Σ p·log(p/q): the KL divergence in nats, accurate to its last digits also near p = q."""
    far = _sum(_far_terms(p, q))
    near = far < NEAR
    if not near.any():
        return far
    # One formula for near rows, whatever the rows beside them: results never depend on company.
    # Where p and q differ by rounding alone, even this difference may end an ulp below zero.
    return np.where(near, np.maximum(_sum(_near_terms(p, q)) - _normalisation(p, q), 0), far)


def _far_terms(p, q):
    """p·log(p/q), with the limits 0·log(0/q) = 0 and p·log(p/0) = inf."""
    with np.errstate(divide="ignore", invalid="ignore", over="ignore", under="ignore"):
        ratio = p / q
        log_ratio = np.log(ratio)
        # A quotient that leaves the normal range of floating point has lost digits; the
        # difference of the logarithms has not.
        tiny, huge = np.finfo(p.dtype).tiny, np.finfo(p.dtype).max
        outside = ~((ratio >= tiny) & (ratio <= huge))
        log_ratio = np.where(outside, np.log(p) - np.log(q), log_ratio)
        return np.where(p > 0, p * log_ratio, 0.0)


def _near_terms(p, q):
    """p·log(p/q) − (p − q): never negative, so that nothing cancels in their sum.

    With d = p − q and s = d/(p + q), log(p/q) = 2·artanh(s), and the term becomes
    s·(d + 2p·s²·(1/3 + s²/5 + s⁴/7 + …)).
    """
    with np.errstate(divide="ignore", invalid="ignore", over="ignore", under="ignore"):
        d = p - q
        total = p + q
        s = np.where(total > 0, d / np.where(total > 0, total, 1), 0.0)
        s2 = s * s
        series = np.zeros_like(s2)
        for k in range(SERIES_TERMS, 0, -1):
            series = series * s2 + 1 / (2 * k + 1)
        close = s * (d + 2 * p * s2 * series)
        return np.where(np.abs(s) <= SERIES_LIMIT, close, _far_terms(p, q) - d)


def _normalisation(p, q):
    """What rounding in p and q adds to the sum of near terms.

    Stored probabilities sum to 1 only up to rounding. Σ(p − q) = δ adds δ²/2 to the leading
    order, which matters when the divergence itself is as small as δ².
    """
    return 0.5 * _sum(p - q) ** 2


def sum_js(p, q):
    """The Jensen–Shannon divergence in nats, as a sum of non-negative terms.

    With s = (p − q)/(p + q), each outcome contributes (p + q)/4·((1+s)·log(1+s) + (1−s)·log(1−s)).
    """
    with np.errstate(divide="ignore", invalid="ignore", over="ignore", under="ignore"):
        total = p + q
        s = np.where(total > 0, (p - q) / np.where(total > 0, total, 1), 0.0)
        s2 = s * s
        series = np.zeros_like(s2)
        for k in range(SERIES_TERMS, 0, -1):
            series = series * s2 + 1 / (k * (2 * k - 1))
        close = s2 * series
        wide = _x_log_y(1 + s, 1 + s) + _x_log_y(1 - s, 1 - s)
        return _sum(total / 4 * np.where(np.abs(s) <= SERIES_LIMIT, close, wide))


def _x_log_y(x, y):
    """x·log y, with the limit 0·log y = 0. NumPy alone: scipy.special would double import time."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(x > 0, x * np.log(y), 0.0)


def _sum(terms):
    return terms.sum(axis=-1)
