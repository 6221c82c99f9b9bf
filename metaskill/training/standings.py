"""Where the members of a sweep stand, read from the record of their batches."""

import dataclasses
import math
from collections.abc import Sequence
from typing import Literal

from metaskill.learner import Headline
from metaskill.training.metrics import Row
from metaskill.training.variations import Setting, SweepMember


@dataclasses.dataclass(frozen=True)
class Standing:
    """How far a member came.

    Attributes:
        planned: The member.
        status: `finished` what it was to do; `dropped` by halving; `failed`, where its losses
            or gradients were not finite, however often it went on from its last checkpoint.
        last: Its last row; None for one that failed before it was saved.
    """

    planned: SweepMember
    status: Literal["finished", "dropped", "failed"]
    last: Row | None

    def value(self, metric: str) -> float:
        """Return a metric of its last row; NaN where there is none."""
        value = (self.last or {}).get(metric)
        return math.nan if value is None else float(value)


def better_half(standings: Sequence[Standing], headline: Headline) -> list[SweepMember]:
    """Return the members of the better half of the settings that have not failed.

    All seeds of a setting stay or go together: otherwise those that stay would be chosen for
    their luck, and say nothing about the setting. A setting with more failed seeds is worse;
    among equals the mean headline of the others decides.

    Args:
        standings: Of all who took part.
        headline: What is better.
    """
    settings = by_setting(standings)

    def worth(name: str) -> tuple[int, float]:
        finished = [s for s in settings[name] if s.status == "finished"]
        values = [headline.upward(s.value(headline.metric)) for s in finished]
        mean = sum(values) / len(values) if values else math.nan
        return len(finished) - len(settings[name]), -math.inf if math.isnan(mean) else mean

    ranked = sorted(settings, key=worth, reverse=True)
    kept = {*ranked[: math.ceil(len(ranked) / 2)]}
    return [
        standing.planned
        for standing in standings
        if standing.status == "finished" and name_of(standing.planned.setting) in kept
    ]


def best_of(standings: Sequence[Standing], headline: Headline) -> Standing | None:
    """Return the member with the best last evaluation of those that finished, if any did."""
    finished = [
        standing
        for standing in standings
        if standing.status == "finished" and not math.isnan(standing.value(headline.metric))
    ]
    return max(finished, key=lambda s: headline.upward(s.value(headline.metric)), default=None)


def by_setting(standings: Sequence[Standing]) -> dict[str, list[Standing]]:
    """Collect the seeds of every setting, by its name."""
    settings: dict[str, list[Standing]] = {}
    for standing in standings:
        settings.setdefault(name_of(standing.planned.setting), []).append(standing)
    return settings


def name_of(setting: Setting) -> str:
    """Write a setting in a line."""
    return " ".join(f"{name}={value}" for name, value in setting.items())
