"""Softmax and the cross-entropy loss: laws, gradients, and 50 digits far out."""

import math
import tracemalloc

import numpy as np
import pytest
import scipy.special
from hypothesis import given
from hypothesis import strategies as st

from infolib import (
    cross_entropy,
    cross_entropy_loss,
    entropy,
    kl_divergence,
    log_softmax,
    one_hot,
    smooth_labels,
    softmax,
)
from tests.infolib import reference
from tests.infolib.reference import pmfs, relative_error

INF = math.inf


def logit_lists(size=8.0, min_size=1):
    return st.lists(st.floats(-size, size), min_size=min_size, max_size=6).map(np.array)


# ---------------------------------------------------------------- softmax


@given(logit_lists(700), st.floats(-1e4, 1e4))
def test_softmax_is_a_distribution_that_no_shift_changes(z, shift):
    q = softmax(z)
    assert (q >= 0).all() and q.sum() == pytest.approx(1, rel=1e-14)
    # The shift rounds z itself, by up to 1e4 units in the last place of 1.
    np.testing.assert_allclose(softmax(z + shift), q, rtol=1e-11, atol=1e-300)
    np.testing.assert_allclose(log_softmax(z + shift), log_softmax(z), rtol=1e-11, atol=1e-11)


@given(logit_lists(700))
def test_scipy_agrees(z):
    np.testing.assert_allclose(softmax(z), scipy.special.softmax(z), rtol=1e-13, atol=1e-320)
    expected = scipy.special.log_softmax(z)
    np.testing.assert_allclose(log_softmax(z), expected, rtol=1e-13, atol=1e-15)


@given(logit_lists(30))
def test_log_softmax_in_50_digits(z):
    log_sum = reference.log_sum_exp(z)
    truth = [float(reference.mpf(float(x)) - log_sum) for x in z]
    np.testing.assert_allclose(log_softmax(z), truth, rtol=1e-14, atol=1e-14)
    np.testing.assert_allclose(softmax(z), np.exp(truth), rtol=1e-13)


@given(pmfs(zeros=False))
def test_softmax_undoes_the_logarithm(p):
    np.testing.assert_allclose(softmax(np.log(p)), p, rtol=1e-13)


def test_impossible_classes():
    assert softmax([0.0, -INF, 0.0]).tolist() == [0.5, 0, 0.5]
    assert log_softmax([-INF, 3.0]).tolist() == [-INF, 0]


def test_known_values():
    # Odds of 1 : 2 : 3.
    np.testing.assert_allclose(softmax(np.log([1, 2, 3])), [1 / 6, 1 / 3, 1 / 2], rtol=1e-15)
    assert softmax([1000.0, 0.0]).tolist() == [1, 0]
    assert log_softmax([1e4, -1e4]).tolist() == [0, -2e4]


def test_axis():
    z = np.arange(24.0).reshape(2, 3, 4) ** 1.5 / 10
    for f in (softmax, log_softmax):
        for axis in (0, 1, 2, -1, -2, -3):
            expected = np.apply_along_axis(f, axis, z)
            assert f(z, axis=axis).shape == z.shape
            np.testing.assert_allclose(f(z, axis=axis), expected, rtol=1e-14)


@pytest.mark.parametrize("f", [softmax, log_softmax])
def test_an_axis_that_is_not_there(f):
    with pytest.raises(ValueError, match="axis 1 is out of bounds|axis is 1"):
        f([0.0, 1.0], axis=1)


@pytest.mark.parametrize("f", [softmax, log_softmax])
@pytest.mark.parametrize("axis", [0.5, "x"])
def test_an_axis_that_is_no_whole_number(f, axis):
    with pytest.raises(ValueError, match="axis is"):
        f([0.0, 1.0], axis=axis)


def test_logits_at_the_ends_of_floating_point():
    # Their difference overflows; the answer does not, and needs no warning.
    assert softmax([1e308, -1e308]).tolist() == [1, 0]
    assert log_softmax([1e308, -1e308]).tolist() == [0, -INF]


@pytest.mark.parametrize("f", [softmax, log_softmax, lambda z: cross_entropy_loss(z, 0)])
@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ([0.0, math.nan], r"logits\[1\] is nan; logits are finite"),
        ([INF, 0.0], r"logits\[0\] is inf"),
        ([[0.0, 0.0], [0.0, INF]], r"logits\[1, 1\] is inf"),
        ([-INF, -INF], "logits is -inf for every class; at least one must be possible"),
        ([[0.0, 0.0], [-INF, -INF]], r"logits\[1\] is -inf for every class"),
        ([], r"logits has shape \(0,\); pass a score for each class"),
        (1.0, r"logits has shape \(\)"),
        (["a"], "logits holds text"),
        ([1j], "logits is complex"),
        ([None], "logits holds objects"),
        ([True], "logits holds booleans"),
        ([[0.0], [0.0, 1.0]], "logits is ragged"),
    ],
)
def test_bad_logits(f, bad, message):
    with pytest.raises(ValueError, match=message):
        f(bad)


# ---------------------------------------------------------------- the loss


@given(logit_lists(), st.data())
def test_index_labels_equal_one_hot_labels(z, data):
    label = data.draw(st.integers(0, len(z) - 1))
    hot = one_hot(label, len(z))
    loss, gradient = cross_entropy_loss(z, label, return_gradient=True)
    loss_hot, gradient_hot = cross_entropy_loss(z, hot, return_gradient=True)
    assert loss == pytest.approx(loss_hot, rel=1e-12, abs=1e-15)
    np.testing.assert_allclose(gradient, gradient_hot, rtol=1e-9, atol=1e-15)
    assert loss == pytest.approx(cross_entropy(hot, softmax(z), base=math.e), abs=1e-14)


@given(logit_lists(), st.data())
def test_loss_is_cross_entropy_at_least_the_entropy_of_labels(z, data):
    p = data.draw(pmfs(len(z), len(z)))
    loss = cross_entropy_loss(z, p)
    assert loss == pytest.approx(cross_entropy(p, softmax(z), base=math.e), rel=1e-12, abs=1e-14)
    assert loss >= entropy(p, base=math.e) - 1e-14
    gap = kl_divergence(p, softmax(z), base=math.e)
    assert loss - entropy(p, base=math.e) == pytest.approx(gap, rel=1e-9, abs=1e-13)


@given(logit_lists(), st.data())
def test_gradient_against_finite_differences(z, data):
    label = data.draw(
        st.one_of(st.integers(0, len(z) - 1), pmfs(len(z), len(z))), label="label or distribution"
    )
    _, gradient = cross_entropy_loss(z, label, return_gradient=True)
    step = 1e-5
    for j in range(len(z)):
        e = step * np.eye(len(z))[j]
        slope = (cross_entropy_loss(z + e, label) - cross_entropy_loss(z - e, label)) / (2 * step)
        assert gradient[j] == pytest.approx(slope, abs=1e-9)


@given(logit_lists(700), st.data())
def test_gradient_rows_sum_to_0_and_are_softmax_less_label(z, data):
    label = data.draw(st.integers(0, len(z) - 1))
    _, gradient = cross_entropy_loss(z, label, return_gradient=True)
    assert gradient.sum() == pytest.approx(0, abs=1e-15)
    np.testing.assert_allclose(gradient, softmax(z) - one_hot(label, len(z)), rtol=0, atol=1e-15)
    p = data.draw(pmfs(len(z), len(z)))
    _, gradient = cross_entropy_loss(z, p, return_gradient=True)
    assert gradient.sum() == pytest.approx(0, abs=1e-13)
    np.testing.assert_allclose(gradient, softmax(z) - p, rtol=0, atol=1e-13)


@given(logit_lists(700), st.floats(1.1, 20), st.data())
def test_base(z, base, data):
    label = data.draw(st.integers(0, len(z) - 1))
    nats, slopes = cross_entropy_loss(z, label, return_gradient=True)
    other, other_slopes = cross_entropy_loss(z, label, base=base, return_gradient=True)
    assert other == pytest.approx(nats / math.log(base), rel=1e-14)
    np.testing.assert_allclose(other_slopes, slopes / math.log(base), rtol=1e-14)
    assert cross_entropy_loss(z, label, base=math.e) == nats  # nats are the default


@given(st.lists(st.floats(-40, 40), min_size=2, max_size=6), st.data())
def test_index_loss_in_50_digits(z, data):
    label = data.draw(st.integers(0, len(z) - 1))
    assert relative_error(cross_entropy_loss(z, label), reference.index_loss(z, label)) < 1e-13


@pytest.mark.parametrize(
    ("z", "label"),
    [
        ([50.0, 0.0, 0.0], 0),
        ([50.0, 0.0, 0.0], 1),
        ([1e4, -1e4], 1),
        ([1e4, -1e4, 1e4], 0),
        ([-1e4, -1e4], 0),
        ([700.0, 0.0], 0),
        ([0.0, 700.0], 0),
        ([0.0, 709.9, 709.9], 0),
        ([0.0, 1e4, 1e4, 1e4], 0),
        ([1.0, -INF, 0.0], 0),
        ([1.0, -INF, 0.0], 2),
        ([0.0, 1e-9], 0),
        ([1e300, 0.0], 1),
    ],
)
def test_extreme_logits_in_50_digits(z, label):
    assert relative_error(cross_entropy_loss(z, label), reference.index_loss(z, label)) < 1e-14


def test_confident_and_right():
    # log(1 + 2·e^−50): 50 digits give 3.8574996959278e-22.
    assert cross_entropy_loss([50.0, 0.0, 0.0], 0) == pytest.approx(3.8574996959278e-22, rel=1e-13)
    _, gradient = cross_entropy_loss([50.0, 0.0, 0.0], 0, return_gradient=True)
    np.testing.assert_allclose(gradient, [-3.8574996959278e-22, *[1.9287498479639e-22] * 2])
    assert cross_entropy_loss([1e4, -1e4], 0) == 0  # e^−20000 is no double
    assert cross_entropy_loss([1e4, -1e4], 1) == 2e4


def test_impossible_truth():
    loss, gradient = cross_entropy_loss([0.0, -INF], 1, return_gradient=True)
    assert loss == INF and gradient.tolist() == [1, -1]
    assert cross_entropy_loss([0.0, -INF], [0.5, 0.5]) == INF


@pytest.mark.parametrize(
    "scale",
    [
        0.0,
        10.0,
        700.0,
        1e4,
        -10.0,
        -700.0,
        *[z for z in (-1e3, -1e4)],
    ],
)
def test_the_only_possible_class_costs_nothing(scale):
    # Shifting logits changes nothing, so neither does the value of a single possible class.
    for z in ([scale], [scale, -INF], [scale, -INF, -INF]):
        loss, gradient = cross_entropy_loss(z, 0, return_gradient=True)
        assert loss == 0 and not gradient.any()
        hot = np.eye(len(z))[0]
        loss, gradient = cross_entropy_loss(z, hot, return_gradient=True)
        assert loss == 0 and not gradient.any()


def test_five_animals():
    # A picture that is certainly the first of five animals, and two models of it, whose losses
    # are −log 0.4 = 0.9163 and −log 0.98 = 0.0202 nat.
    truth = [1.0, 0, 0, 0, 0]
    assert cross_entropy(truth, [0.4, 0.3, 0.05, 0.05, 0.2], base=math.e) == pytest.approx(
        0.9163, abs=5e-5
    )
    assert cross_entropy(truth, [0.98, 0.01, 0, 0, 0.01], base=math.e) == pytest.approx(
        0.0202, abs=5e-5
    )
    logits = np.log([0.4, 0.3, 0.05, 0.05, 0.2])
    assert cross_entropy_loss(logits, 0) == pytest.approx(0.9163, abs=5e-5)


def test_batches_are_answered_one_by_one():
    rng = np.random.default_rng(1)
    z = rng.normal(0, 20, size=(4, 3, 5))
    labels = rng.integers(0, 5, size=(4, 3))
    loss, gradient = cross_entropy_loss(z, labels, return_gradient=True)
    assert loss.shape == (4, 3) and gradient.shape == z.shape
    p = rng.dirichlet(np.ones(5), size=(4, 3))
    loss_p, gradient_p = cross_entropy_loss(z, p, return_gradient=True)
    for i in np.ndindex(4, 3):
        single, slopes = cross_entropy_loss(z[i], int(labels[i]), return_gradient=True)
        assert type(single) is float
        assert single == pytest.approx(loss[i], rel=2**-52)
        np.testing.assert_allclose(slopes, gradient[i], rtol=2**-51, atol=0)
        single, slopes = cross_entropy_loss(z[i], p[i], return_gradient=True)
        assert single == pytest.approx(loss_p[i], rel=1e-14)
        np.testing.assert_allclose(slopes, gradient_p[i], rtol=1e-13, atol=1e-16)


def test_single_precision_stays():
    z = np.zeros((2, 2), dtype=np.float32)
    assert softmax(z).dtype == log_softmax(z).dtype == cross_entropy_loss(z, [0, 1]).dtype
    assert cross_entropy_loss(z, [0, 1]).dtype == np.float32


def test_square_batches_tell_indices_from_distributions():
    z = np.log([[0.5, 0.5], [0.25, 0.75]])
    assert cross_entropy_loss(z, [0, 1], base=2).tolist() == pytest.approx([1, math.log2(4 / 3)])
    soft = cross_entropy_loss(z, [[0.0, 1.0], [1.0, 0.0]], base=2)
    assert soft.tolist() == pytest.approx([1, 2])


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ([0, 3], r"labels\[1\] is 3; classes go from 0 to 2"),
        ([-1, 0], r"labels\[0\] is -1; classes go from 0 to 2"),
        ([0.0, 1.0], r"labels has type float64 and shape \(2,\); pass class indices as integers"),
        ([0.5, 1.0], "labels has type float64"),
        ([True, False], "labels has type bool"),
        (["a", "b"], "labels has type <U1"),
        ([0, 1, 2], r"labels has shape \(3,\); for logits of shape \(2, 3\)"),
        (0, r"labels has shape \(\)"),
        ([[0, 1, 0], [1, 0, 0]], r"labels has shape \(2, 3\); .*distributions as floats"),
        ([[0.5, 0.5], [0.5, 0.5]], "labels has type float64 and shape"),
        ([[0.5, 0.5, 0.5], [1.0, 0.0, 0.0]], r"labels\[0\] sums to 1\.5"),
        ([[1.5, -0.5, 0.0], [1.0, 0.0, 0.0]], r"labels\[0, 1\] is -0\.5"),
        ([[math.nan, 1.0, 0.0], [1.0, 0.0, 0.0]], r"labels\[0, 0\] is nan"),
        ([1j, 0], "labels has type complex128"),
        (None, "labels has type object"),
    ],
)
def test_bad_labels(labels, message):
    with pytest.raises(ValueError, match=message):
        cross_entropy_loss(np.zeros((2, 3)), labels)


def test_a_single_bad_label():
    with pytest.raises(ValueError, match="labels is 3; classes go from 0 to 2"):
        cross_entropy_loss([0.0, 0.0, 0.0], 3)


@pytest.mark.parametrize(
    "f", [lambda x: cross_entropy_loss(np.zeros((2, 2)), x), lambda x: one_hot(x, 2)]
)
def test_ragged_labels_are_named(f):
    with pytest.raises(ValueError, match="labels"):
        f([[0], [0, 1]])


# ---------------------------------------------------------------- labels


@given(st.lists(st.integers(0, 6), max_size=5))
def test_one_hot(labels):
    hot = one_hot(np.array(labels, dtype=int), 7)
    assert hot.shape == (len(labels), 7) and hot.dtype == np.float64
    assert hot.sum(axis=-1).tolist() == [1] * len(labels)
    assert hot.argmax(axis=-1).tolist() == labels


@pytest.mark.parametrize("empty", [[], (), np.zeros(0), np.zeros(0, dtype=int), np.array([], "U1")])
def test_one_hot_of_no_labels(empty):
    assert one_hot(empty, 3).shape == (0, 3)


def test_one_hot_takes_memory_for_its_result_alone():
    tracemalloc.start()
    hot = one_hot([5], 20_000)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 4 * hot.nbytes


def test_one_hot_of_one_label_and_of_a_table():
    assert one_hot(1, 3).tolist() == [0, 1, 0]
    assert one_hot([[0], [1]], np.int64(2)).shape == (2, 1, 2)


@pytest.mark.parametrize(
    ("labels", "n", "message"),
    [
        ([0], 0, "n_classes is 0; pass a whole number, 1 or more"),
        ([0], -1, "n_classes is -1"),
        ([0], 2.0, "n_classes is 2.0"),
        ([0], True, "n_classes is True"),
        ([0], None, "n_classes is None"),
        ([0], "2", "n_classes is '2'"),
        ([2], 2, r"labels\[0\] is 2; classes go from 0 to 1"),
        (-1, 2, "labels is -1"),
        ([0.5], 2, "labels has type float64; pass class indices as integers$"),
        ([[0.5, 0.5]], 2, "labels has type float64; pass class indices as integers$"),
        (["a"], 2, "labels has type <U1"),
        ([1j], 2, "labels has type complex128"),
        ([True], 2, "labels has type bool"),
    ],
)
def test_one_hot_refuses(labels, n, message):
    with pytest.raises(ValueError, match=message):
        one_hot(labels, n)


@given(pmfs(min_size=2), st.floats(0, 1))
def test_smoothing_mixes_with_equal_chances(p, epsilon):
    smooth = smooth_labels(p, epsilon)
    assert smooth.sum() == pytest.approx(1, rel=1e-14)
    assert entropy(smooth) >= entropy(p) - 1e-13  # entropy is concave, and most at the centre
    np.testing.assert_allclose(smooth - 1 / len(p), (1 - epsilon) * (p - 1 / len(p)), atol=1e-15)


def test_smoothing_at_its_ends_and_in_the_middle():
    assert smooth_labels([1, 0, 0, 0], 0).tolist() == [1, 0, 0, 0]
    assert smooth_labels([1, 0, 0, 0], 1).tolist() == [0.25] * 4
    # Szegedy et al. 2016, §7: ε = 0.1 and K = 1000 leave 0.9001 on the label.
    assert smooth_labels(one_hot(3, 1000), 0.1)[3] == pytest.approx(0.9001, rel=1e-15)
    assert smooth_labels(np.eye(3), 0.1).shape == (3, 3)


@pytest.mark.parametrize("epsilon", [-0.1, 1.1, math.nan, INF, -INF])
def test_smoothing_refuses_weights_that_are_none(epsilon):
    with pytest.raises(ValueError, match="epsilon is .*; pass a weight from 0 to 1"):
        smooth_labels([0.5, 0.5], epsilon)


@pytest.mark.parametrize("epsilon", ["0.1", None, 0.1j, [0.1, 0.2]])
def test_smoothing_refuses_what_is_no_number(epsilon):
    with pytest.raises(ValueError, match="epsilon is"):
        smooth_labels([0.5, 0.5], epsilon)


def test_a_label_as_a_distribution_is_as_exact_as_an_index():
    logits = np.array([[50.0, 0.0, 0.0], [0.0, 1000.0, 0.0], [3.0, 2.0, 1.0]])
    by_index = cross_entropy_loss(logits, [0, 0, 2], return_gradient=True)
    by_distribution = cross_entropy_loss(logits, one_hot([0, 0, 2], 3), return_gradient=True)
    np.testing.assert_allclose(by_index[0], by_distribution[0], rtol=2**-51, atol=0)
    np.testing.assert_allclose(by_index[1], by_distribution[1], rtol=2**-50, atol=0)
    assert by_index[0][0] == pytest.approx(3.8574996959278e-22, rel=1e-12)
    assert by_index[1][0, 0] == pytest.approx(-3.8574996959278e-22, rel=1e-12)
