"""The demo as a user meets it: from the command to the report; and exact resumption.

python -m benchmarks.demo writes benchmarks/results/demo.json.
"""

import dataclasses
import json
import pathlib
import subprocess
import sys
import tempfile
import time

import jax
import numpy as np

from experiments.demo import CONFIG, FIGURES
from metaskill.results.figure import Figure, measured
from metaskill.results.file import write_results
from metaskill.training.experiment import PPOExperiment
from metaskill.training.progress import NoProgress, ProgressView
from metaskill.training.run_folder import RunFolder, as_json
from metaskill.training.trainer import train

RESULTS = pathlib.Path(__file__).parent / "results"
COMMAND = [sys.executable, "-m", "metaskill.cli.main", "train", "demo"]


def main() -> None:
    """Measure and write."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = pathlib.Path(scratch)
        figures = {
            "seconds_to_first_iteration": seconds_to_first_iteration(folder / "first"),
            "resume_exact": resume_exact(folder),
            **demo(folder / "demo"),
        }
    print(write_results(RESULTS, "demo", figures, {"config": as_json(CONFIG)}))
    for name, figure in figures.items():
        print(f"{name:<28} {figure.value:.4g}  passed: {figure.passed}")


def seconds_to_first_iteration(workdir: pathlib.Path) -> Figure:
    """Time from the command to the first row of metrics."""
    start = time.perf_counter()
    process = subprocess.Popen(
        [*COMMAND, f"--workdir={workdir}", "--config.trainer.iterations_per_chunk=1"]
    )
    metrics = workdir / "metrics.jsonl"
    while not (metrics.exists() and metrics.stat().st_size):
        time.sleep(0.05)
        if process.poll() is not None:
            raise RuntimeError("the demo ended before its first iteration")
    seconds = time.perf_counter() - start
    process.kill()
    process.wait()
    return measured(seconds, "from command to the first row of metrics", limit=15.0)


def demo(workdir: pathlib.Path) -> dict[str, Figure]:
    """Run it, report included."""
    start = time.perf_counter()
    subprocess.run([*COMMAND, f"--workdir={workdir}", "--report"], check=True)
    seconds = time.perf_counter() - start
    evaluation = subprocess.run(
        [sys.executable, "-m", "metaskill.cli.main", "eval", str(workdir), "--seed=1"],
        check=True,
        capture_output=True,
        text=True,
    )
    (value,) = json.loads(evaluation.stdout)["eval/return"]
    bar = FIGURES["demo_return"]
    return {
        "demo_seconds": measured(seconds, "metaskill train demo --report", limit=360.0),
        "demo_return": measured(value, bar.source, required=bar.at_least),
    }


class _Interrupt(NoProgress):
    """Interrupts a run after its first chunk."""

    def update(self, env_steps: int, steps_per_second: float, episode_return: float) -> None:
        raise KeyboardInterrupt


def resume_exact(folder: pathlib.Path) -> Figure:
    """Largest difference of any parameter between a resumed and an uninterrupted run."""
    trainer = dataclasses.replace(
        CONFIG.trainer, env_steps=4 * CONFIG.ppo.steps_per_iteration, iterations_per_chunk=2
    )
    trainer = dataclasses.replace(trainer, chunks_per_checkpoint=1, seconds_per_checkpoint=0)
    config = dataclasses.replace(CONFIG, trainer=trainer)
    whole = _params(config, folder / "whole")
    try:
        _train(config, folder / "parts", _Interrupt())
    except KeyboardInterrupt:
        resumed = _params(config, folder / "parts")
    difference = max(
        float(np.abs(np.asarray(a) - np.asarray(b)).max())
        for a, b in zip(jax.tree.leaves(whole), jax.tree.leaves(resumed), strict=True)
    )
    return measured(difference, "largest difference of any parameter, bit for bit", limit=0.0)


def _train(config: PPOExperiment, path: pathlib.Path, progress: ProgressView) -> object:
    run = RunFolder(path)
    run.create("demo", config)
    return train(config, run, progress).state.params


def _params(config: PPOExperiment, path: pathlib.Path) -> object:
    return _train(config, path, NoProgress())


if __name__ == "__main__":
    main()
