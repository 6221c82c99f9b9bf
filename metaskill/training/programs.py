"""What a population of one size is trained by: functions of a learner, compiled."""

import dataclasses
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax.sharding import NamedSharding
from jax.sharding import PartitionSpec as P
from jaxtyping import Array, Int

from metaskill.learner import Learner, Metrics
from metaskill.training.mesh import MeshShape, over_population, place, state_shardings


@dataclasses.dataclass
class Programs:
    """The programs of a population of one size.

    Attributes:
        init: From keys and hyperparameters to the state.
        evaluate: From state and keys to metrics.
        step: From a state to the next and metrics of an iteration.
        mesh: What devices it is divided over; None for one device.
        state: Where the leaves of the state lie; None for one device.
    """

    init: Any
    evaluate: Any
    step: Callable[[Any], tuple[Any, Metrics]]
    mesh: jax.sharding.Mesh | None = None
    state: Any = None

    def place_members(self, tree: Any) -> Any:
        """Put arrays that have nothing but the axis `population` where its members are."""
        return self._place(tree, P("population"))

    def place_everywhere(self, tree: Any) -> Any:
        """Put a copy of arrays on every device."""
        return self._place(tree, P())

    def _place(self, tree: Any, axes: P) -> Any:
        if self.mesh is None:
            return tree
        sharding = NamedSharding(self.mesh, axes)
        return place(tree, jax.tree.map(lambda _: sharding, tree))

    def iterate(self, length: int) -> Any:
        """Return the program of so many iterations, to be lowered for a state."""

        def run(state: Any) -> tuple[Any, Metrics]:
            return jax.lax.scan(lambda state, _: self.step(state), state, None, length=length)

        return self._compiled(run, over=(P("population"),), shardings=(self.state,))

    def iterate_up_to(self, longest: int) -> Any:
        """Return the program of as many iterations as its second argument says.

        Chunks of every length share it, at the price that metrics always have `longest` rows,
        of which those past the length are zeros.
        """
        step = jax.jit(self.step, inline=True)  # Traced once, for the shapes and for the loop.

        def run(state: Any, length: Int[Array, ""]) -> tuple[Any, Metrics]:
            _, shapes = jax.eval_shape(step, state)
            rows = jax.tree.map(lambda leaf: jnp.zeros((longest, *leaf.shape), leaf.dtype), shapes)

            def iterate(i: Int[Array, ""], carry: tuple[Any, Metrics]) -> tuple[Any, Metrics]:
                state, rows = carry
                state, metrics = step(state)
                return state, jax.tree.map(lambda all_, one: all_.at[i].set(one), rows, metrics)

            return jax.lax.fori_loop(0, length, iterate, (state, rows))

        everywhere = self.mesh and NamedSharding(self.mesh, P())
        return self._compiled(run, over=(P("population"), P()), shardings=(self.state, everywhere))

    def _compiled(self, run: Any, over: tuple[P, ...], shardings: tuple[Any, ...]) -> Any:
        if self.mesh is None:
            return jax.jit(run, donate_argnums=0)
        everywhere = NamedSharding(self.mesh, P())  # Metrics are read by every process.
        return jax.jit(
            over_population(run, self.mesh, (P("population"), P(None, "population")), over),
            donate_argnums=0,
            in_shardings=shardings,
            out_shardings=(self.state, everywhere),
        )


def make_programs(
    learner: Learner, members_at_once: int, template: Any, shape: MeshShape
) -> Programs:
    """Prepare the programs of a population; nothing is compiled yet.

    Args:
        learner: What trains.
        members_at_once: See `TrainerConfig`.
        template: The shapes of the population's state.
        shape: Over how many devices.

    Raises:
        UserError: If the mesh does not go together with the learner or its engine.
    """
    init: Any = _for_each(learner.init, members_at_once)
    step = _for_each(learner.step, members_at_once)
    evaluate: Any = _for_each(learner.evaluate, members_at_once)
    if shape.size == 1:
        return Programs(jax.jit(init), jax.jit(evaluate), step)
    mesh = shape.make()
    state = state_shardings(learner, template, mesh)
    everywhere = NamedSharding(mesh, P())
    one = P("population")
    return Programs(
        init=jax.jit(over_population(init, mesh, one), out_shardings=state),
        evaluate=jax.jit(over_population(evaluate, mesh, one), out_shardings=everywhere),
        step=step,
        mesh=mesh,
        state=state,
    )


def _for_each(function: Callable[..., Any], at_once: int) -> Callable[..., Any]:
    """Apply a function to every member, up to so many at once; 0 stands for all."""
    batched = jax.vmap(function)

    def in_turns(*members: Any) -> Any:
        n_members = len(jax.tree.leaves(members)[0])
        size = max(d for d in range(1, min(at_once, n_members) + 1) if n_members % d == 0)
        turns = jax.tree.map(
            lambda leaf: leaf.reshape(n_members // size, size, *leaf.shape[1:]), members
        )
        results = jax.lax.map(lambda turn: batched(*turn), turns)
        return jax.tree.map(lambda leaf: leaf.reshape(n_members, *leaf.shape[2:]), results)

    return in_turns if at_once else batched
