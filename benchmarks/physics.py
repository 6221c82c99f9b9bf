"""Physics against its limit, raw `mujoco.batch`; against MJX and brax; and its exactness.

python -m benchmarks.physics writes benchmarks/results/physics.json.
"""

import pathlib
import warnings

import jax
import jax.numpy as jnp
import mujoco
import numpy as np

from benchmarks.parity import ENVIRONMENTS, control_step_errors
from metaskill.envs.ant import Ant
from metaskill.envs.auto_reset import auto_reset
from metaskill.envs.env import State
from metaskill.envs.mjcf import load_brax_model
from metaskill.measure.throughput import RawBatch, ratio, seconds_in_turns
from metaskill.physics.engine import Engine
from metaskill.physics.factory import make_engine
from metaskill.physics.state import PhysicsState
from metaskill.results.figure import Figure, measured
from metaskill.results.file import write_results

WORLDS = 1024
STEPS = 40
NESTING = (2, 4, 128)  # population, task, env
N_SUBSTEPS = Ant.n_substeps
RESULTS = pathlib.Path(__file__).parent / "results"


def main() -> None:
    """Measure and write."""
    start = settled_states()
    controls = np.random.default_rng(0).uniform(-1, 1, (STEPS, WORLDS, 8)).astype(np.float32)
    figures = {
        **throughput(start, controls),
        **nested_throughput(start, controls),
        "nested_vmap_error": nested_error(start),
        **parity(),
    }
    settings = {"worlds": WORLDS, "control_steps": STEPS, "n_substeps": N_SUBSTEPS}
    print(write_results(RESULTS, "physics", figures, settings))
    for name, figure in figures.items():
        print(f"{name:<28} {figure.value:.4g}  passed: {figure.passed}")


def settled_states() -> State:
    """Ants after a second of random actions: on the floor, with contacts (axis: env)."""
    env = Ant(engine="native")
    keys = jax.random.split(jax.random.key(0), WORLDS)
    state = jax.vmap(env.reset, in_axes=(0, None))(keys, env.nominal_context())
    step = jax.jit(jax.vmap(env.step))
    for t in range(20):
        state = step(state, jax.random.uniform(jax.random.key(t), (WORLDS, 8), minval=-1.0))
    return state


def rows(physics: PhysicsState) -> np.ndarray:
    """Positions and velocities, one row a world."""
    return np.concatenate([np.asarray(physics.qpos), np.asarray(physics.qvel)], axis=-1)


def throughput(start: State, controls: np.ndarray) -> dict[str, Figure]:
    """Ant, 1024 worlds, the same states and controls for everyone, in turns."""
    raw = RawBatch(load_brax_model("ant"), rows(start.physics))
    native = make_engine("native", load_brax_model("ant"))
    mjx = make_engine("mjx", load_brax_model("ant"))
    env = Ant(engine="native")
    step_env = jax.vmap(auto_reset(env, lambda _: env.nominal_context()))

    @jax.jit
    def run_env(state: State, controls: jax.Array) -> State:
        return jax.lax.scan(lambda s, a: (step_env(s, a)[0], None), state, controls)[0]

    runs = {
        "raw": lambda: raw.run(controls, N_SUBSTEPS),
        "native": stepper(native, start.physics, controls),
        "env": lambda: jax.block_until_ready(run_env(start, controls)),
        "mjx": stepper(mjx, start.physics, controls[:4]),
        "brax": brax_run(steps=4),
    }
    seconds = seconds_in_turns(runs)
    for name in ("mjx", "brax"):
        seconds[name] = seconds[name] * STEPS / 4
    speed = {name: WORLDS * STEPS / np.median(value) for name, value in seconds.items()}
    over_raw, over_raw_interval = ratio(seconds["raw"], seconds["native"])
    over_mjx, over_mjx_interval = ratio(seconds["mjx"], seconds["native"])
    env_over_raw, env_interval = ratio(seconds["raw"], seconds["env"])
    over_brax, brax_interval = ratio(seconds["brax"], seconds["env"])
    source = "limit: mujoco.batch, same model, states, controls and threads, in turns"
    return {
        "native_over_raw": Figure(over_raw, over_raw_interval, [over_raw], source, required=0.90),
        "env_over_raw": Figure(env_over_raw, env_interval, [env_over_raw], source),
        "native_over_mjx": Figure(
            over_mjx, over_mjx_interval, [over_mjx], "MJX on CPU, same states", required=50.0
        ),
        "env_over_brax": Figure(
            over_brax, brax_interval, [over_brax], "brax's Ant, generalized backend, on CPU"
        ),
        **{
            f"{name}_steps_per_second": measured(value, "env steps of this machine")
            for name, value in speed.items()
        },
    }


def stepper(engine: Engine, start: PhysicsState, controls: np.ndarray):  # type: ignore[no-untyped-def]
    """A function that steps all worlds through the controls."""

    @jax.jit
    def run(state: PhysicsState, controls: jax.Array) -> PhysicsState:
        def step(state: PhysicsState, ctrl: jax.Array) -> tuple[PhysicsState, None]:
            return jax.vmap(lambda s, c: engine.step({}, s, c, N_SUBSTEPS))(state, ctrl), None

        return jax.lax.scan(step, state, controls)[0]

    return lambda: jax.block_until_ready(run(start, controls))


def brax_run(steps: int):  # type: ignore[no-untyped-def]
    """A function that steps brax's own Ant."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from brax import envs

        env = envs.get_environment("ant")
        state = jax.jit(jax.vmap(env.reset))(jax.random.split(jax.random.PRNGKey(0), WORLDS))
        actions = jax.random.uniform(jax.random.key(0), (steps, WORLDS, 8), minval=-1.0)
        step = jax.vmap(env.step)
        scan = jax.jit(lambda s: jax.lax.scan(lambda s, a: (step(s, a), None), s, actions)[0])
        run = scan.lower(state).compile()
    return lambda: jax.block_until_ready(run(state))


def task_masses() -> np.ndarray:
    """`body_mass` of each task."""
    nominal = load_brax_model("ant").body_mass
    return (nominal * np.linspace(0.5, 2.0, NESTING[1])[:, None]).astype(np.float32)


def nested(leaf: jax.Array) -> jax.Array:
    """Split the env axis into population, task and env."""
    return leaf.reshape(*NESTING, *leaf.shape[1:])


def nested_step(engine: Engine):  # type: ignore[no-untyped-def]
    """`engine.step` three vmaps deep, the mass belonging to the task."""

    def step(mass: jax.Array, state: PhysicsState, ctrl: jax.Array) -> PhysicsState:
        return engine.step({"body_mass": mass}, state, ctrl, N_SUBSTEPS)

    over_env = jax.vmap(step, in_axes=(None, 0, 0))
    return jax.vmap(jax.vmap(over_env), in_axes=(None, 0, 0))


def nested_throughput(start: State, controls: np.ndarray) -> dict[str, Figure]:
    """The same, three vmaps deep, with a mass for each task."""
    masses = task_masses()
    per_world = np.broadcast_to(masses[None, :, None], (*NESTING, masses.shape[-1]))
    model = load_brax_model("ant")
    fields = {"body_mass": per_world.reshape(WORLDS, -1)}
    raw = RawBatch(model, rows(start.physics), fields)
    step = nested_step(make_engine("native", model))
    state = jax.tree.map(nested, start.physics)
    nested_controls = controls.reshape(STEPS, *NESTING, 8)

    @jax.jit
    def run(masses: jax.Array, state: PhysicsState, controls: jax.Array) -> PhysicsState:
        return jax.lax.scan(lambda s, c: (step(masses, s, c), None), state, controls)[0]

    seconds = seconds_in_turns(
        {
            "raw": lambda: raw.run(controls, N_SUBSTEPS),
            "nested": lambda: jax.block_until_ready(run(masses, state, nested_controls)),
        }
    )
    value, interval = ratio(seconds["raw"], seconds["nested"])
    source = "limit: mujoco.batch with the same masses expanded, in turns"
    return {"nested_vmap_over_raw": Figure(value, interval, [value], source, required=0.90)}


def nested_error(start: State, steps: int = 50, worlds_per_task: int = 4) -> Figure:
    """Largest difference to `mj_step`, restarted from the same float32 state each step."""
    masses = task_masses()
    step = jax.jit(nested_step(make_engine("native", load_brax_model("ant"))))
    state = jax.tree.map(nested, start.physics)
    model, data = load_brax_model("ant"), None
    data = mujoco.MjData(model)
    error = 0.0
    for t in range(steps):
        ctrl = jax.random.uniform(jax.random.key(t), (*NESTING, 8), minval=-1.0)
        after = step(jnp.asarray(masses), state, ctrl)
        for world in np.ndindex(NESTING[0], NESTING[1], worlds_per_task):
            model.body_mass[:] = masses[world[1]]
            mujoco.mj_resetData(model, data)
            data.qpos[:], data.qvel[:] = state.qpos[world], state.qvel[world]
            data.qacc_warmstart[:] = state.qacc_warmstart[world]
            data.ctrl[:] = ctrl[world]
            mujoco.mj_step(model, data, N_SUBSTEPS)
            scale = max(1.0, float(np.abs(data.qvel).max()))
            error = max(
                error,
                float(np.abs(np.asarray(after.qpos[world]) - data.qpos).max()),
                float(np.abs(np.asarray(after.qvel[world]) - data.qvel).max()) / scale,
            )
        state = after
    source = "mj_step with the task's masses; velocities relative where above 1"
    return measured(error, source, limit=1e-5)


def parity() -> dict[str, Figure]:
    """Native against MJX, one control step of every environment."""
    source = "float32 against float64 over one control step; see tests/physics/test_engine_parity"
    return {
        f"engine_parity_{name}": measured(
            max(control_step_errors(name).values()), source, limit=1e-3
        )
        for name in ENVIRONMENTS
    }


if __name__ == "__main__":
    main()
