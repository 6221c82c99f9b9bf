"""The trainer under stress: kills, large checkpoints, a warm start, worlds that blow up.

python -m benchmarks.trainer writes benchmarks/results/trainer.json.
"""

import pathlib
import tempfile
from typing import Any

from benchmarks.kill_resume import kill_resume
from benchmarks.large_checkpoints import checkpoint_overhead
from benchmarks.nan_worlds import nan_worlds_survived
from benchmarks.warm_start import warm_start
from metaskill.results.figure import Figure
from metaskill.results.file import write_results

RESULTS = pathlib.Path(__file__).parent / "results"


def main() -> None:
    """Measure and write."""
    figures: dict[str, Figure] = {}
    settings: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as scratch:
        for measure in (checkpoint_overhead, nan_worlds_survived, warm_start, kill_resume):
            more_figures, settings[measure.__name__] = measure(pathlib.Path(scratch))
            figures.update(more_figures)
            for name, figure in more_figures.items():
                print(f"{name:<32} {figure.value:.4g}  passed: {figure.passed}", flush=True)
    print(write_results(RESULTS, "trainer", figures, settings))


if __name__ == "__main__":
    main()
