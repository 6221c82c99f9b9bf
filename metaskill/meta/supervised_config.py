"""What supervised meta-learning is told: static configuration, and hyperparameters as data."""

import dataclasses
from collections.abc import Callable

import jax
import optax
from jaxtyping import Array

from metaskill.errors import UserError, nearest
from metaskill.meta.adapt import ORDERS
from metaskill.meta.in_parts import require_parts

INNER_OPTIMIZERS: dict[str, Callable[[], optax.GradientTransformation]] = {
    "sgd": optax.identity,
    "momentum": lambda: optax.trace(0.9),
    "adam": optax.scale_by_adam,
}
OUTER_RULES = ("gradient", "reptile")


@dataclasses.dataclass(frozen=True)
class SupervisedConfig:
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

    order: str = "full"
    outer_rule: str = "gradient"
    inner_optimizer: str = "sgd"
    tasks_per_update: int = 25
    tasks_at_once: int | None = None
    updates_per_iteration: int = 100
    max_inner_steps: int = 1
    eval_steps: int = 10
    num_eval_tasks: int = 4000
    eval_tasks_at_once: int = 500

    def __post_init__(self) -> None:
        """Refuse what cannot run anywhere."""
        for field in (
            "tasks_per_update",
            "updates_per_iteration",
            "num_eval_tasks",
            "eval_tasks_at_once",
        ):
            if getattr(self, field) < 1:
                raise UserError(f"{field} is {getattr(self, field)}: it must be at least 1.")
        require_parts(self.tasks_at_once, "tasks_per_update", self.tasks_per_update)
        for field in ("max_inner_steps", "eval_steps"):
            if getattr(self, field) < 0:
                raise UserError(f"{field} is {getattr(self, field)}: it must be at least 0.")
        for field, valid in (
            ("order", ORDERS),
            ("outer_rule", OUTER_RULES),
            ("inner_optimizer", tuple(INNER_OPTIMIZERS)),
        ):
            value = getattr(self, field)
            if value not in valid:
                raise UserError(f"no {field} is called {value!r}: {nearest(value, valid)}")
        if self.order == "learned_alpha" and self.outer_rule == "reptile":
            raise UserError(
                "outer_rule='reptile' has no gradient to learn step sizes from: choose another "
                "order than 'learned_alpha'."
            )


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class SupervisedHparams:
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

    inner_lr: float | Array = 1e-3
    outer_lr: float | Array = 1e-3
    annealing_updates: float | Array = 0.0
    reptile_epsilon: float | Array = 0.1
    inner_steps: int | Array = 1
    num_tasks: int | Array = 25
