"""What supervised meta-learning is told: static configuration, and hyperparameters as data."""

import dataclasses
from collections.abc import Callable
from typing import Annotated

import jax
import optax
from jaxtyping import Array

from metaskill.checking import Checked
from metaskill.errors import UserError
from metaskill.meta.adapt import ORDERS
from metaskill.meta.in_parts import require_parts
from metaskill.ranges import AtLeast, Between, Count, OneOf, Whole

INNER_OPTIMIZERS: dict[str, Callable[[], optax.GradientTransformation]] = {
    "sgd": optax.identity,
    "momentum": lambda: optax.trace(0.9),
    "adam": optax.scale_by_adam,
}
OUTER_RULES = ("gradient", "reptile")


@dataclasses.dataclass(frozen=True)
class SupervisedConfig(Checked):
    """What the compiled program depends on.

    Attributes:
        order: What the outer gradient sees of the inner steps: `full` (MAML), `first`
            (FOMAML), `head_only` (ANIL) or `learned_alpha` (Meta-SGD).
        outer_rule: `gradient` of the loss after adaptation, or `reptile`.
        inner_optimizer: `sgd`, `momentum` or `adam`.
        tasks_per_update: Tasks in one outer update.
        tasks_at_once: Tasks whose losses after adaptation are computed and differentiated side
            by side, all by default; a divisor of `tasks_per_update`. With images, a CPU's
            caches hold one.
        updates_per_iteration: Outer updates in one call of `step`, which reports their mean: a
            row of the record for each of them would cost more than the update.
        max_inner_steps: Inner steps in the program; `hparams.inner_steps` are made.
        eval_steps: Inner steps of an evaluation, each of which is reported.
        num_eval_tasks: Meta-test tasks of each set-up in an evaluation.
        eval_tasks_at_once: How many of them are adapted side by side; memory is the limit.
    """

    order: Annotated[str, OneOf(ORDERS)] = "full"
    outer_rule: Annotated[str, OneOf(OUTER_RULES)] = "gradient"
    inner_optimizer: Annotated[str, OneOf(INNER_OPTIMIZERS)] = "sgd"
    tasks_per_update: Count = 25
    tasks_at_once: Count | None = None
    updates_per_iteration: Count = 100
    max_inner_steps: Whole = 1
    eval_steps: Whole = 10
    num_eval_tasks: Count = 4000
    eval_tasks_at_once: Count = 500

    def __post_init__(self) -> None:
        """Refuse what cannot run anywhere."""
        super().__post_init__()
        require_parts(self.tasks_at_once, "tasks_per_update", self.tasks_per_update)
        if self.order == "learned_alpha" and self.outer_rule == "reptile":
            raise UserError(
                "outer_rule='reptile' has no gradient to learn step sizes from: choose another "
                "order than 'learned_alpha'."
            )


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class SupervisedHparams(Checked):
    """What a sweep may vary without recompiling: traced scalars.

    Attributes:
        inner_lr: The inner step size alpha; where it is learned, what it starts from.
        outer_lr: Adam's step size in the outer loop.
        annealing_updates: Outer updates in which `outer_lr` falls to 0 along half a cosine
            (Antoniou et al. 2019, section 4); 0 leaves it as it is.
        reptile_epsilon: Reptile's step size.
        inner_steps: Inner steps, at most `max_inner_steps`. With 0, training is plain
            learning on all tasks at once.
        num_tasks: Tasks that count in an outer update, at most `tasks_per_update`.
    """

    inner_lr: Annotated[float | Array, AtLeast(0)] = 1e-3
    outer_lr: Annotated[float | Array, AtLeast(0)] = 1e-3
    annealing_updates: Annotated[float | Array, AtLeast(0)] = 0.0
    reptile_epsilon: Annotated[float | Array, Between(0, 1)] = 0.1
    inner_steps: Annotated[int | Array, AtLeast(0)] = 1
    num_tasks: Annotated[int | Array, AtLeast(1)] = 25
