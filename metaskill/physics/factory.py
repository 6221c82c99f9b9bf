"""Engines by name."""

import jax
import mujoco

from metaskill.errors import UserError, nearest
from metaskill.physics.engine import DERIVED_FIELDS, Engine

ENGINE_NAMES = ("auto", "native", "mjx")


def make_engine(name: str, model: mujoco.MjModel, derived_fields: tuple[str, ...] = ()) -> Engine:
    """Build the engine called `name` for `model`.

    Args:
        name: `native` (MuJoCo's C engine on a thread pool; the fast one on CPU),
            `mjx` (MuJoCo in JAX; the fast one on GPU and TPU, and differentiable),
            or `auto`, which picks by the platform that JAX runs on.
        model: The compiled model. Engines work on a copy.
        derived_fields: MjData fields to keep in every state.

    Raises:
        UserError: If the engine or a derived field does not exist, or the engine does not run
            on the platform that JAX uses, or does not simulate something that the model has.
    """
    if name not in ENGINE_NAMES:
        on_cpu = jax.default_backend() == "cpu"
        usable = [engine for engine in ENGINE_NAMES if on_cpu or engine != "native"]
        raise UserError(f"no engine is called {name!r}: {nearest(name, usable)}")
    for field in derived_fields:
        if field not in DERIVED_FIELDS:
            raise UserError(
                f"{field!r} cannot be a derived field: {nearest(field, DERIVED_FIELDS)}"
            )
    if name == "auto":
        name = "native" if jax.default_backend() == "cpu" else "mjx"
    if name == "native" and jax.default_backend() != "cpu":
        raise UserError(
            f"the native engine runs on CPUs, and JAX uses {jax.default_backend()}: choose "
            "--engine=mjx, or set JAX_PLATFORMS=cpu."
        )
    # Imported here because MJX alone takes over a second to import.
    if name == "native":
        from metaskill.physics.native import NativeEngine

        return NativeEngine(model, derived_fields)
    from metaskill.physics.mjx import MjxEngine

    return MjxEngine(model, derived_fields)
