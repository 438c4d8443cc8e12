"""Entropy and its kin for one distribution of a few outcomes, in bits and in plain Python: calls of
NumPy, which is made for arrays, would take twenty times as long.

Each function returns None for what is not plainly valid or easy; the general way then answers, or
says what is wrong.
"""

from math import fsum, log2

import numpy as np

FEW = 32
FLOATS = {float}
FLOAT64 = np.dtype(float)
FAR = 1.0  # bits; in a smaller divergence terms of both signs cancel, which `_sums` handles


def entropy(p, axis):
    """−Σ p·log p."""
    p = _summing_to_1(p, axis)
    if not p:
        return None
    try:
        bits = 0.0 - fsum([x * log2(x) for x in p if x])
    except ValueError:  # the logarithm of a negative number
        return None
    return bits if bits > 0 else 0.0  # faster than max


def cross_entropy(p, q, axis):
    """−Σ p·log q, unless it is infinite."""
    p, q = _pair(p, q, axis)
    try:
        bits = 0.0 - fsum([x * log2(y) for x, y in zip(p, q, strict=True) if x])
    except ValueError:  # the logarithm of 0
        return None
    return max(bits, 0.0) if p else None


def kl_divergence(p, q, axis):
    """Σ p·log(p/q), unless it is small, or a quotient is beyond floating point."""
    p, q = _pair(p, q, axis)
    try:
        total = fsum([x * log2(x / y) for x, y in zip(p, q, strict=True) if x > 1e-290 * y])
    except ZeroDivisionError:
        return None
    return total if FAR < total < 900 else None


def _summing_to_1(p, axis):
    """`p` as a list or tuple of floats, if it is in one dimension, short, and sums to 1."""
    kind = type(p)
    if kind is np.ndarray:
        if p.dtype is not FLOAT64 or p.ndim != 1 or p.size > FEW:
            return None
        p = p.tolist()
    elif (kind is not list and kind is not tuple) or len(p) > FEW or set(map(type, p)) != FLOATS:
        return None
    return p if type(axis) is int and -1 <= axis <= 0 and -1e-9 <= sum(p) - 1 <= 1e-9 else None


def _pair(p, q, axis):
    """Both, if neither has a negative number and there are as many of each; empty ones if not."""
    p, q = _summing_to_1(p, axis), _summing_to_1(q, axis)
    fit = p and q and len(p) == len(q) and min(p) >= 0 and min(q) >= 0
    return (p, q) if fit else ((), ())
