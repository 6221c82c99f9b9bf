"""How long a thousand episodes of play in the kitchen take, from the command to the data set.

python -m benchmarks.collect writes benchmarks/results/collect.json.
"""

import pathlib
import subprocess
import sys
import tempfile
import time

import numpy as np

from metaskill.offline.dataset import read_dataset
from metaskill.results.figure import measured
from metaskill.results.file import write_results

RESULTS = pathlib.Path(__file__).parent / "results"
EPISODES = 1000
COLLECT = [sys.executable, "-m", "metaskill.cli.main", "collect"]


def main() -> None:
    """Measure and write."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = pathlib.Path(scratch) / "play"
        flags = ["--policy=play", f"--episodes={EPISODES}", f"--output={folder}"]
        clock = time.perf_counter()
        subprocess.run([*COLLECT, "arm_kitchen", *flags], check=True, stdout=subprocess.DEVNULL)
        seconds = time.perf_counter() - clock
        n_bytes = sum(file.stat().st_size for file in folder.iterdir())
        _, episodes = read_dataset(folder)
    done = [len(label["subtasks"]) for label in episodes.labels]
    figures = {
        "collect_seconds": measured(
            seconds, f"{EPISODES} episodes of play in the kitchen, compilation included", limit=300
        ),
        "collect_subtasks": measured(
            float(np.mean(done)), "subtasks done in an episode of play, mean"
        ),
    }
    settings = {"steps": int(episodes.lengths.sum()), "megabytes": n_bytes / 1e6}
    for name, figure in figures.items():
        print(f"{name:<24} {figure.value:.4g}{figure.bar}")
    print(write_results(RESULTS, "collect", figures, settings))


if __name__ == "__main__":
    main()
