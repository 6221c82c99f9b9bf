"""Where a result comes from: code, versions, hardware."""

import os
import pathlib
import platform
import subprocess
from typing import Any

import jax

from metaskill.subprocesses import starting_a_program
from metaskill.versions import version_of

_PACKAGES = ("metaskill", "jax", "jaxlib", "flax", "optax", "brax", "mujoco", "mujoco-mjx", "numpy")


def provenance() -> dict[str, Any]:
    """Return what is needed to judge and to repeat a result made now."""
    return {
        "commit": commit_of(pathlib.Path(__file__).parent),
        "versions": {
            "python": platform.python_version(),
            **{name: version_of(name) for name in _PACKAGES},
        },
        "hardware": {
            "processor": _processor(),
            "cores": os.cpu_count(),
            "devices": [device.device_kind for device in jax.devices()],
        },
    }


def commit_of(folder: pathlib.Path) -> str | None:
    """Return the commit that is checked out there; None where that is no repository.

    With `+changes` if a file of it was edited, or if there is a Python file that is not in it.
    """

    def git(*arguments: str) -> str:
        with starting_a_program():
            return subprocess.run(
                ["git", *arguments], cwd=folder, capture_output=True, text=True, check=True
            ).stdout.strip()

    try:
        commit = git("rev-parse", "HEAD")
        edited = git("status", "--porcelain", "--untracked-files=no")
        added = git("ls-files", "--others", "--exclude-standard", "--", ":/*.py")
    except (OSError, subprocess.CalledProcessError):
        return None
    return commit + ("+changes" if edited or added else "")


def _processor() -> str:
    cpuinfo = pathlib.Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
