"""What a guide does without any learning: the check of a prior that its loss is none."""

import dataclasses
from collections.abc import Callable
from typing import TypeGuard, TypeVar

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, PRNGKeyArray

from metaskill.envs.containment import contained_step
from metaskill.envs.env import Context, Env, State
from metaskill.networks.distributions import TanhGaussian
from metaskill.skills.guided_options import GuidedOptions
from metaskill.skills.option_env import OptionEnv

Choose = Callable[[State, PRNGKeyArray], Float[Array, " action"]]
"""Draws an action where a state of a guide's options is seen."""

Seen = TypeVar("Seen")


def is_guided(env: Env) -> TypeGuard[OptionEnv[GuidedOptions]]:
    """Say whether actions in an environment are those of a guide."""
    return isinstance(env, OptionEnv) and isinstance(env.options, GuidedOptions)


def draw_from_prior(env: OptionEnv[GuidedOptions]) -> Choose:
    """Draw what the prior proposes."""

    def choose(state: State, key: PRNGKeyArray) -> Array:
        proposed = env.options.guide.propose(state.obs["state"])
        action: Array = proposed.to_action(proposed.sample(key))
        return action

    return choose


def draw_uniformly(env: OptionEnv[GuidedOptions]) -> Choose:
    """Draw from [-1, 1], all of an action's box alike."""

    def choose(_: State, key: PRNGKeyArray) -> Array:
        return jax.random.uniform(key, (env.action_size,), minval=-1.0, maxval=1.0)

    return choose


def draw_standard(env: OptionEnv[GuidedOptions]) -> Choose:
    """Draw skills from N(0, I), squashed as the policy's: those of all states together."""

    def choose(_: State, key: PRNGKeyArray) -> Array:
        zeros = jnp.zeros(env.action_size)
        standard = TanhGaussian(zeros, zeros, env.options.guide.policy.scale)
        action: Array = standard.to_action(standard.sample(key))
        return action

    return choose


DRAWS: dict[str, Callable[[OptionEnv[GuidedOptions]], Choose]] = {
    "prior": draw_from_prior,
    "standard": draw_standard,
    "uniform": draw_uniformly,
}
"""Ways to draw actions without learning, by name: the prior, and what it is held against."""


def for_every_draw(env: OptionEnv[GuidedOptions], act: Callable[[Choose], Seen]) -> dict[str, Seen]:
    """Act by each of `DRAWS`, all of them in one batch of one program.

    Args:
        env: The environment, with its guide.
        act: From a way to draw actions to what came of it.

    Returns:
        That, by the names of the ways.
    """
    draws = [draw(env) for draw in DRAWS.values()]

    def act_by(index: Int[Array, ""]) -> Seen:
        return act(lambda state, key: jax.lax.switch(index, draws, state, key))

    seen = jax.vmap(act_by)(jnp.arange(len(draws)))
    return {
        name: jax.tree.map(lambda leaf, index=index: leaf[index], seen)
        for index, name in enumerate(DRAWS)
    }


def roll_out(
    env: OptionEnv[GuidedOptions],
    key: PRNGKeyArray,
    context: Context,
    choose: Choose,
    look: Callable[[State], Seen],
) -> Seen:
    """Act for an episode without any learning.

    Args:
        env: The environment, with its guide.
        key: Draws the initial state and the actions.
        context: The MDP's parameters.
        choose: Draws actions.
        look: What is kept of the world after each control step.

    Returns:
        That (axis: time); once the episode is over, of its end.
    """
    reset_key, key = jax.random.split(key)

    def step(state: State, key: PRNGKeyArray) -> tuple[State, Seen]:
        return env.step_looking(state, choose(state, key), lambda world, _: look(world))

    keys = jax.random.split(key, env.episode_length)
    _, seen = jax.lax.scan(step, env.reset(reset_key, context), keys)
    n_steps = env.env.episode_length
    return jax.tree.map(lambda leaf: leaf.reshape(-1, *leaf.shape[2:])[:n_steps], seen)


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Exploration:
    """Where actions lead that are drawn in one way.

    Attributes:
        proposed: The way that the robot goes by each of some actions that are drawn in the
            same state, from there on (axes: state, action, time), metres.
        paths: Its ways through whole episodes (axes: episode, time), metres.
    """

    proposed: Float[Array, "state action time 2"]
    paths: Float[Array, "episode time 2"]


def explore(
    env: OptionEnv[GuidedOptions],
    key: PRNGKeyArray,
    context: Context,
    n_states: int = 12,
    n_actions: int = 20,
    n_episodes: int = 16,
) -> dict[str, Exploration]:
    """Act in one world without any learning, by each of `DRAWS`.

    Actions are drawn in states that a roll-out of the prior comes through in the first half of
    an episode, evenly spaced in time and the same for all ways to draw them.

    Args:
        env: The environment, with its guide.
        key: Draws initial states and actions.
        context: The MDP's parameters.
        n_states: In how many states actions are drawn.
        n_actions: How many are drawn in each of them.
        n_episodes: Roll-outs.
    """
    way_key, key = jax.random.split(key)
    states = _states_on_the_way(env, way_key, context, n_states)

    def position(state: State) -> Float[Array, "2"]:
        here: Array = env.position(state.physics)
        return here

    def explore_by(choose: Choose) -> Exploration:
        def execute(state: State, key: PRNGKeyArray) -> Float[Array, "time 2"]:
            action = choose(state, key)
            _, way = env.step_looking(state, action, lambda world, _: position(world))
            return jnp.concatenate([position(state)[None], way])

        propose_key, roll_key = jax.random.split(key)
        in_state = jax.vmap(execute, in_axes=(None, 0))
        return Exploration(
            proposed=jax.vmap(in_state)(
                states, jax.random.split(propose_key, (n_states, n_actions))
            ),
            paths=jax.vmap(lambda key: roll_out(env, key, context, choose, position))(
                jax.random.split(roll_key, n_episodes)
            ),
        )

    return for_every_draw(env, explore_by)


def _states_on_the_way(
    env: OptionEnv[GuidedOptions], key: PRNGKeyArray, context: Context, count: int
) -> State:
    """Return states of the first half of an episode of the prior (axis: state)."""
    reset_key, key = jax.random.split(key)
    choose = draw_from_prior(env)
    every = max(1, env.episode_length // (2 * count))
    contained = contained_step(env)

    def go_on(state: State, key: PRNGKeyArray) -> tuple[State, State]:
        def step(state: State, key: PRNGKeyArray) -> tuple[State, None]:
            return contained(state, choose(state, key))[0], None

        after, _ = jax.lax.scan(step, state, jax.random.split(key, every))
        return after, state

    _, states = jax.lax.scan(go_on, env.reset(reset_key, context), jax.random.split(key, count))
    return states
