"""What a sweep varies, and the members that come of it."""

import dataclasses
import functools
import itertools
import json
from collections.abc import Sequence
from typing import Any

import numpy as np

from metaskill.configuration import Assignment, assign, find_place
from metaskill.errors import UserError
from metaskill.training.experiment import Experiment
from metaskill.training.population import Member, hparams_of
from metaskill.training.run_folder import as_json

Setting = dict[str, Any]
"""Values of what a sweep varies, by name, without the seed.

A name is a path in the configuration, such as `ppo.num_epochs`, or the end of one.
"""

SEEDS = (
    Assignment("--vary seed", ("trainer", "seed"), None),
    Assignment("--vary seed", ("trainer", "population"), None),
)
"""What `--vary seed=...` decides about each member."""


@dataclasses.dataclass(frozen=True)
class Choices:
    """Names that vary together, and the values that they take.

    Attributes:
        names: What varies.
        values: The combinations, each with one value a name.
    """

    names: tuple[str, ...]
    values: tuple[tuple[Any, ...], ...]


@dataclasses.dataclass(frozen=True)
class Interval:
    """A number that random settings draw from a range.

    Attributes:
        name: What varies.
        low: The lower end.
        high: The upper end.
        logarithmic: Whether its logarithm is uniform, instead of itself.
    """

    name: str
    low: float
    high: float
    logarithmic: bool

    def draw(self, generator: np.random.Generator) -> float:
        """Return one value."""
        if self.logarithmic:
            value = np.exp(generator.uniform(np.log(self.low), np.log(self.high)))
        else:
            value = generator.uniform(self.low, self.high)
        return float(f"{value:.7g}")


@dataclasses.dataclass(frozen=True)
class SweepMember:
    """One run of a sweep.

    Attributes:
        member: What is trained.
        setting: Its values of what varies.
        config: The whole configuration, as of an ordinary run of this member alone.
    """

    member: Member
    setting: Setting
    config: Experiment

    @functools.cached_property
    def program(self) -> str:
        """What its compiled program depends on: the configuration without the member's own."""
        record = as_json(self.config)
        del record["hparams"], record["trainer"]["seed"]
        return json.dumps(record, sort_keys=True)


def grid(axes: Sequence[Choices | Interval]) -> list[Setting]:
    """Return every combination; the values of the last axis change fastest.

    Raises:
        UserError: If an axis is a range without a count.
    """
    for axis in axes:
        if isinstance(axis, Interval):
            kind = "log" if axis.logarithmic else "linear"
            raise UserError(
                f"--vary {axis.name} is a range without a count: give one, as in "
                f"{axis.name}={kind}:{axis.low:g}:{axis.high:g}:5, or draw settings by --random=N."
            )
    parts = [
        [dict(zip(axis.names, values, strict=True)) for values in axis.values]
        for axis in axes
        if isinstance(axis, Choices)
    ]
    return [
        {name: value for part in combination for name, value in part.items()}
        for combination in itertools.product(*parts)
    ]


def draw(axes: Sequence[Choices | Interval], count: int, seed: int) -> list[Setting]:
    """Return random settings: each axis on its own, values of `Choices` equally likely.

    One that is drawn twice is there once.
    """
    generator = np.random.default_rng(seed)
    settings: list[Setting] = []
    for _ in range(count):
        setting: Setting = {}
        for axis in axes:
            if isinstance(axis, Interval):
                setting[axis.name] = axis.draw(generator)
            else:
                values = axis.values[generator.integers(len(axis.values))]
                setting.update(zip(axis.names, values, strict=True))
        if setting not in settings:
            settings.append(setting)
    return settings


def make_members(
    experiment: Experiment, settings: Sequence[Setting], seeds: Sequence[int]
) -> list[SweepMember]:
    """Make a member of every setting with every seed.

    Hyperparameters, the fields of `hparams`, are traced. Of every other place in the
    configuration, each value is a program of its own.

    Raises:
        UserError: If a name is unknown or ambiguous, two names mean one place, or a value is not
            allowed.
    """
    members: list[SweepMember] = []
    for setting in settings:
        config = assign(experiment, varied(experiment, setting))
        config.make_learner()  # Checks the whole of it.
        for seed in seeds:
            trainer = dataclasses.replace(config.trainer, seed=seed, population=1)
            own = dataclasses.replace(config, trainer=trainer)  # type: ignore[type-var]
            name = " ".join(f"{key}={value}" for key, value in {**setting, "seed": seed}.items())
            member = Member(len(members), seed, hparams_of(config, seed), name)
            members.append(SweepMember(member, setting, own))
    return members


def varied(experiment: Experiment, setting: Setting) -> list[Assignment]:
    """Return what a setting sets in the configuration of an experiment.

    Raises:
        UserError: If a name is unknown, ambiguous, or that of the seed.
    """
    assignments = []
    for name, value in setting.items():
        path = find_place(experiment, name)
        if path in [seed.path for seed in SEEDS]:
            raise UserError(f"{name} is not varied like this: seeds vary by --vary seed=0:4.")
        assignments.append(Assignment(f"--vary {name}", path, value))
    return assignments
