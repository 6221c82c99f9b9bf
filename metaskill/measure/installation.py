"""What is installed and what machine this is: the facts of a bug report."""

import os
import pathlib
import platform
from typing import Any

from metaskill.cache import cache_folder
from metaskill.versions import version_of

_PACKAGES = (
    "metaskill",
    "jax",
    "jaxlib",
    "mujoco",
    "mujoco-mjx",
    "brax",
    "flax",
    "optax",
    "orbax-checkpoint",
    "numpy",
)
EXTRAS = {
    "cuda12": "jax-cuda12-plugin",
    "cuda13": "jax-cuda13-plugin",
    "tpu": "libtpu",
    "warp": "warp-lang",
    "gymnasium": "gymnasium",
    "slurm": "submitit",
    "ray": "ray",
    "offline": "h5py",
    "bench": "torch",
}
"""By extra, the package whose presence says that it is installed."""

_VARIABLES = (
    "JAX_PLATFORMS",
    "JAX_ENABLE_X64",
    "XLA_FLAGS",
    "OPENBLAS_NUM_THREADS",
    "OMP_NUM_THREADS",
    "CUDA_VISIBLE_DEVICES",
    "MUJOCO_GL",
)


def versions() -> dict[str, str | None]:
    """Return the version of Python and of every package that counts; None where one is missing."""
    return {"python": platform.python_version(), **{name: version_of(name) for name in _PACKAGES}}


def extras() -> dict[str, str | None]:
    """Return by extra the version of what it brings; None where that is missing."""
    return {extra: version_of(package) for extra, package in EXTRAS.items()}


def devices() -> dict[str, Any]:
    """Return the platform and the devices that JAX uses.

    Raises:
        RuntimeError: If JAX cannot start its platform.
    """
    import jax

    return {
        "platform": jax.default_backend(),
        "devices": [device.device_kind for device in jax.devices()],
    }


def processors() -> dict[str, Any]:
    """Return the cores of the machine, those that this process may use, and what limits threads."""
    affinity = getattr(os, "sched_getaffinity", None)  # Linux only.
    return {
        "system": platform.platform(),
        "cores": os.cpu_count(),
        "usable": len(affinity(0)) if affinity else os.cpu_count(),
        "container": _container_limit(),
        "variables": {name: os.environ[name] for name in _VARIABLES if name in os.environ},
    }


def caches() -> dict[str, str | None]:
    """Return the folders of compiled programs and of this package's own; None for no folder."""
    own = cache_folder()
    return {
        "compiled": os.environ.get("JAX_COMPILATION_CACHE_DIR"),
        "own": None if own is None else str(own),
    }


def opengl() -> dict[str, Any]:
    """Try to draw off screen, which decides what videos are."""
    import mujoco

    name = os.environ.get("MUJOCO_GL", "the system's")
    try:
        with mujoco.Renderer(mujoco.MjModel.from_xml_string("<mujoco/>"), 16, 16) as renderer:
            renderer.render()
    except Exception as error:  # A library that is missing or does not work says so in many ways.
        reason = " ".join(str(error).split())[:200]
        return {"name": name, "works": False, "videos": "sketches", "reason": reason}
    return {"name": name, "works": True, "videos": "renderings", "reason": ""}


def _container_limit() -> float | None:
    """Return how many cores' worth of time a container may take; None for no limit."""
    try:
        quota, period = pathlib.Path("/sys/fs/cgroup/cpu.max").read_text().split()
        return None if quota == "max" else int(quota) / int(period)
    except (OSError, ValueError):
        return None
