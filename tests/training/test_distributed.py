"""Two processes that train one run, on loopback."""

import os
import pathlib
import signal
import socket
import subprocess
import sys
import time

import numpy as np
import pytest

from metaskill.errors import UserError
from metaskill.training import distributed
from metaskill.training.checkpoint import Checkpoints
from metaskill.training.metrics import read_rows

TRAIN = [
    *(sys.executable, "-m", "metaskill.cli.main", "train", "demo"),
    "--engine=native",
    "--config.env.name=point_mass",
    "--config.env.options={'episode_length': 5}",
    "--config.ppo.num_envs=4",
    "--config.ppo.rollout_length=8",
    "--config.ppo.num_minibatches=2",
    "--config.ppo.policy_hidden=(8,)",
    "--config.ppo.value_hidden=(8,)",
    "--config.ppo.num_eval_episodes=2",
    "--config.trainer.env_steps=128",
    "--config.trainer.iterations_per_chunk=2",
    "--config.trainer.population=2",
]


def environment(devices: int) -> dict[str, str]:
    flags = f"--xla_force_host_platform_device_count={devices}"
    return {**os.environ, "XLA_FLAGS": flags}


def start(command: list[str]) -> list[subprocess.Popen]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    return [
        subprocess.Popen(
            [*command, f"--distributed=127.0.0.1:{port},2,{index}"],
            env=environment(devices=1),
            stderr=subprocess.PIPE,
            text=True,
        )
        for index in range(2)
    ]


def finish(processes: list[subprocess.Popen]) -> list[int]:
    try:
        for process in processes:
            process.communicate(timeout=580)
    finally:
        for process in processes:
            process.kill()
    return [process.returncode for process in processes]


@pytest.mark.slow
def test_two_processes_learn_what_one_does_and_write_once(tmp_path: pathlib.Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    mesh = "--mesh=env=2"
    assert finish(start([*TRAIN, mesh, f"--workdir={two}"])) == [0, 0]
    subprocess.run(
        [*TRAIN, mesh, f"--workdir={one}"], env=environment(devices=2), check=True, timeout=580
    )
    states = []
    for path in (one, two):
        checkpoints = Checkpoints(path / "checkpoints")
        assert checkpoints.iterations() == [4]
        states.append(checkpoints.read_arrays(4))
    assert states[0].keys() == states[1].keys()
    for name, array in states[0].items():
        np.testing.assert_allclose(array, states[1][name], rtol=1e-4, atol=1e-5, err_msg=name)
    rows = [
        [(row["iteration"], row["seed"]) for row in read_rows(p / "metrics.jsonl")]
        for p in (one, two)
    ]
    assert rows[0] == rows[1] == [(i, seed) for i in range(1, 5) for seed in (0, 1)]


@pytest.mark.slow
def test_a_signal_to_one_process_stops_all(tmp_path: pathlib.Path) -> None:
    """And the run goes on from there, in as many processes."""
    command = [*TRAIN, "--mesh=population=2", f"--workdir={tmp_path / 'run'}"]
    processes = start([*command, "--config.trainer.env_steps=100_000_000"])
    metrics = tmp_path / "run" / "metrics.jsonl"
    while not (metrics.exists() and metrics.stat().st_size):
        assert all(process.poll() is None for process in processes)
        time.sleep(0.05)
    processes[1].send_signal(signal.SIGTERM)
    assert finish(processes) == [75, 75]
    (last, *_) = list(read_rows(metrics))[::-1]
    assert (tmp_path / "run" / "checkpoints" / str(last["iteration"])).is_dir()


@pytest.mark.parametrize("text", ["somewhere", "host,2,0", "host:1,2,2", "host:1,two,0", "auto"])
def test_processes_that_nobody_names_are_refused(text: str) -> None:
    with pytest.raises(UserError, match="write auto under Slurm"):
        distributed.start(text)
