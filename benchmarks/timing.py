"""Medians of interleaved rounds: what disturbs the machine disturbs all alike."""

import statistics
import time


def medians(functions, seconds=1.0, least=5):
    """Median seconds of each function, called in turn until the time is up.

    Parameters
    ----------
    functions : dict of str to callable
    seconds : float
        How long to go on; at least `least` rounds are made.

    Returns
    -------
    dict of str to float
    """
    repeats = {name: calls_in(f, 1e-4) for name, f in functions.items()}
    times = {name: [] for name in functions}
    end = time.perf_counter() + seconds
    while time.perf_counter() < end or len(next(iter(times.values()))) < least:
        for name, f in functions.items():
            start = time.perf_counter()
            for _ in range(repeats[name]):
                f()
            times[name].append((time.perf_counter() - start) / repeats[name])
    return {name: statistics.median(t) for name, t in times.items()}


def calls_in(f, seconds):
    """How many calls take about so long; the first, which may be slow, is not counted."""
    f()
    start = time.perf_counter()
    f()
    return max(1, round(seconds / max(time.perf_counter() - start, 1e-9)))
