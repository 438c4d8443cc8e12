"""Medians of interleaved rounds: what disturbs the machine disturbs all alike.

Each round has another order, as a function pays for what the one before it drove from the cache.
Times are the processor's. They leave out what others' programs took of it, and are those of a clock
on a quiet machine, as nothing measured waits or has a second thread.
"""

import random
import statistics
import time


def medians(functions, seconds=1.0, least=5):
    """Median processor seconds of each function, called in turn until the time is up.

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
    order, rng = list(functions), random.Random(0)
    end = time.perf_counter() + seconds
    while time.perf_counter() < end or len(next(iter(times.values()))) < least:
        rng.shuffle(order)
        for name in order:
            f = functions[name]
            start = time.process_time()
            for _ in range(repeats[name]):
                f()
            times[name].append((time.process_time() - start) / repeats[name])
    return {name: statistics.median(t) for name, t in times.items()}


def calls_in(f, seconds):
    """How many calls take about so long; the first, which may be slow, is not counted."""
    f()
    start = time.process_time()
    f()
    return max(1, round(seconds / max(time.process_time() - start, 1e-9)))
