"""Models that others published, on the native engine beside MuJoCo's own `mj_step`.

python -m benchmarks.models prints a line a model, and what MJX says of each.
"""

import dataclasses
import functools
import importlib.util
import pathlib

import jax
import jax.numpy as jnp
import mujoco
import numpy as np
from jaxtyping import Array

from metaskill.envs.actuation import scaled_controls
from metaskill.errors import UserError
from metaskill.physics.engine import DERIVED_FIELDS, Engine
from metaskill.physics.factory import make_engine
from metaskill.physics.state import PhysicsState
from metaskill.results.figure import Figure, measured

# By package, found without importing it: folders and files of MJCF.
PUBLISHED = {
    "dm_control": (
        "suite: acrobot ball_in_cup cartpole cheetah dog finger fish hopper humanoid humanoid_CMU "
        "manipulator pendulum point_mass quadruped reacher stacker swimmer walker",
        "locomotion/walkers/assets: rodent fruitfly_v2/fruitfly "
        "jumping_ball/jumping_ball_with_head",
        "locomotion/soccer/assets: boxhead/boxhead",
        "third_party: kinova/jaco_arm",
        "mujoco/testing/assets: model_with_third_order_actuators model_with_ball_joints",
    ),
    "gymnasium": (
        "envs/mujoco/assets: ant half_cheetah hopper humanoid inverted_double_pendulum point "
        "pusher_v5 reacher swimmer walker2d_v5",
    ),
    "gymnasium_robotics": (
        "envs/assets: adroit_hand/adroit_hammer fetch/pick_and_place hand/manipulate_egg "
        "kitchen_franka/kitchen_assets/kitchen_env_model",
    ),
    "mujoco": (
        "mjx/test_data: barkour_v0/assets/barkour_v0_mjx convex sensor/sensor "
        "shadow_hand/scene_right tendon/pulley_fixed_site_wrap tendon/tendon actuator/arm21 "
        "actuator/tendon_force_clamp",
        "testdata: model",
    ),
    "myo_sim": (
        "models/legacy: elbow/myoelbow_2dof6muscles elbow/myoelbow_1dof6muscles_1dofexo "
        "finger/myofinger_v0 finger/motorfinger_v0 osl/myolegs_osl",
    ),
    "ogbench": (
        "manipspace/descriptions: robotiq_2f85/scene universal_robots_ur5e/scene",
        "locomaze/assets: humanoid",
    ),
}

N_WORLDS = 2
N_STEPS = 50
N_SUBSTEPS = 5
TOLERANCE = 1e-5
REQUIRED = 20
_STATE = ("qpos", "qvel", "act", "qacc_warmstart", "time")


@dataclasses.dataclass(frozen=True)
class Comparison:
    """How a published model fared on the native engine.

    Attributes:
        package: Who published the model.
        name: The path of its MJCF file in the package, without the ending.
        size: Numbers of positions, velocities, activations and controls.
        error: Largest error of any number of the state, as a share of max(1, |value|).
        refused: Why the model was not stepped; empty where it was.
    """

    package: str
    name: str
    size: tuple[int, int, int, int] = (0, 0, 0, 0)
    error: float = float("inf")
    refused: str = ""

    @property
    def passed(self) -> bool:
        """Whether every number was within the tolerance."""
        return self.error <= TOLERANCE


def figures() -> dict[str, Figure]:
    """Count the published models that step on the native engine as in MuJoCo."""
    source = (
        f"published models on the native engine, {N_WORLDS} worlds and {N_STEPS} control steps of "
        f"{N_SUBSTEPS} physics steps under random controls; each step beside mj_step on the "
        "engine's single-precision copy of the model, from the same float32 state, warm start "
        f"included: |error| <= {TOLERANCE:g} max(1, |value|) in state and derived fields"
    )
    count = sum(comparison.passed for comparison in comparisons())
    return {"models_against_mujoco": measured(count, source, required=REQUIRED)}


@functools.cache
def comparisons() -> tuple[Comparison, ...]:
    """Step every published model, or say why not; once in a process."""
    return tuple(
        compare_published(package, name) for package in PUBLISHED for name in model_names(package)
    )


def model_names(package: str) -> list[str]:
    """List a package's models: the paths of their files, without the ending."""
    folders = (folder.split(": ") for folder in PUBLISHED[package])
    return [f"{folder}/{name}" for folder, names in folders for name in names.split()]


def compare_published(package: str, name: str) -> Comparison:
    """Compare one model; see `Comparison`."""
    try:
        model = load_published(package, name)
        size = (model.nq, model.nv, model.na, model.nu)
        return Comparison(package, name, size, largest_error(model))
    except UserError as refusal:
        return Comparison(package, name, refused=str(refusal))


def load_published(package: str, name: str) -> mujoco.MjModel:
    """Compile a model out of an installed package, which is not imported.

    Raises:
        UserError: If the package is not installed, or MuJoCo does not compile the model.
    """
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise UserError(f"{package} is not installed: pip install 'metaskill[bench]'.")
    path = pathlib.Path(spec.submodule_search_locations[0], f"{name}.xml")
    try:
        return mujoco.MjModel.from_xml_path(str(path))
    except ValueError as error:
        reason = str(error).splitlines()[0]
        raise UserError(f"MuJoCo does not compile {package}/{name}: {reason}") from error


def largest_error(model: mujoco.MjModel, n_steps: int = N_STEPS) -> float:
    """Step worlds on the native engine and, from each of their states, in MuJoCo.

    Args:
        model: The compiled model.
        n_steps: Control steps.

    Returns:
        The largest |error| / max(1, |value|) of state and derived fields; infinite if the
        simulation of a world failed.
    """
    engine = make_engine("native", model, DERIVED_FIELDS)

    @jax.jit
    @jax.vmap
    def reset(_: Array) -> PhysicsState:
        qpos = jnp.asarray(model.qpos0, jnp.float32)
        return engine.reset({}, qpos, jnp.zeros(model.nv))

    step = jax.jit(jax.vmap(lambda state, ctrl: engine.step({}, state, ctrl, N_SUBSTEPS)))
    state, worst = reset(jnp.arange(N_WORLDS)), 0.0
    for t in range(n_steps):
        actions = jax.random.uniform(jax.random.key(t), (N_WORLDS, model.nu), minval=-1, maxval=1)
        ctrl = np.asarray(scaled_controls(model, {}, actions))
        after = step(state, ctrl)
        if after.failed.any():
            return float("inf")
        worst = max(worst, *(_step_error(engine, state, ctrl, after, i) for i in range(N_WORLDS)))
        state = after
    return worst


def _step_error(
    engine: Engine, before: PhysicsState, ctrl: np.ndarray, after: PhysicsState, world: int
) -> float:
    """Return the largest error of one control step of one world; see `largest_error`."""
    data = mujoco.MjData(engine.model)
    for name in _STATE:
        setattr(data, name, np.asarray(getattr(before, name)[world]))
    data.ctrl = ctrl[world]
    mujoco.mj_step(engine.model, data, N_SUBSTEPS)
    theirs = {name: np.array(getattr(data, name)) for name in _STATE}
    # After mj_step, derived fields are a physics step old; the engine's are of the state itself.
    mujoco.mj_fwdPosition(engine.model, data)
    mujoco.mj_fwdVelocity(engine.model, data)
    theirs |= {name: np.array(getattr(data, name)) for name in DERIVED_FIELDS}
    ours = {name: getattr(after, name) for name in _STATE} | after.derived
    return max(_error(np.asarray(ours[name][world]), theirs[name]) for name in theirs)


def _error(ours: np.ndarray, theirs: np.ndarray) -> float:
    error = np.abs(ours - theirs) / np.maximum(1.0, np.abs(theirs))
    return float(error.max(initial=0.0))


def mjx_answer(model: mujoco.MjModel) -> str:
    """Say whether a step of MJX can be traced, or how that ends."""
    try:
        engine = make_engine("mjx", model)
        qpos, qvel = jnp.zeros(model.nq), jnp.zeros(model.nv)
        state = jax.eval_shape(functools.partial(engine.reset, {}), qpos, qvel)
        jax.eval_shape(lambda s, c: engine.step({}, s, c, 1), state, jnp.zeros(model.nu))
    except UserError as refusal:
        return f"refuses: {refusal}"
    except Exception as error:  # Whatever MJX raises from deep inside.
        return f"crashes: {type(error).__name__}: {str(error).splitlines()[0]}"
    return "steps"


def main() -> None:
    """Print how each model fared."""
    for comparison in comparisons():
        label = f"{comparison.package}/{comparison.name}"
        if comparison.refused:
            print(f"{label}: not stepped: {comparison.refused}")
            continue
        verdict = "passed" if comparison.passed else "MISSED"
        mjx = mjx_answer(load_published(comparison.package, comparison.name))
        print(f"{label}: {comparison.size}, {comparison.error:.1e}, {verdict}; MJX {mjx}")
    for name, figure in figures().items():
        print(f"{name} = {figure.value:.0f}{figure.bar}, passed: {figure.passed}")


if __name__ == "__main__":
    main()
