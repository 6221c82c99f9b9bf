"""What meta-learning of policies is told: static configuration, and hyperparameters as data."""

import dataclasses

import jax
from jaxtyping import Array

from metaskill.errors import UserError, nearest
from metaskill.meta.adapt import ORDERS
from metaskill.meta.in_parts import require_parts
from metaskill.meta.surrogates import find_surrogate
from metaskill.networks.mlp import find_activation

OUTER_RULES = ("promp", "trpo")


@dataclasses.dataclass(frozen=True)
class MAMLRLConfig:
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

    num_tasks: int = 40
    num_episodes: int = 20
    inner_steps: int = 1
    order: str = "full"
    surrogate: str = "lvc"
    outer: str = "trpo"
    num_curvature_tasks: int | None = None
    tasks_at_once: int | None = None
    num_epochs: int = 5
    num_minibatches: int = 1
    hidden: tuple[int, ...] = (100, 100)
    activation: str = "relu"
    initial_std: float = 1.0
    num_latents: int = 0
    policy_obs: tuple[str, ...] = ("state",)
    normalize_obs: bool = False
    num_eval_tasks: int = 40

    def __post_init__(self) -> None:
        """Refuse what cannot run anywhere."""
        for field in ("num_tasks", "num_episodes", "num_epochs", "num_eval_tasks"):
            if getattr(self, field) < 1:
                raise UserError(f"{field} is {getattr(self, field)}: it must be at least 1.")
        if self.num_curvature_tasks is not None and self.num_curvature_tasks < 1:
            number = self.num_curvature_tasks
            raise UserError(f"num_curvature_tasks is {number}: it must be at least 1, or None.")
        if self.num_minibatches < 1 or self.num_tasks % self.num_minibatches:
            raise UserError(
                f"num_minibatches is {self.num_minibatches}: it must divide num_tasks, which is "
                f"{self.num_tasks}."
            )
        minibatch = self.num_tasks // self.num_minibatches
        require_parts(self.tasks_at_once, "num_tasks / num_minibatches", minibatch)
        for field in ("inner_steps", "num_latents"):
            if getattr(self, field) < 0:
                raise UserError(f"{field} is {getattr(self, field)}: it must be at least 0.")
        for field, names in (("order", ORDERS), ("outer", OUTER_RULES)):
            name = getattr(self, field)
            if name not in names:
                raise UserError(f"no {field} is called {name!r}: {nearest(name, names)}")
        find_surrogate(self.surrogate)
        find_activation(self.activation)


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class MAMLRLHparams:
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

    inner_lr: float | Array = 0.1
    later_steps: float | Array = 0.5
    latent_std: float | Array = 3.0
    later_noise: float | Array = 0.0
    latent_temperature: float | Array = 0.5
    discount: float | Array = 0.99
    gae_lambda: float | Array = 1.0
    delta: float | Array = 0.01
    learning_rate: float | Array = 1e-3
    clip: float | Array = 0.3
    kl_weight: float | Array = 5e-4
    exploration: float | Array = 0.0
