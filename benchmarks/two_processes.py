"""One run in two processes, on loopback, against one process with two devices.

python -m benchmarks.two_processes writes benchmarks/results/two_processes.json.
"""

import argparse
import os
import pathlib
import socket
import subprocess
import sys
import tempfile

import numpy as np

from metaskill.results.figure import Figure, measured
from metaskill.results.file import write_results
from metaskill.training.checkpoint import Checkpoints

RESULTS = pathlib.Path(__file__).parent / "results"
TRAIN = [
    *(sys.executable, "-m", "metaskill.cli.main", "train", "demo"),
    "--engine=native",
    "--config.env.name=point_mass",
    "--config.env.options={'episode_length': 20}",
    "--config.ppo.num_envs=16",
    "--config.ppo.rollout_length=20",
    "--config.ppo.num_minibatches=4",
    "--config.ppo.policy_hidden=(32, 32)",
    "--config.ppo.value_hidden=(32, 32)",
    "--config.ppo.num_eval_episodes=4",
    "--config.trainer.population=2",
    "--config.trainer.env_steps=3200",
    "--config.trainer.iterations_per_chunk=5",
]
ENVIRONMENT = {"JAX_PLATFORMS": "cpu"}


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--results", type=pathlib.Path, default=RESULTS)
    results = parser.parse_args().results
    figures: dict[str, Figure] = {}
    with tempfile.TemporaryDirectory() as scratch:
        for axis in ("population", "env"):
            folder = pathlib.Path(scratch, axis)
            one, two = folder / "one", folder / "two"
            mesh = f"--mesh={axis}=2"
            _run([*TRAIN, mesh, f"--workdir={one}"], devices=2)
            in_two_processes([*TRAIN, mesh, f"--workdir={two}"])
            figures[f"two_process_error_{axis}"] = measured(
                parameter_error(one, two),
                f"the same, with {axis} divided",
                limit=1e-5,
            )
    worst = max(figure.value for figure in figures.values())
    figures["two_process_error"] = measured(
        worst,
        "largest difference of any parameter, over the largest parameter, between two "
        "processes on loopback and one process with two devices; both axes",
        limit=1e-5,
    )
    for name, figure in figures.items():
        print(f"{name:<32} {figure.value:.3g}{figure.bar}")
    print(write_results(results, "two_processes", figures, {"command": TRAIN[2:]}))


def in_two_processes(command: list[str]) -> None:
    """Run a command of `metaskill train` as two processes of one device each."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    processes = [
        subprocess.Popen(
            [*command, f"--distributed=127.0.0.1:{port},2,{index}"],
            env=_environment(devices=1),
            stdout=subprocess.DEVNULL,
        )
        for index in range(2)
    ]
    codes = [process.wait() for process in processes]
    if any(codes):
        raise RuntimeError(f"the processes ended with exit codes {codes}")


def parameter_error(one: pathlib.Path, other: pathlib.Path) -> float:
    """Return the largest difference of two runs' parameters, over the largest parameter."""
    arrays = []
    for path in (one, other):
        checkpoints = Checkpoints(path / "checkpoints")
        arrays.append(checkpoints.read_arrays(checkpoints.iterations()[-1]))
    names = [name for name in arrays[0] if name.startswith("params")]
    largest = max(float(np.abs(arrays[0][name]).max()) for name in names)
    return max(float(np.abs(arrays[0][n] - arrays[1][n]).max()) for n in names) / largest


def _run(command: list[str], devices: int) -> None:
    subprocess.run(command, env=_environment(devices), check=True, stdout=subprocess.DEVNULL)


def _environment(devices: int) -> dict[str, str]:
    flags = f"--xla_force_host_platform_device_count={devices}"
    return {**os.environ, **ENVIRONMENT, "XLA_FLAGS": flags}


if __name__ == "__main__":
    main()
