"""The arm's scenes: how fast, how alike on both engines, and whether experts do their tasks.

python -m benchmarks.arm writes arm_experts.json, arm_parity.json and arm_throughput.json into
benchmarks/results; names of these after it, such as `throughput`, make it write those alone.
Throughput wants a machine with nothing else to do, the other two do not care.
"""

import dataclasses
import pathlib
import sys
from collections.abc import Iterator

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray

from benchmarks.parity import largest_difference
from metaskill.envs.arm.env import ArmEnv
from metaskill.envs.arm.layout import ORDER
from metaskill.envs.auto_reset import auto_reset
from metaskill.envs.containment import contained_step
from metaskill.envs.env import Context, State
from metaskill.envs.registry import environment_names, make
from metaskill.errors import nearest
from metaskill.measure.throughput import RawBatch, ratio, seconds_in_turns
from metaskill.offline.experts import ExpertState, begin, make_expert, take_turns
from metaskill.results.figure import Figure, measured
from metaskill.results.file import write_results

WORLDS = 512
STEPS = 40
EPISODES = 256
SCENES = tuple(name for name in environment_names() if name.startswith("arm_"))
RESULTS = pathlib.Path(__file__).parent / "results"


def main(wanted: list[str]) -> None:
    """Measure and write."""
    for kind in wanted:
        if kind not in KINDS:
            raise SystemExit(f"there is no benchmark of the arm's {kind!r}: {nearest(kind, KINDS)}")
    settings = {"worlds": WORLDS, "control_steps": STEPS, "episodes": EPISODES}
    for kind in wanted or KINDS:
        figures = {}
        for scene in SCENES:
            for name, figure in KINDS[kind](scene):
                figures[name] = figure
                print(f"{name:<36} {figure.value:.4g}{figure.bar}  passed: {figure.passed}")
        print(write_results(RESULTS, f"arm_{kind}", figures, settings))


def throughput(scene: str) -> Iterator[tuple[str, Figure]]:
    """Experts at work, replayed by raw MuJoCo: the same models, states and controls, in turns.

    The environment is measured with resets, rewards and observations under random actions
    that begin where experts have come to.
    """
    env = make_arm(scene)
    start = at_work(env, WORLDS, env.episode_length // 3)
    actions = jax.random.uniform(
        jax.random.key(0), (STEPS, WORLDS, env.action_size), minval=-1.0, maxval=1.0
    )
    step = jax.vmap(auto_reset(env, env.sample_context))

    @jax.jit
    def run(state: State, actions: Array) -> State:
        return jax.lax.scan(lambda s, a: (step(s, a)[0], None), state, actions)[0]

    @jax.jit
    def record(state: State, actions: Array) -> Float[Array, "time env control"]:
        def controls(state: State, action: Array) -> tuple[State, Array]:
            after = jax.vmap(env.step)(state, action)
            return after, jax.vmap(env.controls)(state, action)

        return jax.lax.scan(controls, state, actions)[1]

    physics = start.physics
    raw = RawBatch(
        env.model,
        np.concatenate([np.asarray(physics.qpos), np.asarray(physics.qvel)], axis=-1),
        fields=start.model_leaves,
        activations=np.asarray(physics.act),
    )
    controls = np.asarray(record(start, actions))
    seconds = seconds_in_turns(
        {
            "raw": lambda: raw.run(controls, env.n_substeps),
            "env": lambda: jax.block_until_ready(run(start, actions)),
        }
    )
    value, interval = ratio(seconds["raw"], seconds["env"])
    source = "limit: mujoco.batch, same models, states, controls and threads, in turns"
    short = scene.removeprefix("arm_")
    yield f"arm_native_over_raw_{short}", Figure(value, interval, [value], source, required=0.85)
    speed = WORLDS * STEPS / np.median(seconds["env"])
    yield (
        f"arm_steps_per_second_{short}",
        measured(speed, "env steps of this machine", required=10_000),
    )


def parity(scene: str) -> Iterator[tuple[str, Figure]]:
    """Native against MJX over one control step, from states in which experts are at work."""
    native, mjx = make_arm(scene), make_arm(scene, engine="mjx")
    errors = []
    for n_steps in (native.episode_length // 6, native.episode_length // 3):
        states = at_work(native, 8, n_steps)
        actions = jax.random.uniform(jax.random.key(0), (8, 5), minval=-1.0, maxval=1.0)
        ours = jax.jit(jax.vmap(native.step))(states, actions)
        theirs = jax.jit(jax.vmap(mjx.step))(states, actions)
        errors += [
            largest_difference(ours.physics.qpos, theirs.physics.qpos),
            largest_difference(ours.physics.qvel, theirs.physics.qvel),
            largest_difference(ours.obs["state"], theirs.obs["state"]),
        ]
    source = "float32 against float64 over one control step, fingers and blocks in contact"
    yield f"engine_parity_{scene}", measured(max(errors), source, limit=1e-3)


def expert_success(scene: str) -> Iterator[tuple[str, Figure]]:
    """Share of randomized episodes in which the expert does the subtask, without noise."""
    env = make_arm(scene)
    n_subtasks = len(env.subtask_names)
    if scene != "arm_kitchen":
        orders = {scene.removeprefix("arm_"): env.nominal_context().reward[ORDER]}
    else:
        orders = {f"kitchen_{name}": env.layouts.order_of((name,)) for name in env.subtask_names}
        orders["kitchen"] = jnp.zeros(n_subtasks)  # Whatever is drawn.
    play = jax.jit(jax.vmap(lambda key, order: success(env, key, order), in_axes=(0, None)))
    keys = jax.random.split(jax.random.key(1), EPISODES)
    for name, order in orders.items():
        share = float(jnp.mean(play(keys, order)))
        source = f"{EPISODES} randomized scenes, no noise"
        yield f"expert_success_{name}", measured(share, source, required=0.95)


KINDS = {"experts": expert_success, "parity": parity, "throughput": throughput}


def make_arm(scene: str, engine: str = "native") -> ArmEnv:
    """Make an arm environment."""
    env = make(scene, engine=engine)
    assert isinstance(env, ArmEnv)
    return env


def at_work(env: ArmEnv, n_worlds: int, n_steps: int) -> State:
    """Return worlds in which experts have worked for so many steps (axis: env)."""
    keys = jax.random.split(jax.random.key(0), n_worlds)
    follow = jax.jit(jax.vmap(lambda key: expert_episode(env, key, None, n_steps)))
    return follow(keys)


def success(env: ArmEnv, key: PRNGKeyArray, order: Float[Array, " subtasks"]) -> Array:
    """Return whether all that is asked for was done in an episode."""
    return expert_episode(env, key, order, env.episode_length).metrics["success"]


def expert_episode(
    env: ArmEnv, key: PRNGKeyArray, order: Float[Array, " subtasks"] | None, n_steps: int
) -> State:
    """Follow the expert.

    Args:
        env: The environment.
        key: Draws the episode.
        order: What is asked for; None or zeros for what is drawn.
        n_steps: Control steps.
    """
    reset_key, context_key = jax.random.split(key)
    context = env.sample_context(context_key)
    if order is not None:
        context = _asking_for(context, order)
    state = env.reset(reset_key, context)
    act = make_expert(env)
    contained = contained_step(env)

    def step(carry: tuple[State, ExpertState], _: None) -> tuple[tuple, None]:
        state, expert = carry
        expert = take_turns(env, expert, state)
        action, expert = act(expert, state)
        return (contained(state, action)[0], expert), None

    start = (state, begin(env.turn(state)))
    (state, _), _ = jax.lax.scan(step, start, length=n_steps)
    return state


def _asking_for(context: Context, order: Float[Array, " subtasks"]) -> Context:
    drawn = context.reward[ORDER]
    asked = jnp.where(jnp.any(order > 0), order, drawn)
    return dataclasses.replace(context, reward={**context.reward, ORDER: asked})


if __name__ == "__main__":
    main(sys.argv[1:])
