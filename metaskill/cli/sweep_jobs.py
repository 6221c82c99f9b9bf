"""A sweep in several jobs: its settings dealt out, its tables put together again."""

import json
import pathlib
import shutil
import sys
from typing import Any

from metaskill.cli.flags import named_values
from metaskill.cli.launchers import launch
from metaskill.errors import UserError
from metaskill.learner import Headline
from metaskill.results.sweep_table import as_csv, best_settings_first
from metaskill.training.run_folder import cannot_write, write_json
from metaskill.training.variations import SweepMember

_OWN_FLAGS = ("--launcher", "--jobs", "--workdir", "--resume")


def part_of(members: list[SweepMember], text: str) -> list[SweepMember]:
    """Return the members of part I of N, from `I/N`: every Nth setting, with all its seeds.

    Raises:
        UserError: If it cannot be read, or the part is empty.
    """
    index, slash, count = text.partition("/")
    if not (slash and index.isdecimal() and count.isdecimal() and int(index) < int(count)):
        raise UserError(f"--part={text} cannot be read: write I/N, with I from 0 to N-1.")
    settings: list[Any] = []
    for planned in members:
        if planned.setting not in settings:
            settings.append(planned.setting)
    chosen = settings[int(index) :: int(count)]
    if not chosen:
        raise UserError(f"--part={text}: there are only {len(settings)} settings.")
    return [planned for planned in members if planned.setting in chosen]


def run_in_jobs(
    arguments: list[str],
    folder: pathlib.Path,
    n_jobs: int,
    launcher: str,
    options: list[str],
    headline: Headline,
) -> None:
    """Train a sweep in several jobs, wait for them, and put their tables together.

    Every job is `metaskill sweep --part=I/N` in a folder of its own, and resumes as such.

    Args:
        arguments: Of the sweep, as they were given.
        folder: Of the sweep.
        n_jobs: Jobs.
        launcher: What runs them.
        options: `KEY=VALUE`, for the launcher.
        headline: What is better.

    Raises:
        UserError: If a job did not come to its end.
    """
    command = [sys.executable, "-m", "metaskill.cli.main", "sweep", *_without_own(arguments)]
    parts = [folder / f"part_{index}" for index in range(n_jobs)]
    commands = [
        [*command, f"--part={index}/{n_jobs}", f"--workdir={part}"]
        for index, part in enumerate(parts)
    ]
    ended = launch(launcher, commands, folder / "jobs", named_values("launcher_option", options))
    if not all(ended):
        missing = ", ".join(part.name for part, well in zip(parts, ended, strict=True) if not well)
        raise UserError(
            f"{missing} did not come to an end ({folder / 'jobs'} says why): the same command "
            "goes on from there."
        )
    try:
        _merge(parts, folder, headline)
    except OSError as error:
        raise cannot_write(folder, error) from error


def _merge(parts: list[pathlib.Path], folder: pathlib.Path, headline: Headline) -> None:
    tables = [json.loads((part / "table.json").read_text(encoding="utf-8")) for part in parts]
    rows = sorted((row for t in tables for row in t["members"]), key=lambda row: row["member"])
    by_number = {row["member"]: row for row in rows}
    bests = [
        (headline.upward(by_number[table["best"]][headline.metric]), table["best"], part)
        for table, part in zip(tables, parts, strict=True)
        if table["best"] is not None
    ]
    best = max(bests, key=lambda found: found[0]) if bests else None
    settings = best_settings_first([s for t in tables for s in t["settings"]], headline)
    (folder / "table.csv").write_text(as_csv(rows), encoding="utf-8")
    write_json(
        folder / "table.json",
        {**tables[0], "best": best and best[1], "settings": settings, "members": rows},
    )
    print(f"table:  {folder / 'table.csv'}")
    if best and not (folder / "best").exists():
        partial = folder / "best.partial"
        shutil.rmtree(partial, ignore_errors=True)
        shutil.copytree(best[2] / "best", partial)
        partial.rename(folder / "best")
    if best:
        print(f"best:   member {best[1]}, in {folder / 'best'}")


def _without_own(arguments: list[str]) -> list[str]:
    """Leave out the flags, and their values, that are not for the jobs."""
    kept, skips = [], False
    for argument in arguments:
        name, equals, _ = argument.partition("=")
        if skips:
            skips = False
        elif name in (*_OWN_FLAGS, "--launcher_option"):
            skips = not equals
        else:
            kept.append(argument)
    return kept
