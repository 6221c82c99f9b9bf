"""Distributions over task parameters against integrals, histograms, scipy and their limits."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from metaskill.errors import UserError
from metaskill.tasks.distributions import (
    Discrete,
    Distribution,
    Fixed,
    Grid,
    LogUniform,
    Mixture,
    Normal,
    Product,
    TruncatedNormal,
    Uniform,
)
from metaskill.tasks.split import Intervals

CONTINUOUS = {
    "uniform": Uniform(-0.5, 2.0),
    "log_uniform": LogUniform(0.3, 3.0),
    "normal": Normal(0.5, 0.4),
    "truncated_normal": TruncatedNormal(0.5, 0.4, 0.3, 1.5),
    "tail": TruncatedNormal(0.0, 0.4, 1.2, 2.4),
    "half_line": TruncatedNormal(0.0, 0.5, -jnp.inf, 0.1),
    "mixture": Mixture((Uniform(-1.0, 0.0), Normal(1.0, 0.3)), [0.25, 0.75]),
    "intervals": Intervals([-1.0, 0.5], [0.0, 1.0]),
}
DISCRETE = {
    "grid": Grid(-1.0, 0.1, 7),
    "discrete": Discrete([-1.0, 0.5, 2.0], [0.2, 0.5, 0.3]),
    "fixed": Fixed(0.7),
    "mixture": Mixture((Fixed(0.7), Grid(0.0, 1.0, 3)), [0.4, 0.6]),
}
VECTORS = {
    "uniform": Uniform(np.array([-0.5, 1.0]), np.array([0.5, 1.0])),
    "log_uniform": LogUniform(np.array([0.1, 1.0]), 3.0),
    "normal": Normal(np.zeros(2), np.array([0.3, 0.0])),
    "truncated_normal": TruncatedNormal(np.zeros(2), 1.0, -1.0, np.array([0.5, 8.0])),
    "grid": Grid(np.array([0.0, 1.0]), np.array([1.0, 3.0]), 4),
    "discrete": Discrete([[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0]]),
    "fixed": Fixed(np.array([0.1, 0.2])),
    "mixture": Mixture((Uniform(np.zeros(2), 1.0), Normal(np.ones(2), 0.1)), [0.5, 0.5]),
}
ALL = {
    **{f"continuous_{name}": distribution for name, distribution in CONTINUOUS.items()},
    **{f"discrete_{name}": distribution for name, distribution in DISCRETE.items()},
    **{f"vector_{name}": distribution for name, distribution in VECTORS.items()},
}
N = 20_000


@pytest.fixture(scope="module")
def samples() -> dict[str, np.ndarray]:
    """N samples of each of ALL, from one compiled program."""
    return samples_of(Product(ALL))


def samples_of(distribution: Distribution | Product, n: int = N):
    keys = jax.random.split(jax.random.key(0), n)
    return jax.tree.map(np.asarray, jax.jit(jax.vmap(distribution.sample))(keys))


@pytest.mark.parametrize("name", CONTINUOUS)
def test_density_integrates_to_one_and_is_that_of_the_samples(name: str, samples: dict) -> None:
    distribution = CONTINUOUS[name]
    width = 0.0005
    middles = np.arange(-4.0, 4.0, width, np.float32) + width / 2
    density = np.exp(jax.jit(jax.vmap(distribution.log_prob))(middles))
    cumulative = np.cumsum(density) * width
    assert cumulative[-1] == pytest.approx(1.0, abs=2e-3)
    drawn = np.sort(samples[f"continuous_{name}"])
    distance = np.abs(np.searchsorted(drawn, middles) / N - cumulative)
    assert distance.max() < 1.9 / np.sqrt(N)  # Kolmogorov and Smirnov's at p = 0.001.


@pytest.mark.parametrize("name", DISCRETE)
def test_probabilities_are_the_frequencies_of_the_samples(name: str, samples: dict) -> None:
    distribution = DISCRETE[name]
    values, counts = np.unique(samples[f"discrete_{name}"], return_counts=True)
    chances = np.exp(jax.jit(jax.vmap(distribution.log_prob))(values))
    np.testing.assert_allclose(counts / N, chances, atol=0.015)
    assert chances.sum() == pytest.approx(1.0, rel=1e-5)
    assert distribution.log_prob(jnp.float32(0.123)) == -jnp.inf


@pytest.mark.parametrize("name", ALL)
def test_samples_lie_within_bounds_of_the_right_shape_and_dtype(name: str, samples: dict) -> None:
    distribution, drawn = ALL[name], samples[name]
    low, high = distribution.bounds()
    assert drawn.dtype == low.dtype == high.dtype == np.float32
    assert drawn.shape[1:] == low.shape == high.shape == distribution.shape
    assert np.all((drawn >= low) & (drawn <= high))


def test_vmapped_equals_looped_and_has_a_log_prob(samples: dict) -> None:
    distribution = Product(ALL)
    alone = jax.jit(distribution.sample)
    log_prob = jax.jit(distribution.log_prob)
    for i, key in enumerate(jax.random.split(jax.random.key(0), N)[:5]):
        for name, value in alone(key).items():
            np.testing.assert_allclose(samples[name][i], value, rtol=1e-5, atol=1e-6)
        assert np.isfinite(log_prob({name: drawn[i] for name, drawn in samples.items()}))


@pytest.mark.parametrize("value", [0.1, -1e-30, 3e7])
def test_degenerate_ranges_give_the_very_value(value: float, key: jax.Array) -> None:
    exact = np.float32(value)
    degenerate = [
        Uniform(value, value),
        Normal(value, 0.0),
        TruncatedNormal(value, 0.0, -np.inf, np.inf),
        TruncatedNormal(value, 1.0, value, value),
        Grid(value, value, 3),
        Grid(value, value, 1),
        Fixed(value),
        Discrete([value]),
        *([LogUniform(value, value)] if value > 0 else []),
    ]
    for distribution in degenerate:
        drawn = np.asarray(distribution.sample(key))
        assert drawn.view(np.int32) == exact.view(np.int32)
        assert distribution.log_prob(exact) == 0.0
        assert distribution.log_prob(np.nextafter(exact, np.float32(np.inf))) == -jnp.inf
        assert [float(bound) for bound in distribution.bounds()] == [exact, exact]


@pytest.mark.parametrize(
    ("mean", "std", "low", "high"),
    [(6.0, 1.5, 3.0, 9.0), (0.0, 1.0, -np.inf, -4.0), (0.0, 1.0, 5.0, 7.0), (0.0, 1.0, -9.0, 9.0)],
)
def test_truncated_normal_is_scipys(mean: float, std: float, low: float, high: float) -> None:
    ours = TruncatedNormal(mean, std, low, high)
    reference = stats.truncnorm((low - mean) / std, (high - mean) / std, mean, std)
    drawn = samples_of(ours)
    assert drawn.mean() == pytest.approx(reference.mean(), abs=4 * reference.std() / np.sqrt(N))
    assert drawn.std() == pytest.approx(reference.std(), rel=0.03)
    np.testing.assert_allclose(
        jax.vmap(ours.log_prob)(drawn[:100]), reference.logpdf(drawn[:100]), rtol=1e-4, atol=1e-4
    )


def test_components_are_independent_and_their_log_probs_add_up() -> None:
    distribution = Uniform(np.zeros(2), np.array([1.0, 4.0]))
    drawn = samples_of(distribution)
    assert abs(np.corrcoef(drawn.T)[0, 1]) < 0.03
    assert distribution.log_prob(jnp.array([0.5, 3.0])) == pytest.approx(-np.log(4.0))
    assert distribution.log_prob(jnp.array([0.5, 5.0])) == -jnp.inf


def test_product_draws_each_name_from_a_key_of_its_own(key: jax.Array) -> None:
    few = Product({"mass": Uniform(0.0, 1.0), "friction": Uniform(0.0, 1.0)})
    more = Product({"gain": Normal(0.0, 1.0), **few.parameters})
    drawn = more.sample(key)
    assert drawn["mass"] != drawn["friction"]
    assert {name: float(drawn[name]) for name in few.parameters} == few.sample(key)
    assert more.log_prob(drawn) == pytest.approx(
        float(sum(d.log_prob(drawn[name]) for name, d in more.parameters.items()))
    )
    assert more.bounds()[0] == {"gain": -jnp.inf, "mass": 0.0, "friction": 0.0}
    assert Product({}).sample(key) == {}
    with pytest.raises(UserError, match="has the parameters"):
        few.log_prob(drawn)


def test_one_trace_serves_all_parameters_even_traced_ones(key: jax.Array) -> None:
    traces = itertools.count()

    @jax.jit
    def draw(key: jax.Array, distribution: Distribution, high: jax.Array) -> jax.Array:
        next(traces)
        inner = Mixture((Uniform(0.0, high), Normal(high, high)), jnp.stack([1.0 - high, high]))
        value = distribution.sample(key) + inner.sample(key)
        return value + distribution.log_prob(value) + inner.log_prob(value)

    for high in jnp.linspace(0.1, 1.0, 5):
        draw(key, Uniform(-1.0, float(high)), high)
    assert next(traces) == 1


def test_a_population_of_distributions(key: jax.Array) -> None:
    wider = jax.vmap(lambda std: Normal(0.0, std))(jnp.array([0.0, 1.0, 2.0]))
    drawn = jax.vmap(lambda distribution: distribution.sample(key))(wider)
    np.testing.assert_allclose(drawn, drawn[1] * jnp.array([0.0, 1.0, 2.0]), rtol=1e-6)


def test_samples_are_differentiable_in_the_parameters(key: jax.Array) -> None:
    names = ("log_uniform", "half_line", "mixture", "intervals")
    degenerate = {"point": Uniform(0.5, 0.5), "no_spread": TruncatedNormal(0.5, 0.0, 0.0, 1.0)}
    product = Product({**{name: CONTINUOUS[name] for name in names}, **degenerate})

    def loss(product: Product) -> jax.Array:
        at = dict.fromkeys(product.parameters, jnp.float32(0.5))
        return jnp.sum(jnp.stack(list(product.sample(key).values()))) + product.log_prob(at)

    for gradient in jax.tree.leaves(jax.jit(jax.grad(loss))(product)):
        assert np.all(np.isfinite(gradient))


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: Uniform(1.0, 0.0), "Uniform needs low <= high, not 1.0 and 0.0"),
        (lambda: Uniform(np.array([0.0, 2.0]), 1.0), "low <= high"),
        (lambda: Uniform(0.0, np.nan), "low <= high"),
        (lambda: Uniform(0.0, np.inf), "finite bounds"),
        (lambda: Uniform(np.zeros(2), np.ones(3)), "parameters of one shape"),
        (lambda: LogUniform(0.0, 1.0), "low > 0"),
        (lambda: Normal(0.0, -1.0), "std >= 0"),
        (lambda: TruncatedNormal(0.0, -1.0, 0.0, 1.0), "std >= 0"),
        (lambda: TruncatedNormal(0.0, 1.0, 1.0, 0.0), "low <= high"),
        (lambda: TruncatedNormal(0.0, 0.0, 1.0, 2.0), "within 12 std"),
        (lambda: Grid(0.0, 1.0, 1), "at least 2 points"),
        (lambda: Discrete([]), "at least one value"),
        (lambda: Discrete([1.0, 2.0], [1.5, -0.5]), "probabilities >= 0 that sum to 1"),
        (lambda: Discrete([1.0, 2.0], [0.5, 0.4]), "probabilities >= 0 that sum to 1"),
        (lambda: Discrete([1.0, 2.0], [1.0]), "2 probabilities"),
        (lambda: Mixture((), []), "at least one component"),
        (lambda: Mixture((Fixed(0.0), Fixed(np.zeros(2))), [0.5, 0.5]), "components of one shape"),
        (lambda: Mixture((Fixed(0.0),), [0.9]), "weights >= 0 that sum to 1"),
        (lambda: Intervals([0.0, 0.5], [1.0, 2.0]), "not overlapping"),
        (lambda: Uniform(0.0, 1.0).log_prob(jnp.zeros(3)), "use jax.vmap"),
        (
            lambda: Mixture((Fixed(0.0), Uniform(0.0, 1.0)), [0.5, 0.5]).log_prob(jnp.zeros(())),
            "no log_prob",
        ),
    ],
)
def test_mistakes_are_refused_in_a_sentence(make, sentence: str) -> None:
    with pytest.raises(UserError, match=sentence):
        make()
    with pytest.raises(UserError, match=sentence):  # Known values are checked in a trace too.
        jax.jit(lambda: make() and None)()
