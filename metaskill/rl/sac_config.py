"""What SAC is told: static configuration, and hyperparameters as data."""

import dataclasses
from typing import Annotated

import jax
from jaxtyping import Array

from metaskill.checking import Checked
from metaskill.errors import UserError
from metaskill.networks.mlp import ACTIVATIONS
from metaskill.ranges import Above, AtLeast, Between, Count, OneOf, Sizes, Whole

_LARGEST_REPLAY = 2**31 - 1  # Transitions are drawn by 32-bit indices.


@dataclasses.dataclass(frozen=True)
class SACConfig(Checked):
    """What the compiled program depends on.

    Attributes:
        num_envs: Worlds stepped in parallel.
        rollout_length: Steps of each world in an iteration.
        updates_per_iteration: Gradient steps in an iteration.
        batch_size: Transitions in a gradient step.
        replay_capacity: Observations held, of all worlds together.
        warm_up_steps: Environment steps, of all worlds together, in which nothing is learned.
        random_warm_up: Whether actions are uniformly random then, or the policy's: where it
            does not begin untrained.
        policy_hidden: Hidden layers of the policy.
        critic_hidden: Hidden layers of each critic.
        activation: `tanh`, `relu`, `silu` or `elu`.
        initial_std: The untrained policy's standard deviation, before squashing.
        policy_obs: The observations that the policy sees, joined in this order.
        critic_obs: The observations that the critics see.
        num_eval_episodes: Episodes of an evaluation.
        normalize_observations: Whether observations are normalized by running moments: not
            where the environment has normalized them.
    """

    num_envs: Count = 16
    rollout_length: Count = 1
    updates_per_iteration: Count = 4
    batch_size: Count = 256
    replay_capacity: Annotated[int, Between(1, _LARGEST_REPLAY)] = 1_000_000
    warm_up_steps: Whole = 10_000
    random_warm_up: bool = True
    policy_hidden: Sizes = (256, 256)
    critic_hidden: Sizes = (256, 256)
    activation: Annotated[str, OneOf(ACTIVATIONS)] = "relu"
    initial_std: Annotated[float, Above(0)] = 1.0
    policy_obs: tuple[str, ...] = ("state",)
    critic_obs: tuple[str, ...] = ("state",)
    num_eval_episodes: Count = 16
    normalize_observations: bool = True

    def __post_init__(self) -> None:
        """Refuse what cannot run anywhere."""
        super().__post_init__()
        # A trajectory of one-step episodes takes two slots a step.
        if self.slots_per_env < 2 * self.rollout_length:
            raise UserError(
                f"replay_capacity is {self.replay_capacity}: {self.num_envs} worlds that roll out "
                f"{self.rollout_length} steps need at least "
                f"{2 * self.rollout_length * self.num_envs}."
            )

    @property
    def steps_per_iteration(self) -> int:
        """Environment steps in an iteration."""
        return self.num_envs * self.rollout_length

    @property
    def warm_up_iterations(self) -> int:
        """Iterations in which actions are random."""
        return -(-self.warm_up_steps // self.steps_per_iteration)

    @property
    def slots_per_env(self) -> int:
        """Observations held of each world."""
        return self.replay_capacity // self.num_envs


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class SACHparams(Checked):
    """What a sweep may vary without recompiling: traced scalars.

    Attributes:
        policy_learning_rate: Adam's step size for the policy.
        critic_learning_rate: Adam's step size for the critics.
        discount: Discount factor.
        target_rate: Share of the critics in the target critics' update (tau).
        entropy_weight: The entropy's weight at first (alpha).
        entropy_learning_rate: Adam's step size for log alpha; 0 keeps the weight fixed.
        target_entropy: The entropy that the weight is adjusted towards, in nats per
            action dimension.
        reward_scale: Multiplies rewards before anything is learned from them.
    """

    policy_learning_rate: Annotated[float | Array, AtLeast(0)] = 3e-4
    critic_learning_rate: Annotated[float | Array, AtLeast(0)] = 3e-4
    discount: Annotated[float | Array, Between(0, 1)] = 0.99
    target_rate: Annotated[float | Array, Between(0, 1)] = 0.005
    entropy_weight: Annotated[float | Array, AtLeast(0)] = 1.0
    entropy_learning_rate: Annotated[float | Array, AtLeast(0)] = 3e-4
    target_entropy: float | Array = -1.0
    reward_scale: Annotated[float | Array, Above(0)] = 1.0
