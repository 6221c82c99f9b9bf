"""A sweep against as many single runs: 4 learning rates and 4 seeds of PPO on HalfCheetah.

python -m benchmarks.sweep writes benchmarks/results/sweep.json.

Both go through the trainer, with all that surrounds training: compilation, evaluations,
checkpoints. (JAX does not keep programs that call the native engine, so every run compiles.)
"""

import argparse
import dataclasses
import pathlib
import tempfile
import time

import jax
import numpy as np

from metaskill.learner import Metrics
from metaskill.results.figure import Figure, measured
from metaskill.results.file import write_results
from metaskill.rl.ppo import PPO, PPOState
from metaskill.rl.ppo_config import PPOConfig
from metaskill.training.experiment import EnvConfig, PPOExperiment, TrainerConfig
from metaskill.training.metrics import Row, read_rows
from metaskill.training.progress import NoProgress
from metaskill.training.run_folder import RunFolder, as_json
from metaskill.training.sweep import Sweep, run_sweep
from metaskill.training.trainer import train
from metaskill.training.variations import Choices, SweepMember, grid, make_members

RESULTS = pathlib.Path(__file__).parent / "results"
LEARNING_RATES = (1e-4, 3e-4, 1e-3, 3e-3)
SEEDS = 4
CURVES = ("episode_return", "loss/policy", "loss/value", "eval/return")
EARLY = 2
"""Iterations after which rounding has not yet been amplified by the dynamics."""

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


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--iterations", type=int, default=20)
    parser.add_argument("--learning_rates", type=int, default=len(LEARNING_RATES))
    parser.add_argument("--seeds", type=int, default=SEEDS)
    parser.add_argument("--results", type=pathlib.Path, default=RESULTS)
    options = parser.parse_args()
    config = configuration(options.iterations)
    rates = tuple((rate,) for rate in LEARNING_RATES[: options.learning_rates])
    members = make_members(config, grid([Choices(("learning_rate",), rates)]), range(options.seeds))
    with tempfile.TemporaryDirectory() as scratch:
        clock = time.perf_counter()
        outcome = run_sweep(Sweep(members, (), 2**50), pathlib.Path(scratch, "sweep"), NoProgress())
        sweep_seconds, traces = time.perf_counter() - clock, _traces
        rows = list(read_rows(outcome.batches[0].folder.metrics_file))
        alone = {
            planned.member.number: _alone(planned, pathlib.Path(scratch, planned.member.name))
            for planned in members
        }
    singles_seconds = [seconds for seconds, _ in alone.values()]
    early, late = 0.0, 0.0
    returns = []
    for number, (_, single) in alone.items():
        own = [row for row in rows if row["member"] == number]
        early = max(early, _difference(own[:EARLY], single[:EARLY]))
        late = max(late, _difference(own, single))
        returns.append((own[-1]["eval/return"], single[-1]["eval/return"]))
    figures = {
        "sweep_wall_ratio": measured(
            sweep_seconds / sum(singles_seconds),
            f"wall-clock of a sweep of {len(members)} members over the sum of single runs, one "
            "machine, compilation included",
            limit=0.9,
        ),
        "sweep_compilations": measured(traces, "programs traced by the sweep", limit=1),
        "sweep_curve_difference": Figure(
            early,
            (early, early),
            [early],
            f"largest relative difference of any member's curves to its single run, first "
            f"{EARLY} iterations",
            limit=1e-3,
        ),
        "sweep_curve_difference_at_the_end": measured(
            late, "the same over all iterations, in which the dynamics amplify rounding"
        ),
    }
    settings = {
        "config": as_json(config),
        "learning_rates": [rate for (rate,) in rates],
        "seeds": options.seeds,
        "seconds": {"sweep": sweep_seconds, "single_runs": singles_seconds},
        "last_returns": returns,
        "devices": [device.device_kind for device in jax.devices()],
    }
    for name, figure in figures.items():
        print(f"{name:<36} {figure.value:.4g}{figure.bar}")
    print(write_results(options.results, "sweep", figures, settings))


def _alone(planned: SweepMember, path: pathlib.Path) -> tuple[float, list[Row]]:
    """Train a member as `metaskill train` would; return the seconds and its rows."""
    clock = time.perf_counter()
    run = RunFolder(path)
    run.create("sweep_benchmark", planned.config)
    train(planned.config, run, NoProgress())
    return time.perf_counter() - clock, list(read_rows(run.metrics_file))


def _difference(rows: list[Row], others: list[Row]) -> float:
    """Return the largest relative difference of the curves; 0 where they agree bit for bit."""
    worst = 0.0
    for row, other in zip(rows, others, strict=True):
        for name in CURVES:
            a, b = row.get(name), other.get(name)
            if a is not None and b is not None and a != b:
                worst = max(worst, abs(a - b) / max(abs(a), abs(b)))
            elif (a is None) != (b is None):
                return float(np.inf)
    return worst


if __name__ == "__main__":
    main()
