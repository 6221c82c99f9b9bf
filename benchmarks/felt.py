"""Parameters that change nothing, and those that are refused though they change something.

python -m benchmarks.felt prints the figures, which `benchmarks.faults` puts into its results.

The oracle is `mj_step` itself. Each quantity of each object that may vary between worlds is changed
up and down in the model as engines step it: in single precision, and without the shortcuts that
varied frames make wrong. MuJoCo derives its constants, and 200 steps from varied states (joints
within and beyond their limits, random velocities and controls, robots at rest on the ground) are
compared with the unchanged model's, bit for bit. Where a refused parameter makes a difference, it
is asked whether that is more than rounding: the mass of an arm's fixed base moves the point that
MuJoCo sums moments about, and nothing else.
"""

import concurrent.futures
import importlib.util
import logging
import multiprocessing
import os
import pathlib
import re
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import mujoco
import numpy as np

from benchmarks.felt_oracle import Oracle
from metaskill.envs.arm.env import ArmEnv
from metaskill.envs.arm.tasks import open_drawer, press_button, stack
from metaskill.envs.mjcf import load_brax_model
from metaskill.errors import UserError
from metaskill.physics import trial
from metaskill.physics.change import Change
from metaskill.physics.constants import derived_constants
from metaskill.physics.parameters import ParamSpec, PhysicsParameters
from metaskill.physics.selection import field_values, object_names, rows_of, variable_fields
from metaskill.results.figure import Figure, measured

ROBOTS = ("ant", "half_cheetah", "hopper", "humanoid", "walker2d")
ARMS: dict[str, Callable[..., ArmEnv]] = {
    "arm_button": press_button,
    "arm_drawer": open_drawer,
    "arm_stack": stack,
}
FOREIGN = {
    "swimmer": ("gymnasium", "envs/mujoco/assets/swimmer.xml"),
    "pusher": ("gymnasium", "envs/mujoco/assets/pusher_v5.xml"),
    "inverted_double_pendulum": ("gymnasium", "envs/mujoco/assets/inverted_double_pendulum.xml"),
    "pendula": ("mujoco", "mjx/test_data/pendula.xml"),
}
"""Models that other people made, by installed package and file."""

MODELS = (*ROBOTS, *ARMS, *FOREIGN)


class Outcome(NamedTuple):
    """What became of one parameter.

    Attributes:
        felt: Whether the oracle feels it, by more than rounding.
        refused: The refusal; None where it is accepted.
        reported: Whether a report was logged.
    """

    felt: bool
    refused: str | None
    reported: bool


def figures(counts: dict[str, dict[str, Any]]) -> dict[str, Figure]:
    """Return the two figures of all models' counts."""
    told = sum(each["unfelt_refused"] + each["unfelt_reported"] for each in counts.values())
    untold = sum(len(each["unfelt_untold"]) for each in counts.values())
    wrong = sum(len(each["felt_refused"]) for each in counts.values())
    source = f"mj_step, every variable field of every object of {len(counts)} models"
    return {
        "felt_refused": measured(wrong, source, limit=0),
        "unfelt_reported": measured(told / (told + untold), source, required=1.0),
    }


def count(names: Sequence[str] = ()) -> dict[str, dict[str, Any]]:
    """Try every parameter of some models, a process a core; by default of all models.

    Returns:
        The counts of each model, and the parameters that are wrong.
    """
    names = names or MODELS
    spawning = multiprocessing.get_context("spawn")  # JAX does not survive a fork.
    with concurrent.futures.ProcessPoolExecutor(os.cpu_count(), spawning) as processes:
        outcomes = processes.map(_outcomes, names)
        return {name: _summary(each) for name, each in zip(names, outcomes, strict=True)}


def _summary(outcomes: dict[str, Outcome]) -> dict[str, Any]:
    counts = {
        "parameters": len(outcomes),
        "felt": sum(outcome.felt for outcome in outcomes.values()),
        "unfelt_refused": sum(not o.felt and bool(o.refused) for o in outcomes.values()),
        "unfelt_reported": sum(not o.felt and o.reported for o in outcomes.values()),
        "felt_reported": sum(o.felt and o.reported for o in outcomes.values()),
    }
    return counts | {
        "felt_refused": [key for key, o in outcomes.items() if o.felt and o.refused],
        "unfelt_untold": [
            key for key, o in outcomes.items() if not (o.felt or o.refused or o.reported)
        ],
    }


def _load(name: str) -> tuple[mujoco.MjModel, tuple[str, ...]]:
    """Return a model and what its environment reads beside the state."""
    if name in FOREIGN:
        package, path = FOREIGN[name]
        spec = importlib.util.find_spec(package)
        assert spec is not None, f"pip install {package}"
        folder = pathlib.Path(spec.origin or "").parent
        return mujoco.MjModel.from_xml_path(str(folder / path)), ()
    if name in ARMS:
        return ARMS[name](engine="native").model, ("xpos", "xquat")
    return load_brax_model(name), ("cinert", "cvel", "subtree_com") if name == "humanoid" else ()


def _outcomes(name: str) -> dict[str, Outcome]:
    model, read = _load(name)
    outcomes = {}
    with _Reports() as reports, trial.quietly():
        oracle = Oracle(model, read)
        for spec in _specs(model):
            if _cannot_vary(model, spec.field):
                continue
            refused = None
            reports.clear()
            try:
                PhysicsParameters(model, (spec,), read)
            except UserError as error:
                refused = str(error)
            change = _change(model, spec, read)
            felt = oracle.feels(change)
            if felt and refused:
                felt = oracle.feels_more_than_rounding(change)
            outcomes[f"{spec.field} {spec.selector} {spec.operation}"] = Outcome(
                felt, refused, bool(reports)
            )
    return outcomes


def _specs(model: mujoco.MjModel) -> list[ParamSpec]:
    """Scale and add to every field of every object."""
    specs = []
    for field in variable_fields(model):
        names = ["option"] if field.startswith("opt.") else object_names(model, field.split("_")[0])
        wide = field_values(model, field).size
        specs += [
            ParamSpec("p", field, operation, re.escape(name))
            for name in names
            for operation in ("scale", "add")
            if wide and len(rows_of(model, field, re.escape(name)))
        ]
    return specs


def _cannot_vary(model: mujoco.MjModel, field: str) -> bool:
    """Tell whether engines have one value for all worlds, which is refused for that reason."""
    try:
        derived_constants(model, [field] if field != "body_gravcomp" else [])
    except UserError:
        return True
    return False


def _change(model: mujoco.MjModel, spec: ParamSpec, read: tuple[str, ...]) -> Change:
    width = int(np.prod(field_values(model, spec.field).shape[1:]))
    return Change(
        spec.name,
        spec.field,
        spec.operation,
        rows_of(model, spec.field, spec.selector),
        np.arange(width),
        read=read,
    )


class _Reports(logging.Handler):
    """Collects what the package logs."""

    def __init__(self) -> None:
        super().__init__()
        self._messages: list[str] = []
        self._logger = logging.getLogger("metaskill.physics")

    def __enter__(self) -> list[str]:
        self._logger.addHandler(self)
        self._logger.propagate = False
        return self._messages

    def __exit__(self, *error: object) -> None:
        self._logger.removeHandler(self)
        self._logger.propagate = True

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a message."""
        self._messages.append(record.getMessage())


def main() -> None:
    """Measure and print."""
    counts = count()
    for name, each in counts.items():
        print(name, each)
    for key, figure in figures(counts).items():
        print(f"{key} {figure.value:.4g}{figure.bar} {'passed' if figure.passed else 'FAILED'}")


if __name__ == "__main__":
    main()
