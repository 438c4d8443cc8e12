"""Densities: closed forms, infinite and divergent integrals, and laws."""

import math
import warnings

import mpmath
import numpy as np
import pytest
import scipy.stats as ss
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import betaln, digamma, gammaln, i0e, i1e

from infolib.continuous import cross_entropy, differential_entropy, kl_divergence

E = math.e
EULER = float(mpmath.euler)
PAIRS = (cross_entropy, kl_divergence)


def beta_entropy(a, b):
    return betaln(a, b) - (a - 1) * digamma(a) - (b - 1) * digamma(b) + (a + b - 2) * digamma(a + b)


# Closed forms in nats: Cover & Thomas, 2nd ed., table 17.1, unless a comment says otherwise.
CLOSED = {
    "norm": (ss.norm(3, 2), 0.5 * math.log(2 * math.pi * E * 4)),
    "narrow norm": (ss.norm(1e3, 1e-3), 0.5 * math.log(2 * math.pi * E * 1e-6)),
    "expon": (ss.expon(scale=5), 1 + math.log(5)),
    "uniform": (ss.uniform(-1, 8), math.log(8)),
    "narrow uniform": (ss.uniform(0, 2.0**-10), -10 * math.log(2)),
    "gamma": (ss.gamma(3, scale=2), 3 + math.log(2) + gammaln(3) - 2 * digamma(3)),
    "singular gamma": (ss.gamma(0.1), 0.1 + gammaln(0.1) + 0.9 * digamma(0.1)),
    "beta": (ss.beta(2, 3), beta_entropy(2, 3)),
    "singular beta": (ss.beta(0.1, 0.2), beta_entropy(0.1, 0.2)),
    "half singular beta": (ss.beta(0.3, 4), beta_entropy(0.3, 4)),
    "arcsine": (ss.arcsine(), math.log(math.pi / 4)),
    "Cauchy": (ss.cauchy(5, 3), math.log(4 * math.pi * 3)),
    "laplace": (ss.laplace(0, 2), 1 + math.log(4)),
    "logistic": (ss.logistic(0, 3), 2 + math.log(3)),
    "lognorm": (ss.lognorm(1.5, scale=E), 1 + 0.5 * math.log(2 * math.pi * E * 1.5**2)),
    # No mass that a double could hold lies near its end at 0.
    "narrow lognorm": (ss.lognorm(0.25, scale=E), 1 + 0.5 * math.log(2 * math.pi * E * 0.25**2)),
    "Pareto": (ss.pareto(3), 1 + 1 / 3 - math.log(3)),
    "heavy Pareto": (ss.pareto(0.2), 1 + 5 + math.log(5)),
    "rayleigh": (ss.rayleigh(), 1 + EULER / 2 - math.log(math.sqrt(2))),
    "weibull": (ss.weibull_min(2), EULER / 2 - math.log(2) + 1),
    "triangular": (ss.triang(0.3, 0, 4), 0.5 + math.log(4 / 2)),
}


@pytest.mark.parametrize("name", CLOSED)
def test_differential_entropies_in_closed_form(name):
    density, nats = CLOSED[name]
    assert differential_entropy(density, base=E) == pytest.approx(nats, rel=1e-8, abs=1e-8)


def test_a_weibull_density_with_a_singular_end():
    # The log density is linear in the root of the distance to the end, not in its logarithm.
    nats = 1 - EULER + math.log(2)
    assert differential_entropy(ss.weibull_min(0.5), base=E) == pytest.approx(nats, abs=1.2e-8)


def gaussian_kl(m1, s1, m2, s2):
    return math.log(s2 / s1) + (s1**2 + (m1 - m2) ** 2) / (2 * s2**2) - 0.5


@pytest.mark.parametrize(
    ("m1", "s1", "m2", "s2"),
    [(0, 1, 1, 1), (0, 1, 0, 3), (0, 3, 0, 1), (-2, 0.1, 5, 2), (0, 1, 30, 1), (0, 1, 0, 1e-3)],
)
def test_kl_of_gaussians(m1, s1, m2, s2):
    p, q = ss.norm(m1, s1), ss.norm(m2, s2)
    nats = gaussian_kl(m1, s1, m2, s2)
    assert kl_divergence(p, q, base=E) == pytest.approx(nats, rel=1e-8)
    h = 0.5 * math.log(2 * math.pi * E * s1**2)
    assert cross_entropy(p, q, base=E) == pytest.approx(h + nats, rel=1e-8)


@pytest.mark.parametrize(("k", "theta"), [(1, 2), (3, 1), (0.2, 1), (5, 0.1), (0.5, 100)])
def test_kl_of_exponential_from_gamma(k, theta):
    # With E[x] = 1 and E[log x] = −γ under the exponential density.
    nats = -1 - ((k - 1) * -EULER - 1 / theta - k * math.log(theta) - gammaln(k))
    assert kl_divergence(ss.expon(), ss.gamma(k, scale=theta), base=E) == pytest.approx(
        nats, rel=1e-8, abs=1e-8
    )


def test_other_divergences_in_closed_form():
    uniform = ss.uniform()
    # A singular density from a flat one: −h; 4.977 nats.
    assert kl_divergence(ss.beta(0.1, 0.2), uniform, base=E) == pytest.approx(4.977, abs=5e-4)
    assert kl_divergence(ss.beta(0.1, 0.2), uniform, base=E) == pytest.approx(
        -beta_entropy(0.1, 0.2), rel=1e-8
    )
    # −log B − … of the mean of log x, which is −1 under the uniform density.
    expected = betaln(0.1, 0.2) - 0.9 - 0.8
    assert kl_divergence(uniform, ss.beta(0.1, 0.2), base=E) == pytest.approx(expected, rel=1e-8)
    # Exponentials: log of the ratio of rates, plus the ratio, less 1.
    assert kl_divergence(ss.expon(), ss.expon(scale=4), base=E) == pytest.approx(
        math.log(4) + 1 / 4 - 1, rel=1e-8
    )
    # A uniform density within a wider one: the log of the ratio of widths.
    assert kl_divergence(ss.uniform(0, 1), ss.uniform(-1, 8)) == pytest.approx(3, rel=1e-8)
    # Paretos: log(a/b) + b/a − 1.
    assert kl_divergence(ss.pareto(3), ss.pareto(2), base=E) == pytest.approx(
        math.log(1.5) + 2 / 3 - 1, rel=1e-7
    )
    # Cauchy from Cauchy, Chyzak & Nielsen 2019: log(((s1 + s2)² + (m1 − m2)²)/(4·s1·s2)).
    assert kl_divergence(ss.cauchy(0, 1), ss.cauchy(2, 3), base=E) == pytest.approx(
        math.log((16 + 4) / 12), rel=1e-8
    )
    # Normal from Student's t with 1 degree of freedom, against quadrature with 25 digits.
    log_q = lambda x: -mpmath.log(mpmath.pi) - mpmath.log1p(x**2)  # noqa: E731
    with mpmath.workdps(25):
        mean = mpmath.quad(lambda x: mpmath.npdf(x) * log_q(x), [-20, -5, 0, 5, 20])
    nats = -0.5 * math.log(2 * math.pi * E) - float(mean)
    assert kl_divergence(ss.norm(), ss.cauchy(), base=E) == pytest.approx(nats, rel=1e-7)


def test_a_heavy_tail_against_a_lighter_one():
    # log(a/b) + b/a − 1 is finite, though the density of q underflows where p still has mass.
    nats = math.log(0.25) + 4 - 1
    assert kl_divergence(ss.pareto(0.5), ss.pareto(2), base=E) == pytest.approx(nats, rel=1e-7)


@pytest.mark.parametrize(
    ("p", "q"),
    [
        (ss.uniform(0, 1), ss.uniform(2, 1)),
        (ss.uniform(0, 2), ss.uniform(0, 1)),
        (ss.uniform(-1, 2), ss.uniform(0, 1)),
        (ss.norm(), ss.expon()),
        (ss.norm(), ss.uniform(-5, 10)),
        (ss.expon(), ss.pareto(1)),
        (ss.expon(), ss.beta(1, 1)),
    ],
)
def test_mass_where_q_has_none_is_infinitely_bad(p, q):
    for f in PAIRS:
        assert f(p, q) == math.inf


def test_a_gap_within_the_support_of_q_is_infinitely_bad():
    # q is 0 between its halves, which its support does not tell.
    histogram = ss.rv_histogram(([1.0, 0.0, 1.0], [0.0, 1.0, 2.0, 3.0])).freeze()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # SciPy takes the logarithm of its own 0
        assert kl_divergence(ss.uniform(0, 3), histogram) == math.inf
        assert cross_entropy(ss.uniform(0, 3), histogram) == math.inf


def test_support_that_only_touches_is_no_mass():
    for f in PAIRS:
        assert math.isfinite(f(ss.uniform(0, 1), ss.uniform(0, 2)))
        assert math.isfinite(f(ss.uniform(1, 1), ss.uniform(0, 2)))
        assert math.isfinite(f(ss.expon(), ss.expon()))


@pytest.mark.parametrize(
    ("low", "width"),
    [
        (0.1, 0.7),
        (3, 1 / 3),
        (0.04, 0.02),
        (0.61, 0.73),
        (1e6, 0.1),
    ],
)
def test_a_density_does_not_differ_from_itself_by_rounding(low, width):
    # The end of the support is rounded: SciPy then finds 1e-16 of the mass beyond it.
    for density in (ss.uniform(low, width), ss.beta(2, 3, low, width)):
        assert kl_divergence(density, density) == pytest.approx(0, abs=1e-8)
        h = differential_entropy(density)
        assert cross_entropy(density, density) == pytest.approx(h, abs=1e-7)


def test_divergent_integrals_are_refused():
    # ∫ x²·t₂(x) dx diverges, but no faster than a logarithm.
    for f in PAIRS:
        with pytest.raises(ArithmeticError, match="did not settle.*it may diverge"):
            f(ss.t(2), ss.norm())
        with pytest.raises(ArithmeticError, match="did not settle.*it may diverge"):
            f(ss.cauchy(), ss.norm())
    # With three degrees of freedom it converges: half of E[x²] = 3, plus ½·log 2π.
    nats = cross_entropy(ss.t(3), ss.norm(), base=E)
    assert nats == pytest.approx(1.5 + 0.5 * math.log(2 * math.pi), rel=1e-7)


def test_a_density_that_is_none_does_not_settle():
    class Half:
        """A density whose total probability is 1/2."""

        logpdf = staticmethod(lambda x: ss.norm.logpdf(x) - math.log(2))
        logcdf, logsf, ppf, isf = ss.norm.logcdf, ss.norm.logsf, ss.norm.ppf, ss.norm.isf
        support = staticmethod(lambda: (-math.inf, math.inf))

    with pytest.raises(ArithmeticError, match="total probability of 0.5"):
        differential_entropy(Half())


def test_a_density_that_is_none_is_not_infinitely_bad_either():
    class Twice:
        """A density whose total probability is 2."""

        logpdf = staticmethod(lambda x: ss.uniform.logpdf(x, 0, 3) + math.log(2))
        logcdf, logsf, ppf, isf = (
            getattr(ss.uniform(0, 3), f) for f in ("logcdf", "logsf", "ppf", "isf")
        )
        support = staticmethod(lambda: (0.0, 3.0))

    histogram = ss.rv_histogram(([1.0, 0.0, 1.0], [0.0, 1.0, 2.0, 3.0])).freeze()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # SciPy takes the logarithm of its own 0
        with pytest.raises(ArithmeticError, match="total probability of 1.999"):
            cross_entropy(Twice(), histogram)


@pytest.mark.parametrize("k", [0.5, 2, 3.99, 1000])
def test_a_periodic_density_is_refused_until_it_is_restricted(k):
    # SciPy repeats the von Mises density on all of the line.
    for name, f in (
        ("p", lambda v: differential_entropy(v)),
        ("p", lambda v: cross_entropy(v, v)),
        ("p", lambda v: kl_divergence(v, ss.norm())),
        ("q", lambda v: cross_entropy(ss.norm(), v)),
        ("q", lambda v: kl_divergence(ss.norm(), v)),
    ):
        message = f"^{name} has a total probability above 1 .* vonmises_line instead of vonmises"
        with pytest.raises(ArithmeticError, match=message):
            f(ss.vonmises(k))
    # log(2π·I₀(k)) − k·I₁(k)/I₀(k)
    nats = math.log(2 * math.pi * i0e(k)) + k - k * i1e(k) / i0e(k)
    assert differential_entropy(ss.vonmises_line(k), base=E) == pytest.approx(nats, abs=1e-8)


means, scales = st.floats(-10, 10), st.floats(0.05, 20)


@settings(max_examples=4)
@given(means, scales, means, scales, st.floats(0.001, 1000), means)
def test_kl_is_invariant_under_a_change_of_scale_and_entropy_is_not(m1, s1, m2, s2, c, shift):
    p, q = ss.norm(m1, s1), ss.norm(m2, s2)
    scaled = [ss.norm(c * m + shift, c * s) for m, s in ((m1, s1), (m2, s2))]
    kl = kl_divergence(p, q)
    assert kl >= 0
    assert kl_divergence(*scaled) == pytest.approx(kl, rel=1e-6, abs=1e-7)
    h = differential_entropy(p)
    assert differential_entropy(scaled[0]) == pytest.approx(h + math.log2(c), abs=1e-7)
    assert cross_entropy(p, q) == pytest.approx(h + kl, rel=1e-7, abs=1e-7)


@settings(max_examples=4)
@given(st.floats(0.2, 5), st.floats(0.2, 5), st.floats(0.2, 5), st.floats(0.2, 5), scales)
def test_kl_of_betas_is_not_negative_and_does_not_know_its_unit(a, b, c, d, scale):
    kl = kl_divergence(ss.beta(a, b), ss.beta(c, d), base=E)
    expected = (
        betaln(c, d)
        - betaln(a, b)
        + (a - c) * digamma(a)
        + (b - d) * digamma(b)
        + (c - a + d - b) * digamma(a + b)
    )
    assert kl == pytest.approx(max(expected, 0), rel=1e-6, abs=3e-8)
    moved = kl_divergence(ss.beta(a, b, 0, scale), ss.beta(c, d, 0, scale), base=E)
    assert moved == pytest.approx(kl, rel=1e-6, abs=3e-8)


def test_base_and_type():
    p, q, beta = ss.norm(), ss.norm(1, 2), ss.beta(2, 3)
    for value in (
        differential_entropy(p),
        differential_entropy(beta),
        cross_entropy(p, q),
        cross_entropy(beta, ss.uniform(-1, 3)),
        cross_entropy(beta, beta),
        kl_divergence(p, q),
        kl_divergence(beta, ss.beta(3, 2)),
        kl_divergence(q, ss.uniform()),
    ):
        assert type(value) is float
    for f in (lambda **k: differential_entropy(q, **k), lambda **k: kl_divergence(p, q, **k)):
        assert f(base=10) == pytest.approx(f() * math.log10(2), rel=1e-12)


@pytest.mark.parametrize("name", ["norm", "uniform", "singular beta"])
def test_cross_entropy_from_itself_is_the_entropy(name):
    density, nats = CLOSED[name]
    assert cross_entropy(density, density) == pytest.approx(nats / math.log(2), rel=1e-7)
    assert kl_divergence(density, density) == 0


def test_scipy_agrees():
    for density in (ss.t(5), ss.gumbel_r(), ss.skewnorm(4)):
        assert differential_entropy(density, base=E) == pytest.approx(
            float(density.entropy()), rel=1e-6
        )


# Densities of every kind of support, end and tail that SciPy has, among them some whose cumulative
# probability near an end is rounding alone.
FAMILIES = [
    ss.alpha(3.57),
    ss.argus(1),
    ss.beta(2.31, 0.627),
    ss.bradford(0.299),
    ss.cosine(),  # underflows near its ends
    ss.crystalball(2, 3),
    ss.exponnorm(1.5),
    ss.exponpow(2.7),  # NaN far out
    ss.gausshyper(13.76, 3.119, 2.5146, 5.181),
    ss.genextreme(-0.1),
    ss.gengamma(4.42, -3.12),
    ss.irwinhall(10),
    ss.johnsonsb(4.32, 3.18),
    ss.kstwobign(),
    ss.loggamma(0.414),
    ss.rdist(1.6),
    ss.semicircular(),
    ss.trapezoid(0.2, 0.8),
    ss.truncnorm(-1.1, 2.73),
    ss.tukeylambda(3.13),
    ss.vonmises_line(3.99),
    ss.wrapcauchy(0.0311),
]


@pytest.mark.parametrize("density", FAMILIES, ids=lambda density: density.dist.name)
def test_families_of_scipy(density):
    # SciPy's own integral has an error of up to 1e-9.
    assert differential_entropy(density, base=E) == pytest.approx(density.entropy(), abs=1e-8)


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (3, "{} is of type int; pass a frozen continuous distribution"),
        ("norm", "{} is of type str"),
        (None, "{} is of type NoneType"),
        ([0.5, 0.5], "{} is of type list"),
        (ss.poisson(3), "{} is of type rv_discrete_frozen"),
        (ss.gaussian_kde([1.0, 2.0, 4.0]), "{} is of type gaussian_kde"),
        (ss.multivariate_normal([0, 0]), "{} is of type multivariate_normal_frozen"),
        (ss.norm([0, 1], 1), "{} is no single distribution with a scale above 0"),
        (ss.norm(0, -1), "{} is no single distribution"),
        (ss.norm(0, 0), "{} is no single distribution"),
        (ss.norm(math.nan, 1), "{} is no single distribution"),
        (ss.gamma(-1), "{} is no single distribution"),
    ],
)
def test_bad_densities(bad, message):
    with pytest.raises(ValueError, match=message.format("p")):
        differential_entropy(bad)
    for f in PAIRS:
        with pytest.raises(ValueError, match=message.format("p")):
            f(bad, ss.norm())
        with pytest.raises(ValueError, match=message.format("q")):
            f(ss.norm(), bad)


@pytest.mark.parametrize("bad", [ss.gamma, ss.norm(0, math.inf)])
def test_distributions_without_their_parameters(bad):
    with pytest.raises(ValueError, match="p is"):
        differential_entropy(bad)


@pytest.mark.parametrize("base", [0, 1, -2, math.nan, math.inf, "2", None, True])
def test_bad_bases(base):
    for f in (
        lambda b: differential_entropy(ss.norm(), base=b),
        lambda b: cross_entropy(ss.norm(), ss.norm(), base=b),
        lambda b: kl_divergence(ss.norm(), ss.norm(), base=b),
    ):
        with pytest.raises(ValueError, match="base is "):
            f(base)


def test_numpy_is_left_as_it_was():
    before = np.geterr()
    differential_entropy(ss.beta(0.1, 0.2))
    assert np.geterr() == before
