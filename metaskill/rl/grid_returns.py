"""Returns of a policy over a grid of contexts."""

import dataclasses
import functools
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, PRNGKeyArray

from metaskill.envs.env import Context, Env, State
from metaskill.envs.policy import Memory, Policy
from metaskill.errors import UserError
from metaskill.learner import Learner, acts
from metaskill.rl.evaluation import run_episode
from metaskill.tasks.context_grid import Axis, grid_contexts, numbers_by_name


@dataclasses.dataclass(frozen=True)
class GridReturns:
    """Mean returns over a grid of contexts, and along each axis through the nominal one.

    Attributes:
        axes: The axes of the grid.
        cells: Returns of the grid's cells, in C order.
        cuts: For each axis the returns at its values, all other parameters nominal. (The
            grid itself need not hold a nominal value.)
        nominal: Returns in the nominal context.
        nominal_values: The nominal value of each axis' parameter.
        failed_worlds: Episodes, of all those above, that ended because the simulation broke
            down or the world left the finite numbers; None where nobody counted.
    """

    axes: tuple[Axis, ...]
    cells: Float[np.ndarray, "population cell"]
    cuts: tuple[Float[np.ndarray, "population value"], ...]
    nominal: Float[np.ndarray, " population"]
    nominal_values: tuple[float, ...]
    failed_worlds: Int[np.ndarray, " population"] | None = None


def returns_over(
    env: Env,
    contexts: Context,
    policy: Policy,
    key: PRNGKeyArray,
    episodes: int,
    worlds_at_once: int,
) -> tuple[Float[Array, " cell"], Int[Array, " cell"]]:
    """Return the mean return of whole episodes in each of some contexts.

    A world that breaks down counts with its rewards until then.

    Args:
        env: The environment.
        contexts: What it may be like (leading axis: cell).
        policy: Who acts.
        key: Source of the episodes' randomness. Every cell gets the same, so that cells
            and policies differ by nothing but themselves.
        episodes: Episodes of each cell.
        worlds_at_once: About how many worlds to step side by side, for memory's sake.

    Returns:
        The mean returns, and how many episodes ended because their world broke down.
    """
    keys = jax.random.split(key, episodes)

    def play(context: Context) -> tuple[Float[Array, ""], Int[Array, ""]]:
        outcomes = jax.vmap(lambda k: run_episode(env, lambda _: context, policy, k))(keys)
        failed = functools.reduce(jnp.logical_or, outcomes.failures.values())
        return jnp.mean(outcomes.total_reward), jnp.sum(failed.astype(jnp.int32))

    n_cells = len(jax.tree.leaves(contexts)[0])
    cells_at_once = min(n_cells, max(1, worlds_at_once // episodes))
    return jax.lax.map(play, contexts, batch_size=cells_at_once)


def survey(
    env: Env,
    learner: Learner,
    population: Any,
    axes: Sequence[Axis],
    key: PRNGKeyArray,
    episodes: int = 1,
    worlds_at_once: int = 4096,
) -> GridReturns:
    """Run the policy of each member of a population in every cell of a grid.

    Args:
        env: An environment whose contexts have the axes' parameters. It need not be the
            one that was learned on, but has to look like it.
        learner: What trained.
        population: Its state (leading axis: population).
        axes: The axes of the grid.
        key: The same starts and noise for every cell and member.
        episodes: Episodes of each cell.
        worlds_at_once: About how many worlds to step side by side.

    Raises:
        UserError: If the learner does not act, the context lacks a parameter, or the policy
            cannot see here what it saw when it was trained.
    """
    if not acts(learner):
        raise UserError("this experiment has no environment, so there is no grid of contexts.")
    nominal = env.nominal_context()
    parts = [grid_contexts(nominal, axes), *(grid_contexts(nominal, [axis]) for axis in axes)]
    parts.append(jax.tree.map(lambda leaf: jnp.asarray(leaf)[None], nominal))
    contexts = jax.tree.map(lambda *leaves: jnp.concatenate(leaves), *parts)
    n_members = len(jax.tree.leaves(population)[0])

    def returns_of_member(member: Any, contexts: Context, key: PRNGKeyArray) -> tuple[Array, Array]:
        policy = _Blind(learner.policy(member))
        return returns_over(env, contexts, policy, key, episodes, worlds_at_once // n_members)

    run = jax.jit(jax.vmap(returns_of_member, in_axes=(0, None, None)))
    try:
        returns, failed = jax.device_get(run(population, contexts, key))
    except KeyError as error:
        if error.args != ("privileged_state",):
            raise
        raise UserError(
            "the policy acts on the observation 'privileged_state', which depends on the "
            "randomization that it was trained with: only policies of 'state' can be evaluated "
            "on a grid."
        ) from error
    ends = np.cumsum([len(jax.tree.leaves(part)[0]) for part in parts])
    cells, *cuts, at_nominal = np.split(returns, ends[:-1], axis=1)
    values = numbers_by_name(nominal)
    return GridReturns(
        axes=tuple(axes),
        cells=cells,
        cuts=tuple(cuts),
        nominal=at_nominal[:, 0],
        nominal_values=tuple(values[axis.name] for axis in axes),
        failed_worlds=failed.sum(axis=1),
    )


@dataclasses.dataclass(frozen=True)
class _Blind:
    """A policy that does not see `privileged_state`.

    That observation shows the randomization's own draws, so no two randomizations have the same.
    """

    policy: Policy

    def begin(self, world: State, key: PRNGKeyArray) -> Memory:
        return self.policy.begin(_without_privilege(world), key)

    def act(
        self, world: State, memory: Memory, key: PRNGKeyArray
    ) -> tuple[Float[Array, " action"], Memory]:
        return self.policy.act(_without_privilege(world), memory, key)


def _without_privilege(world: State) -> State:
    obs = {name: seen for name, seen in world.obs.items() if name != "privileged_state"}
    return dataclasses.replace(world, obs=obs)
