"""Two variables: the chain rule, what they share, and Cover & Thomas' table."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from infolib import conditional_entropy, entropy, joint_entropy, kl_divergence, mutual_information
from tests.infolib import reference
from tests.infolib.reference import joint_pmfs, normalised, relative_error

ALL = (joint_entropy, conditional_entropy, mutual_information)
# Cover & Thomas, 2nd ed., example 2.2.1: rows are values of Y, columns of X.
TABLE = np.array(
    [
        [1 / 8, 1 / 16, 1 / 32, 1 / 32],
        [1 / 16, 1 / 8, 1 / 32, 1 / 32],
        [1 / 16] * 4,
        [1 / 4, 0, 0, 0],
    ]
)


def marginals(p):
    """Distributions of rows and of columns; sums that miss 1 by rounding are divided by it."""
    return normalised(p.sum(axis=1)), normalised(p.sum(axis=0))


def test_table_of_cover_and_thomas():
    p_y, p_x = marginals(TABLE)
    assert entropy(p_x) == pytest.approx(7 / 4, rel=1e-15)
    assert entropy(p_y) == pytest.approx(2, rel=1e-15)
    assert conditional_entropy(TABLE) == pytest.approx(11 / 8, rel=1e-15)  # H(X|Y)
    assert conditional_entropy(TABLE.T) == pytest.approx(13 / 8, rel=1e-15)  # H(Y|X)
    assert joint_entropy(TABLE) == pytest.approx(27 / 8, rel=1e-15)
    # Example 2.4.1: I(X; Y) = 0.375 bit.
    assert mutual_information(TABLE) == pytest.approx(3 / 8, rel=1e-14)


def test_conditioning_on_one_value_may_raise_entropy_but_not_on_average():
    # Cover & Thomas, 2nd ed., example 2.6.1.
    p = np.array([[0, 1 / 8], [3 / 4, 1 / 8]])  # rows x = 1, 2; columns y = 1, 2
    assert entropy(p.sum(axis=1)) == pytest.approx(0.544, abs=5e-4)
    assert entropy(p[:, 1] / p[:, 1].sum()) == 1
    assert conditional_entropy(p.T) == pytest.approx(0.25, rel=1e-15)


@given(joint_pmfs())
def test_chain_rule(p):
    p_x, p_y = marginals(p)
    assert joint_entropy(p) == pytest.approx(entropy(p_x) + conditional_entropy(p), abs=1e-13)
    assert joint_entropy(p) == pytest.approx(entropy(p_y) + conditional_entropy(p.T), abs=1e-13)


@given(joint_pmfs())
def test_joint_entropy_is_the_entropy_of_all_cells(p):
    assert joint_entropy(p) == pytest.approx(entropy(p.ravel()), rel=2**-52)
    p_x, p_y = marginals(p)
    assert max(entropy(p_x), entropy(p_y)) - 1e-13 <= joint_entropy(p)
    assert joint_entropy(p) <= entropy(p_x) + entropy(p_y) + 1e-13


@given(joint_pmfs())
def test_conditioning_lowers_entropy(p):
    _, p_y = marginals(p)
    assert 0 <= conditional_entropy(p) <= entropy(p_y) + 1e-13


@given(joint_pmfs())
def test_conditional_entropy_is_the_mean_entropy_of_rows(p):
    mean = sum(row.sum() * entropy(row / row.sum()) for row in p if row.any())
    assert conditional_entropy(p) == pytest.approx(mean, rel=1e-12, abs=1e-14)


@given(joint_pmfs())
def test_mutual_information_is_what_entropies_overlap_in(p):
    p_x, p_y = marginals(p)
    shared = mutual_information(p)
    assert shared == pytest.approx(entropy(p_x) + entropy(p_y) - joint_entropy(p), abs=1e-12)
    assert shared == pytest.approx(entropy(p_y) - conditional_entropy(p), abs=1e-12)
    assert shared >= 0
    assert shared <= min(entropy(p_x), entropy(p_y)) + 1e-12
    assert mutual_information(p.T) == pytest.approx(shared, rel=1e-10, abs=1e-20)


@given(joint_pmfs())
def test_mutual_information_is_the_divergence_from_independence(p):
    independent = normalised(np.outer(*marginals(p)))
    kl = kl_divergence(p.ravel(), independent.ravel())
    assert mutual_information(p) == pytest.approx(kl, rel=1e-9, abs=1e-14)


@given(st.lists(st.floats(0.01, 1), min_size=1, max_size=5).map(normalised))
def test_independent_and_identical_variables(p):
    assert mutual_information(np.outer(p, p[::-1])) == pytest.approx(0, abs=1e-15)
    assert mutual_information(np.diag(p)) == pytest.approx(entropy(p), rel=1e-12, abs=1e-15)
    assert conditional_entropy(np.diag(p)) == 0
    assert conditional_entropy(np.outer(p, p)) == pytest.approx(entropy(p), rel=1e-13, abs=1e-15)


@given(joint_pmfs(), st.data())
def test_data_processing(p, data):
    # Merging columns cannot make Y tell more about X.
    cells = data.draw(st.lists(st.integers(0, 1), min_size=p.shape[1], max_size=p.shape[1]))
    merged = np.stack([np.bincount(cells, weights=row, minlength=2) for row in p])
    assert mutual_information(merged) <= mutual_information(p) + 1e-12


@given(joint_pmfs(), st.floats(1.1, 20))
def test_base_stack_and_type(p, base):
    for f in ALL:
        assert type(f(p)) is float
        assert f(p, base=base) == pytest.approx(
            f(p, base=math.e) / math.log(base), rel=1e-13, abs=1e-300
        )
        assert f(p) == f(p, base=2)
        stack = np.stack([p, np.full(p.shape, 1 / p.size), p[::-1, ::-1]])
        assert f(stack).tolist() == [f(table) for table in stack]
        assert f(stack[:, None]).shape == (3, 1)
        assert math.copysign(1, f([[1.0, 0.0]])) == 1


def test_weak_dependence_keeps_its_digits():
    # I(X; Y) is far below H: the difference of two entropies would have no digits left.
    for e in (1e-3, 1e-6, 1e-8):
        p = np.array([[0.25 + e, 0.25 - e], [0.25 - e, 0.25 + e]])
        cells = reference.exact(p.ravel())
        rows = [cells[0] + cells[1], cells[2] + cells[3]]
        columns = [cells[0] + cells[2], cells[1] + cells[3]]
        truth = sum(
            cells[2 * i + j] * reference.mpmath.log(cells[2 * i + j] / (rows[i] * columns[j]))
            for i in (0, 1)
            for j in (0, 1)
        )
        assert mutual_information(p, base=math.e) == pytest.approx(float(truth), rel=1e-9)


def test_nearly_determined_columns_keep_their_digits():
    # H(Y|X) of a cell of 1e-12 beside 0.5.
    p = np.array([[0.5, 1e-12], [0.0, 0.5 - 1e-12]])
    a, b = reference.mpf(0.5), reference.mpf(1e-12)
    log = reference.mpmath.log
    truth = -a * log(a / (a + b)) - b * log(b / (a + b))
    assert relative_error(conditional_entropy(p, base=math.e), truth) < 1e-4
    assert conditional_entropy(p, base=math.e) == pytest.approx(float(truth), abs=1e-16)


@pytest.mark.parametrize("tiny", [1e-150, 1e-170, 1e-300])
def test_rare_pairs_share_their_entropy(tiny):
    # One variable determines the other: I = H, also where the product of marginals underflows.
    p = np.diag([1.0, tiny])
    assert mutual_information(p) == pytest.approx(joint_entropy(p), rel=1e-12)
