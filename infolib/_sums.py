"""Sums of p·log q over the last axis: the one room where accuracy and speed are bought.

Arrays are read in blocks that fit a processor's cache, so memory beyond the input does not grow
with it; and whatever an array's layout, byte order or precision, the arithmetic is done on
contiguous float64. Functions take arrays of one shape (..., K) and return an array of shape (...),
the sum that their name tells; and for each array how far its sums of probabilities are off 1 at
most, NaN if one of them is negative or NaN. So an input is validated while it is in the cache
anyway.
"""

import math
import threading
from contextlib import contextmanager

import numpy as np

BLOCK = 65_536  # elements: 512 kB, which second-level caches hold or nearly so
NEAR_BLOCK = 8_192  # where a dozen blocks are at work at once
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


def off_1(p):
    """max |Σ p − 1| over all rows, or NaN if any p is negative or NaN."""
    with np.errstate(over="ignore", invalid="ignore"):
        return _over_blocks(lambda x: (_mass(x, x.min() >= 0),), p, totals=0)[0]


def minus_sum_p_log_p(p, unit):
    """−Σ p·log p, the entropy, in units of `unit` nats. 0·log 0 counts as 0."""
    log, unit = _logarithm(unit)
    with _work() as work, np.errstate(all="ignore"):
        total, off = _over_blocks(lambda x: _p_log_p(x, log, work), p)
    return _negative(total, unit), off


def minus_sum_p_log_q(p, q, unit):
    """−Σ p·log q, the cross-entropy, in units of `unit` nats. inf where q = 0 < p."""
    log, unit = _logarithm(unit)
    with _work() as work, np.errstate(all="ignore"):
        total, *off = _over_blocks(lambda x, y: _p_log_q(x, y, log, work), p, q)
    return _negative(total, unit), *off


def _negative(total, unit):
    """−total/unit, in place; at least 0, which sums of probabilities above 1 by rounding miss."""
    np.subtract(0.0, total, out=total)
    total /= unit
    return np.maximum(total, 0.0, out=total)


def sum_p_log_ratio(p, q, unit):
    """Σ p·log(p/q), the KL divergence, in units of `unit` nats. Exact also near p = q.

    Stored probabilities sum to 1 only up to rounding, which would drown a divergence as small as
    its square. Near p = q the result is that of the exact distributions in proportion to them.
    """
    log, scale = _logarithm(unit)
    with np.errstate(all="ignore"):
        with _work() as work:
            total, *off = _over_blocks(lambda x, y: _far(x, y, log, work), p, q)
        total /= scale
        if p.ndim == 1:
            _mend_small(p[np.newaxis], q[np.newaxis], total[np.newaxis], unit)
        else:
            _mend_small(p, q, total, unit)
    total += 0.0  # no minus zero
    return total, *off


def _mend_small(p, q, total, unit):
    """Replace those divergences in `total` that are small."""
    k = p.shape[-1]
    for rows in _batches(total < MIDDLE / unit, k):
        x, y = p[rows], q[rows]
        near = total[rows] < NEAR / unit
        excess, coarse, fine = _over_blocks(_excess, x, y, totals=3, block=NEAR_BLOCK)
        deficit = (1 - coarse) - fine
        # q grows by this factor less 1, to the sum of p.
        growth = np.where(near, excess / (1 - deficit - excess), 0.0).reshape(-1, 1)
        (terms,) = _over_blocks(lambda a, b, g=growth: _near(a, b, g), x, y, block=NEAR_BLOCK)
        total[rows] = np.where(near, terms + terms * deficit, terms + excess) / unit


def _batches(wanted, k):
    """Indices of the rows that are wanted, as many at a time as make a block."""
    if k > NEAR_BLOCK:
        yield from zip(*np.nonzero(wanted), strict=True)
        return
    rows = np.nonzero(wanted)
    for i in range(0, len(rows[0]), NEAR_BLOCK // k):
        yield tuple(r[i : i + NEAR_BLOCK // k] for r in rows)


def sum_js(p, q, unit):
    """The Jensen–Shannon divergence in units of `unit` nats, a sum of non-negative terms."""
    with np.errstate(all="ignore"):
        total, *off = _over_blocks(_js, p, q, block=NEAR_BLOCK)
    total /= unit
    total += 0.0  # no minus zero
    return total, *off


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
    row_starts = np.arange(0, step * k, k)
    work = work[: step * k].reshape(step, k) if k <= BLOCK else np.empty((1, k))
    in_place = gradient is not None and gradient.dtype == np.float64
    for i in range(0, n, step):
        z, y = logits[i : i + step], labels[i : i + step]
        e = np.exp(z, out=gradient[i : i + step] if in_place else work[: len(z)], dtype=np.float64)
        flat, label = e.reshape(-1), row_starts[: len(z)] + y
        e_label = flat[label]
        flat[label] = 0
        rest = e @ ONES[:k] if k <= 64 else e.sum(axis=-1)  # fast if rows are short, else exact
        loss[i : i + step] = np.log1p(rest / e_label)
        # Without a shift by the largest logit, which would take one more reading of all; rows
        # whose exponentials come near the ends of floating point are done again with it.
        if not (_inside(rest) and _inside(e_label)):
            again = np.flatnonzero(~(_each_inside(rest) & _each_inside(e_label)))
            loss[i + again], e[again], e_label[again], rest[again] = _shifted(z[again], y[again])
        if gradient is not None:
            total = rest + e_label
            e /= total[:, np.newaxis]
            flat[label] = 0.0 - rest / total
            if not in_place:
                gradient[i : i + step] = e
    return loss


def _inside(x):
    return SAFE[0] < x.min() and x.max() < SAFE[1]


def _each_inside(x):
    return (SAFE[0] < x) & (x < SAFE[1])


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


def _over_blocks(kernel, *arrays, totals=1, block=BLOCK):
    """The row sums that `kernel` makes of blocks of rows, or of parts of a long row, added up.

    Parameters
    ----------
    kernel : callable
        Takes blocks of shape (rows, outcomes) and returns a tuple of arrays of shape (rows,).
    arrays : ndarrays, shape (..., K)
    totals : int
        How many of the kernel's sums are wanted as they are. Of each further one, which ought to
        be 1 in all rows, it is told how far it is off at most.
    block : int
        Elements of a block.

    Returns
    -------
    list of `totals` ndarrays, shape (...), float32 if all arrays are, and of floats
    """
    shape = arrays[0].shape
    sums, off = [np.empty(shape[:-1]) for _ in range(totals)], []
    _fill(sums, off, kernel, arrays, block)
    if all(map(is_single, arrays)):
        sums = [s.astype(np.float32) for s in sums]
    return [*sums, *np.max(off, axis=0)]  # NaN if one is


def _fill(sums, off, kernel, arrays, block):
    """Write row sums into `sums`, and add to `off` how far the others are off 1."""
    n, *rest = arrays[0].shape
    size = math.prod(rest)
    if not rest:
        parts = (
            [float(s[0]) for s in kernel(*(_plain(a[np.newaxis, i : i + block]) for a in arrays))]
            for i in range(0, n, block)
        )
        _keep([_added(column) for column in zip(*parts, strict=True)], sums, off, ...)
    elif size > block:
        for i in range(n):
            _fill([s[i, ...] for s in sums], off, kernel, [a[i] for a in arrays], block)
    else:
        step = block // size
        for i in range(0, n, step):
            some = slice(i, i + step)
            blocks = (_plain(a[some]).reshape(-1, rest[-1]) for a in arrays)
            _keep(kernel(*blocks), sums, off, some)


def _keep(parts, sums, off, some):
    for s, part in zip(sums, parts, strict=False):
        s[some] = np.reshape(part, s[some].shape)
    off.append([np.abs(part - 1).max() for part in parts[len(sums) :]])


def _added(parts):
    total = sum(parts)  # fsum refuses infinities and NaN, which a sum may hold
    return math.fsum(parts) if math.isfinite(total) else total


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


def is_single(a):
    """Whether an array holds floating numbers of single precision, in any byte order."""
    return a.dtype.kind == "f" and a.dtype.itemsize == 4


def _plain(a):
    return np.ascontiguousarray(a, dtype=np.float64)


def _dot(x, y):
    """Row sums of x·y, added in runs."""
    rows, k = x.shape
    if k < 16:  # einsum is faster on short rows, and loses digits on long ones
        return np.einsum("ij,ij->i", x, y)
    whole, lanes = k // RUN * RUN, k // LANES * LANES
    runs = (rows, whole // RUN, RUN)
    total = np.vecdot(x[:, :whole].reshape(runs), y[:, :whole].reshape(runs)).sum(axis=-1)
    if whole == k:
        return total
    # The rest apart: added one by one to a large total, each small term would cost it a rounding.
    if lanes > whole:
        total += np.vecdot(x[:, whole:lanes], y[:, whole:lanes])
    return total if lanes == k else total + np.einsum("ij,ij->i", x[:, lanes:], y[:, lanes:])


def _added_up(x):
    """Row sums of x. Only where all partial sums are exact is the last digit right."""
    rows, k = x.shape
    if k <= RUN:  # a product with ones adds short rows several times faster than sum
        return x @ ONES[:k]
    whole = k // RUN * RUN
    total = (x[:, :whole].reshape(-1, RUN) @ ONES).reshape(rows, -1).sum(axis=-1)
    return total if whole == k else total + x[:, whole:] @ ONES[: k - whole]


def _mass(p, valid):
    """Row sums of p, to a dozen digits, as validation needs them; NaN where p is not valid."""
    return _added_up(p) if valid else np.full(len(p), np.nan)


# --- kernels --------------------------------------------------------------------------------


def _logarithm(unit):
    """log2, exact for powers of 2, where the unit is the bit; the natural one otherwise."""
    return (np.log2, 1.0) if unit == LN_2 else (np.log, unit)


def _p_log_p(p, log, work):
    log_p, least = work[: p.size].reshape(p.shape), p.min()
    # 0·log 1 for 0·log 0, also since logarithms of 0 take several times as long as others.
    log(p if least > 0 else np.add(p, p == 0, out=log_p), out=log_p)
    return _dot(p, log_p), _mass(p, least >= 0)


def _p_log_q(p, q, log, work):
    log_q, least = work[: q.size].reshape(q.shape), q.min()
    log(q if least > 0 else np.add(q, (q == 0) & (p == 0), out=log_q), out=log_q)
    return _dot(p, log_q), _mass(p, p.min() >= 0), _mass(q, least >= 0)


def _far(p, q, log, work):
    ratio, least = np.divide(p, q, out=work[: q.size].reshape(q.shape)), p.min()
    if not least > 0:
        np.fmax(ratio, p == 0, out=ratio)  # 0·log 1 for 0·log 0, and for 0·log 0/0
    total = _dot(p, log(ratio, out=ratio))
    finite = np.isfinite(total).all()
    if not finite:  # q = 0 < p, or a quotient is beyond floating point
        total = _p_log_ratio(p, q, log).sum(axis=-1)
    # Where p > 0, a negative q makes the total NaN.
    return total, _mass(p, least >= 0), _mass(q, (least > 0 and finite) or q.min() >= 0)


def _p_log_ratio(p, q, log=np.log):
    """p·log(p/q), 0 where p = 0 and inf where q = 0 < p, whatever becomes of the quotient."""
    ratio = p / q
    regular = (ratio > 1e-300) & (ratio < 1e300)
    log_ratio = np.where(regular, log(ratio), log(p) - log(q))
    return np.where(p > 0, p * log_ratio, 0.0)


def _excess(p, q):
    """Σ p − q; and Σ p in two parts, the first exact: more digits than a sum near 1 can hold."""
    coarse = (p + 2.0**27) - 2.0**27  # multiples of 2**−25
    return _added_up(p - q), _added_up(coarse), _added_up(p - coarse)


def _near(p, q, growth):
    """Σ p·log(p/q) − (p − q), no term of it negative, so that nothing cancels.

    With d = p − q and s = d/(p + q), log(p/q) = 2·artanh(s), and the term becomes
    d·s·(1 + s·(1 + s)·(1/3 + s²/5 + s⁴/7 + …)).
    """
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
    return _exact_sum(terms), _mass(p, p.min() >= 0), _mass(q, q.min() >= 0)


def _exact_sum(terms):
    """Row sums of finite terms ≥ 0, rounded about once."""
    # High parts are multiples of 2**−25 of about the sum: theirs is exact.
    shift = np.ldexp(1.0, np.frexp(_added_up(terms))[1] + 27)[:, np.newaxis]
    high = (terms + shift) - shift
    return _added_up(high) + _added_up(terms - high)


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
