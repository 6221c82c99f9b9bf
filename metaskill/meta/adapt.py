"""The inner loop: a few gradient steps on one task, through which the outer loop sees."""

import dataclasses
from collections.abc import Callable
from typing import Annotated, Any, TypeVar

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Float, Int

from metaskill.checking import Checked
from metaskill.errors import UserError
from metaskill.ranges import OneOf, Whole

Params = Any
Batch = Any
Loss = Callable[[Params, Batch], Float[Array, ""]]
StepSize = Any
"""A scalar, or a pytree like the parameters with a step size for each."""
Observed = TypeVar("Observed")

ORDERS = ("full", "first", "head_only", "learned_alpha")


@dataclasses.dataclass(frozen=True)
class InnerLoop(Checked):
    """How to adapt to a task: everything that the compiled program depends on.

    Attributes:
        order: What the outer gradient sees of the steps: `full`, all of them (MAML, Finn et
            al. 2017); `first`, inner gradients as constants (FOMAML, the same paper);
            `head_only`, all, but only the head moves (ANIL, Raghu et al. 2020);
            `learned_alpha`, all, and the step size of every parameter is learned with them
            (Meta-SGD, Li et al. 2017).
        max_steps: Steps in the program; fewer can be asked for as data.
        transform: What makes a direction of a gradient: `optax.identity()` for gradient
            descent, `optax.scale_by_adam()` and their like. The step size comes on top.
        is_head: Says of a parameter's path, such as `params.Dense_2.kernel`, whether it
            belongs to the head.
    """

    order: Annotated[str, OneOf(ORDERS)] = "full"
    max_steps: Whole = 1
    transform: optax.GradientTransformation = dataclasses.field(default_factory=optax.identity)
    is_head: Callable[[str], bool] | None = None

    def __post_init__(self) -> None:
        """Refuse what cannot run."""
        super().__post_init__()
        if self.order == "head_only" and self.is_head is None:
            raise UserError("order='head_only' needs is_head, to know which parameters move.")


def adapt(
    inner: InnerLoop,
    loss: Loss,
    params: Params,
    batch: Batch,
    inner_lr: StepSize,
    num_steps: Int[Array, ""] | int | None = None,
) -> Params:
    """Adapt to one task: theta <- theta - alpha grad L(theta), some times over.

    Args:
        inner: How.
        loss: What to descend; called as `loss(params, batch)`.
        params: Where to begin.
        batch: The task's data.
        inner_lr: The step size alpha, one for all parameters or one for each.
        num_steps: Steps to make, at most `max_steps`; may be traced. All by default.

    Returns:
        The adapted parameters.
    """
    return adaptation_curve(inner, loss, params, batch, inner_lr, lambda _: None, num_steps)[0]


def adaptation_curve(
    inner: InnerLoop,
    loss: Loss,
    params: Params,
    batch: Batch,
    inner_lr: StepSize,
    observe: Callable[[Params], Observed],
    num_steps: Int[Array, ""] | int | None = None,
) -> tuple[Params, Observed]:
    """Adapt as `adapt` does, looking at the parameters before the first step and after each.

    Args:
        inner: How.
        loss: What to descend.
        params: Where to begin.
        batch: The task's data.
        inner_lr: The step size.
        observe: What to see of the parameters: `lambda p: p` for themselves, or a loss.
        num_steps: Steps to make, at most `max_steps`; after them the parameters stay.

    Returns:
        The adapted parameters, and what was observed (axis: step, from 0 to `max_steps`).
    """

    def step(
        carry: tuple[Params, optax.OptState], i: Int[Array, ""]
    ) -> tuple[tuple[Params, optax.OptState], Observed]:
        params, optimizer = carry
        direction, optimizer = inner_direction(inner, loss, params, batch, optimizer)
        if num_steps is not None:
            direction = jax.tree.map(lambda d: jnp.where(i < num_steps, d, 0.0), direction)
        params = descend(params, inner_lr, direction)
        return (params, optimizer), observe(params)

    start = (params, inner.transform.init(params))
    (adapted, _), after = jax.lax.scan(step, start, jnp.arange(inner.max_steps))
    before = observe(params)
    return adapted, jax.tree.map(lambda b, a: jnp.concatenate([b[None], a]), before, after)


def inner_direction(
    inner: InnerLoop, loss: Loss, params: Params, batch: Batch, optimizer: optax.OptState
) -> tuple[Params, optax.OptState]:
    """Return what one inner step subtracts, less the step size, and the optimizer's state.

    Those who draw new data between steps make their loop of this and `descend`.
    """
    grads = jax.grad(loss)(params, batch)
    if inner.order == "first":
        grads = jax.lax.stop_gradient(grads)
    # The body's part is dropped before and after: a transform may mix parameters (a global
    # norm), or move those without a gradient (weight decay).
    grads = _movable(inner, grads)
    # optax raises a float to an integer power, which strict promotion refuses.
    with jax.numpy_dtype_promotion("standard"):
        direction, optimizer = inner.transform.update(grads, optimizer, params)
    return _movable(inner, direction), optimizer


def descend(params: Params, step_size: StepSize, direction: Params) -> Params:
    """Return params - step_size * direction; the step size is one scalar or one a parameter."""
    if jax.tree_util.treedef_is_leaf(jax.tree.structure(step_size)):
        return jax.tree.map(lambda p, d: p - step_size * d, params, direction)
    return jax.tree.map(lambda p, s, d: p - s * d, params, step_size, direction)


def post_adaptation_loss(
    inner: InnerLoop,
    loss: Loss,
    params: Params,
    support: Batch,
    query: Batch,
    inner_lr: StepSize,
    num_steps: Int[Array, ""] | int | None = None,
) -> Float[Array, ""]:
    """Return the objective of meta-learning on one task: L_query(theta').

    Args:
        inner: How to adapt.
        loss: The loss of both batches.
        params: Where to begin.
        support: What to adapt on.
        query: What the adapted parameters are judged on.
        inner_lr: The step size.
        num_steps: Inner steps.
    """
    return loss(adapt(inner, loss, params, support, inner_lr, num_steps), query)


def reptile_direction(params: Params, adapted: Params) -> Params:
    """Return what Reptile takes for an outer gradient: theta - theta' (Nichol et al. 2018).

    `descend` with it and step size epsilon is theta <- theta + epsilon (theta' - theta).
    """
    return jax.tree.map(jnp.subtract, params, adapted)


def _movable(inner: InnerLoop, tree: Params) -> Params:
    if inner.order != "head_only":
        return tree
    is_head = inner.is_head
    assert is_head is not None  # Checked when it was made.

    def head(path: Any, leaf: Array) -> Array:
        name = jax.tree_util.keystr(path, simple=True, separator=".")
        return leaf if is_head(name) else jnp.zeros_like(leaf)

    return jax.tree_util.tree_map_with_path(head, tree)
