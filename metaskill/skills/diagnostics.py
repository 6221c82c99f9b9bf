"""What skills are judged by, apart from the reward that they were learned from."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from metaskill.envs.env import Observation
from metaskill.skills.execution import Execution
from metaskill.skills.space import SkillSpace

# Cells of a metre, 128 of them either way: further than a robot gets in an episode.
_CELLS = 128


def position_deviation(
    positions: Float[Array, "skill episode time 2"],
) -> Float[Array, ""]:
    """Return how differently a skill's executions move, relative to how far they go.

    Sharma et al. 2020 (section 6.2): the standard deviation of x-y over the executions of
    one skill, normalized by the distance that it covers. Here both are averaged over time
    before they are divided, which gives every skill a number between 0 (the same path every
    time) and 1 (no direction in common):

        mean_t sqrt(mean_e |x_te - mean_e x_te|^2) / mean_t sqrt(mean_e |x_te|^2)
    """
    mean = jnp.mean(positions, axis=1, keepdims=True)
    spread = jnp.sqrt(jnp.mean(jnp.sum(jnp.square(positions - mean), axis=-1), axis=1))
    distance = jnp.sqrt(jnp.mean(jnp.sum(jnp.square(positions), axis=-1), axis=1))
    return jnp.mean(jnp.mean(spread, axis=-1) / (jnp.mean(distance, axis=-1) + 1e-8))


def coverage(positions: Float[Array, "*batch 2"]) -> Float[Array, ""]:
    """Return the area that was visited: the number of square metres, as cells of a grid."""
    cells = jnp.clip(jnp.floor(positions.reshape(-1, 2)) + _CELLS // 2, 0, _CELLS - 1)
    index = (cells[:, 0] * _CELLS + cells[:, 1]).astype(jnp.int32)
    visited = jnp.zeros(_CELLS**2).at[index].set(1.0)
    return jnp.sum(visited)


def action_sensitivity(
    choose: Callable[[Observation], Float[Array, " action"]],
    space: SkillSpace,
    execution: Execution,
    key: PRNGKeyArray,
) -> Float[Array, ""]:
    """Return how much another skill would change the actions (axis: transition).

    The root mean square, over transitions and action dimensions, of the difference between
    the action for the executed skill and for another one: 0 where the policy ignores z.
    """
    keys = jax.random.split(key, execution.reward.shape[0])

    def change(execution: Execution, key: PRNGKeyArray) -> Float[Array, ""]:
        obs = execution.obs
        other = space.sample(key)
        difference = choose(obs) - choose({**obs, "skill": other})
        return jnp.mean(jnp.square(difference))

    changes = jax.vmap(change)(execution, keys)
    alive = execution.alive.astype(jnp.float32)
    return jnp.sqrt(jnp.sum(changes * alive) / jnp.sum(alive))
