"""usage: metaskill doctor [--json]

Says what is installed, what the machine has, and whether the engines work here: the first
question of every report. Tries each engine against MuJoCo's `mj_step` for some seconds. Ends with
exit code 1 if one does not work.

  --json   print one JSON object
"""

import dataclasses
import json
from collections.abc import Callable
from typing import Any

from metaskill.errors import UserError
from metaskill.measure import installation

# What imports JAX or MuJoCo is imported where it is tried: they may be what is broken.


def run(arguments: list[str]) -> int:
    """Look, print, and say by the exit code whether all is well."""
    others = [argument for argument in arguments if argument != "--json"]
    if others:
        raise UserError(f"metaskill doctor takes only --json, not {' '.join(others)}.")
    record = examine()
    print(json.dumps(record, indent=2) if "--json" in arguments else _as_text(record))
    return 1 if record["problems"] else 0


def examine() -> dict[str, Any]:
    """Return all that is found, as JSON; `problems` names what does not work."""
    problems: list[str] = []

    def tried(name: str, look: Callable[[], Any]) -> Any:
        try:
            return look()
        except Exception as error:
            reason = f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"
            problems.append(f"{name}: {reason}")
            return {"failed": reason}

    record = {
        "versions": installation.versions(),
        "extras": installation.extras(),
        "devices": tried("devices", installation.devices),
        "processors": installation.processors(),
        "caches": installation.caches(),
        "opengl": tried("OpenGL", installation.opengl),
        "engines": tried("engines", lambda: _engines(problems)),
        "native_on_ant": tried("native engine on Ant", lambda: _native_speed(problems)),
    }
    return {**record, "problems": problems}


def _engines(problems: list[str]) -> dict[str, Any]:
    from metaskill.measure.engines import check_engines

    checks = check_engines()
    problems += [
        f"the engine {name} does not work: {check.reason}"
        for name, check in checks.items()
        if check.works is False
    ]
    return {name: dataclasses.asdict(check) for name, check in checks.items()}


def _native_speed(problems: list[str]) -> dict[str, Any] | None:
    from metaskill.measure.engines import check_native_speed

    speed = check_native_speed()
    if speed is None:
        return None
    if not speed.is_right:
        problems.append(f"the native engine differs from mj_step on Ant by {speed.difference:.1g}")
    return dataclasses.asdict(speed)


def _as_text(record: dict[str, Any]) -> str:
    lines = [
        *_table("versions", record["versions"]),
        *_table("extras", _with_packages(record["extras"])),
        *_table("devices", record["devices"]),
        *_table("processors", _flat(record["processors"])),
        *_table("caches", record["caches"]),
        *_table("OpenGL, which draws videos", record["opengl"]),
        *_table("engines, against mj_step", _in_words(record["engines"])),
        *_table("native engine on Ant", _speed_in_words(record["native_on_ant"])),
    ]
    if record["problems"]:
        return "\n".join([*lines, "problems", *(f"  {text}" for text in record["problems"])])
    return "\n".join([*lines, "all is well"])


def _table(title: str, entries: dict[str, Any]) -> list[str]:
    width = max(map(len, entries), default=0)
    shown = {
        name: "-" if value is None else value for name, value in entries.items() if value != ""
    }
    return [title, *(f"  {name:<{width}}  {_short(value)}" for name, value in shown.items())]


def _short(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _with_packages(extras: dict[str, str | None]) -> dict[str, Any]:
    return {
        extra: version and f"{installation.EXTRAS[extra]} {version}"
        for extra, version in extras.items()
    }


def _flat(processors: dict[str, Any]) -> dict[str, Any]:
    entries = {**processors, **processors["variables"]}
    del entries["variables"]
    return entries


def _in_words(engines: dict[str, Any]) -> dict[str, Any]:
    if "failed" in engines:
        return engines
    words = {}
    for name, check in engines.items():
        if check["works"]:
            words[name] = f"works (largest difference {check['difference']:.1g})"
        else:
            words[name] = f"{'FAILS' if check['works'] is False else 'not here'}: {check['reason']}"
    return words


def _speed_in_words(speed: dict[str, Any] | None) -> dict[str, Any]:
    if speed is None:
        return {"not here": "the native engine runs on CPUs"}
    if "failed" in speed:
        return speed
    return {
        f"{speed['worlds']} worlds": f"{speed['steps_per_second']:,.0f} physics steps/s",
        "mj_step alone": f"{speed['mj_step_per_second']:,.0f} physics steps/s, one thread",
        "largest difference": f"{speed['difference']:.1g}",
    }
