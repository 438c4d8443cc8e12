"""Times of the library beside its peers', as ratios in one process."""

import functools
import os
import platform

import numpy as np
import scipy
import scipy.special
import scipy.stats

import infolib
from benchmarks import optional
from benchmarks.timing import medians
from infolib import estimators

torch, dit, sklearn_metrics = (optional(name) for name in ("torch", "dit", "sklearn.metrics"))


def avx512():
    """Whether NumPy's logarithm runs on AVX-512 here, for which some targets are higher."""
    found = np.lib.introspect.opt_func_info(func_name="^log2$").get("log2", {})
    return any(
        {"AVX512", "X86_V4"} & {loop["current"].removesuffix("_SKX")} for loop in found.values()
    )


class Rows:
    """Lines of the table: what, our time, the other's, their ratio, the target, whether met."""

    def __init__(self):
        self.lines = []

    def add(self, what, other, times, *, at_least=None, at_most=None):
        ours, theirs = times["infolib"], times[other]
        ratio = theirs / ours if at_most is None else ours / theirs
        if at_most is not None:
            target, met = f"≤ {at_most}", ratio <= at_most
            shown = f"{ratio:.2f} of it"
        else:
            target = f"≥ {at_least} times faster" if at_least else "none"
            met = ratio >= at_least if at_least else None
            shown = f"{ratio:.1f} times faster" if ratio > 1 else f"{1 / ratio:.1f} times slower"
        verdict = {True: "met", False: "missed", None: ""}[met]
        self.lines.append((what, seconds(ours), other, seconds(theirs), shown, target, verdict))


def seconds(t):
    for unit, size in (("s", 1), ("ms", 1e-3), ("µs", 1e-6)):
        if t >= size:
            return f"{t / size:.3g} {unit}"
    return f"{t / 1e-9:.3g} ns"


def table():
    """All lines; targets are those for AVX-512 where the machine has it."""
    fast = avx512()
    rng = np.random.default_rng(0)
    rows = Rows()
    p, q = (x / x.sum() for x in rng.random((2, 10**6)))
    times = medians(
        {
            "infolib": lambda: infolib.entropy(p),
            "scipy.stats.entropy": lambda: scipy.stats.entropy(p, base=2),
            "np.log2 alone": lambda: np.log2(p),
        }
    )
    what = "entropy, 1,000,000 outcomes"
    rows.add(what, "scipy.stats.entropy", times, at_least=6 if fast else 2)
    rows.add(what, "np.log2 alone", times, at_most=1.4)
    times = medians(
        {
            "infolib": lambda: infolib.kl_divergence(p, q),
            "scipy.stats.entropy": lambda: scipy.stats.entropy(p, q, base=2),
            "np.log2 alone": lambda: np.log2(p),
        }
    )
    what = "KL divergence, 1,000,000 outcomes"
    rows.add(what, "scipy.stats.entropy", times, at_least=8 if fast else 4)
    rows.add(what, "np.log2 alone", times, at_most=2.3)
    near = p * (1 + 1e-6 * rng.random(10**6))
    near /= near.sum()
    times = medians(
        {
            "infolib": lambda: infolib.kl_divergence(p, near),
            "scipy.stats.entropy": lambda: scipy.stats.entropy(p, near, base=2),
        }
    )
    rows.add(what + ", nearly equal", "scipy.stats.entropy", times)
    for shape in ((100_000, 10), (10_000, 1000)):
        by_rows(rows, shape, fast, rng)
    a_loss(rows, fast, rng)
    a_few(rows)
    from_samples(rows, rng)
    return rows.lines


def by_rows(rows, shape, fast, rng):
    p, q = (rng.dirichlet(np.ones(shape[1]), shape[0]) for _ in range(2))
    named = f"{shape[0]:,} rows of {shape[1]:,}"
    times = medians(
        {
            "infolib": lambda: infolib.entropy(p),
            "scipy.stats.entropy": lambda: scipy.stats.entropy(p, base=2, axis=1),
        }
    )
    rows.add(f"entropy, {named}", "scipy.stats.entropy", times, at_least=6 if fast else 2)
    times = medians(
        {
            "infolib": lambda: infolib.kl_divergence(p, q),
            "scipy.stats.entropy": lambda: scipy.stats.entropy(p, q, base=2, axis=1),
        }
    )
    rows.add(f"KL divergence, {named}", "scipy.stats.entropy", times, at_least=8 if fast else 4)


def a_loss(rows, fast, rng):
    z, y = rng.normal(0, 3, (100_000, 10)), rng.integers(0, 10, 100_000)
    every = np.arange(len(z))
    functions = {
        "infolib": lambda: infolib.cross_entropy_loss(z, y),
        "scipy.special.log_softmax": lambda: -scipy.special.log_softmax(z, axis=1)[every, y],
    }
    if torch:
        torch.set_num_threads(1)
        zt, yt = torch.from_numpy(z), torch.from_numpy(y)
        of_torch = torch.nn.functional.cross_entropy
        functions["torch"] = lambda: of_torch(zt, yt, reduction="none")
    if sklearn_metrics:
        softmax = scipy.special.softmax(z, axis=1)
        classes = np.arange(10)
        functions["sklearn.metrics.log_loss"] = lambda: sklearn_metrics.log_loss(
            y, softmax, labels=classes
        )
    times = medians(functions)
    what = "loss from logits, 100,000 rows of 10"
    rows.add(what, "scipy.special.log_softmax", times, at_least=4.5 if fast else 3)
    if torch:
        rows.add(what, "torch", times, at_least=3 if fast else None)
    if sklearn_metrics:
        rows.add(what + " (sklearn: from probabilities)", "sklearn.metrics.log_loss", times)
    if torch:

        def with_gradient():
            leaf = zt.clone().requires_grad_()
            of_torch(leaf, yt, reduction="sum").backward()

        times = medians(
            {
                "infolib": lambda: infolib.cross_entropy_loss(z, y, return_gradient=True),
                "torch": with_gradient,
            }
        )
        rows.add("loss and gradient, the same", "torch", times, at_least=4 if fast else None)


def a_few(rows):
    p = np.array([0.1, 0.2, 0.3, 0.25, 0.15])
    functions = {
        "infolib": lambda: infolib.entropy(p),
        "scipy.stats.entropy": lambda: scipy.stats.entropy(p, base=2),
    }
    if dit:
        of_dit = dit.Distribution(list("abcde"), list(p))
        functions["dit"] = lambda: dit.shannon.entropy(of_dit)
    times = medians(functions)
    what = "entropy, five outcomes, one call"
    rows.add(what, "scipy.stats.entropy", times, at_least=100)
    if dit:
        rows.add(what, "dit", times)
    limit = {"infolib": times["infolib"], "a microsecond": 1e-6}
    rows.add(what, "a microsecond", limit, at_most=1)


def from_samples(rows, rng):
    samples = np.minimum(rng.zipf(1.3, 10**5), 10**4)
    counts = estimators.count(samples)

    def of_scipy():
        return scipy.stats.entropy(np.unique(samples, return_counts=True)[1], base=2)

    times = medians(
        {"infolib": lambda: estimators.plug_in(estimators.count(samples)), "scipy": of_scipy}
    )
    rows.add("plug-in from 100,000 samples", "scipy", times)
    for name, f in {
        "Chao–Wang–Jost": estimators.chao_wang_jost,
        "NSB": functools.partial(estimators.nsb, n_outcomes=10**4),
    }.items():
        times = medians(
            {
                "infolib": functools.partial(f, counts),
                "its plug-in": functools.partial(estimators.plug_in, counts),
            }
        )
        rows.add(f"{name} from {counts.size:,} counts", "its plug-in", times)
    x = rng.normal(size=10**5)
    times = medians(
        {
            "infolib": lambda: estimators.kozachenko_leonenko(x),
            "scipy.stats.differential_entropy": lambda: scipy.stats.differential_entropy(x, base=2),
        }
    )
    what = "density's entropy from 100,000 samples (SciPy: by spacings)"
    rows.add(what, "scipy.stats.differential_entropy", times)


def growth(largest=8):
    """Nanoseconds an element against the number of outcomes: {method: (sizes, times)}."""
    methods = {
        "np.log2 alone": (np.log2, largest - 1),
        "infolib.entropy": (infolib.entropy, largest),
        "infolib.kl_divergence": (lambda p: infolib.kl_divergence(p, p[::-1]), largest),
        "scipy.stats.entropy": (lambda p: scipy.stats.entropy(p, base=2), largest - 1),
    }
    curves = {name: ([], []) for name in methods}
    for exponent in range(3, largest + 1):
        n = 10**exponent
        p = np.random.default_rng(1).random(n)
        p /= p.sum()
        functions = {
            name: functools.partial(f, p) for name, (f, most) in methods.items() if exponent <= most
        }
        for name, t in medians(functions, seconds=0.5, least=3 if n < 1e8 else 1).items():
            curves[name][0].append(n)
            curves[name][1].append(t / n * 1e9)
    return curves


def machine():
    """What the figures depend on, a line each; no name, path or date."""
    names = [line.split(":")[1].strip() for line in cpu_lines() if line.startswith("model name")]
    versions = {"Python": platform.python_version(), "NumPy": np.__version__}
    versions["SciPy"] = scipy.__version__
    for module in ("sklearn", "torch", "dit", "constriction"):
        found = optional(module)
        versions[module] = getattr(found, "__version__", "installed") if found else "not installed"
    return [
        f"Processor: {names[0] if names else platform.machine()}, {os.cpu_count()} cores; "
        f"logarithms {'with' if avx512() else 'without'} AVX-512",
        f"Threads: {os.environ.get('OMP_NUM_THREADS', 'not limited')}; products by {blas()}",
        ", ".join(f"{name} {version}" for name, version in versions.items()),
    ]


def blas():
    """The library behind NumPy's products, and the processor that it takes this one for."""
    threadpoolctl = optional("threadpoolctl")
    for found in threadpoolctl.threadpool_info() if threadpoolctl else ():
        if found["user_api"] == "blas":
            return f"{found['internal_api']} {found['version']} for {found.get('architecture')}"
    return np.show_config("dicts")["Build Dependencies"]["blas"]["name"]


def cpu_lines():
    try:
        with open("/proc/cpuinfo") as lines:
            return lines.readlines()
    except OSError:
        return []
