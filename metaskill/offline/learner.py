"""Learning from past data as a learner: any model that is fitted to windows of episodes."""

import dataclasses
from typing import Any, Protocol

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Float, Int, PRNGKeyArray

from metaskill.checking import Checked
from metaskill.learner import Headline, Metrics
from metaskill.networks.normalizer import RunningStatistics, normalize
from metaskill.offline.windows import Window, Windows, sample_window
from metaskill.ranges import Count
from metaskill.rl.finite import accept_if, all_finite

Params = dict[str, Any]


@dataclasses.dataclass(frozen=True)
class FittingConfig(Checked):
    """How a model is fitted.

    Attributes:
        batch_size: Windows of a gradient step.
        updates_per_iteration: Gradient steps in one call of `step`, which reports their mean.
        num_eval_windows: Windows of held-out episodes in an evaluation.
    """

    batch_size: Count = 128
    updates_per_iteration: Count = 100
    num_eval_windows: Count = 2048


class DataModel(Protocol):
    """What is fitted to windows.

    Attributes:
        headline: What it is judged by at a glance, a metric named `eval/NAME` of its losses.
        window_length: Steps of the windows that it sees.
    """

    headline: Headline
    window_length: int

    def init(self, key: PRNGKeyArray) -> Params:
        """Return the untrained parameters."""
        ...

    def loss(
        self, params: Params, batch: Window, hparams: Any, key: PRNGKeyArray
    ) -> tuple[Float[Array, ""], Metrics]:
        """Return what is descended on a batch of windows of normalized observations."""
        ...


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class FittingState:
    """Everything that training continues from; the data are not among it.

    Attributes:
        params: The model's parameters.
        optimizer: The moments of RAdam.
        statistics: Moments of the data's observations: what the model's input is normalized
            by, wherever it is used.
        hparams: Hyperparameters.
        key: Source of randomness.
        iteration: Iterations done.
    """

    params: Params
    optimizer: optax.OptState
    statistics: RunningStatistics
    hparams: Any
    key: PRNGKeyArray
    iteration: Int[Array, ""]


class OfflineLearner:
    """A model, fitted to the windows of a data set by RAdam (Liu et al. 2020)."""

    step_unit = "updates"

    def __init__(
        self,
        model: DataModel,
        train: Windows,
        held_out: Windows,
        statistics: RunningStatistics,
        config: FittingConfig,
    ):
        """Put the parts together.

        Args:
            model: What is fitted.
            train: What it is fitted to; on the device.
            held_out: Windows of other episodes.
            statistics: Moments of the observations.
            config: How it is fitted.
        """
        self.model = model
        self.train = train
        self.held_out = held_out
        self.statistics = statistics
        self.config = config
        self._optimizer = optax.scale_by_radam()

    @property
    def headline(self) -> Headline:
        """What the model is judged by at a glance."""
        return self.model.headline

    @property
    def steps_per_iteration(self) -> int:
        """Gradient steps in one call of `step`."""
        return self.config.updates_per_iteration

    def init(self, key: PRNGKeyArray, hparams: Any) -> FittingState:
        """Return the untrained state."""
        params_key, key = jax.random.split(key)
        params = self.model.init(params_key)
        return FittingState(
            params=params,
            optimizer=self._optimizer.init(params),
            statistics=self.statistics,
            hparams=jax.tree.map(jnp.float32, hparams),
            key=key,
            iteration=jnp.zeros((), jnp.int32),
        )

    def step(self, state: FittingState) -> tuple[FittingState, Metrics]:
        """Make some gradient steps; metrics are their means."""
        state, metrics = jax.lax.scan(
            lambda state, _: self.update(state), state, length=self.config.updates_per_iteration
        )
        skipped = jnp.sum(metrics["skipped_updates"])
        metrics = jax.tree.map(jnp.mean, metrics) | {"skipped_updates": skipped}
        return dataclasses.replace(state, iteration=state.iteration + 1), metrics

    def update(self, state: FittingState) -> tuple[FittingState, Metrics]:
        """Draw windows and make a gradient step on them."""
        windows_key, loss_key, key = jax.random.split(state.key, 3)
        batch = self._draw(state, self.train, self.config.batch_size, windows_key)
        (loss, metrics), grads = jax.value_and_grad(self.model.loss, has_aux=True)(
            state.params, batch, state.hparams, loss_key
        )
        norm = optax.tree.norm(grads)
        # optax raises a float to an integer power, which strict promotion refuses.
        with jax.numpy_dtype_promotion("standard"):
            steps, optimizer = self._optimizer.update(grads, state.optimizer)
        rate = state.hparams.learning_rate
        params = jax.tree.map(lambda p, s: p - rate * s, state.params, steps)
        finite = all_finite((loss, norm))
        params, optimizer = accept_if(finite, (params, optimizer), (state.params, state.optimizer))
        metrics = {
            **{f"loss/{name}": value for name, value in metrics.items()},
            "loss": loss,
            "grad_norm": norm,
            "skipped_updates": (~finite).astype(jnp.float32),
        }
        return dataclasses.replace(state, params=params, optimizer=optimizer, key=key), metrics

    def evaluate(self, state: FittingState, key: PRNGKeyArray) -> Metrics:
        """Return the losses on windows of episodes that were held out."""
        windows_key, loss_key = jax.random.split(key)
        batch = self._draw(state, self.held_out, self.config.num_eval_windows, windows_key)
        loss, metrics = self.model.loss(state.params, batch, state.hparams, loss_key)
        return {"eval/loss": loss, **{f"eval/{name}": value for name, value in metrics.items()}}

    def _draw(self, state: FittingState, windows: Windows, count: int, key: PRNGKeyArray) -> Window:
        keys = jax.random.split(key, count)
        drawn = jax.vmap(lambda key: sample_window(windows, key))(keys)
        return Window(normalize(state.statistics, drawn.observations), drawn.actions)
