"""Results files: `{name, figures, settings, provenance}`, one schema for everything."""

import json
import pathlib
from typing import Any

from metaskill.results.figure import Figure
from metaskill.training.provenance import provenance
from metaskill.training.run_folder import write_json


def write_results(
    folder: pathlib.Path, name: str, figures: dict[str, Figure], settings: dict[str, Any]
) -> pathlib.Path:
    """Write `<folder>/<name>.json`.

    Args:
        folder: `experiments/results` or `benchmarks/results`.
        name: Name of the experiment or benchmark.
        figures: The figures by key.
        settings: What was run: configuration, environment steps, seconds by part.

    Returns:
        The file.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.json"
    write_json(
        path,
        {
            "name": name,
            "figures": {key: figure.as_json() for key, figure in figures.items()},
            "settings": settings,
            "provenance": provenance(),
        },
    )
    return path


def read_results(folders: list[pathlib.Path]) -> list[dict[str, Any]]:
    """Read every results file in some folders, in the order of their names."""
    return [
        json.loads(path.read_text(encoding="utf-8"))
        for folder in folders
        for path in sorted(folder.glob("*.json"))
    ]
