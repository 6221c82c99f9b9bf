"""A sweep against as many single runs: 4 learning rates and 4 seeds of PPO on HalfCheetah.

python -m benchmarks.sweep writes benchmarks/results/sweep.json.

Both go through the trainer, with all that surrounds training: compilation, evaluations,
checkpoints. (JAX does not keep programs that call the native engine, so every run compiles.)
"""

import argparse
import dataclasses
import math
import pathlib
import tempfile
import time

from metaskill.learner import Metrics
from metaskill.results.figure import measured
from metaskill.results.file import write_results
from metaskill.rl.ppo import PPO, PPOState
from metaskill.rl.ppo_config import PPOConfig
from metaskill.training.experiment import PPOExperiment, TrainerConfig
from metaskill.training.metrics import Row, read_rows
from metaskill.training.progress import NoProgress
from metaskill.training.run_folder import RunFolder, as_json
from metaskill.training.sweep import Sweep, run_sweep
from metaskill.training.task_distribution import EnvConfig
from metaskill.training.trainer import train
from metaskill.training.variations import Choices, SweepMember, grid, make_members

RESULTS = pathlib.Path(__file__).parent / "results"
LEARNING_RATES = (1e-4, 3e-4, 1e-3, 3e-3)
SEEDS = 4
CURVES = ("episode_return", "loss/policy", "loss/value", "eval/return")
_traces = 0


class CountingPPO(PPO):
    """PPO that counts how often its step is traced."""

    def step(self, state: PPOState) -> tuple[PPOState, Metrics]:
        """Do what PPO does."""
        global _traces  # noqa: PLW0603
        _traces += 1
        return super().step(state)


@dataclasses.dataclass(frozen=True)
class CountingExperiment(PPOExperiment):
    """HalfCheetah with a learner that counts."""

    def make_learner(self) -> PPO:
        """Build it."""
        env, sample_context = self.env.make()
        return CountingPPO(env, self.ppo, sample_context)


def configuration(iterations: int) -> CountingExperiment:
    """Return the experiment: as `half_cheetah_ppo`, with fewer worlds."""
    ppo = PPOConfig(
        num_envs=64,
        rollout_length=64,
        num_minibatches=8,
        policy_hidden=(64, 64),
        value_hidden=(64, 64),
        distribution="gaussian",
        initial_std=0.5,
        num_eval_episodes=4,
    )
    trainer = TrainerConfig(
        env_steps=iterations * ppo.steps_per_iteration,
        iterations_per_chunk=min(5, iterations),
        chunks_per_evaluation=2,
        chunks_per_checkpoint=2,
    )
    return CountingExperiment(EnvConfig("half_cheetah", "native"), trainer, ppo)


@dataclasses.dataclass(frozen=True)
class Measured:
    """One way to train all members.

    Attributes:
        seconds: Wall-clock, with all that surrounds training.
        training: Seconds of training itself.
        rows: The record of every member, by number.
        traces: Programs traced.
    """

    seconds: float
    training: float
    rows: dict[int, list[Row]]
    traces: int


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--iterations", type=int, default=10)
    parser.add_argument("--learning_rates", type=int, default=len(LEARNING_RATES))
    parser.add_argument("--seeds", type=int, default=SEEDS)
    parser.add_argument("--results", type=pathlib.Path, default=RESULTS)
    options = parser.parse_args()
    config = configuration(options.iterations)
    rates = LEARNING_RATES[: options.learning_rates]
    axes = [Choices(("learning_rate",), tuple((rate,) for rate in rates))]
    with tempfile.TemporaryDirectory() as scratch:
        folder = pathlib.Path(scratch)
        members = make_members(config, grid(axes), range(options.seeds))
        sweeps = {
            name: _sweep(
                make_members(_in_turns(config, at_once), grid(axes), range(options.seeds)),
                folder / name,
            )
            for name, at_once in (("in_turns", 1), ("batched", 0))
        }
        alone = [_alone(planned, folder / planned.member.name) for planned in members]
    singles = Measured(
        sum(single.seconds for single in alone),
        sum(single.training for single in alone),
        {
            planned.member.number: single.rows[0]
            for planned, single in zip(members, alone, strict=True)
        },
        sum(single.traces for single in alone),
    )
    n_members = len(members)
    in_turns, batched = sweeps["in_turns"], sweeps["batched"]
    figures = {
        "sweep_wall_ratio": measured(
            in_turns.seconds / singles.seconds,
            f"wall-clock of a sweep of {n_members} members, members_at_once=1, over the sum of "
            "single runs on the same machine; compilation, evaluations and checkpoints included",
            limit=0.9,
        ),
        "sweep_curve_difference": measured(
            _difference(in_turns, singles),
            "largest relative difference of any member's curves to its single run, all iterations",
            limit=0.0,
        ),
        "sweep_compilations": measured(
            in_turns.traces, f"training programs, of {n_members} members", limit=1
        ),
        "sweep_training_ratio": measured(
            in_turns.training / singles.training, "the ratio of training alone"
        ),
        "sweep_batched_wall_ratio": measured(
            batched.seconds / singles.seconds,
            "the ratio with the arithmetic of all members batched: rounding then differs, and "
            "contacts amplify it",
            limit=0.9,
        ),
        "sweep_batched_training_ratio": measured(
            batched.training / singles.training, "the same of training alone"
        ),
        "sweep_batched_compilations": measured(
            batched.traces, f"training programs, of {n_members} members", limit=1
        ),
        "sweep_batched_curve_difference": measured(
            _difference(batched, singles), "see there; chaotic, so no bar"
        ),
    }
    settings = {
        "config": as_json(config),
        "learning_rates": list(rates),
        "seeds": options.seeds,
        "seconds": {
            name: {"wall": one.seconds, "training": one.training}
            for name, one in {**sweeps, "single_runs": singles}.items()
        },
        "last_returns": {
            name: [rows[-1]["eval/return"] for rows in one.rows.values()]
            for name, one in {**sweeps, "single_runs": singles}.items()
        },
    }
    for name, figure in figures.items():
        print(f"{name:<32} {figure.value:.4g}{figure.bar}")
    print(write_results(options.results, "sweep", figures, settings))


def _in_turns(config: CountingExperiment, at_once: int) -> CountingExperiment:
    trainer = dataclasses.replace(config.trainer, members_at_once=at_once)
    return dataclasses.replace(config, trainer=trainer)


def _sweep(members: list[SweepMember], path: pathlib.Path) -> Measured:
    """Train all members as `metaskill sweep` would, in one batch."""
    clock, traces = time.perf_counter(), _traces
    outcome = run_sweep(Sweep(members, (), 2**50), path, NoProgress())
    seconds = time.perf_counter() - clock
    (batch,) = outcome.batches
    rows = list(read_rows(batch.folder.metrics_file))
    by_member = {
        planned.member.number: [row for row in rows if row["member"] == planned.member.number]
        for planned in members
    }
    return Measured(seconds, float(rows[-1]["seconds"] or 0.0), by_member, _traces - traces)


def _alone(planned: SweepMember, path: pathlib.Path) -> Measured:
    """Train a member as `metaskill train` would."""
    clock, traces = time.perf_counter(), _traces
    run = RunFolder(path)
    run.create("sweep_benchmark", planned.config)
    train(planned.config, run, NoProgress())
    seconds = time.perf_counter() - clock
    rows = list(read_rows(run.metrics_file))
    return Measured(seconds, float(rows[-1]["seconds"] or 0.0), {0: rows}, _traces - traces)


def _difference(one: Measured, other: Measured) -> float:
    """Return the largest relative difference of the curves; 0 where they agree bit for bit."""
    worst = 0.0
    for number, rows in one.rows.items():
        for row, its in zip(rows, other.rows[number], strict=True):
            for name in CURVES:
                a, b = row.get(name), its.get(name)
                if (a is None) != (b is None):
                    return math.inf
                if a is not None and b is not None and a != b:
                    worst = max(worst, abs(a - b) / max(abs(a), abs(b)))
    return worst


if __name__ == "__main__":
    main()
