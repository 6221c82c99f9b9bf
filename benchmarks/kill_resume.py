"""A process killed at random moments, and resumed."""

import pathlib
import random
import signal
import subprocess
import sys
import time
from typing import Any

from metaskill.results.figure import Figure, measured
from metaskill.training.checkpoint import Checkpoints
from metaskill.training.metrics import read_rows

TRAIN = [sys.executable, "-m", "metaskill.cli.main", "train", "demo"]


KILLS = 20
KILLED = [
    "--config.env.name=point_mass",
    "--config.env.options={'episode_length': 20}",
    "--config.ppo.num_envs=64",
    "--config.ppo.rollout_length=20",
    "--config.ppo.policy_hidden=(64, 64)",
    "--config.ppo.value_hidden=(64, 64)",
    "--config.ppo.num_eval_episodes=4",
    "--config.trainer.env_steps=3_840_000",
    "--config.trainer.iterations_per_chunk=10",
    "--config.trainer.chunks_per_evaluation=20",
    "--config.trainer.chunks_per_checkpoint=1",
    "--config.trainer.seconds_per_checkpoint=0",
]


def kill_resume(scratch: pathlib.Path) -> tuple[dict[str, Figure], dict[str, Any]]:
    """Kill a run at random moments, and compare it to one that was left alone."""
    whole, killed = scratch / "whole", scratch / "killed"
    subprocess.run([*TRAIN, *KILLED, f"--workdir={whole}"], check=True, stdout=subprocess.DEVNULL)
    generator = random.Random(0)
    chunks_lost, during_saves = [], 0
    for _ in range(KILLS):
        _kill_at_random(killed, generator.uniform(0.0, 1.0))
        saved = max(Checkpoints(killed / "checkpoints").iterations(), default=0)
        chunks_lost.append((_last_iteration(killed) - saved) // 10)
        during_saves += any((killed / "checkpoints").glob("*.partial"))
    subprocess.run([*TRAIN, *KILLED, f"--workdir={killed}"], check=True, stdout=subprocess.DEVNULL)
    figures = {
        "kill_resume_exact": measured(
            _differences(whole, killed),
            f"bytes of state and rows of metrics that differ after {KILLS} kills",
            limit=0,
        ),
        "kill_resume_chunks_lost": measured(
            max(chunks_lost), "finished chunks that had to be done again, worst kill", limit=1
        ),
    }
    return figures, {
        "kills": KILLS,
        "during_saves": during_saves,
        "chunks_lost": chunks_lost,
        "flags": KILLED,
    }


def _kill_at_random(workdir: pathlib.Path, seconds: float) -> None:
    """Go on with a run, and kill it so long after it has made progress."""
    before = _last_iteration(workdir)
    changed = (workdir / "metrics.jsonl").stat().st_mtime_ns if before else 0
    process = subprocess.Popen([*TRAIN, *KILLED, f"--workdir={workdir}"], stdout=subprocess.DEVNULL)
    while not before or (workdir / "metrics.jsonl").stat().st_mtime_ns == changed:
        before = before or _last_iteration(workdir)
        if process.poll() is not None:
            raise RuntimeError("the run ended before it could be killed: give it more env_steps")
        time.sleep(0.01)
    time.sleep(seconds)
    process.send_signal(signal.SIGKILL)
    if process.wait() == 0:
        raise RuntimeError("the run ended before it could be killed: give it more env_steps")


def _last_iteration(workdir: pathlib.Path) -> int:
    rows = list(read_rows(workdir / "metrics.jsonl"))
    return int(rows[-1]["iteration"] or 0) if rows else 0


def _differences(one: pathlib.Path, other: pathlib.Path) -> int:
    """Count what differs between two finished runs: bytes of state, rows of metrics."""
    states, rows = [], []
    for path in (one, other):
        checkpoints = Checkpoints(path / "checkpoints")
        states.append(checkpoints.read_arrays(checkpoints.iterations()[-1]))
        rows.append([{**row, "seconds": None} for row in read_rows(path / "metrics.jsonl")])
    if states[0].keys() != states[1].keys() or len(rows[0]) != len(rows[1]):
        raise RuntimeError("the runs are not of the same shape")
    different = sum(a != b for a, b in zip(*rows, strict=True))
    for name, array in states[0].items():
        different += sum(
            a != b for a, b in zip(array.tobytes(), states[1][name].tobytes(), strict=True)
        )
    return different
