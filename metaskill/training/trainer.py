"""The trainer: runs any learner, in compiled chunks, with all that surrounds them."""

import contextlib
import dataclasses
import math
import time
from collections.abc import Callable, Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from metaskill.errors import UserError
from metaskill.learner import Headline, Learner
from metaskill.training.checkpoint import Checkpoints
from metaskill.training.experiment import Experiment, TrainerConfig
from metaskill.training.metrics import JsonLines, Row, Sink, TensorBoard, rows_of_chunk
from metaskill.training.progress import ProgressView
from metaskill.training.provenance import provenance
from metaskill.training.run_folder import RunFolder, cannot_write, write_json


@dataclasses.dataclass(frozen=True)
class Timing:
    """Where the wall-clock went, seconds.

    Attributes:
        compiling: Tracing and compiling the chunk, this time.
        training: Chunks, over all resumptions.
        evaluating: Evaluations, their compilation included, this time.
    """

    compiling: float
    training: float
    evaluating: float


@dataclasses.dataclass(frozen=True)
class Outcome:
    """How a run ended.

    Attributes:
        state: The last state (axis: population).
        evaluation: The last evaluation's metrics by name, one value a member.
        timing: Where the time went.
    """

    state: Any
    evaluation: dict[str, np.ndarray]
    timing: Timing


def train(experiment: Experiment, run: RunFolder, progress: ProgressView) -> Outcome:
    """Train an experiment to its end, from its last checkpoint if there is one.

    Every member of the population has the same program and a key of its own; the whole
    state, worlds and keys included, is one pytree that a chunk maps to the next. So a
    run that was interrupted continues bit for bit as if it had not been.

    Args:
        experiment: What to train.
        run: Where to write; `run.create` has been called.
        progress: Told about the run between chunks.

    Raises:
        UserError: If the configuration is wrong or a file cannot be written.
    """
    config = experiment.trainer
    learner = experiment.make_learner()
    chunks = _Chunks(learner, config)
    checkpoints = Checkpoints(run.checkpoints, config.checkpoints_kept)
    template = jax.eval_shape(chunks.init, experiment.hparams)
    restored = checkpoints.restore_latest(template)
    if restored is None:
        state, iteration, seconds = chunks.init(experiment.hparams), 0, 0.0
    else:
        state, iteration, seconds = restored
    if not run.provenance_file.exists():
        write_json(run.provenance_file, provenance())
    clock = time.perf_counter()
    run_chunk = chunks.compile(state)
    compiling, evaluating = time.perf_counter() - clock, 0.0
    evaluation: dict[str, np.ndarray] = {}
    with _sinks(run, iteration) as sinks:
        while iteration < chunks.total_iterations:
            clock = time.perf_counter()
            state, device_metrics = run_chunk(state)
            metrics = {name: np.asarray(values) for name, values in device_metrics.items()}
            chunk_seconds = time.perf_counter() - clock
            seconds += chunk_seconds
            iteration += config.iterations_per_chunk
            last = iteration >= chunks.total_iterations
            rows = rows_of_chunk(
                metrics,
                seeds=chunks.seeds,
                iterations=range(iteration - config.iterations_per_chunk + 1, iteration + 1),
                steps_per_iteration=learner.steps_per_iteration,
                seconds=seconds,
            )
            if last or chunks.is_due(iteration, config.chunks_per_evaluation):
                clock = time.perf_counter()
                evaluation = chunks.evaluate(state, iteration)
                evaluating += time.perf_counter() - clock
                _attach(rows, evaluation)
            _write(sinks, rows, run)
            if last or chunks.is_due(iteration, config.chunks_per_checkpoint):
                checkpoints.save(iteration, state, seconds)
            progress.update(
                iteration * learner.steps_per_iteration,
                chunks.env_steps_per_chunk / chunk_seconds,
                _lately(metrics, learner.headline),
            )
    if not evaluation:  # The run had ended before.
        evaluation = chunks.evaluate(state, iteration)
    return Outcome(state, evaluation, Timing(compiling, seconds, evaluating))


def restore(experiment: Experiment, run: RunFolder) -> tuple[Learner, Any, int]:
    """Return a run's learner, its last state (axis: population) and its iteration.

    Raises:
        UserError: If there is no whole checkpoint.
    """
    learner = experiment.make_learner()
    template = jax.eval_shape(_Chunks(learner, experiment.trainer).init, experiment.hparams)
    restored = Checkpoints(run.checkpoints).restore_latest(template)
    if restored is None:
        raise UserError(f"{run.path} has no checkpoint yet: train it first.")
    state, iteration, _ = restored
    return learner, state, iteration


class _Chunks:
    """The compiled programs of a run, and when each is due."""

    def __init__(self, learner: Learner, config: TrainerConfig):
        self._config = config
        self.seeds = range(config.seed, config.seed + config.population)
        steps_per_chunk = learner.steps_per_iteration * config.iterations_per_chunk
        self.env_steps_per_chunk = steps_per_chunk * config.population
        self.total_iterations = (
            math.ceil(config.env_steps / steps_per_chunk) * config.iterations_per_chunk
        )
        step = jax.vmap(learner.step)

        def run(state: Any) -> tuple[Any, dict[str, jax.Array]]:
            return jax.lax.scan(
                lambda state, _: step(state), state, None, length=config.iterations_per_chunk
            )

        self._run = jax.jit(run, donate_argnums=0)
        self._init = jax.jit(jax.vmap(learner.init, in_axes=(0, None)))
        self._evaluate = jax.jit(jax.vmap(learner.evaluate))

    def init(self, hparams: Any) -> Any:
        """Return the untrained population."""
        return self._init(self._keys(), hparams)

    def compile(self, state: Any) -> Callable[[Any], tuple[Any, dict[str, jax.Array]]]:
        """Compile the chunk: from a state, which it consumes, to the next and its metrics."""
        return self._run.lower(state).compile()

    def evaluate(self, state: Any, iteration: int) -> dict[str, np.ndarray]:
        """Evaluate every member, with keys that depend on seed and iteration alone."""
        keys = jax.vmap(lambda key: jax.random.fold_in(key, iteration))(self._keys())
        return {name: np.asarray(v) for name, v in self._evaluate(state, keys).items()}

    def is_due(self, iteration: int, every_chunks: int) -> bool:
        """Say whether something that happens every so many chunks happens now."""
        return iteration % (self._config.iterations_per_chunk * every_chunks) == 0

    def _keys(self) -> jax.Array:
        return jax.vmap(jax.random.key)(jnp.asarray(self.seeds))


@contextlib.contextmanager
def _sinks(run: RunFolder, iteration: int) -> Iterator[list[Sink]]:
    try:
        sinks: list[Sink] = [
            JsonLines(run.metrics_file, resume_from=iteration),
            TensorBoard(run.events, resume_from=iteration),
        ]
    except OSError as error:
        raise cannot_write(run.path, error) from error
    try:
        yield sinks
    finally:
        for sink in sinks:
            sink.close()


def _write(sinks: list[Sink], rows: list[Row], run: RunFolder) -> None:
    try:
        for sink in sinks:
            sink.write(rows)
    except OSError as error:
        raise cannot_write(run.path, error) from error


def _attach(rows: list[Row], evaluation: dict[str, np.ndarray]) -> None:
    """Put an evaluation into the rows of the last iteration (one a member)."""
    for name, values in evaluation.items():
        for row, value in zip(rows[-len(values) :], values, strict=True):
            row[name] = float(value)


def _lately(metrics: dict[str, np.ndarray], headline: Headline) -> float:
    """Return what a learner is judged by, averaged over the last iterations."""
    values = metrics.get(headline.running, np.array([np.nan]))
    finite = values[np.isfinite(values)]
    return float(finite.mean()) if finite.size else math.nan
