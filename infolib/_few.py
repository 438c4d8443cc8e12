"""The sums of `_sums` for one distribution of a few outcomes, in bits and in plain Python: calls of
NumPy, which is made for arrays, would take twenty times as long.

Each function returns None for what is not plainly valid or easy; the general way then answers, or
says what is wrong.
"""

from math import fsum, log2

import numpy as np

FEW = 32
FLOATS = {float}
FAR = 1.0  # bits; in a smaller divergence terms of both signs cancel, which `_sums` handles


def probabilities(p, axis):
    """`p` as a list or tuple of floats, if it is one distribution of up to FEW outcomes."""
    kind = type(p)
    if kind is np.ndarray:
        if p.ndim != 1 or p.dtype.char != "d" or p.size > FEW:
            return None
        p = p.tolist()
    elif (kind is not list and kind is not tuple) or len(p) > FEW or set(map(type, p)) != FLOATS:
        return None
    if not p or type(axis) is not int or not -1 <= axis <= 0 or not min(p) >= 0:
        return None
    return p if -1e-9 <= sum(p) - 1 <= 1e-9 else None


def of_two(kernel, p, q, axis):
    """What `kernel` makes of two distributions of the same few outcomes, none with q = 0 < p."""
    p = probabilities(p, axis)
    q = p and probabilities(q, axis)
    if not q or len(p) != len(q):
        return None
    try:
        return kernel(p, q)
    except (ValueError, ZeroDivisionError):  # log 0, p/0
        return None


def sum_p_log_p(p):
    """Σ p·log p. 0·log 0 counts as 0."""
    return fsum([x * log2(x) for x in p if x])


def sum_p_log_q(p, q):
    """Σ p·log q. 0·log q counts as 0."""
    return fsum([x * log2(y) for x, y in zip(p, q, strict=True) if x])


def sum_p_log_ratio(p, q):
    """Σ p·log(p/q), unless it is small, or a quotient is beyond floating point."""
    total = fsum([x * log2(x / y) for x, y in zip(p, q, strict=True) if x > 1e-290 * y])
    return total if FAR < total < 900 else None
