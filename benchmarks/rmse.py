"""Root-mean-square errors of the estimators of entropy, from simulated samples."""

import numpy as np

from infolib import entropy, estimators

SIZES = (10, 30, 100, 300, 1000, 3000, 10_000)
WITHOUT_K = ("plug_in", "miller_madow", "jackknife", "grassberger", "chao_shen", "chao_wang_jost")


def sources():
    """Distributions that differ in their tails, and their number of outcomes."""
    rng = np.random.default_rng(0)
    weights = {
        "uniform on 100": np.ones(100),
        "1/i on 1,000": 1 / np.arange(1, 1001),
        "geometric, 0.9": 0.9 ** np.arange(200),
        "a Dirichlet draw on 500": rng.dirichlet(np.ones(500)),
        "two steps on 300": np.repeat([9.0, 1.0], [30, 270]),
    }
    return {name: w / w.sum() for name, w in weights.items()}


def table(runs=60):
    """(estimator, geometric mean, worst) of RMSE against plug-in's over all sources and sizes."""
    rng = np.random.default_rng(1)
    ratios = {name: [] for name in (*WITHOUT_K[1:], "nsb")}
    for p in sources().values():
        truth = entropy(p)
        for n in SIZES:
            samples = rng.multinomial(n, p, size=runs)
            rmse = {}
            for name in (*WITHOUT_K, "nsb"):
                estimate = getattr(estimators, name)
                more = (p.size,) if name == "nsb" else ()
                errors = [estimate(counts, *more) - truth for counts in samples]
                rmse[name] = np.sqrt(np.mean(np.square(errors)))
            for name, values in ratios.items():
                values.append(rmse[name] / rmse["plug_in"])
    return [
        (name, f"{np.exp(np.mean(np.log(r))):.2f}", f"{max(r):.2f}") for name, r in ratios.items()
    ]
