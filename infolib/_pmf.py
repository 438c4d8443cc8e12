"""What a distribution is: validation, and every error message about one."""

import math
from collections.abc import Iterable, Mapping
from numbers import Real

import numpy as np

from infolib._sums import is_single, off_1

# How far a sum may be off 1. Probabilities computed in double precision from a million terms
# stay well inside the first; single precision needs the second.
SUM_TOLERANCE, SUM_TOLERANCE_OF_SINGLES = 1e-9, 1e-5


def as_pmf(p, *, axis=-1, name="p"):
    """Probabilities as a floating array with `axis` moved last, or a ValueError that says why not.

    >>> as_pmf([0.5, 0.25, 0.25])
    array([0.5 , 0.25, 0.25])

    Parameters
    ----------
    p : array_like, shape (..., K, ...)
        Probabilities along `axis`.
    axis : int
        The axis of the outcomes.
    name : str
        What messages call the argument.

    Returns
    -------
    ndarray, shape (..., K)
        float64, or float32 where `p` is.
    """
    last = as_real(_outcomes_last(p, axis, name), name=name)
    if last.size == 0 or not off_1(last) <= _sum_tolerance(last):
        _refuse_what_is_no_probability(np.moveaxis(last, -1, axis), name)
        _refuse_other_sums_than_1(last, -1, name)
    return last


def as_joint(p_xy, *, name="p_xy"):
    """Joint probabilities, the last two axes X and Y, as a floating array."""
    array = as_real(p_xy, name=name)
    if array.ndim < 2:
        raise ValueError(
            f"{name} has {array.ndim} dimension(s); pass a table with a row for each value of X "
            "and a column for each value of Y"
        )
    _refuse_what_is_no_probability(array, name)
    _refuse_other_sums_than_1(array, (-2, -1), name)
    return array


def expect(kernel, *distributions, base, axis=-1):
    """A sum over the outcomes of distributions, which are validated in the same reading.

    Parameters
    ----------
    kernel : callable
        One of `_sums`: takes arrays of shape (..., K) and a unit in nats; returns the sum, and
        how far each array's sums are off 1.
    distributions : array_like, shape (..., K, ...)
        One or two over the same outcomes, called p and q in messages.
    base : float
        Unit of the result.
    axis : int
        The axis of the outcomes.

    Returns
    -------
    ndarray, shape (...)

    Raises
    ------
    ValueError
        If one of them is no distribution, or they do not fit each other.
    """
    unit = log_unit(base)
    given = list(zip("pq", distributions, strict=False))
    arrays = [_outcomes_last(x, axis, name) for name, x in given]
    if not _fit(arrays):
        for name, x in given:
            as_pmf(x, axis=axis, name=name)
        _refuse_what_does_not_fit(*arrays)
    total, *off = kernel(*np.broadcast_arrays(*arrays), unit)
    for (name, x), array, error in zip(given, arrays, off, strict=True):
        if not error <= _sum_tolerance(array):
            as_pmf(x, axis=axis, name=name)
    return total


def as_array(x, *, name):
    """An array, or a ValueError that names the argument of which NumPy makes none."""
    if isinstance(x, np.ma.MaskedArray):
        raise ValueError(f"{name} is a masked array; pass {name}.compressed(), or fill its gaps")
    try:
        array = np.asarray(x)
    except ValueError:
        raise ValueError(f"{name} is ragged; all its rows must have the same length") from None
    if array.ndim == 0 and array.dtype.kind == "O" and isinstance(x, Iterable):
        raise ValueError(f"{name} is a {type(x).__name__}; {_as_list(x, name)}")
    return array


def _as_list(x, name):
    """What to pass instead of a collection or iterator that is no sequence."""
    if isinstance(x, Mapping):
        return f"pass its values as a list: list({name}.values())"
    if isinstance(x, (set, frozenset)):
        return "pass a list: a set has no order and keeps only one of equal values"
    return f"pass a list: list({name})"


def as_real(x, *, name):
    """A floating array of real numbers: float32 stays, everything else becomes float64."""
    array = _as_numbers(x, name)
    # Either precision is taken as it is, in any byte order: a copy would double the memory.
    keep = array.dtype.kind == "f" and array.dtype.itemsize in (4, 8)
    with np.errstate(over="ignore"):  # an infinite number is refused by who asked for it
        return array if keep else array.astype(np.float64)


def _as_numbers(x, name):
    """An array of real numbers of any type, not copied."""
    array = as_array(x, name=name)
    if array.dtype.kind == "c":
        raise ValueError(f"{name} is complex; pass real numbers")
    if array.dtype.kind not in "fiu":
        raise ValueError(
            f"{name} holds {_what(array)}, not numbers; convert it, for instance with np.asarray("
            f"{name}, dtype=float)"
        )
    return array


def as_counts(counts, *, name="counts"):
    """Counts as a 1-D int64 array: whole, non-negative, at least one of them positive."""
    array = as_real(counts, name=name)
    if array.ndim != 1:
        raise ValueError(f"{name} has {array.ndim} dimensions; pass one count for each outcome")
    bad = ~((array >= 0) & (array < 2.0**53))
    if bad.any():
        where = first(bad)
        limit = " and below 2**53" if 2.0**53 <= array[where] < math.inf else ""
        raise ValueError(
            f"{at(name, where)} is {array[where]:.6g}; counts are whole numbers, 0 or more{limit}"
        )
    bad = array != np.floor(array)
    if bad.any():
        where = first(bad)
        raise ValueError(
            f"{at(name, where)} is {array[where]:.6g}; counts are whole numbers: "
            "pass how often each outcome was seen, not its probability"
        )
    if not array.any():
        raise ValueError(f"{name} holds no observation; an estimate needs at least one")
    return array.astype(np.int64)


def first(mask):
    """The index of the first True of an array; () where it has no dimensions."""
    return tuple(int(i) for i in np.argwhere(mask)[0])


def at(name, where):
    """What messages call the entry of an argument: p[1, 0], or p where `where` is ()."""
    return f"{name}[{', '.join(map(str, where))}]" if where else name


def check_axis(axis, ndim, *, name):
    """A ValueError unless `axis` is one of the axes of an array of `ndim` dimensions."""
    if not isinstance(axis, (int, np.integer)) or not -ndim <= axis < ndim:
        raise ValueError(f"axis is {axis!r}, but {name} has {ndim} dimension(s)")


def log_unit(base):
    """How many nats one unit of information in `base` is: divide nats by it."""
    if isinstance(base, bool) or not isinstance(base, (Real, np.floating, np.integer)):
        raise ValueError(f"base is {base!r}; pass a number: 2 for bits, math.e for nats")
    if not 1 < base < math.inf:
        raise ValueError(f"base is {base!r}; it must be greater than 1: 2 for bits, e for nats")
    return math.log(base)


def scalar_if_0d(x):
    """A Python float for a single result, the array otherwise."""
    return x if np.ndim(x) else float(x)


def _outcomes_last(p, axis, name):
    """An array of real numbers of any type, whose last axis is that of the outcomes."""
    array = _as_numbers(p, name)
    if array.ndim == 0:
        raise ValueError(f"{name} is a single number, not a distribution; pass all probabilities")
    check_axis(axis, array.ndim, name=name)
    return np.moveaxis(array, axis, -1)


def _fit(arrays):
    """Whether they hold numbers, all over as many outcomes, and their leading axes broadcast."""
    if not all(a.size for a in arrays) or len({a.shape[-1] for a in arrays}) > 1:
        return False
    try:
        np.broadcast_shapes(*(a.shape for a in arrays))
    except ValueError:
        return False
    return True


def _refuse_what_does_not_fit(p, q):
    if p.shape[-1] != q.shape[-1]:
        raise ValueError(
            f"p has {p.shape[-1]} outcomes and q has {q.shape[-1]}; "
            "both must list the same outcomes (write 0 for those that one of them excludes)"
        )
    raise ValueError(
        f"p has shape {p.shape} and q has shape {q.shape}; their leading axes do not broadcast"
    )


def _refuse_what_is_no_probability(array, name):
    if array.size == 0:
        raise ValueError(f"{name} is empty; a distribution has at least one outcome")
    bad = ~((array >= 0) & (array < np.inf))
    if bad.any():
        where = first(bad)
        raise ValueError(
            f"{at(name, where)} is {array[where]:.6g}; probabilities are numbers from 0 to 1"
        )


def _refuse_other_sums_than_1(array, axes, name):
    with np.errstate(over="ignore"):  # an infinite sum is refused just below
        total = array.sum(axis=axes, dtype=np.float64)
    off = ~(np.abs(total - 1) <= _sum_tolerance(array))
    if off.any():
        where = first(off)
        raise ValueError(
            f"{at(name, where)} sums to {total[where]:.10g}, not to 1; "
            "divide it by its sum if these are weights"
        )


def _sum_tolerance(array):
    return SUM_TOLERANCE_OF_SINGLES if is_single(array) else SUM_TOLERANCE


def _what(array):
    kinds = {"U": "text", "S": "bytes", "b": "booleans", "M": "dates", "m": "durations"}
    return kinds.get(array.dtype.kind, "objects")
