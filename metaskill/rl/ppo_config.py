"""What PPO is told: static configuration, and hyperparameters as data."""

import dataclasses

import jax
from jaxtyping import Array

from metaskill.errors import UserError
from metaskill.networks.distributions import find_distribution
from metaskill.networks.mlp import find_activation

_MOST_STEPS = 2**31 - 1  # Minibatches are drawn by 32-bit indices.


@dataclasses.dataclass(frozen=True)
class PPOConfig:
    """What the compiled program depends on.

    Attributes:
        num_envs: Worlds stepped in parallel.
        rollout_length: Steps of each world in an iteration.
        num_epochs: Passes over an iteration's experience.
        num_minibatches: Gradient steps in a pass.
        policy_hidden: Hidden layers of the policy.
        value_hidden: Hidden layers of the value function.
        activation: `tanh`, `relu`, `silu` or `elu`.
        distribution: `tanh_gaussian` or `gaussian`.
        initial_std: The untrained policy's standard deviation.
        policy_obs: The observations that the policy sees, joined in this order.
        value_obs: The observations that the value function sees.
        num_eval_episodes: Episodes of an evaluation.
    """

    num_envs: int = 512
    rollout_length: int = 32
    num_epochs: int = 4
    num_minibatches: int = 8
    policy_hidden: tuple[int, ...] = (256, 256)
    value_hidden: tuple[int, ...] = (256, 256)
    activation: str = "tanh"
    distribution: str = "tanh_gaussian"
    initial_std: float = 1.0
    policy_obs: tuple[str, ...] = ("state",)
    value_obs: tuple[str, ...] = ("state",)
    num_eval_episodes: int = 32

    def __post_init__(self) -> None:
        """Refuse what cannot run anywhere."""
        for field in ("num_envs", "rollout_length", "num_epochs", "num_minibatches"):
            if getattr(self, field) < 1:
                raise UserError(f"{field} is {getattr(self, field)}: it must be at least 1.")
        if self.steps_per_iteration > _MOST_STEPS:
            raise UserError(
                f"num_envs * rollout_length = {self.steps_per_iteration} steps are more than the "
                f"{_MOST_STEPS} that can be counted: choose fewer worlds or shorter rollouts."
            )
        if self.steps_per_iteration % self.num_minibatches:
            raise UserError(
                f"num_envs * rollout_length = {self.steps_per_iteration} steps cannot be cut into "
                f"{self.num_minibatches} equal minibatches: choose a divisor as num_minibatches."
            )
        find_activation(self.activation)
        find_distribution(self.distribution)

    @property
    def steps_per_iteration(self) -> int:
        """Environment steps between two updates of the policy."""
        return self.num_envs * self.rollout_length

    def gradient_steps(self, env_steps: int) -> int:
        """Return the gradient steps of the whole iterations in so many environment steps."""
        return env_steps // self.steps_per_iteration * self.num_epochs * self.num_minibatches


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class PPOHparams:
    """What a sweep may vary without recompiling: traced scalars.

    Attributes:
        learning_rate: Adam's step size.
        annealing_updates: Gradient steps in which `learning_rate` falls to 0 along half a cosine;
            0 leaves it as it is.
        value_only_updates: Gradient steps at first that leave the policy as it is: for one that was
            learned before, on another reward, which the value function does not know yet.
        discount: Discount factor.
        gae_lambda: The lambda of generalized advantages.
        clip: Largest change of the probability ratio that is rewarded.
        value_weight: Weight of the value function's loss.
        entropy_weight: Weight of the entropy bonus.
        saturation_weight: Weight of the penalty on Gaussian means outside the actuators' range.
        max_grad_norm: Gradients are scaled down to this global norm.
        reward_scale: Multiplies rewards before anything is learned from them.
    """

    learning_rate: float | Array = 3e-4
    annealing_updates: float | Array = 0.0
    value_only_updates: float | Array = 0.0
    discount: float | Array = 0.99
    gae_lambda: float | Array = 0.95
    clip: float | Array = 0.2
    value_weight: float | Array = 0.5
    entropy_weight: float | Array = 0.0
    saturation_weight: float | Array = 0.0
    max_grad_norm: float | Array = 1.0
    reward_scale: float | Array = 0.1
