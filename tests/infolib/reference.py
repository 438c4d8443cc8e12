"""What tests share: definitions in 50 digits, random distributions, and a clock."""

import time

import mpmath
import numpy as np
from hypothesis import strategies as st
from mpmath import mpf

mpmath.mp.dps = 50


def exact(p, normalise=True):
    """Doubles as 50-digit numbers. Stored probabilities sum to 1 only up to rounding: divide."""
    p = [mpf(float(x)) for x in p]
    return [x / mpmath.fsum(p) for x in p] if normalise else p


def entropy(p):
    """−Σ p·log p in nats."""
    return -mpmath.fsum(x * mpmath.log(x) for x in exact(p) if x > 0)


def cross_entropy(p, q):
    """−Σ p·log q in nats, of distributions without q = 0 < p."""
    return -mpmath.fsum(x * mpmath.log(y) for x, y in zip(exact(p), exact(q), strict=True) if x > 0)


def kl(p, q):
    """Σ p·log(p/q) in nats, of distributions without q = 0 < p."""
    pairs = zip(exact(p), exact(q), strict=True)
    return mpmath.fsum(x * mpmath.log(x / y) for x, y in pairs if x > 0)


def js(p, q):
    """Half the divergences of both from their average, in nats."""
    p, q = exact(p), exact(q)
    total = mpf(0)
    for x, y in zip(p, q, strict=True):
        m = (x + y) / 2
        total += sum(t * mpmath.log(t / m) for t in (x, y) if t > 0) / 2
    return total


def log_sum_exp(z):
    """Logarithm of the sum of exponentials, −inf counting as 0."""
    return mpmath.log(mpmath.fsum(mpmath.exp(mpf(float(x))) for x in z if x != -np.inf))


def index_loss(z, label):
    """log(1 + Σ exp(z_j − z_label)) in nats, over the other classes."""
    odds = [
        mpmath.exp(mpf(float(x)) - mpf(float(z[label])))
        for j, x in enumerate(z)
        if j != label and x != -np.inf
    ]
    return mpmath.log1p(mpmath.fsum(odds))


def relative_error(value, truth):
    """How far a double is off, relative to the truth; 0 where both vanish."""
    truth = mpf(truth)
    if truth == 0:
        return 0.0 if value == 0 else np.inf
    return abs(float((mpf(float(value)) - truth) / truth))


def pmfs(min_size=1, max_size=8, zeros=True):
    """Distributions with weights over many orders of magnitude, and zeros if these are wanted."""
    weight = st.floats(-12, 3).map(lambda e: 10.0**e)
    weights = st.one_of(st.just(0.0), weight) if zeros else weight
    lists = st.lists(weights, min_size=min_size, max_size=max_size).filter(lambda w: sum(w) > 0)
    return lists.map(normalised)


def pmf_pairs(min_size=1, max_size=8, zeros=True, number=2):
    """Several distributions over the same outcomes."""
    sizes = st.integers(min_size, max_size)
    return sizes.flatmap(lambda k: st.tuples(*[pmfs(k, k, zeros)] * number))


def joint_pmfs(max_size=5):
    """Tables of two variables, rows and columns that are impossible included."""
    shapes = st.tuples(st.integers(1, max_size), st.integers(1, max_size))
    return shapes.flatmap(lambda s: pmfs(s[0] * s[1], s[0] * s[1]).map(lambda p: p.reshape(s)))


def normalised(weights):
    weights = np.asarray(weights, dtype=float)
    return weights / weights.sum()


def seconds(f, *arguments):
    """Processor time, which other programs on the machine do not change much."""
    start = time.process_time()
    result = f(*arguments)
    return time.process_time() - start, result
