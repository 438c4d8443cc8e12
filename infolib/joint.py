"""Entropy of two variables together, of one given the other, and what they share."""

import numpy as np

from infolib._pmf import as_joint, log_unit, scalar_if_0d
from infolib._sums import minus_sum_p_log_p, minus_sum_p_log_q, sum_p_log_ratio


def joint_entropy(p_xy, *, base=2):
    """Expected information content of a pair: H(X, Y).

    >>> joint_entropy([[0.25, 0.25], [0.25, 0.25]])
    2.0

    Parameters
    ----------
    p_xy : array_like, shape (..., X, Y)
        Joint probabilities; rows are values of X, columns of Y; non-negative, summing to 1.
    base : float
        Unit of the result: 2 gives bits, e gives nats, 10 gives bans.

    Returns
    -------
    float or ndarray, shape (...)
        In units of `base`.

    Raises
    ------
    ValueError
        If `p_xy` is no joint distribution.

    References
    ----------
    Cover & Thomas, 2nd ed., eq. (2.8). Derived in chapter 2.
    """
    p = as_joint(p_xy)
    return scalar_if_0d(minus_sum_p_log_p(_flat(p), log_unit(base))[0])


def conditional_entropy(p_xy, *, base=2):
    """Expected entropy of the column once the row is known: H(Y | X).

    Transpose `p_xy` for H(X | Y).

    >>> conditional_entropy([[0.5, 0.0], [0.25, 0.25]])
    0.5

    Parameters
    ----------
    p_xy : array_like, shape (..., X, Y)
        Joint probabilities; rows are values of X, columns of Y; non-negative, summing to 1.
    base : float
        Unit of the result: 2 gives bits, e gives nats, 10 gives bans.

    Returns
    -------
    float or ndarray, shape (...)
        In units of `base`, between 0 and H(Y).

    Raises
    ------
    ValueError
        If `p_xy` is no joint distribution.

    References
    ----------
    Cover & Thomas, 2nd ed., eq. (2.10). Derived in chapter 2.
    """
    p = as_joint(p_xy)
    p_x = p.sum(axis=-1, keepdims=True)
    # −Σ p(x,y)·log(p(y|x)): no difference of two entropies, whose digits would cancel.
    p_y_given_x = np.divide(p, p_x, out=np.ones_like(p), where=p_x > 0)
    total, *_ = minus_sum_p_log_q(_flat(p), _flat(p_y_given_x), log_unit(base))
    return scalar_if_0d(total)


def mutual_information(p_xy, *, base=2):
    """Information that each of two variables carries about the other: I(X; Y).

    >>> mutual_information([[0.5, 0.0], [0.0, 0.5]])
    1.0

    Parameters
    ----------
    p_xy : array_like, shape (..., X, Y)
        Joint probabilities; rows are values of X, columns of Y; non-negative, summing to 1.
    base : float
        Unit of the result: 2 gives bits, e gives nats, 10 gives bans.

    Returns
    -------
    float or ndarray, shape (...)
        In units of `base`, between 0 and the smaller of H(X) and H(Y).

    Raises
    ------
    ValueError
        If `p_xy` is no joint distribution.

    References
    ----------
    Cover & Thomas, 2nd ed., eq. (2.28). Derived in chapters 2 and 6.
    """
    p = as_joint(p_xy)
    p_x, p_y = p.sum(axis=-1, keepdims=True), p.sum(axis=-2, keepdims=True)
    # The mean over X of KL(P(Y|X) ‖ P(Y)): no product of marginals, which might underflow.
    p_y_given_x = np.divide(p, p_x, out=np.broadcast_to(p_y, p.shape).copy(), where=p_x > 0)
    told, *_ = sum_p_log_ratio(p_y_given_x, np.broadcast_to(p_y, p.shape), log_unit(base))
    return scalar_if_0d(0.0 + (p_x[..., 0] * told).sum(axis=-1))


def _flat(p):
    return p.reshape(*p.shape[:-2], p.shape[-2] * p.shape[-1])
