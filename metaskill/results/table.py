"""Tables of figures, always made from results files: nobody types a number."""

import pathlib
from typing import Any

from metaskill.results.file import read_results

_HEADER = "| figure | value | interval | required | passed | from |\n|---|---|---|---|---|---|\n"


def markdown_table(folders: list[pathlib.Path]) -> str:
    """Render every figure in some folders as a Markdown table."""
    return _HEADER + "".join(
        _row(key, figure, result)
        for result in read_results(folders)
        for key, figure in result["figures"].items()
    )


def _row(key: str, figure: dict[str, Any], result: dict[str, Any]) -> str:
    ends = [
        f"{sign} {_number(figure[name])}"
        for sign, name in (("≥", "required"), ("≤", "limit"))
        if name in figure
    ]
    required = ", ".join(ends) or "–"
    low, high = figure["interval"]
    interval = "–" if low == high else f"{_number(low)} to {_number(high)}"
    passed = {True: "yes", False: "**no**", None: "–"}[figure["passed"]]
    value = _number(figure["value"])
    return f"| `{key}` | {value} | {interval} | {required} | {passed} | {result['name']} |\n"


def _number(value: float) -> str:
    return f"{value:.4g}" if abs(value) < 1e4 else f"{value:.0f}"
