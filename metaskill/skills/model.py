"""The model behind an intrinsic reward, and how it is fitted to experience."""

import dataclasses
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Float, PRNGKeyArray

from metaskill.checking import Checked
from metaskill.learner import Metrics
from metaskill.networks.normalizer import RunningStatistics
from metaskill.ranges import Count

_OPTIMIZER = optax.scale_by_adam()


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Model:
    """What an intrinsic reward learns.

    Attributes:
        params: The network's parameters.
        optimizer: Adam's moments.
        statistics: Running moments of the network's inputs, or of its targets, by name.
        learning_rate: Adam's step size.
    """

    params: Any
    optimizer: optax.OptState
    statistics: dict[str, RunningStatistics]
    learning_rate: Float[Array, ""]


@dataclasses.dataclass(frozen=True)
class FitConfig(Checked):
    """How a model is fitted in each iteration.

    Attributes:
        updates: Gradient steps an iteration.
        batch_size: Transitions of a gradient step, drawn with replacement.
    """

    updates: Count = 32
    batch_size: Count = 512


def start_model(params: Any, statistics: dict[str, RunningStatistics]) -> Model:
    """Return a model before its first update, with the usual step size."""
    return Model(params, _OPTIMIZER.init(params), statistics, jnp.float32(3e-4))


def fit(
    model: Model,
    loss: Callable[[Any, Any], tuple[Float[Array, ""], Metrics]],
    examples: Any,
    config: FitConfig,
    key: PRNGKeyArray,
) -> tuple[Model, Metrics]:
    """Make gradient steps on random batches of examples.

    Args:
        model: The model.
        loss: Loss of parameters on a batch, with metrics.
        examples: A pytree with one leading axis.
        config: How many steps, of how many examples.
        key: Draws the batches.

    Returns:
        The model, and metrics averaged over the steps.
    """
    n_examples = jax.tree.leaves(examples)[0].shape[0]
    shape = (config.updates, config.batch_size)
    draws = jax.random.randint(key, shape, 0, n_examples)

    def step(carry: tuple[Any, Any], rows: Array) -> tuple[tuple[Any, Any], Metrics]:
        params, optimizer = carry
        batch = jax.tree.map(lambda leaf: leaf[rows], examples)
        grads, metrics = jax.grad(loss, has_aux=True)(params, batch)
        # optax raises a float to an integer power, which strict promotion refuses.
        with jax.numpy_dtype_promotion("standard"):
            updates, optimizer = _OPTIMIZER.update(grads, optimizer)
        params = jax.tree.map(lambda p, u: p - model.learning_rate * u, params, updates)
        return (params, optimizer), metrics

    (params, optimizer), metrics = jax.lax.scan(step, (model.params, model.optimizer), draws)
    model = dataclasses.replace(model, params=params, optimizer=optimizer)
    return model, jax.tree.map(jnp.mean, metrics)
