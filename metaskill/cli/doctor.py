"""usage: metaskill doctor [--json]

Says what works on this machine: versions, devices, engines (each steps a pendulum beside
MuJoCo's own mj_step), OpenGL for videos, cores, caches and installed extras, and races the native
engine against mj_step for three seconds. Add the output to a bug report.

The exit code is 1 if an engine does not work.

  --json   the same as JSON
"""

import dataclasses
import json
from typing import Any

from absl import flags

from metaskill.cli.flags import parse
from metaskill.measure.machine import check_engines, describe_machine, measure_speed


def run(arguments: list[str]) -> int:
    """Check, print, and return the exit code."""

    def define(values: flags.FlagValues) -> None:
        flags.DEFINE_bool("json", False, "print JSON", flag_values=values)

    _, values = parse(arguments, [], define)
    engines, speed = check_engines(), measure_speed()
    found = describe_machine() | {
        "engines": {name: dataclasses.asdict(check) for name, check in engines.items()},
        "speed": dataclasses.asdict(speed),
    }
    if values.json:
        print(json.dumps(_without_nan(found), indent=2))
    else:
        print("\n".join(_lines(found)))
    return 0 if all(check.works for check in engines.values()) else 1


def _lines(found: dict[str, Any]) -> list[str]:
    speed = found["speed"]
    rows = {
        **found["versions"],
        "system": found["system"],
        "devices": ", ".join(found["devices"]),
        "cores": f"{found['cores']}, of which this process may use {found['threads']}",
        **{
            f"engine {name}": f"works (differs from mj_step by {check['error']:.1g})"
            if check["works"]
            else f"DOES NOT WORK: {check['reason']}"
            for name, check in found["engines"].items()
        },
        "speed": f"Ant, steps/s: native {speed['native']:,.0f}, mj_step on one thread "
        f"{speed['mj_step']:,.0f}; they differ by {speed['error']:.1g}",
        "videos": found["opengl"],
        **{
            f"cache: {name}": folder or "none (no folder that can be written)"
            for name, folder in found["caches"].items()
        },
        "extras": ", ".join(name for name, there in found["extras"].items() if there) or "none",
    }
    width = max(map(len, rows))
    return [f"{name:<{width}}  {value or 'not installed'}" for name, value in rows.items()]


def _without_nan(found: dict[str, Any]) -> dict[str, Any]:
    """Write null for the error of an engine that did not run: JSON has no NaN."""
    for check in found["engines"].values():
        if check["error"] != check["error"]:
            check["error"] = None
    return found
