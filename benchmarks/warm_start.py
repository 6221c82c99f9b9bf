"""A second start, with compiled programs at hand."""

import pathlib
import subprocess
import sys
import time
from typing import Any

from metaskill.results.figure import Figure, measured

TRAIN = [sys.executable, "-m", "metaskill.cli.main", "train", "demo"]


def warm_start(scratch: pathlib.Path) -> tuple[dict[str, Figure], dict[str, Any]]:
    """Time a second start of the same program, from the command to its first row.

    JAX keeps no program that calls the host, so the native engine compiles every time;
    both are measured.
    """
    engineless = ["--config.env.name=point_mass"]
    seconds = {
        name: [_seconds_to_first_row(scratch / f"{name}_{i}", flags) for i in range(3)]
        for name, flags in (("native", []), ("cached", engineless))
    }
    figures = {
        "warm_seconds_to_first_iteration": measured(
            min(seconds["native"][1:]),
            "the demo, native engine: its chunk is compiled anew",
            limit=5,
        ),
        "warm_seconds_to_first_iteration_without_callbacks": measured(
            min(seconds["cached"][1:]), "the demo's PPO on point_mass: from the cache", limit=5
        ),
    }
    return figures, {"seconds": seconds}


def _seconds_to_first_row(workdir: pathlib.Path, flags: list[str]) -> float:
    start = time.perf_counter()
    command = [*TRAIN, *flags, f"--workdir={workdir}", "--config.trainer.iterations_per_chunk=1"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    metrics = workdir / "metrics.jsonl"
    while not (metrics.exists() and metrics.stat().st_size):
        if process.poll() is not None:
            raise RuntimeError("the run ended before its first iteration")
        time.sleep(0.02)
    seconds = time.perf_counter() - start
    process.kill()
    process.wait()
    return seconds
