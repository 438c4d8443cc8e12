"""A hundred million outcomes in two gigabytes."""

import os
import subprocess
import sys

import pytest

resource = pytest.importorskip("resource", reason="memory cannot be limited on this system")

CODE = """
import resource
resource.setrlimit(resource.RLIMIT_AS, (2 * 10**9, 2 * 10**9))
import numpy as np
from infolib import entropy
print(round(entropy(np.full(10**8, 1e-8)), 9))
"""


def test_a_hundred_million_outcomes():
    done = subprocess.run(
        [sys.executable, "-c", CODE],
        capture_output=True,
        text=True,
        env=os.environ | {"OPENBLAS_NUM_THREADS": "1"},
        timeout=120,
    )
    assert done.stdout.strip() == "26.575424759", done.stderr
