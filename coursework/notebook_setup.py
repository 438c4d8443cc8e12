# What every assignment needs. Leave this cell as it is: it is put back before grading.
import math
import random
from numbers import Real

import numpy as np

COURSE = "example"


def random_for(student_id, assignment):
    """Random numbers from which your own data are made: the same each time, and yours alone."""
    return random.Random(f"{COURSE}/{assignment}/{student_id.strip().lower()}")


def agrees(got, expected, tolerance=1e-6):
    """Whether two answers are the same: floats within a relative tolerance, all else exactly."""
    if isinstance(got, np.ndarray | np.generic):
        got = got.tolist()
    if isinstance(expected, dict):
        same_keys = isinstance(got, dict) and got.keys() == expected.keys()
        return same_keys and all(agrees(got[key], expected[key], tolerance) for key in expected)
    if isinstance(expected, list | tuple | np.ndarray):
        if not isinstance(got, list | tuple) or len(got) != len(expected):
            return False
        return all(agrees(g, e, tolerance) for g, e in zip(got, expected, strict=True))
    if isinstance(expected, Real) and not isinstance(expected, bool):
        if not isinstance(got, Real) or isinstance(got, bool):
            return False
        if isinstance(got, int) and isinstance(expected, int):
            return got == expected
        try:
            return math.isclose(got, expected, rel_tol=tolerance, abs_tol=1e-12)
        except OverflowError:  # beyond the largest float
            return False
    return type(got) is type(expected) and got == expected


def check(got, expected, mistakes=None, tolerance=1e-6):
    """Stop unless an answer is as expected. `mistakes` says what a known wrong answer means."""
    if agrees(got, expected, tolerance):
        return
    for meaning, value in (mistakes or {}).items():
        if agrees(got, value, tolerance):
            raise AssertionError(f"{meaning} Your answer: {got}. Expected: {expected}.")
    raise AssertionError(f"Your answer: {got}. Expected: {expected}.")


def error_of(function, *arguments):
    """Name of the error that a call raises, or None."""
    try:
        function(*arguments)
    except Exception as error:
        return type(error).__name__


def own(answer, *names):
    """Stop if what you are asked to write is taken from elsewhere, be it by a helper of yours."""
    parts, seen = [answer], []
    while parts:
        part = parts.pop()
        part = getattr(part, "__wrapped__", part)  # the function below a cache
        code = getattr(part, "__code__", part)
        if not hasattr(code, "co_names") or code in seen:
            continue
        seen.append(code)
        if getattr(part, "__globals__", globals()) is not globals():  # not written in this notebook
            if part.__name__ in names:
                raise AssertionError(f"{part.__name__} is called: write it yourself.")
            continue
        for name in code.co_names:
            value = globals().get(name)
            value = getattr(value, "__wrapped__", value)
            if name in names and getattr(value, "__globals__", None) is not globals():
                raise AssertionError(f"{name} is called: write it yourself.")
            parts.append(value)
        parts += code.co_consts  # functions, comprehensions and generators inside
