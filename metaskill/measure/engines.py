"""Whether the physics engines work here: each against `mj_step`, and how fast the native one is."""

import dataclasses
import math
import time

import jax
import jax.numpy as jnp
import mujoco
import numpy as np

from metaskill.envs.mjcf import load_brax_model
from metaskill.errors import UserError
from metaskill.physics.engine import Engine
from metaskill.physics.factory import ENGINE_NAMES, make_engine
from metaskill.physics.state import PhysicsState

# A pole on a cart: MJX takes seconds to compile it, and half a minute for a robot with feet.
_CART_AND_POLE = """
<mujoco>
  <worldbody>
    <body>
      <joint name="slide" type="slide" axis="1 0 0" damping="0.1"/>
      <geom type="box" size="0.1 0.05 0.05" mass="1"/>
      <body>
        <joint name="hinge" type="hinge" axis="0 1 0" damping="0.01"/>
        <geom type="capsule" fromto="0 0 0 0 0 0.5" size="0.03" mass="0.2"/>
      </body>
    </body>
  </worldbody>
  <actuator><motor joint="slide" gear="10"/></actuator>
</mujoco>
"""
_TOLERATED = 1e-4
"""Difference after a control step beyond which an engine does not work: positions are float32."""
_N_SUBSTEPS = 5
_WORLDS = 256
_SECONDS = 1.0


@dataclasses.dataclass(frozen=True)
class EngineCheck:
    """How an engine did.

    Attributes:
        works: Whether it steps a world as `mj_step` does; None where it is not for this platform.
        reason: Why not, in a line.
        difference: The largest difference from `mj_step` after a control step, over positions
            and velocities; None where there was none to measure.
    """

    works: bool | None
    reason: str = ""
    difference: float | None = None


@dataclasses.dataclass(frozen=True)
class SpeedCheck:
    """The native engine on Ant, inside of a jitted program.

    Attributes:
        worlds: Worlds side by side.
        steps_per_second: Physics steps a second, all worlds together.
        mj_step_per_second: Physics steps a second of `mj_step` in a loop, on one thread.
        difference: See `EngineCheck`, of all worlds.
    """

    worlds: int
    steps_per_second: float
    mj_step_per_second: float
    difference: float

    @property
    def is_right(self) -> bool:
        """Whether worlds went where `mj_step` takes them; contacts are stiff."""
        return self.difference <= 10.0 * _TOLERATED


def check_engines() -> dict[str, EngineCheck]:
    """Try every engine on a small model.

    Returns:
        How each did, by its name.
    """
    model = mujoco.MjModel.from_xml_string(_CART_AND_POLE)
    return {name: _check(name, model) for name in ENGINE_NAMES if name != "auto"}


def check_native_speed() -> SpeedCheck | None:
    """Run Ant on the native engine and in a loop of `mj_step`, some three seconds in all.

    Returns:
        How it did; None where the native engine is not for the platform that JAX uses.

    Raises:
        UserError: If brax's model is missing.
        ArithmeticError: If positions are not finite.
    """
    if jax.default_backend() != "cpu":
        return None
    engine = make_engine("native", load_brax_model("ant"))
    model = engine.model
    controls = np.random.default_rng(0).uniform(-1.0, 1.0, (_WORLDS, model.nu))
    state = _start(engine, _WORLDS)
    step = jax.jit(jax.vmap(lambda s, c: engine.step({}, s, c, _N_SUBSTEPS)))
    actions = jnp.asarray(controls, state.qpos.dtype)
    for _ in range(20):  # Until they stand on the floor.
        state = step(state, actions)
    after = step(state, actions)
    worlds = range(0, _WORLDS, 16)
    difference = _largest([_difference(model, state, after, controls, i) for i in worlds])
    if not math.isfinite(difference):
        raise ArithmeticError("Ant came to positions that are not finite")
    n_steps, clock = 0, time.perf_counter()
    while time.perf_counter() - clock < _SECONDS:
        state = jax.block_until_ready(step(state, actions))
        n_steps += _WORLDS * _N_SUBSTEPS
    native = n_steps / (time.perf_counter() - clock)
    data = mujoco.MjData(model)
    data.qpos[:], data.qvel[:], data.ctrl[:] = state.qpos[0], state.qvel[0], controls[0]
    n_steps, clock = 0, time.perf_counter()
    while time.perf_counter() - clock < _SECONDS:
        mujoco.mj_step(model, data, 100)
        n_steps += 100
    alone = n_steps / (time.perf_counter() - clock)
    return SpeedCheck(_WORLDS, native, alone, difference)


def _check(name: str, model: mujoco.MjModel) -> EngineCheck:
    try:
        engine = make_engine(name, model)
    except UserError as error:
        return EngineCheck(None, _line(error))
    except Exception as error:
        return EngineCheck(False, _line(error))
    try:
        state = _start(engine, 2)
        controls = np.array([[0.5], [-0.5]])
        after = jax.jit(jax.vmap(lambda s, c: engine.step({}, s, c, _N_SUBSTEPS)))(
            state, jnp.asarray(controls, state.qpos.dtype)
        )
        difference = _largest([_difference(model, state, after, controls, i) for i in range(2)])
    except Exception as error:
        return EngineCheck(False, _line(error))
    if not math.isfinite(difference):
        return EngineCheck(False, "came to positions that are not finite")
    if difference > _TOLERATED:
        return EngineCheck(False, f"differs from mj_step by {difference:.1g}", difference)
    return EngineCheck(True, difference=difference)


def _start(engine: Engine, n_worlds: int) -> PhysicsState:
    """Return worlds in the reference pose with small random velocities (axis: env)."""
    model = engine.model
    qpos = jnp.asarray(np.tile(model.qpos0, (n_worlds, 1)))
    qvel = jnp.asarray(0.1 * np.random.default_rng(1).normal(size=(n_worlds, model.nv)))
    return jax.jit(jax.vmap(lambda q, v: engine.reset({}, q, v)))(qpos, qvel)


def _difference(
    model: mujoco.MjModel,
    before: PhysicsState,
    after: PhysicsState,
    controls: np.ndarray,
    world: int,
) -> np.floating:
    """Return how far a world is from where `mj_step` takes it in a control step."""
    data = mujoco.MjData(model)
    for name in ("qpos", "qvel", "qacc_warmstart"):
        getattr(data, name)[:] = np.asarray(getattr(before, name))[world]
    data.time = float(before.time[world])
    data.ctrl[:] = controls[world]
    mujoco.mj_step(model, data, _N_SUBSTEPS)
    differences = [
        np.asarray(getattr(after, name))[world] - getattr(data, name) for name in ("qpos", "qvel")
    ]
    return np.abs(np.concatenate(differences)).max()


def _largest(differences: list[np.floating]) -> float:
    """Return the largest, or NaN where there is one, which Python's `max` would pass over."""
    return float(np.max(np.array(differences)))


def _line(error: Exception) -> str:
    lines = " ".join(str(error).split())
    return (lines if isinstance(error, UserError) else f"{type(error).__name__}: {lines}")[:300]
