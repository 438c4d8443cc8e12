"""Worst errors against mpmath, in units in the last place, over adversarial random inputs.

Truths are of the doubles as they are, except for divergences below 1/16 nat: there rounding in the
sums of p and q would drown the result, and the truth is that of the exact distributions in
proportion to the doubles.
"""

import math
from collections import defaultdict

import mpmath
import numpy as np
import scipy.special
import scipy.stats
from mpmath import mpf
from scipy.spatial.distance import jensenshannon

import infolib
from benchmarks import optional

torch = optional("torch")
DIGITS = 400  # differences as small as 1e-300 beside 1
SIZES = (2, 3, 5, 17, 33, 65, 200)


# --- truths, in nats ------------------------------------------------------------------------


def numbers(p):
    return [mpf(float(x)) for x in p]


def entropy(p):
    return -mpmath.fsum(x * mpmath.log(x) for x in numbers(p) if x)


def cross_entropy(p, q):
    pairs = zip(numbers(p), numbers(q), strict=True)
    return -mpmath.fsum(x * mpmath.log(y) for x, y in pairs if x)


def kl_divergence(p, q):
    p, q = numbers(p), numbers(q)
    total = mpmath.fsum(x * mpmath.log(x / y) for x, y in zip(p, q, strict=True) if x)
    if total >= mpf(1) / 16:
        return total
    sum_p, sum_q = mpmath.fsum(p), mpmath.fsum(q)
    return total / sum_p - mpmath.log(sum_p / sum_q)


def js_divergence(p, q):
    p, q = numbers(p), numbers(q)
    m = [(x + y) / 2 for x, y in zip(p, q, strict=True)]
    terms = [x * mpmath.log(x / y) for half in (p, q) for x, y in zip(half, m, strict=True) if x]
    return mpmath.fsum(terms) / 2


def loss_and_gradient(z, label):
    odds = [mpmath.exp(mpf(float(x)) - mpf(float(z[label]))) if x > -np.inf else mpf(0) for x in z]
    rest = mpmath.fsum(odds) - 1
    softmax = [x / (1 + rest) for x in odds]
    softmax[label] = -rest / (1 + rest)
    return mpmath.log1p(rest), softmax


# --- inputs ---------------------------------------------------------------------------------


def distributions(rng, k):
    """Of one size: even, sparse, over 300 orders of magnitude, with zeros, nearly certain."""
    yield rng.dirichlet(np.ones(k))
    yield rng.dirichlet(np.full(k, 0.05))
    yield normalised(np.exp(rng.uniform(-700, 0, k)))
    some = rng.random(k) * (rng.random(k) > 0.4)
    some[0] = 1e-3
    yield normalised(some)
    certain = np.full(k, 1e-12)
    certain[0] = 1
    yield normalised(certain)


def far_pairs(rng, k):
    everything = list(distributions(rng, k))
    for p in everything:
        for q in everything:
            if p is not q and q[p > 0].all():
                yield p, q


def near_pairs(rng, k):
    for step in (0.3, 1e-2, 1e-4, 1e-7, 1e-10, 1e-13):
        for p in list(distributions(rng, k))[:2]:
            yield p, normalised(p * (1 + step * rng.uniform(-1, 1, k)))


def logits(rng, k):
    label = int(rng.integers(k))
    for z in (rng.normal(0, 3, k), rng.normal(0, 300, k), rng.uniform(-1e4, 1e4, k)):
        yield z, label
    impossible = np.where(rng.random(k) < 0.3, -np.inf, rng.normal(0, 5, k))
    impossible[label] = 1.0
    yield impossible, label


def confident_logits(rng, k):
    """The label is so far ahead that log_softmax returns 0, or nearly so."""
    for low, high in ((20, 50), (50, 330), (330, 690)):
        z = rng.normal(0, 1, k)
        z[0] = rng.uniform(low, high)
        yield z, 0


def normalised(weights):
    return weights / weights.sum()


# --- errors ---------------------------------------------------------------------------------


def error(value, truth, unit):
    """Units in the last place by which `value` misses; none where both are below doubles."""
    if abs(truth) < mpf(2) ** -1000:
        return 0.0
    if not np.isfinite(value):
        return math.inf
    return float(abs(mpf(float(value)) - truth) / abs(truth) / unit)


def errors(draws, seed):
    """Worst error of each method for each quantity: {quantity: {method: units}}."""
    rng = np.random.default_rng(seed)
    worst = defaultdict(lambda: defaultdict(float))

    def note(quantity, method, value, truth, unit=2.0**-52):
        worst[quantity][method] = max(worst[quantity][method], error(value, truth, unit))

    with mpmath.workdps(DIGITS), np.errstate(all="ignore"):
        bits = mpmath.log(2)
        for _ in range(draws):
            for k in SIZES:
                for p in distributions(rng, k):
                    truth = entropy(p) / bits
                    note("entropy", "infolib", infolib.entropy(p), truth)
                    note("entropy", "infolib, rows", infolib.entropy(np.stack([p, p]))[1], truth)
                    note("entropy", "scipy.stats.entropy", scipy.stats.entropy(p, base=2), truth)
                    value = scipy.special.entr(p).sum() / LN_2
                    note("entropy", "scipy.special.entr", value, truth)
                    single = p.astype(np.float32)
                    truth = entropy(single) / bits
                    note("entropy, float32", "infolib", small(infolib.entropy, single), truth, F32)
                    value = scipy.special.entr(single).sum() / np.float32(LN_2)
                    note("entropy, float32", "scipy.special.entr", value, truth, F32)
                for p, q in far_pairs(rng, k):
                    truth = cross_entropy(p, q) / bits
                    note("cross-entropy", "infolib", infolib.cross_entropy(p, q), truth)
                    value = -scipy.special.xlogy(p, q).sum() / LN_2
                    note("cross-entropy", "scipy.special.xlogy", value, truth)
                    divergences(note, p, q, bits)
                for p, q in near_pairs(rng, k):
                    divergences(note, p, q, bits)
                for quantity, cases in (("", logits), (", confident", confident_logits)):
                    for z, label in cases(rng, k):
                        losses(note, quantity, z, label)
    return {quantity: dict(methods) for quantity, methods in worst.items()}


LN_2 = math.log(2)
F32 = 2.0**-23


def small(f, *arguments):
    """The answer in single precision, which a float for a single distribution would hide."""
    return f(*(a[np.newaxis] for a in arguments))[0]


def divergences(note, p, q, bits):
    truth = kl_divergence(p, q) / bits
    near = truth < mpf(1) / 16 / bits
    if truth > mpf(10) ** -26:
        quantity = "KL divergence, below 1/16 nat" if near else "KL divergence"
        note(quantity, "infolib", infolib.kl_divergence(p, q), truth)
        note(quantity, "scipy.stats.entropy", scipy.stats.entropy(p, q, base=2), truth)
        value = scipy.special.kl_div(p, q).sum() / LN_2
        note(quantity, "scipy.special.kl_div", value, truth)
    truth = js_divergence(p, q) / bits
    if truth > mpf(10) ** -26:
        note("Jensen–Shannon divergence", "infolib", infolib.js_divergence(p, q), truth)
        value = jensenshannon(p, q, base=2) ** 2
        note("Jensen–Shannon divergence", "scipy.spatial, squared", value, truth)


def losses(note, quantity, z, label):
    truth, slopes = loss_and_gradient(z, label)
    loss, gradient = infolib.cross_entropy_loss(z, label, return_gradient=True)
    note(f"loss{quantity}", "infolib", loss, truth)
    value = -scipy.special.log_softmax(z)[label]
    note(f"loss{quantity}", "scipy.special.log_softmax", value, truth)
    value = scipy.special.logsumexp(z - z[label])
    note(f"loss{quantity}", "scipy.special.logsumexp", value, truth)
    if torch:
        value, slopes_by_torch = torch_loss_and_gradient(z, label)
        note(f"loss{quantity}", "torch", value, truth)
    softmax = scipy.special.softmax(z)
    softmax[label] -= 1
    for i, slope in enumerate(slopes):
        if torch:
            note(f"gradient{quantity}", "torch", slopes_by_torch[i], slope)
        note(f"gradient{quantity}", "infolib", gradient[i], slope)
        note(f"gradient{quantity}", "scipy.special.softmax", softmax[i], slope)
    single = z.astype(np.float32)
    truth, _ = loss_and_gradient(single, label)
    loss = infolib.cross_entropy_loss(single[np.newaxis], [label])[0]
    if mpf(10) ** -37 < truth < mpf(10) ** 37:  # within single precision
        note(f"loss{quantity}, float32", "infolib", loss, truth, F32)
        value = scipy.special.logsumexp(single - single[label])
        note(f"loss{quantity}, float32", "scipy.special.logsumexp", value, truth, F32)
        if torch:
            value, _ = torch_loss_and_gradient(single, label)
            note(f"loss{quantity}, float32", "torch", value, truth, F32)


def torch_loss_and_gradient(z, label):
    z = torch.tensor(z, requires_grad=True)
    loss = torch.nn.functional.cross_entropy(z, torch.tensor(label))
    loss.backward()
    return loss.item(), z.grad.tolist()
