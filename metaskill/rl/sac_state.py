"""What SAC carries from one iteration to the next."""

import dataclasses
from typing import Any

import jax
import optax
from jaxtyping import Array, Float, Int, PRNGKeyArray

from metaskill.networks.normalizer import RunningStatistics
from metaskill.rl.replay import Replay
from metaskill.rl.rollout import Worker
from metaskill.rl.sac_config import SACHparams
from metaskill.rl.sac_loss import Params

Statistics = dict[str, RunningStatistics]


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Networks:
    """What a gradient step changes.

    Attributes:
        params: Parameters of `policy` and `critic`, and `log_entropy_weight`.
        target: Parameters of the target critics.
        optimizer: Adam's moments.
    """

    params: Params
    target: Params
    optimizer: optax.OptState


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class SACState:
    """Everything that training continues from.

    Attributes:
        networks: What gradient steps change.
        statistics: Running moments of the observations, by their name.
        workers: The worlds (axis: env).
        replay: Their experience (axis: env).
        intrinsic: The model behind the reward, where it is transformed; else None.
        hparams: Hyperparameters.
        key: Source of randomness.
        iteration: Iterations done.
        updates: Gradient steps done.
    """

    networks: Networks
    statistics: Statistics
    workers: Worker
    replay: Replay
    intrinsic: Any
    hparams: SACHparams
    key: PRNGKeyArray
    iteration: Int[Array, ""]
    updates: Float[Array, ""]


def move_towards(target: Params, params: Params, rate: float | Array) -> Params:
    """Return target + rate (params - target), leaf by leaf."""
    return jax.tree.map(lambda t, p: t + rate * (p - t), target, params)
