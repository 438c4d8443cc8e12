"""From logits to losses and their gradients. In nats unless `base` says otherwise.

The natural logarithm is what classifiers are trained with, hence the default here; every other
module answers in bits.
"""

import math
from numbers import Real

import numpy as np

from infolib._pmf import as_array, as_pmf, as_real, at, check_axis, first, log_unit, scalar_if_0d
from infolib._sums import BLOCK, loss_of_classes


def softmax(logits, *, axis=-1):
    """Probabilities in proportion to the exponentials of the logits.

    >>> softmax([0.0, 0.0])
    array([0.5, 0.5])

    Parameters
    ----------
    logits : array_like, shape (..., K)
        Scores along `axis`; −inf makes a class impossible.
    axis : int
        The axis of the classes.

    Returns
    -------
    ndarray, shape of `logits`
        Probabilities along `axis`.

    Raises
    ------
    ValueError
        If a logit is NaN or +inf, or all of a row are −inf.

    References
    ----------
    Bishop 2006, eq. (4.62). Derived in chapter 5.
    """
    z = _as_logits(logits, axis)
    weights = np.exp(_below_the_largest(z))
    return np.moveaxis(weights / weights.sum(axis=-1, keepdims=True), -1, axis)


def log_softmax(logits, *, axis=-1):
    """Natural logarithms of the softmax probabilities, without underflow.

    >>> log_softmax([0.0, -1000.0])
    array([    0., -1000.])

    Parameters
    ----------
    logits : array_like, shape (..., K)
        Scores along `axis`; −inf makes a class impossible.
    axis : int
        The axis of the classes.

    Returns
    -------
    ndarray, shape of `logits`
        In nats, 0 or less.

    Raises
    ------
    ValueError
        If a logit is NaN or +inf, or all of a row are −inf.

    References
    ----------
    Goodfellow, Bengio & Courville 2016, §4.1 and §6.2.2.3. Derived in chapter 5.
    """
    z = _as_logits(logits, axis)
    shifted = _below_the_largest(z)
    with np.errstate(under="ignore"):
        log_sum = np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
    return np.moveaxis(shifted - log_sum, -1, axis)


def cross_entropy_loss(logits, labels, *, base=math.e, return_gradient=False):
    """Cross-entropy of the softmax of each example's logits against its label, in nats.

    Exact also where a model is nearly certain of the truth and `log_softmax` returns 0:

    >>> print(f"{cross_entropy_loss([50.0, 0.0, 0.0], 0):.6e}")
    3.857500e-22

    Parameters
    ----------
    logits : array_like, shape (..., K)
        Scores of each example along the last axis; −inf makes a class impossible.
    labels : array_like
        Either class indices, integers of shape (...), or label distributions, floating, of
        shape (..., K).
    base : float
        Unit of the result: e gives nats, 2 gives bits.
    return_gradient : bool
        Whether to return the gradient too.

    Returns
    -------
    loss : float or ndarray, shape (...)
        The loss of each example, in units of `base`; its mean is `loss.mean()`. Infinite where
        the model holds the truth to be impossible.
    gradient : ndarray, shape (..., K)
        Only with `return_gradient`: derivatives of each example's own loss by its logits,
        softmax minus label.

    Raises
    ------
    ValueError
        If a logit is NaN or +inf, all of a row are −inf, or the labels do not fit the logits.

    References
    ----------
    Bishop 2006, eq. (4.108) and (4.109). Derived in chapter 5.
    """
    z = _as_logits(logits, -1)
    unit = log_unit(base)
    labels = as_array(labels, name="labels")
    n_classes = z.shape[-1]
    dtype = z.dtype.newbyteorder("=")
    gradient = np.empty(z.shape, dtype) if return_gradient else None
    rows = gradient.reshape(-1, n_classes) if return_gradient else None
    if labels.shape == z.shape and labels.dtype.kind == "f":
        p = as_pmf(labels, name="labels")
        loss = _loss_of_distributions(z.reshape(-1, n_classes), p.reshape(-1, n_classes), rows)
    else:
        if labels.dtype.kind not in "iu":
            raise ValueError(
                f"labels has type {labels.dtype} and shape {labels.shape}; pass class indices as "
                f"integers of shape {z.shape[:-1]}, or distributions as floats of shape {z.shape}"
            )
        if labels.shape != z.shape[:-1]:
            raise ValueError(
                f"labels has shape {labels.shape}; for logits of shape {z.shape} pass class "
                f"indices of shape {z.shape[:-1]}, or distributions as floats of shape {z.shape}"
            )
        y = _as_indices(labels, n_classes)
        loss = loss_of_classes(z.reshape(-1, n_classes), y.ravel(), rows)
    with np.errstate(over="ignore", under="ignore"):  # beyond single precision
        loss = loss.reshape(z.shape[:-1]).astype(dtype, copy=False)
    if unit != 1:
        loss, gradient = loss / unit, gradient / unit if return_gradient else None
    return (scalar_if_0d(loss), gradient) if return_gradient else scalar_if_0d(loss)


def _loss_of_distributions(z, p, gradient):
    """The loss of each row of `z`, and its gradient if that is an array, a block at a time."""
    loss = np.empty(len(z))
    step = max(1, BLOCK // z.shape[-1])
    for i in range(0, len(z), step):
        rows = slice(i, i + step)
        loss[rows], of_rows = _loss_and_gradient(z[rows], p[rows])
        if gradient is not None:
            gradient[rows] = of_rows
    return loss


def _loss_and_gradient(z, p):
    """Σ p·(−log softmax) and softmax − p, without losing digits where the softmax nears 1.

    Only the largest logit's class can be nearly certain. With S the sum of exp(z − max z) over
    the others, its loss is log(1 + S), and each class below pays its distance to the top besides.
    """
    top = z.argmax(axis=-1, keepdims=True)
    shifted = _below_the_largest(z)
    with np.errstate(under="ignore", invalid="ignore"):
        weights = np.exp(shifted)
        np.put_along_axis(weights, top, 0, axis=-1)
        rest = weights.sum(axis=-1, keepdims=True)
        loss_of_class = np.log1p(rest) - shifted
        loss = np.where(p > 0, p * loss_of_class, 0).sum(axis=-1)  # 0·inf counts as 0
        gradient = weights / (1 + rest) - p
        # At the top, softmax − p as (1 − p) − (1 − softmax).
        doubt = (1 - np.take_along_axis(p, top, axis=-1)) - rest / (1 + rest)
    np.put_along_axis(gradient, top, doubt, axis=-1)
    return loss, gradient


def one_hot(labels, n_classes):
    """Distributions that put all probability on the label.

    >>> one_hot([2, 0], 3)
    array([[0., 0., 1.],
           [1., 0., 0.]])

    Parameters
    ----------
    labels : array_like of int, shape (...)
        Class indices from 0 to n_classes − 1; may be empty.
    n_classes : int
        Number of classes.

    Returns
    -------
    ndarray, shape (..., n_classes)

    Raises
    ------
    ValueError
        If a label is no index of a class.

    References
    ----------
    Bishop 2006, §4.2. Used in chapter 5.
    """
    if isinstance(n_classes, bool) or not isinstance(n_classes, (int, np.integer)) or n_classes < 1:
        raise ValueError(f"n_classes is {n_classes!r}; pass a whole number, 1 or more")
    labels = as_array(labels, name="labels")
    if labels.size == 0:
        labels = labels.astype(np.intp)  # NumPy takes an empty list for one of floats
    if labels.dtype.kind not in "iu":
        raise ValueError(f"labels has type {labels.dtype}; pass class indices as integers")
    labels = _as_indices(labels, int(n_classes))
    hot = np.zeros((*labels.shape, n_classes))
    np.put_along_axis(hot, labels[..., np.newaxis], 1, axis=-1)
    return hot


def smooth_labels(p, epsilon):
    """Label distributions mixed with the uniform one: (1 − ε)·p + ε/K.

    >>> smooth_labels([1.0, 0.0], 0.1)
    array([0.95, 0.05])

    Parameters
    ----------
    p : array_like, shape (..., K)
        Label distributions along the last axis.
    epsilon : float
        Weight of the uniform distribution, from 0 to 1.

    Returns
    -------
    ndarray, shape (..., K)

    Raises
    ------
    ValueError
        If `p` is no distribution or `epsilon` is not from 0 to 1.

    References
    ----------
    Szegedy et al. 2016, §7. Derived in chapter 5.
    """
    p = as_pmf(p)
    if not isinstance(epsilon, (Real, np.floating, np.integer)) or not 0 <= epsilon <= 1:
        raise ValueError(f"epsilon is {epsilon!r}; pass a weight from 0 to 1")
    return (1 - epsilon) * p + epsilon / p.shape[-1]


def _below_the_largest(z):
    """Logits less the largest of their row, which changes no softmax and prevents overflow."""
    with np.errstate(over="ignore"):  # a difference beyond floating point is −inf, rightly
        return z - z.max(axis=-1, keepdims=True)


def _as_logits(logits, axis):
    z = as_real(logits, name="logits")
    if z.ndim == 0 or z.size == 0:
        raise ValueError(f"logits has shape {z.shape}; pass a score for each class")
    if not z.max() < np.inf:  # NaN or +inf
        bad = np.isnan(z) | (z == np.inf)
        where = first(bad)
        raise ValueError(
            f"{at('logits', where)} is {z[where]}; logits are finite, "
            "or -inf for an impossible class"
        )
    check_axis(axis, z.ndim, name="logits")
    z = np.moveaxis(z, axis, -1)
    impossible = np.isneginf(z.max(axis=-1)) if z.min() == -np.inf else np.False_
    if impossible.any():
        raise ValueError(
            f"{at('logits', first(impossible))} is -inf for every class; "
            "at least one must be possible"
        )
    return z


def _as_indices(labels, n_classes):
    bad = (labels < 0) | (labels >= n_classes)
    if bad.any():
        where = first(bad)
        raise ValueError(
            f"{at('labels', where)} is {labels[where]}; classes go from 0 to {n_classes - 1}"
        )
    return labels.astype(np.intp, copy=False)
