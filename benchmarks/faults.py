"""Faults that users of this field reported: whether each is mended, with figures of its kind.

python -m benchmarks.faults runs the tests that hold a right value (marked `fault(NUMBER)`), steps
published models beside MuJoCo, compares what parameters change with what is refused or reported,
and writes benchmarks/results/faults.json. It fails where a number has no test that passes.
"""

import dataclasses
import json
import pathlib
import subprocess
import sys
import tempfile
from typing import Any

import pytest

NUMBERS = (*range(1, 19), *range(20, 31))
"""The faults' numbers; 19 was never given."""

OPEN: set[int] = set()
"""Numbers that are not mended yet."""


class Outcomes:
    """A pytest plugin that notes how the tests of each number ended."""

    def __init__(self) -> None:
        self.numbers: dict[str, list[int]] = {}
        self.passed: dict[int, list[bool]] = {}

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Note which numbers each test is marked by."""
        self.numbers = {
            item.nodeid: [int(mark.args[0]) for mark in item.iter_markers("fault")]
            for item in items
        }

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note how a test ended; a skipped one says nothing."""
        if report.failed or (report.when == "call" and report.passed):
            for number in self.numbers[report.nodeid]:
                self.passed.setdefault(number, []).append(report.passed)


def run_tests(output: pathlib.Path) -> None:
    """Run the marked tests, and write the numbers whose tests all passed as JSON."""
    outcomes = Outcomes()
    pytest.main(["-m", "fault and not slow", "-p", "no:cacheprovider"], plugins=[outcomes])
    right = sorted(number for number, ends in outcomes.passed.items() if all(ends))
    output.write_text(json.dumps(right))


def main() -> int:
    """Measure, write, print, and return the exit code."""
    from benchmarks import felt, models
    from metaskill.results.figure import measured
    from metaskill.results.file import write_results

    with tempfile.TemporaryDirectory() as folder:
        output = pathlib.Path(folder, "right.json")
        command = [sys.executable, "-m", "benchmarks.faults", "--tests", str(output)]
        subprocess.run(command, check=True)
        right = json.loads(output.read_text())
    missing = sorted(set(NUMBERS) - OPEN - set(right))
    wanted = len(NUMBERS) - len(OPEN)
    figures = {
        "scripts_right": measured(
            len(right), "numbers whose tests pass, of those that are mended", required=wanted
        ),
        **felt.figures(),
        **models.figures(),
    }
    settings: dict[str, Any] = {
        "right": right,
        "missing": missing,
        "open": sorted(OPEN),
        "felt": felt.settings(),
        "models": [dataclasses.asdict(each) for each in models.comparisons()],
    }
    folder_of_results = pathlib.Path(__file__).parent / "results"
    print(write_results(folder_of_results, "faults", figures, settings))
    for key, figure in figures.items():
        print(f"{key} = {figure.value:.4g}{figure.bar}")
    if missing:
        print(f"no test passes for {', '.join(map(str, missing))}", file=sys.stderr)
    return 1 if missing else 0


if __name__ == "__main__":
    if sys.argv[1:2] == ["--tests"]:
        run_tests(pathlib.Path(sys.argv[2]))
    else:
        sys.exit(main())
