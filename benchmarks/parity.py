"""How far apart the two engines are after one control step."""

import jax
import numpy as np

from metaskill.envs.env import Env
from metaskill.tasks.randomizations import find_randomization

ENVIRONMENTS = ("ant", "half_cheetah", "hopper", "humanoid", "walker2d")


def control_step_errors(
    name: str, n_worlds: int = 8, warm_up: int = 10, randomization: str = "none"
) -> dict[str, float]:
    """Step the same states with the same controls and contexts on both engines.

    Args:
        name: The environment.
        n_worlds: Number of states.
        warm_up: Random control steps before, so that feet touch the floor.
        randomization: Where the contexts are drawn from.

    Returns:
        Largest absolute differences of positions, velocities (relative to the largest
        velocity where that exceeds 1) and observations (relative likewise).
    """
    varied = find_randomization(randomization)
    native, mjx = varied.make_env(name, engine="native"), varied.make_env(name, engine="mjx")
    keys = jax.random.split(jax.random.key(0), n_worlds)
    contexts = jax.vmap(varied.sampler(native))(jax.random.split(jax.random.key(1), n_worlds))
    states = jax.jit(jax.vmap(native.reset))(keys, contexts)
    step = jax.jit(jax.vmap(native.step))
    for t in range(warm_up):
        states = step(states, _actions(native, n_worlds, t))
    actions = _actions(native, n_worlds, warm_up)
    ours = step(states, actions)
    theirs = jax.jit(jax.vmap(mjx.step))(states, actions)
    return {
        "qpos": largest_difference(ours.physics.qpos, theirs.physics.qpos),
        "qvel": largest_difference(ours.physics.qvel, theirs.physics.qvel),
        "obs": largest_difference(ours.obs["state"], theirs.obs["state"]),
    }


def _actions(env: Env, n_worlds: int, t: int) -> jax.Array:
    shape = (n_worlds, env.action_size)
    return jax.random.uniform(jax.random.key(100 + t), shape, minval=-1.0, maxval=1.0)


def largest_difference(a: jax.Array, b: jax.Array) -> float:
    """Return the largest difference of two batches of rows, relative where a row exceeds 1."""
    ours, theirs = np.asarray(a), np.asarray(b)
    scale = np.maximum(1.0, np.abs(ours).max(axis=-1, keepdims=True))
    return float(np.max(np.abs(ours - theirs) / scale))
