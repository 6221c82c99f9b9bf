"""Regression on sine waves (Finn et al. 2017, section 5.1, and the authors' code)."""

from collections.abc import Callable
from typing import Annotated

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from metaskill.checking import checked_arguments
from metaskill.learner import Headline
from metaskill.meta.problem import Examples, SampleTask, SupervisedProblem, Task
from metaskill.networks.mlp import MLP
from metaskill.ranges import Count, NotEmpty, Sizes

AMPLITUDE = (0.1, 5.0)
PHASE = (0.0, jnp.pi)
INPUT = (-5.0, 5.0)


def sample_wave(key: PRNGKeyArray) -> Callable[[Array], Array]:
    """Draw a function x -> A sin(x - phi), with A ~ U[0.1, 5] and phi ~ U[0, pi]."""
    amplitude_key, phase_key = jax.random.split(key)
    amplitude = jax.random.uniform(amplitude_key, minval=AMPLITUDE[0], maxval=AMPLITUDE[1])
    phase = jax.random.uniform(phase_key, minval=PHASE[0], maxval=PHASE[1])
    return lambda x: amplitude * jnp.sin(x - phase)


def sinusoid_tasks(shots: int, queries: int) -> SampleTask:
    """Return a sampler of waves with so many points x ~ U[-5, 5] to adapt on and to judge by."""

    def sample(key: PRNGKeyArray) -> Task:
        wave_key, points_key = jax.random.split(key)
        wave = sample_wave(wave_key)
        x = jax.random.uniform(points_key, (shots + queries, 1), minval=INPUT[0], maxval=INPUT[1])
        y = wave(x)
        return Task(Examples(x[:shots], y[:shots]), Examples(x[shots:], y[shots:]))

    return sample


def mean_squared_error(
    predictions: Float[Array, "example output"], targets: Float[Array, "example output"]
) -> Float[Array, ""]:
    """Return the mean of the squared errors."""
    return jnp.mean((predictions - targets) ** 2)


@checked_arguments
def sinusoid(
    shots: Count = 10,
    test_shots: Annotated[tuple[Count, ...], NotEmpty()] = (5, 10),
    test_queries: Count = 100,
    hidden: Sizes = (40, 40),
) -> SupervisedProblem:
    """Make the problem; there are so many waves that test waves need no holding out.

    Args:
        shots: Points to adapt on in meta-training, and as many to judge by.
        test_shots: Points to adapt on in meta-testing: a set-up `k5` for 5.
        test_queries: Points that a meta-test task is judged by. More of them make the same
            expectation less noisy.
        hidden: Hidden layers of the network.
    """
    return SupervisedProblem(
        name="sinusoid",
        sample=sinusoid_tasks(shots, shots),
        held_out={f"k{k}": sinusoid_tasks(k, test_queries) for k in test_shots},
        network=MLP(hidden, 1, "relu"),
        loss=mean_squared_error,
        measures={"mse": mean_squared_error},
        headline=Headline(
            metric=f"eval/k{test_shots[-1]}_mse_1",
            running="loss/post_adaptation",
            label="squared error after adaptation",
            higher_is_better=False,
            digits=3,
        ),
        is_head=lambda path: f"Dense_{len(hidden)}" in path,
    )
