"""Faults that users of this field reported: whether each is mended, with figures of its kind.

python -m benchmarks.faults runs the tests that hold a right value (marked `fault(NUMBER)`),
compares what parameters change with what is refused or reported, steps published models beside
MuJoCo, and writes benchmarks/results/faults.json. `python -m benchmarks.faults tests felt models`
measures the named parts and keeps the figures of the others; `felt:arm_stack,ant` measures these
models and keeps the counts of the others. It fails where a bar is missed, so
where a number has no test that passes.
"""

import dataclasses
import json
import pathlib
import subprocess
import sys
import tempfile
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from metaskill.results.figure import Figure

NUMBERS = (*range(1, 19), *range(20, 31))
"""The faults' numbers; 19 was never given."""


class Outcomes:
    """A pytest plugin that notes how the tests of each number ended."""

    def __init__(self) -> None:
        self.numbers: dict[str, list[int]] = {}
        self.passed: dict[int, list[bool]] = {}

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(
        self, config: pytest.Config, items: list[pytest.Item]
    ) -> None:
        """Note which numbers each test is marked by; slow ones are for numbers without others."""
        self.numbers = {
            item.nodeid: [int(mark.args[0]) for mark in item.iter_markers("fault")]
            for item in items
        }
        slow = [item for item in items if item.get_closest_marker("slow")]
        fast = {n for item in items if item not in slow for n in self.numbers[item.nodeid]}
        left_out = [item for item in slow if fast.issuperset(self.numbers[item.nodeid])]
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note how a test ended; a skipped one says nothing."""
        if report.failed or (report.when == "call" and report.passed):
            for number in self.numbers[report.nodeid]:
                self.passed.setdefault(number, []).append(report.passed)


def run_tests(output: pathlib.Path) -> None:
    """Run the marked tests, and write the numbers whose tests all passed as JSON."""
    outcomes = Outcomes()
    pytest.main(["-m", "fault", "-p", "no:cacheprovider"], plugins=[outcomes])
    right = sorted(number for number, ends in outcomes.passed.items() if all(ends))
    output.write_text(json.dumps(right))


def measure_tests(*_: Any) -> tuple[dict[str, "Figure"], Any]:
    """Run the marked tests in a process of their own, and count the numbers that are right."""
    from metaskill.results.figure import measured

    with tempfile.TemporaryDirectory() as folder:
        output = pathlib.Path(folder, "right.json")
        command = [sys.executable, "-m", "benchmarks.faults", "--tests", str(output)]
        subprocess.run(command, check=True)
        right = json.loads(output.read_text())
    source = "numbers all of whose tests (marked fault(NUMBER)) pass, and that have some"
    figure = measured(len(right), source, required=len(NUMBERS))
    missing = sorted({*NUMBERS} - {*right})
    return {"scripts_right": figure}, {"right": right, "missing": missing}


def measure_felt(names: list[str], kept: Any) -> tuple[dict[str, "Figure"], Any]:
    """Compare what parameters change with what is refused or reported, in some models or all."""
    from benchmarks import felt

    counts = {**(kept if names else {}), **felt.count(names)}
    return felt.figures(counts), counts


def measure_models(*_: Any) -> tuple[dict[str, "Figure"], Any]:
    """Step published models beside MuJoCo."""
    from benchmarks import models

    return models.figures(), [dataclasses.asdict(each) for each in models.comparisons()]


PARTS = {"tests": measure_tests, "felt": measure_felt, "models": measure_models}


def main(names: list[str]) -> int:
    """Measure some parts, keep the figures of the others, write, print; return the exit code."""
    from metaskill.results.figure import Figure
    from metaskill.results.file import write_results
    from metaskill.training.provenance import provenance

    folder = pathlib.Path(__file__).parent / "results"
    file = folder / "faults.json"
    figures: dict[str, Figure] = {}
    settings = {}
    for given in names or PARTS:
        name, _, only = given.partition(":")
        kept = json.loads(file.read_text())["settings"][name]["details"] if only else {}
        found, details = PARTS[name](only.split(",") if only else [], kept)
        figures |= found
        settings[name] = {"details": details, "provenance": provenance()}
    kept = json.loads(file.read_text()) if file.exists() else {"figures": {}, "settings": {}}
    figures = {key: Figure.from_json(each) for key, each in kept["figures"].items()} | figures
    settings = kept["settings"] | settings
    print(write_results(folder, "faults", figures, settings))
    for key, figure in figures.items():
        print(f"{key} = {figure.value:.4g}{figure.bar}")
    return 0 if all(figure.passed for figure in figures.values()) else 1


if __name__ == "__main__":
    if sys.argv[1:2] == ["--tests"]:
        run_tests(pathlib.Path(sys.argv[2]))
    else:
        sys.exit(main(sys.argv[1:]))
