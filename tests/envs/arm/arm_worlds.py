"""Arms at hand-set states, for the tests beside."""

import dataclasses
from collections.abc import Mapping

import jax.numpy as jnp
import numpy as np

from metaskill.envs.arm.env import ArmEnv, ArmState


def moved(env: ArmEnv, state: ArmState, joints: Mapping[str, object]) -> ArmState:
    """Set joint positions by the names of their joints."""
    qpos = np.array(state.physics.qpos)
    for name, value in joints.items():
        start = int(env.model.joint(name).qposadr[0])
        row = np.atleast_1d(np.asarray(value, np.float32))
        qpos[start : start + len(row)] = row
    physics = dataclasses.replace(state.physics, qpos=jnp.asarray(qpos))
    return dataclasses.replace(state, physics=physics)


def weighted(state: ArmState, **weights: float) -> ArmState:
    """Set the weights of the reward, all others zero."""
    reward = dict(state.context.reward)
    for name in reward:
        if name.endswith("_weight"):
            reward[name] = jnp.float32(weights.get(name.removesuffix("_weight"), 0.0))
    return dataclasses.replace(state, context=dataclasses.replace(state.context, reward=reward))
