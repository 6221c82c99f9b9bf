"""The table of a sweep: a row a member, and a summary of every setting."""

import csv
import io
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from metaskill.learner import Headline
from metaskill.statistics import bootstrap_interval, interquartile_mean
from metaskill.training.standings import Standing, by_setting

TableRow = dict[str, Any]


def member_rows(standings: Sequence[Standing]) -> list[TableRow]:
    """Return what every member is, how it ended, and the metrics of its last iteration."""
    rows = []
    for standing in standings:
        member = standing.planned.member
        metrics = {k: v for k, v in (standing.last or {}).items() if k not in ("member", "seed")}
        rows.append(
            {
                "member": member.number,
                **standing.planned.setting,
                "seed": member.seed,
                "status": standing.status,
                **metrics,
            }
        )
    return rows


def setting_rows(standings: Sequence[Standing], headline: Headline) -> list[TableRow]:
    """Return every setting's headline: interquartile mean over seeds, 95 % interval.

    The best comes first. Seeds that failed are counted, and are in neither number.
    """
    rows = []
    for members in by_setting(standings).values():
        sound = [s.value(headline.metric) for s in members if s.status != "failed"]
        values = np.array([value for value in sound if math.isfinite(value)])
        statuses = {s.status for s in members} - {"failed"}
        rows.append(
            {
                **members[0].planned.setting,
                "seeds": len(members),
                "failed": sum(s.status == "failed" for s in members),
                "status": statuses.pop() if statuses else "failed",
                headline.metric: interquartile_mean(values) if values.size else None,
                "interval": list(bootstrap_interval(values, 1000)) if values.size else None,
            }
        )

    return best_settings_first(rows, headline)


def best_settings_first(rows: Sequence[TableRow], headline: Headline) -> list[TableRow]:
    """Sort the settings: first those that finished, of them first the best."""

    def worth(row: TableRow) -> tuple[bool, float]:
        value = row[headline.metric]
        return row["status"] == "finished", -math.inf if value is None else headline.upward(value)

    return sorted(rows, key=worth, reverse=True)


def as_csv(rows: Sequence[TableRow]) -> str:
    """Write rows as CSV; a column that a row lacks is empty."""
    columns = list(dict.fromkeys(name for row in rows for name in row))
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()
