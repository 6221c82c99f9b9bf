"""What PPO is told: static configuration, and hyperparameters as data."""

import dataclasses
from typing import Annotated

import jax
from jaxtyping import Array

from metaskill.checking import Checked
from metaskill.errors import UserError
from metaskill.networks.distributions import DISTRIBUTIONS
from metaskill.networks.mlp import ACTIVATIONS
from metaskill.ranges import Above, AtLeast, Between, Count, OneOf, Sizes

_MOST_STEPS = 2**31 - 1  # Minibatches are drawn by 32-bit indices.


@dataclasses.dataclass(frozen=True)
class PPOConfig(Checked):
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

    num_envs: Count = 512
    rollout_length: Count = 32
    num_epochs: Count = 4
    num_minibatches: Count = 8
    policy_hidden: Sizes = (256, 256)
    value_hidden: Sizes = (256, 256)
    activation: Annotated[str, OneOf(ACTIVATIONS)] = "tanh"
    distribution: Annotated[str, OneOf(DISTRIBUTIONS)] = "tanh_gaussian"
    initial_std: Annotated[float, Above(0)] = 1.0
    policy_obs: tuple[str, ...] = ("state",)
    value_obs: tuple[str, ...] = ("state",)
    num_eval_episodes: Count = 32

    def __post_init__(self) -> None:
        """Refuse what cannot run anywhere."""
        super().__post_init__()
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

    @property
    def steps_per_iteration(self) -> int:
        """Environment steps between two updates of the policy."""
        return self.num_envs * self.rollout_length

    def gradient_steps(self, env_steps: int) -> int:
        """Return the gradient steps of the whole iterations in so many environment steps."""
        return env_steps // self.steps_per_iteration * self.num_epochs * self.num_minibatches


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class PPOHparams(Checked):
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

    learning_rate: Annotated[float | Array, AtLeast(0)] = 3e-4
    annealing_updates: Annotated[float | Array, AtLeast(0)] = 0.0
    value_only_updates: Annotated[float | Array, AtLeast(0)] = 0.0
    discount: Annotated[float | Array, Between(0, 1)] = 0.99
    gae_lambda: Annotated[float | Array, Between(0, 1)] = 0.95
    clip: Annotated[float | Array, Above(0)] = 0.2
    value_weight: Annotated[float | Array, AtLeast(0)] = 0.5
    entropy_weight: Annotated[float | Array, AtLeast(0)] = 0.0
    saturation_weight: Annotated[float | Array, AtLeast(0)] = 0.0
    max_grad_norm: Annotated[float | Array, Above(0)] = 1.0
    reward_scale: Annotated[float | Array, Above(0)] = 0.1
