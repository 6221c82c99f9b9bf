"""The architecture: imports go downwards only, also those inside functions and in strings."""

import ast
import pathlib
from collections.abc import Iterator

import pytest

import metaskill

FLOORS = (
    {"cache", "errors", "statistics", "subprocesses", "versions"},
    {"ranges"},
    {"checking"},
    {"configuration"},
    {"physics"},
    {"envs"},
    {"networks", "tasks", "data"},
    {"learner"},
    {"rl"},
    {"offline"},
    {"meta", "skills"},
    {"measure"},
    {"training"},
    {"report"},
    {"results"},
    {"cli"},
)
"""Packages and modules of metaskill from the ground up: each may import itself and those below."""

EXCEPTIONS: set[tuple[str, str]] = set()
"""Imports (module, package) that go upwards or across: a list that may only shrink."""

ROOT = pathlib.Path(metaskill.__path__[0])
FLOOR = {name: number for number, names in enumerate(FLOORS) for name in names}


def imported(tree: ast.AST) -> Iterator[str]:
    """Name the modules of metaskill that a module imports, or names in a string."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            assert node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Constant) and names_a_module(node.value):
            yield node.value


def names_a_module(value: object) -> bool:
    return isinstance(value, str) and value.startswith("metaskill.") and " " not in value


def upward(source: str, own: str) -> list[str]:
    """Name what the source of a module in the package `own` imports from above or beside it."""
    names = {name for name in imported(ast.parse(source)) if name.startswith("metaskill.")}
    packages = {name.split(".")[1] for name in names} - {own}
    return sorted(package for package in packages if FLOOR[package] >= FLOOR[own])


@pytest.mark.parametrize(
    "source",
    [
        "from metaskill.training.trainer import train",
        "def f():\n    import metaskill.cli.main",
        "import importlib\nimportlib.import_module('metaskill.rl.ppo')",
        "from metaskill import cli",
    ],
)
def test_an_import_from_above_is_seen_wherever_it_stands(source: str) -> None:
    assert len(upward(source, "physics")) == 1
    assert upward(source, "cli") == []


def test_neighbours_on_one_floor_do_not_know_each_other() -> None:
    assert upward("from metaskill.networks.mlp import MLP", "tasks") == ["networks"]


def test_every_package_has_a_floor() -> None:
    found = {path.stem for path in ROOT.iterdir() if path.suffix == ".py" or path.is_dir()}
    assert found - {"__init__", "__pycache__"} == FLOOR.keys()


def test_imports_go_downwards() -> None:
    found = {
        (str(path.relative_to(ROOT)), package)
        for path in sorted(ROOT.rglob("*.py"))
        for package in upward(path.read_text(), path.relative_to(ROOT).parts[0].removesuffix(".py"))
        if path.parent != ROOT or path.stem != "__init__"
    }
    assert found == EXCEPTIONS
