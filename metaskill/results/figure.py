"""A measured figure, and the bar that it is held against."""

import dataclasses
from typing import Any

import numpy as np

from metaskill.statistics import bootstrap_interval, interquartile_mean


@dataclasses.dataclass(frozen=True)
class Figure:
    """One number of a results file.

    Attributes:
        value: The figure; of several seeds, their interquartile mean.
        interval: 95 % interval, lower and upper end; equal where there is one measurement.
        seeds: Every seed's (or repetition's) value.
        source: Where the bar comes from.
        required: The value must be at least this ...
        limit: ... and at most this. Neither: the figure is only reported.
    """

    value: float
    interval: tuple[float, float]
    seeds: list[float]
    source: str
    required: float | None = None
    limit: float | None = None

    @property
    def passed(self) -> bool | None:
        """Whether it holds its bar; None where there is no bar."""
        if self.required is None and self.limit is None:
            return None
        enough = self.required is None or self.value >= self.required
        return enough and (self.limit is None or self.value <= self.limit)

    @property
    def bar(self) -> str:
        """What it is held against, in words for the end of a line."""
        ends = []
        if self.required is not None:
            ends.append(f"at least {self.required:.4g}")
        if self.limit is not None:
            ends.append(f"at most {self.limit:.4g}")
        return f" ({', '.join(ends)})" if ends else ""

    @classmethod
    def from_json(cls, record: dict[str, Any]) -> "Figure":
        """Return the figure that a results file holds."""
        return cls(
            value=record["value"],
            interval=tuple(record["interval"]),
            seeds=record["seeds"],
            source=record["source"],
            required=record.get("required"),
            limit=record.get("limit"),
        )

    def as_json(self) -> dict[str, Any]:
        """Return the figure as results files hold it."""
        record: dict[str, Any] = {
            "value": self.value,
            "interval": list(self.interval),
            "seeds": self.seeds,
            "source": self.source,
        }
        if self.required is not None:
            record["required"] = self.required
        if self.limit is not None:
            record["limit"] = self.limit
        record["passed"] = self.passed
        return record


def over_seeds(
    values: list[float], source: str, required: float | None = None, limit: float | None = None
) -> Figure:
    """Make the figure of several seeds: interquartile mean with its bootstrap interval."""
    return Figure(
        value=interquartile_mean(np.array(values)),
        interval=bootstrap_interval(np.array(values)),
        seeds=values,
        source=source,
        required=required,
        limit=limit,
    )


def measured(
    value: float, source: str, required: float | None = None, limit: float | None = None
) -> Figure:
    """Make the figure of one measurement."""
    value = float(value)
    return Figure(value, (value, value), [value], source, required, limit)
