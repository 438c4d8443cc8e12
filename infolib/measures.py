"""Information content, entropy, cross-entropy and the divergences of discrete distributions."""

import numpy as np

from infolib import _few
from infolib._pmf import as_real, at, expect, first, log_unit, scalar_if_0d
from infolib._sums import minus_sum_p_log_p, minus_sum_p_log_q, sum_js, sum_p_log_ratio


def information_content(p, *, base=2):
    """Information that an event of probability `p` carries when it happens: −log p.

    >>> information_content(0.25)
    2.0

    Parameters
    ----------
    p : array_like, any shape
        Probabilities of events, each from 0 to 1.
    base : float
        Unit of the result: 2 gives bits, e gives nats, 10 gives bans.

    Returns
    -------
    float or ndarray, shape of `p`
        In units of `base`; 0 for a certain event, infinite for an impossible one.

    Raises
    ------
    ValueError
        If a probability is not a number from 0 to 1.

    References
    ----------
    Cover & Thomas, Elements of Information Theory, 2nd ed., §2.1. Derived in chapter 1.
    """
    unit = log_unit(base)
    p = as_real(p, name="p")
    outside = ~((p >= 0) & (p <= 1))
    if outside.any():
        where = first(outside)
        raise ValueError(
            f"{at('p', where)} is {p[where]:.6g}; a probability is a number from 0 to 1"
        )
    with np.errstate(divide="ignore"):  # log 0 = -inf is the answer
        # log2 is exact for powers of 2, which a quotient of logarithms is not.
        return scalar_if_0d(0.0 - (np.log2(p) if base == 2 else np.log(p) / unit))


def entropy(p, *, base=2, axis=-1):
    """Expected information content of a distribution.

    >>> entropy([0.5, 0.25, 0.25])
    1.5

    Parameters
    ----------
    p : array_like, shape (..., K)
        Probabilities along `axis`; non-negative, summing to 1.
    base : float
        Unit of the result: 2 gives bits, e gives nats, 10 gives bans.
    axis : int
        The axis of the outcomes.

    Returns
    -------
    float or ndarray, shape (...)
        In units of `base`, between 0 and log(K).

    Raises
    ------
    ValueError
        If `p` is no distribution.

    References
    ----------
    Shannon 1948, §6; Cover & Thomas, 2nd ed., eq. (2.1). Derived in chapter 2.
    """
    if type(base) is int and base == 2 and (bits := _few.entropy(p, axis)) is not None:
        return bits
    return scalar_if_0d(expect(minus_sum_p_log_p, p, base=base, axis=axis))


def binary_entropy(p, *, base=2):
    """Entropy of an event of probability `p` and its complement.

    >>> binary_entropy(0.5)
    1.0

    Parameters
    ----------
    p : array_like, any shape
        Probabilities of events, each from 0 to 1.
    base : float
        Unit of the result: 2 gives bits, e gives nats, 10 gives bans.

    Returns
    -------
    float or ndarray, shape of `p`
        In units of `base`, between 0 and log(2).

    Raises
    ------
    ValueError
        If a probability is not a number from 0 to 1.

    References
    ----------
    Cover & Thomas, 2nd ed., eq. (2.5). Derived in chapter 2.
    """
    surprise = information_content(p, base=base)  # also checks p
    p = as_real(p, name="p")
    unit = log_unit(base)
    with np.errstate(divide="ignore", invalid="ignore"):
        yes = np.where(p > 0, p * surprise, 0.0)
        no = np.where(p < 1, (p - 1) * np.log1p(-p) / unit, 0.0)
    return scalar_if_0d(yes + no)


def cross_entropy(p, q, *, base=2, axis=-1):
    """Expected information content under `q` of outcomes drawn from `p`.

    >>> print(f"{cross_entropy([0.5, 0.5], [0.25, 0.75]):.6f}")
    1.207519

    Parameters
    ----------
    p, q : array_like, shape (..., K)
        Probabilities along `axis`; non-negative, summing to 1. Leading axes broadcast.
    base : float
        Unit of the result: 2 gives bits, e gives nats, 10 gives bans.
    axis : int
        The axis of the outcomes.

    Returns
    -------
    float or ndarray, shape (...)
        In units of `base`, at least the entropy of `p`; infinite where q = 0 < p.

    Raises
    ------
    ValueError
        If `p` or `q` is no distribution, or their outcomes do not match.

    References
    ----------
    MacKay 2003, §2.6 and exercise 2.26. Derived in chapter 4.
    """
    if type(base) is int and base == 2 and (bits := _few.cross_entropy(p, q, axis)) is not None:
        return bits
    return scalar_if_0d(expect(minus_sum_p_log_q, p, q, base=base, axis=axis))


def kl_divergence(p, q, *, base=2, axis=-1):
    """Expected excess of information content when `q` is assumed and `p` is true.

    >>> print(f"{kl_divergence([0.5, 0.5], [0.25, 0.75]):.6f}")
    0.207519

    Parameters
    ----------
    p, q : array_like, shape (..., K)
        Probabilities along `axis`; non-negative, summing to 1. Leading axes broadcast.
    base : float
        Unit of the result: 2 gives bits, e gives nats, 10 gives bans.
    axis : int
        The axis of the outcomes.

    Returns
    -------
    float or ndarray, shape (...)
        In units of `base`, 0 or more; infinite where q = 0 < p.

    Raises
    ------
    ValueError
        If `p` or `q` is no distribution, or their outcomes do not match.

    References
    ----------
    Kullback & Leibler 1951; Cover & Thomas, 2nd ed., eq. (2.26). Derived in chapter 6.
    """
    if type(base) is int and base == 2 and (bits := _few.kl_divergence(p, q, axis)) is not None:
        return bits
    return scalar_if_0d(expect(sum_p_log_ratio, p, q, base=base, axis=axis))


def js_divergence(p, q, *, base=2, axis=-1):
    """Mean KL divergence of two distributions from their average.

    >>> js_divergence([1, 0], [0, 1])
    1.0

    Parameters
    ----------
    p, q : array_like, shape (..., K)
        Probabilities along `axis`; non-negative, summing to 1. Leading axes broadcast.
    base : float
        Unit of the result: 2 gives bits, e gives nats, 10 gives bans.
    axis : int
        The axis of the outcomes.

    Returns
    -------
    float or ndarray, shape (...)
        In units of `base`, between 0 and log(2). Its square root is a metric.

    Raises
    ------
    ValueError
        If `p` or `q` is no distribution, or their outcomes do not match.

    References
    ----------
    Lin 1991, §IV; Endres & Schindelin 2003. Derived in chapter 6.
    """
    return scalar_if_0d(expect(sum_js, p, q, base=base, axis=axis))


def perplexity(p, q=None, *, axis=-1):
    """Number of equally likely outcomes that are as uncertain: 2 to the entropy in bits.

    >>> perplexity([0.25, 0.25, 0.25, 0.25])
    4.0

    Parameters
    ----------
    p : array_like, shape (..., K)
        Probabilities along `axis`; non-negative, summing to 1.
    q : array_like, shape (..., K), optional
        A model: the result is then 2 to the cross-entropy, the perplexity of the model.
    axis : int
        The axis of the outcomes.

    Returns
    -------
    float or ndarray, shape (...)
        A number of outcomes, at least 1.

    Raises
    ------
    ValueError
        If `p` or `q` is no distribution, or their outcomes do not match.

    References
    ----------
    Jelinek, Mercer, Bahl & Baker 1977. Derived in chapter 4.
    """
    bits = entropy(p, axis=axis) if q is None else cross_entropy(p, q, axis=axis)
    with np.errstate(over="ignore"):  # beyond the range of floating point it is infinite
        # A model whose sum is above 1 by rounding must not make it less than 1.
        return scalar_if_0d(np.maximum(np.power(2.0, bits), 1.0))
