"""The chunks of a run: how long each is, the programs that train it, and what is due after it."""

import math
from typing import Any

import jax
import numpy as np
from jaxtyping import PRNGKeyArray

from metaskill.errors import UserError
from metaskill.learner import Learner
from metaskill.training.experiment import TrainerConfig
from metaskill.training.mesh import MeshShape, place
from metaskill.training.population import Population, keys_of, stacked_hparams
from metaskill.training.programs import Programs, make_programs
from metaskill.training.state_arrays import hyperparameters, to_arrays


def nearest_iterations(env_steps: int, steps_per_iteration: int) -> int:
    """Return the whole iterations nearest to a budget, at least one; of two as near, the fewer."""
    return max(1, math.ceil(env_steps / steps_per_iteration - 0.5))


class Chunks:
    """A learner's functions over populations, in chunks of iterations.

    Chunks end at multiples of `iterations_per_chunk`, and where the budget ends. So settings with
    iterations of different lengths train for the same number of steps, up to half an iteration.

    Members differ in data only, so populations of one size share one program.
    """

    def __init__(
        self,
        learner: Learner,
        config: TrainerConfig,
        mesh: MeshShape | None = None,
        begins_at: int = 0,
    ):
        """Prepare the programs; nothing is compiled yet.

        Args:
            learner: What trains.
            config: How long, and how often to look up from it.
            mesh: Over how many devices; None for one.
            begins_at: Iterations that members have behind them where a run begins.

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
        self._programs: dict[int, Programs] = {}
        self._compiled: dict[tuple[int, int | None], jax.stages.Compiled] = {}
        self._only_length = self._length_of_all(begins_at)

    @property
    def total_steps(self) -> int:
        """Steps of each member until the end: those of the iterations nearest to the budget."""
        return self.total_iterations * self.steps_per_iteration

    def length_after(self, iteration: int) -> int:
        """Return the iterations of the chunk that begins after an iteration."""
        longest = self.config.iterations_per_chunk
        return min(longest - iteration % longest, self.total_iterations - iteration)

    def is_due(self, iteration: int, every_chunks: int) -> bool:
        """Say whether something that happens every so many chunks happens now."""
        return iteration % (self.config.iterations_per_chunk * every_chunks) == 0

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

    def compile(self, population: Population) -> jax.stages.Compiled:
        """Compile the program of the run's chunks, of which there is one.

        Where all chunks are equally long, their length is compiled in. Otherwise it is an
        argument, so that a shorter last chunk costs no compilation of its own.

        Raises:
            UserError: If the mesh does not go together with the learner or its engine.
        """
        return self._compile(population, self._only_length)

    def run(
        self, population: Population, state: Any, length: int
    ) -> tuple[Any, dict[str, np.ndarray]]:
        """Do a chunk of iterations.

        Args:
            population: The members.
            state: Their state, which is consumed.
            length: Iterations, at most `iterations_per_chunk`.

        Returns:
            The next state, and metrics (axes: iteration, population).
        """
        if length == self._only_length:
            state, metrics = self._compile(population, length)(state)
        else:
            program = self._compile(population, None)
            several = self._of(population).place_everywhere(jax.numpy.int32(length))
            state, metrics = program(state, several)
        return state, {name: np.asarray(values)[:length] for name, values in metrics.items()}

    def evaluate(self, state: Any, population: Population, iteration: int) -> dict[str, np.ndarray]:
        """Evaluate every member, with keys that depend on seed and iteration alone."""
        programs = self._of(population)
        keys = jax.vmap(lambda key: jax.random.fold_in(key, iteration))(keys_of(population))
        metrics = programs.evaluate(state, programs.place_members(keys))
        return {name: np.asarray(values) for name, values in metrics.items()}

    def _length_of_all(self, begins_at: int) -> int | None:
        """Return the length of all chunks; None where they differ.

        That depends on where the run begins, not on where it is gone on with: bits of two
        programs may differ.
        """
        first = self.length_after(begins_at)
        if begins_at + first == self.total_iterations:
            return first
        longest = self.config.iterations_per_chunk
        whole = begins_at % longest == 0 and self.total_iterations % longest == 0
        return longest if whole else None

    def _compile(self, population: Population, length: int | None) -> jax.stages.Compiled:
        key = len(population), length
        if key not in self._compiled:
            programs, template = self._of(population), self.template(population)
            if length is None:
                run = programs.iterate_up_to(self.config.iterations_per_chunk)
                lowered = run.lower(template, jax.ShapeDtypeStruct((), np.int32))
            else:
                lowered = programs.iterate(length).lower(template)
            self._compiled[key] = lowered.compile()
        return self._compiled[key]

    def _of(self, population: Population) -> Programs:
        size = len(population)
        if size not in self._programs:
            self._programs[size] = make_programs(
                self._learner,
                self.config.members_at_once,
                self.template(population),
                self._mesh.holding(size),
            )
        return self._programs[size]
