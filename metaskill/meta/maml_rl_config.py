"""What meta-learning of policies is told: static configuration, and hyperparameters as data."""

import dataclasses
from typing import Annotated

import jax
from jaxtyping import Array

from metaskill.checking import Checked
from metaskill.errors import UserError
from metaskill.meta.adapt import ORDERS
from metaskill.meta.in_parts import require_parts
from metaskill.meta.surrogates import SURROGATES
from metaskill.networks.mlp import ACTIVATIONS
from metaskill.ranges import Above, AtLeast, Between, Count, OneOf, Sizes, Whole

OUTER_RULES = ("promp", "trpo")


@dataclasses.dataclass(frozen=True)
class MAMLRLConfig(Checked):
    """What the compiled program depends on.

    Attributes:
        num_tasks: Tasks of an iteration.
        num_episodes: Episodes of a task, before each inner step and after the last.
        inner_steps: Inner steps; 0 learns the policy that is best on average.
        order: What the outer gradient sees of the inner steps; see `InnerLoop`. The head
            is the policy's last layer, or its latents where it has any.
        surrogate: What the inner steps climb: `log_prob` (MAML's code), `lvc` (ProMP) or
            `dice`.
        outer: How the outer step is taken: `trpo` (Finn et al. 2017) or `promp`
            (Rothfuss et al. 2018).
        num_curvature_tasks: Tasks that TRPO takes the divergence's Hessian on, all by
            default. Its products are most of an outer step's work; fewer tasks are a
            noisier estimate of the same Hessian.
        tasks_at_once: Tasks that are adapted to, and differentiated, side by side; a divisor
            of `num_tasks / num_minibatches`. By default one on CPUs, whose caches hold little
            more, and all on other devices.
        num_epochs: ProMP's passes over the tasks of an iteration.
        num_minibatches: Parts that ProMP divides an iteration's tasks into, with a step of Adam
            on each; a divisor of `num_tasks`. The paper has one.
        hidden: Hidden layers of the policy.
        activation: `tanh`, `relu`, `silu` or `elu`.
        initial_std: The untrained policy's standard deviation.
        num_latents: Latents of the policy, which are inputs that adapt. Before the first inner
            step each episode has noise on them that lasts for all of it (`meta.latents`).
        policy_obs: The observations that the policy and the baseline see.
        normalize_obs: Whether observations are normalized, by moments that are measured once,
            on an iteration's tasks with the untrained policy.
        num_eval_tasks: Held-out tasks of an evaluation.
    """

    num_tasks: Count = 40
    num_episodes: Count = 20
    inner_steps: Whole = 1
    order: Annotated[str, OneOf(ORDERS)] = "full"
    surrogate: Annotated[str, OneOf(SURROGATES)] = "lvc"
    outer: Annotated[str, OneOf(OUTER_RULES)] = "trpo"
    num_curvature_tasks: Count | None = None
    tasks_at_once: Count | None = None
    num_epochs: Count = 5
    num_minibatches: Count = 1
    hidden: Sizes = (100, 100)
    activation: Annotated[str, OneOf(ACTIVATIONS)] = "relu"
    initial_std: Annotated[float, Above(0)] = 1.0
    num_latents: Whole = 0
    policy_obs: tuple[str, ...] = ("state",)
    normalize_obs: bool = False
    num_eval_tasks: Count = 40

    def __post_init__(self) -> None:
        """Refuse what cannot run anywhere."""
        super().__post_init__()
        if self.num_tasks % self.num_minibatches:
            raise UserError(
                f"num_minibatches is {self.num_minibatches}: it must divide num_tasks, which is "
                f"{self.num_tasks}."
            )
        minibatch = self.num_tasks // self.num_minibatches
        require_parts(self.tasks_at_once, "num_tasks / num_minibatches", minibatch)


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class MAMLRLHparams(Checked):
    """What a sweep may vary without recompiling: traced scalars.

    Attributes:
        inner_lr: Inner step size; with `order=learned_alpha` where it starts.
        later_steps: Size of inner steps after training, from the second on, in parts of
            `inner_lr`. Finn et al. 2017 halve it (appendix A.2).
        latent_std: Standard deviation of the noise on latents before the first inner step.
        later_noise: Size of that noise before each further inner step, in parts of what it was
            before; after the last step there is none. With 0 it is there for the first only.
        latent_temperature: How much better, in standard deviations of the returns, an episode has
            to be to count e times as much in where the latents go.
        discount: Discount factor.
        gae_lambda: The lambda of generalized advantages.
        delta: TRPO's largest KL divergence of an outer step.
        learning_rate: ProMP's step size of Adam.
        clip: ProMP's largest change of the probability ratio that is rewarded.
        kl_weight: ProMP's penalty on the KL divergence before adaptation.
        exploration: Weight of E-MAML's credit for what was sampled before adaptation.
    """

    inner_lr: Annotated[float | Array, AtLeast(0)] = 0.1
    later_steps: Annotated[float | Array, AtLeast(0)] = 0.5
    latent_std: Annotated[float | Array, AtLeast(0)] = 3.0
    later_noise: Annotated[float | Array, AtLeast(0)] = 0.0
    latent_temperature: Annotated[float | Array, Above(0)] = 0.5
    discount: Annotated[float | Array, Between(0, 1)] = 0.99
    gae_lambda: Annotated[float | Array, Between(0, 1)] = 1.0
    delta: Annotated[float | Array, Above(0)] = 0.01
    learning_rate: Annotated[float | Array, AtLeast(0)] = 1e-3
    clip: Annotated[float | Array, Above(0)] = 0.3
    kl_weight: Annotated[float | Array, AtLeast(0)] = 5e-4
    exploration: Annotated[float | Array, AtLeast(0)] = 0.0
