"""Sums of p·log q over the last axis: the one room where accuracy and speed are bought.

Arrays are read in blocks that fit a processor's cache, so memory beyond the input does not grow
with it; and whatever an array's layout, byte order or precision, the arithmetic is done on
contiguous float64. Functions take arrays of one shape (..., K) and return shape (...).
"""

import math
import threading
from contextlib import contextmanager

import numpy as np

BLOCK = 65_536  # elements: 512 kB, which second-level caches hold or nearly so
LANES = 32  # a multiple of what dot products add side by side
RUN = 256  # terms added in one go; longer runs lose digits to rounding, shorter ones cost time
ONES = np.ones(RUN)
LN_2 = math.log(2)

# Below MIDDLE nats the sum of p·log(p/q) loses digits to cancellation, and a sum of non-negative
# terms takes over; below NEAR, rounding in the probabilities themselves is removed too.
MIDDLE, NEAR = 1 / 4, 1 / 16
# Series replace the logarithms in them where s = (p − q)/(p + q) is at most CLOSE, as nearly all
# are, and at most APART, which takes more terms.
CLOSE, APART = 0.2, 0.6
KL_SERIES = 1 / np.arange(3, 83, 2)
JS_SERIES = 1 / (np.arange(2, 42) * np.arange(3, 83, 2))

_thread = threading.local()
SAFE = 1e-150, 1e150  # exponentials whose quotients stay within floating point


def sum_p(p):
    """Σ p, or NaN if any p is negative or NaN: what validation asks for, in one reading."""
    with np.errstate(over="ignore", invalid="ignore"):
        return _over_blocks(_sum_p, p)[0]


def sum_p_log_p(p, unit):
    """Σ p·log p, minus the entropy, in units of `unit` nats. 0·log 0 counts as 0."""
    return sum_p_log_q(p, p, unit)


def sum_p_log_q(p, q, unit):
    """Σ p·log q, minus the cross-entropy, in units of `unit` nats. −inf where q = 0 < p."""
    log, unit = _logarithm(unit)
    with _work() as work, np.errstate(divide="ignore", invalid="ignore", under="ignore"):
        return _over_blocks(lambda x, y: _p_log_q(x, y, log, work), p, q)[0] / unit


def sum_p_log_ratio(p, q, unit):
    """Σ p·log(p/q), the KL divergence, in units of `unit` nats; exact also near p = q.

    Stored probabilities sum to 1 only up to rounding, which would drown a divergence as small as
    its square. Near p = q the result is that of the exact distributions in proportion to them.
    """
    log, scale = _logarithm(unit)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore", under="ignore"):
        with _work() as work:
            total = _over_blocks(lambda x, y: _far(x, y, log, work), p, q)[0] / scale
        if p.ndim == 1:
            return _where_small(p[np.newaxis], q[np.newaxis], total[np.newaxis], unit)[0]
        return _where_small(p, q, total, unit)


def _where_small(p, q, total, unit):
    """`total`, with those divergences replaced that are small."""
    for rows in _batches(total < MIDDLE / unit, p.shape[-1]):
        x, y = p[rows], q[rows]
        near = total[rows] < NEAR / unit
        excess, deficit = _over_blocks(_excess, x, y)
        deficit = deficit - (x.shape[-1] - 1) // BLOCK  # each block of a long row began at 1
        # q grows by this factor less 1, to the sum of p.
        growth = np.where(near, excess / (1 - deficit - excess), 0.0).reshape(-1, 1)
        terms = _over_blocks(lambda a, b, g=growth: _near(a, b, g), x, y)[0]
        total[rows] = np.where(near, terms + terms * deficit, terms + excess) / unit
    return total


def _batches(wanted, k):
    """Indices of the rows that are wanted, as many at a time as make a block."""
    if k > BLOCK:
        yield from zip(*np.nonzero(wanted), strict=True)
        return
    rows = np.nonzero(wanted)
    for i in range(0, len(rows[0]), BLOCK // k):
        yield tuple(r[i : i + BLOCK // k] for r in rows)


def sum_js(p, q, unit):
    """The Jensen–Shannon divergence in units of `unit` nats, a sum of non-negative terms."""
    return _over_blocks(_js, p, q)[0] / unit


def loss_of_classes(logits, labels, gradient):
    """log Σ exp z − z of the label, in nats, and its gradient softmax − one-hot where asked for.

    The loss is log(1 + S/e), with e the exponential of the label's logit and S the sum of all
    others, so that nothing cancels where the model is nearly certain. `logits` has shape (n, K);
    a row of it is neither NaN nor +inf nor all −inf. `gradient` is an array for the result, or
    None; it may be of lower precision.
    """
    with _work() as work, np.errstate(all="ignore"):  # what overflows or vanishes is done again
        return _loss_of_classes(logits, labels, gradient, work)


def _loss_of_classes(logits, labels, gradient, work):
    n, k = logits.shape
    loss = np.empty(n)
    step = max(1, BLOCK // k)
    ones = np.ones(k)
    work = work[: step * k].reshape(step, k) if k <= BLOCK else np.empty((1, k))
    for i in range(0, n, step):
        z, y = logits[i : i + step], labels[i : i + step]
        e = np.exp(z, out=work[: len(z)], dtype=np.float64)
        label = (np.arange(len(z)), y)
        e_label = e[label]
        e[label] = 0
        rest = e @ ones if k <= 64 else e.sum(axis=-1)  # fast on short rows, exact on long ones
        # Without a shift by the largest logit, which would take one more reading of all; rows
        # whose exponentials come near the ends of floating point are done again with it.
        plain = (rest > SAFE[0]) & (rest < SAFE[1]) & (e_label > SAFE[0]) & (e_label < SAFE[1])
        loss[i : i + step] = np.log1p(rest / e_label)
        if not plain.all():
            again = np.flatnonzero(~plain)
            loss[i + again], e[again], e_label[again], rest[again] = _shifted(z[again], y[again])
        if gradient is not None:
            e /= (rest + e_label)[:, np.newaxis]
            e[label] = 0.0 - rest / (rest + e_label)
            gradient[i : i + step] = e
    return loss


def _shifted(z, y):
    """Loss, other exponentials, the label's exponential and their sum, shifted by the largest."""
    z = z.astype(np.float64)
    label = (np.arange(len(z)), y)
    top = z.max(axis=-1, keepdims=True)
    d = z - top
    back = z - d  # Knuth's TwoSum again: what rounding took from d, as a factor of exp d
    lost = np.where(np.isfinite(d), (z - (d + back)) + (back - top), 0.0)
    e = np.exp(d) * (1 + lost)
    e_label = e[label]
    e[label] = 0
    rest = e.sum(axis=-1)
    d = d[label]
    loss = np.where(d == 0, np.log1p(rest / e_label), np.log(rest + e_label) - d)
    return loss, e, e_label, rest


# --- blocks ---------------------------------------------------------------------------------


def _over_blocks(kernel, *arrays):
    """The row sums that `kernel` makes of blocks of rows, or of parts of a long row, added up.

    Parameters
    ----------
    kernel : callable
        Takes blocks of shape (rows, outcomes) and returns a tuple of arrays of shape (rows,).
    arrays : ndarrays, shape (..., K)

    Returns
    -------
    ndarray, shape (2, ...)
        The first sum, and the second if there is one; float32 if all arrays are.
    """
    sums = np.zeros((2, *arrays[0].shape[:-1]))
    _fill(sums, kernel, arrays)
    return sums.astype(np.float32) if all(a.dtype.itemsize == 4 for a in arrays) else sums


def _fill(sums, kernel, arrays):
    shape = arrays[0].shape
    if len(shape) == 1:
        parts = [
            [s[0] for s in kernel(*(_plain(a[np.newaxis, i : i + BLOCK]) for a in arrays))]
            for i in range(0, shape[0], BLOCK)
        ]
        for i, column in enumerate(zip(*parts, strict=True)):
            total = sum(column)  # fsum refuses infinities and NaN, which a sum may hold
            sums[i] = math.fsum(column) if math.isfinite(total) else total
        return
    size = math.prod(shape[1:])
    if size > BLOCK:
        for i in range(shape[0]):
            _fill(sums[:, i], kernel, [a[i] for a in arrays])
        return
    step = BLOCK // size
    for i in range(0, shape[0], step):
        block = slice(i, i + step)
        parts = (_plain(a[block]).reshape(-1, shape[-1]) for a in arrays)
        for j, s in enumerate(kernel(*parts)):
            sums[j, block] = s.reshape(sums[j, block].shape)


@contextmanager
def _work():
    """A block of memory, the same for every call in a thread: fresh memory has to be mapped first,
    which can take longer than the logarithms. A call inside another, from a signal handler say,
    finds none and makes its own."""
    work = _thread.__dict__.pop("work", None)
    if work is None:
        work = np.empty(BLOCK)
    try:
        yield work
    finally:
        _thread.work = work


def _plain(a):
    return np.ascontiguousarray(a, dtype=np.float64)


def _dot(x, y):
    """Row sums of x·y, added in runs."""
    rows, k = x.shape
    if k <= 16:  # einsum is several times faster on short rows, and loses digits on long ones
        return np.einsum("ij,ij->i", x, y)
    whole, lanes = k // RUN * RUN, k // LANES * LANES
    runs = (rows, whole // RUN, RUN)
    total = np.vecdot(x[:, :whole].reshape(runs), y[:, :whole].reshape(runs)).sum(axis=-1)
    if whole == k:
        return total
    # The rest apart: added one by one to a large total, each small term would cost it a rounding.
    rest = np.vecdot(x[:, whole:lanes], y[:, whole:lanes])
    return total + (rest + np.einsum("ij,ij->i", x[:, lanes:], y[:, lanes:]))


# --- kernels --------------------------------------------------------------------------------


def _sum_p(p):
    if not p.min() >= 0:
        return (np.full(len(p), np.nan),)
    rows, k = p.shape
    if k <= RUN:  # a product with ones adds short rows several times faster than sum
        return (p @ ONES[:k],)
    whole = k // RUN * RUN
    total = (p[:, :whole].reshape(-1, RUN) @ ONES).reshape(rows, -1).sum(axis=-1)
    return (total if whole == k else total + p[:, whole:].sum(axis=-1),)


def _logarithm(unit):
    """log2, exact for powers of 2, where the unit is the bit; the natural one otherwise."""
    return (np.log2, 1.0) if unit == LN_2 else (np.log, unit)


def _p_log_q(p, q, log, work):
    log_q = log(q, out=work[: q.size].reshape(q.shape))
    total = _dot(p, log_q)
    if np.isnan(total).any():  # 0·log 0, which costs nothing until it happens
        total = _dot(p, np.where(p > 0, log_q, 0.0))
    return (total,)


def _far(p, q, log, work):
    ratio = np.divide(p, q, out=work[: q.size].reshape(q.shape))
    # A quotient beyond the normal range of floating point has lost digits. It makes a term
    # infinite or NaN, unless it is subnormal: then min is positive but tiny, or 0.
    if ratio.min() > 1e-300:
        total = _dot(p, log(ratio, out=ratio))
        if np.isfinite(total).all():
            return (total,)
    return (_p_log_ratio(p, q, log).sum(axis=-1),)


def _p_log_ratio(p, q, log=np.log):
    """p·log(p/q), 0 where p = 0 and inf where q = 0 < p, whatever becomes of the quotient."""
    ratio = p / q
    regular = (ratio > 1e-300) & (ratio < 1e300)
    log_ratio = np.where(regular, log(ratio), log(p) - log(q))
    return np.where(p > 0, p * log_ratio, 0.0)


def _excess(p, q):
    """Σ p − q and 1 − Σ p, to more digits than a sum near 1 can hold."""
    high = (p + 2.0**27) - 2.0**27  # multiples of 2**−25, whose sum is exact
    deficit = (1 - high.sum(axis=-1)) - (p - high).sum(axis=-1)
    return (p - q).sum(axis=-1), deficit


def _near(p, q, growth):
    """Σ p·log(p/q) − (p − q), no term of it negative, so that nothing cancels.

    With d = p − q and s = d/(p + q), log(p/q) = 2·artanh(s), and the term becomes
    d·s·(1 + s·(1 + s)·(1/3 + s²/5 + s⁴/7 + …)).
    """
    with np.errstate(divide="ignore", invalid="ignore", over="ignore", under="ignore"):
        grown = q * growth
        d = (p - q) - grown
        q_grown = q + grown
        s, rounding = _quotient(d, p, q_grown, grown - (q_grown - q))
        terms = d * s
        terms += terms * (s * (1 + s) * _series(KL_SERIES, s * s, CLOSE) - rounding)
        wide = ~(np.abs(s) <= CLOSE)  # also 0/0
        if wide.any():
            x, y, d, s = p[wide], q_grown[wide], d[wide], s[wide]
            by_series = d * s * (1 + s * (1 + s) * _series(KL_SERIES, s * s, APART))
            by_logarithm = _p_log_ratio(x, y) - d
            terms[wide] = np.where(np.abs(s) <= APART, by_series, by_logarithm)
    return (_exact_sum(terms),)


def _js(p, q):
    """Each outcome adds (p·log(p/m) + q·log(q/m))/2, with m = (p + q)/2.

    With d = p − q and s = d/(p + q), that is d·s/4·(1 + s²/6 + s⁴/15 + …).
    """
    with np.errstate(divide="ignore", invalid="ignore", over="ignore", under="ignore"):
        d = p - q
        s, rounding = _quotient(d, p, q, 0.0)
        terms = d * s / 4
        terms += terms * (s * s * _series(JS_SERIES, s * s, CLOSE) - rounding)
        wide = ~(np.abs(s) <= CLOSE)
        if wide.any():
            x, y, d, s = p[wide], q[wide], d[wide], s[wide]
            by_series = d * s / 4 * (1 + s * s * _series(JS_SERIES, s * s, APART))
            total = x + y
            by_logarithm = (_p_log_ratio(2 * x, total) + _p_log_ratio(2 * y, total)) / 4
            terms[wide] = np.where(np.abs(s) <= APART, by_series, by_logarithm)
    return (_exact_sum(terms),)


def _exact_sum(terms):
    """Row sums of finite terms ≥ 0, rounded about once."""
    largest = terms.max(axis=-1, keepdims=True)
    # High parts are multiples of 2**−25 of the largest: their sum is exact.
    shift = np.ldexp(1.0, np.frexp(largest)[1] + 27)
    high = (terms + shift) - shift
    return high.sum(axis=-1) + (terms - high).sum(axis=-1)


def _quotient(d, p, q, grown):
    """d/(p + q), and by how much, relative to it, d/(p + q + grown) without rounding is less."""
    total = p + q
    q_kept = total - p
    lost = (p - (total - q_kept)) + (q - q_kept)  # Knuth's TwoSum
    return d / total, (lost + grown) / total


def _series(coefficients, x, limit):
    """Σ coefficients[k]·x**k for x up to limit²; as many terms as the largest such x needs."""
    largest = min(float(np.fmax.reduce(x, axis=None, initial=0.0)), limit**2)
    terms = 1
    while largest**terms * coefficients[terms] > 2.0**-56:
        terms += 1
    total = np.full_like(x, coefficients[terms])
    for c in coefficients[terms - 1 :: -1]:
        total *= x
        total += c
    return total
