"""Robots that learn fast: meta-learning, skills and randomization on parallel MuJoCo."""

import ctypes.util
import importlib.metadata
import os
import sys


def _avoid_deadlock_on_few_cores() -> None:
    """Turn off the scheduler that hangs MJX programs on CPU before jaxlib 0.11.

    With jaxlib 0.10 on two cores a vmapped MJX step never returns: concurrent thunks
    wait for threads of the pool that they occupy themselves. The flag must be set
    before JAX first touches a device.
    """
    version = tuple(int(part) for part in importlib.metadata.version("jaxlib").split(".")[:2])
    option = "xla_cpu_enable_concurrency_optimized_scheduler"
    flags = os.environ.get("XLA_FLAGS", "")
    if version < (0, 11) and option not in flags:
        os.environ["XLA_FLAGS"] = f"{flags} --{option}=false".strip()


def _keep_linear_algebra_on_its_thread() -> None:
    """Have OpenBLAS, which JAX calls for QR and its like on CPUs, start no threads.

    Between two calls they spin, on the cores that XLA and MuJoCo need: playing a batch of
    episodes with a baseline fitted to each task took ten times as long on two cores. It
    reads the variable when it is loaded, with jaxlib.
    """
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")


def _draw_off_screen() -> None:
    """Choose an OpenGL that needs no display; MuJoCo looks once, when it is imported."""
    if "MUJOCO_GL" in os.environ or sys.platform != "linux":
        return
    for library, name in (("EGL", "egl"), ("OSMesa", "osmesa")):
        if ctypes.util.find_library(library):
            os.environ["MUJOCO_GL"] = os.environ["PYOPENGL_PLATFORM"] = name
            return
    os.environ["MUJOCO_GL"] = "disable"  # Videos are sketched then.


_avoid_deadlock_on_few_cores()
_keep_linear_algebra_on_its_thread()
_draw_off_screen()
