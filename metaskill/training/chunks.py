"""The compiled programs of a run, and when each is due."""

import dataclasses
import math
from collections.abc import Callable
from typing import Any

import jax
import numpy as np
from jax.sharding import NamedSharding
from jax.sharding import PartitionSpec as P
from jaxtyping import PRNGKeyArray

from metaskill.errors import UserError
from metaskill.learner import Learner
from metaskill.training.experiment import TrainerConfig
from metaskill.training.mesh import MeshShape, over_population, place, state_shardings
from metaskill.training.population import Population, keys_of, stacked_hparams
from metaskill.training.state_arrays import hyperparameters, to_arrays


def nearest_iterations(env_steps: int, steps_per_iteration: int) -> int:
    """Return the whole iterations nearest to a budget, at least one; of two as near, the fewer."""
    return max(1, math.ceil(env_steps / steps_per_iteration - 0.5))


class Chunks:
    """A learner's functions over populations, in chunks of iterations.

    Members differ in data only, so populations of one size share one program.
    """

    def __init__(self, learner: Learner, config: TrainerConfig, mesh: MeshShape | None = None):
        """Prepare the programs; nothing is compiled yet.

        Args:
            learner: What trains.
            config: How long, and how often to look up from it.
            mesh: Over how many devices; None for one.

        Raises:
            UserError: If JAX computes in double precision: networks and their optimizers do not.
        """
        if jax.dtypes.result_type(float) != np.float32:
            raise UserError("learners compute in single precision: unset JAX_ENABLE_X64.")
        self.config = config
        self.headline = learner.headline
        self.steps_per_iteration = learner.steps_per_iteration
        self.total_iterations = nearest_iterations(config.env_steps, self.steps_per_iteration)
        self._learner = learner
        self._mesh = mesh or MeshShape()
        self._programs: dict[int, _Programs] = {}

    def template(self, population: Population) -> Any:
        """Return the shapes of the population's state, without computing it."""
        init = jax.vmap(self._learner.init)
        return jax.eval_shape(init, keys_of(population), stacked_hparams(population))

    def hyperparameters(self, population: Population) -> dict[str, np.ndarray]:
        """Return what the population's state has as hyperparameters, by their paths in it."""

        def init(keys: PRNGKeyArray, hparams: Any) -> dict[str, jax.Array]:
            # Nothing else of the state is asked for, so nothing else is computed.
            return hyperparameters(jax.vmap(self._learner.init)(keys, hparams))

        return to_arrays(jax.jit(init)(keys_of(population), stacked_hparams(population)))

    def init(self, population: Population) -> Any:
        """Return the untrained population."""
        programs = self._of(population)
        return programs.init(
            programs.place_members(keys_of(population)),
            programs.place_members(stacked_hparams(population)),
        )

    def place(self, state: Any, population: Population) -> Any:
        """Put a state on the devices that train it."""
        shardings = self._of(population).state
        return state if shardings is None else place(state, shardings)

    def length_after(self, iteration: int) -> int:
        """Return the iterations of the chunk that begins after an iteration.

        Chunks end at multiples of `iterations_per_chunk`, and where training ends: the last one
        is as short as the budget asks for.
        """
        chunk = self.config.iterations_per_chunk
        return min(chunk - iteration % chunk, self.total_iterations - iteration)

    def lengths_after(self, iteration: int) -> set[int]:
        """Return the lengths of all chunks to come: one program each."""
        if iteration >= self.total_iterations:
            return set()
        first = self.length_after(iteration)
        chunk, left = self.config.iterations_per_chunk, self.total_iterations - iteration - first
        return {first} | ({chunk} if left >= chunk else set()) | ({left % chunk} - {0})

    def compile(self, population: Population, length: int | None = None) -> jax.stages.Compiled:
        """Compile a chunk: from a state, which it consumes, to the next and its metrics.

        Args:
            population: The members.
            length: Iterations of the chunk; by default those of the first one.

        Raises:
            UserError: If the mesh does not go together with the learner or its engine.
        """
        programs, length = self._of(population), length or self.length_after(0)
        if length not in programs.chunks:
            run = programs.make_run(length)
            programs.chunks[length] = run.lower(self.template(population)).compile()
        return programs.chunks[length]

    def evaluate(self, state: Any, population: Population, iteration: int) -> dict[str, np.ndarray]:
        """Evaluate every member, with keys that depend on seed and iteration alone."""
        programs = self._of(population)
        keys = jax.vmap(lambda key: jax.random.fold_in(key, iteration))(keys_of(population))
        metrics = programs.evaluate(state, programs.place_members(keys))
        return {name: np.asarray(values) for name, values in metrics.items()}

    def is_due(self, iteration: int, every_chunks: int) -> bool:
        """Say whether something that happens every so many chunks happens now."""
        return iteration % (self.config.iterations_per_chunk * every_chunks) == 0

    def _of(self, population: Population) -> "_Programs":
        size = len(population)
        if size not in self._programs:
            self._programs[size] = _programs(
                self._learner, self.config, self.template(population), self._mesh.holding(size)
            )
        return self._programs[size]


@dataclasses.dataclass
class _Programs:
    """What a population of one size is trained by.

    Attributes:
        init: From keys and hyperparameters to the state.
        make_run: From a number of iterations to their chunk, to be lowered.
        evaluate: From state and keys to metrics.
        state: Where the leaves of the state lie; None for one device.
        members: Where arrays lie that have nothing but the axis `population`.
        chunks: The chunks that are compiled, by their number of iterations.
    """

    init: Any
    make_run: Callable[[int], Any]
    evaluate: Any
    state: Any = None
    members: NamedSharding | None = None
    chunks: dict[int, jax.stages.Compiled] = dataclasses.field(default_factory=dict)

    def place_members(self, tree: Any) -> Any:
        if self.members is None:
            return tree
        return place(tree, jax.tree.map(lambda _: self.members, tree))


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


def _programs(
    learner: Learner, config: TrainerConfig, template: Any, shape: MeshShape
) -> _Programs:
    at_once = config.members_at_once
    init: Any = _for_each(learner.init, at_once)
    step = _for_each(learner.step, at_once)
    evaluate: Any = _for_each(learner.evaluate, at_once)

    def run_for(length: int) -> Callable[[Any], tuple[Any, dict[str, jax.Array]]]:
        def run(state: Any) -> tuple[Any, dict[str, jax.Array]]:
            return jax.lax.scan(lambda state, _: step(state), state, None, length=length)

        return run

    if shape.size == 1:
        return _Programs(
            init=jax.jit(init),
            make_run=lambda length: jax.jit(run_for(length), donate_argnums=0),
            evaluate=jax.jit(evaluate),
        )
    mesh = shape.make()
    state = state_shardings(learner, template, mesh)
    everywhere = NamedSharding(mesh, P())  # Metrics are read by every process.
    one = P("population")
    return _Programs(
        init=jax.jit(over_population(init, mesh, one), out_shardings=state),
        make_run=lambda length: jax.jit(
            over_population(run_for(length), mesh, (one, P(None, "population"))),
            donate_argnums=0,
            in_shardings=(state,),
            out_shardings=(state, everywhere),
        ),
        evaluate=jax.jit(over_population(evaluate, mesh, one), out_shardings=everywhere),
        state=state,
        members=NamedSharding(mesh, one),
    )
