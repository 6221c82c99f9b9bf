"""What works on this machine, and how fast: the first question of every bug report."""

import dataclasses
import importlib.metadata
import importlib.util
import os
import platform
import time
from typing import Any

import jax
import jax.numpy as jnp
import mujoco
import numpy as np

from metaskill.cache import cache_folder
from metaskill.envs.mjcf import load_brax_model
from metaskill.measure.throughput import RawBatch
from metaskill.physics.factory import ENGINE_NAMES, make_engine
from metaskill.physics.reference import engine_copy

PACKAGES = (
    "metaskill",
    "jax",
    "jaxlib",
    "mujoco",
    "mujoco-mjx",
    "brax",
    "flax",
    "optax",
    "orbax-checkpoint",
    "chex",
    "numpy",
)
EXTRAS = {
    "gymnasium": "gymnasium",
    "offline": "h5py",
    "warp": "warp",
    "slurm": "submitit",
    "ray": "ray",
    "bench": "torch",
}
"""A module of each extra, whose presence says that the extra is installed."""

LARGEST_ERROR = 1e-4
"""Between an engine and `mj_step` after a few steps of the double pendulum below."""

_PENDULUM = """
<mujoco><worldbody><body><joint name="a" axis="0 1 0"/><geom size=".1" pos=".3 0 0"/>
<body pos=".3 0 0"><joint axis="0 1 0"/><geom size=".1" pos=".3 0 0"/></body></body></worldbody>
<actuator><motor joint="a"/></actuator></mujoco>
"""
_WORLDS = 64


@dataclasses.dataclass(frozen=True)
class EngineCheck:
    """Whether an engine works here.

    Attributes:
        works: Whether its steps are MuJoCo's.
        error: Its largest difference from `mj_step`; NaN where it did not run.
        reason: Why it does not work; empty where it does.
    """

    works: bool
    error: float
    reason: str = ""


@dataclasses.dataclass(frozen=True)
class Speed:
    """A short race on Ant, environment physics steps a second.

    Attributes:
        mj_step: MuJoCo's own step, one world on one thread.
        native: The native engine's batch of 64 worlds, on all threads.
        error: Largest difference of a position between both, after as many steps.
    """

    mj_step: float
    native: float
    error: float


def describe_machine() -> dict[str, Any]:
    """Return versions, devices, cores, caches, extras and OpenGL, as JSON holds them."""
    own = cache_folder()
    compiled = os.environ.get("JAX_COMPILATION_CACHE_DIR")
    return {
        "versions": {"python": platform.python_version()} | {p: _version(p) for p in PACKAGES},
        "system": platform.platform(),
        "devices": [f"{device.platform}: {device.device_kind}" for device in jax.devices()],
        "cores": os.cpu_count(),
        "threads": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else None,
        "opengl": _opengl(),
        "caches": {
            "compiled programs": compiled or (str(own / "compiled") if own else None),
            "glyphs": str(own) if own else None,
        },
        "extras": {
            name: importlib.util.find_spec(module) is not None for name, module in EXTRAS.items()
        },
    }


def check_engines() -> dict[str, EngineCheck]:
    """Step a double pendulum on every engine beside `mj_step`."""
    return {name: _check_engine(name) for name in ENGINE_NAMES if name != "auto"}


def measure_speed(seconds: float = 1.5) -> Speed:
    """Race `mujoco.batch`, as the native engine steps it, against `mj_step`, on Ant.

    Args:
        seconds: How long each of the two runs, about.
    """
    model = engine_copy(load_brax_model("ant"))
    generator = np.random.default_rng(0)
    controls = generator.uniform(-1.0, 1.0, (20, _WORLDS, model.nu))
    data, steps = mujoco.MjData(model), 0
    clock = time.perf_counter()
    while time.perf_counter() - clock < seconds:
        mujoco.mj_resetData(model, data)
        for control in controls[:, 0]:
            data.ctrl[:] = control
            mujoco.mj_step(model, data)
        steps += len(controls)
    alone = steps / (time.perf_counter() - clock)
    start = np.tile(np.concatenate([model.qpos0, np.zeros(model.nv)]), (_WORLDS, 1))
    batch, steps = RawBatch(model, start), 0
    clock = time.perf_counter()
    while time.perf_counter() - clock < seconds:
        positions = batch.run(controls, 1)
        steps += len(controls) * _WORLDS
    together = steps / (time.perf_counter() - clock)
    return Speed(alone, together, float(np.max(np.abs(positions[0] - data.qpos))))


def _check_engine(name: str) -> EngineCheck:
    model = mujoco.MjModel.from_xml_string(_PENDULUM)
    data = mujoco.MjData(model)
    data.qpos[:], data.qvel[:], data.ctrl[:] = [0.3, -0.2], [1.0, -1.0], 0.5
    mujoco.mj_step(model, data, nstep=20)
    try:
        engine = make_engine(name, model)
        start = engine.reset({}, jnp.array([0.3, -0.2]), jnp.array([1.0, -1.0]))
        after = jax.jit(lambda state: engine.step({}, state, jnp.array([0.5]), 20))(start)
        error = float(np.max(np.abs(np.asarray(after.qpos) - data.qpos)))
    except Exception as problem:
        return EngineCheck(False, float("nan"), " ".join(str(problem).split())[:200])
    if not error < LARGEST_ERROR:
        return EngineCheck(False, error, f"its steps differ from MuJoCo's by {error:.2g}")
    return EngineCheck(True, error)


def _opengl() -> str:
    """Return the OpenGL that renders videos off screen, or why there is none."""
    chosen = os.environ.get("MUJOCO_GL", "")
    if chosen == "disable":
        return "none: videos are sketched (apt-get install libegl1 for rendered ones)"
    try:
        with mujoco.Renderer(mujoco.MjModel.from_xml_string(_PENDULUM), 16, 16):
            return chosen or "the system's"
    except Exception as problem:
        return f"none that works ({' '.join(str(problem).split())[:100]}): videos are sketched"


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None
