"""The arm's scripted experts as policies that collect: as they are, with noise, and at play."""

import dataclasses
import functools
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int, PRNGKeyArray

from metaskill.envs.arm.env import ArmEnv
from metaskill.envs.env import Env, State
from metaskill.envs.policy import Scripted
from metaskill.errors import UserError
from metaskill.offline.experts import ExpertState, Phase, begin, make_expert, take_turns
from metaskill.offline.labels import Labels
from metaskill.offline.policies import CollectingPolicy

LARGEST_NOISE = 1.0
"""Of `noisy`: an episode's standard deviation is drawn up to that, so that some fail."""

PLAY_NOISE = 0.3
"""Of `play`: the same, of noise that changes slowly."""

PLAY_SMOOTHING = 0.8
"""How much of a step's noise at play is that of the step before."""


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class ArmMemory:
    """What a collecting expert keeps within an episode.

    Attributes:
        expert: What it is doing, and how far it is.
        scale: Standard deviation of this episode's noise.
        noise: The noise of the last step, in units of `scale`.
        was_done: Which subtasks were done when it last looked.
        rank: When each subtask became done, counted from 1; 0 for not yet.
    """

    expert: ExpertState
    scale: Float[Array, ""]
    noise: Float[Array, " action"]
    was_done: Bool[Array, " subtask"]
    rank: Int[Array, " subtask"]


Choose = Callable[[ExpertState, State, PRNGKeyArray], ExpertState]
"""Lets an expert go on with what it does, or begin with another subtask."""


def obey(env: Env) -> CollectingPolicy:
    """Return the expert that does what is asked for, in order."""
    return _collecting(_require_arm(env), _in_order, largest_noise=0.0)


def obey_noisily(env: Env) -> CollectingPolicy:
    """Return the same, with white noise: a standard deviation an episode, U(0, 1)."""
    return _collecting(_require_arm(env), _in_order, LARGEST_NOISE)


def play(env: Env) -> CollectingPolicy:
    """Return an expert that does one random subtask after the other, whatever is asked for.

    Subtasks that are done already come last. Its noise changes slowly, so that it errs in a
    direction instead of trembling; its standard deviation is U(0, .3), an episode.
    """
    return _collecting(_require_arm(env), _at_random, PLAY_NOISE, PLAY_SMOOTHING)


def _collecting(
    env: ArmEnv,
    choice: Callable[[ArmEnv], tuple[Choose, Callable[[State, PRNGKeyArray], ExpertState]]],
    largest_noise: float,
    smoothing: float = 0.0,
) -> CollectingPolicy:
    act_as_expert = make_expert(env)
    choose, first = choice(env)

    def begin_memory(state: State, key: PRNGKeyArray) -> ArmMemory:
        scale_key, first_key = jax.random.split(key)
        done = env.statuses(state).done
        return ArmMemory(
            expert=first(state, first_key),
            scale=jax.random.uniform(scale_key, maxval=largest_noise),
            noise=jnp.zeros(env.action_size),
            was_done=done,
            rank=jnp.zeros(done.shape, jnp.int32),
        )

    def act(
        state: State, memory: ArmMemory, key: PRNGKeyArray
    ) -> tuple[Float[Array, " action"], ArmMemory]:
        choose_key, noise_key = jax.random.split(key)
        expert = choose(memory.expert, state, choose_key)
        action, expert = act_as_expert(expert, state)
        fresh = jax.random.normal(noise_key, action.shape)
        noise = smoothing * memory.noise + np.float32(np.sqrt(1.0 - smoothing**2)) * fresh
        done = env.statuses(state).done
        memory = ArmMemory(expert, memory.scale, noise, done, _ranked(memory, done))
        return action + memory.scale * noise, memory

    def label(state: State, memory: ArmMemory) -> dict[str, Array]:
        return {
            "rank": _ranked(memory, env.statuses(state).done),
            "success": state.metrics["success"],
            "noise": memory.scale,
        }

    policy = Scripted(begin_memory, act)
    return CollectingPolicy(policy, label, functools.partial(_in_words, env.subtask_names))


def _ranked(memory: ArmMemory, done: Bool[Array, " subtask"]) -> Int[Array, " subtask"]:
    newly = done & ~memory.was_done & (memory.rank == 0)
    return jnp.where(newly, jnp.max(memory.rank) + 1, memory.rank)


def _in_words(names: tuple[str, ...], label: dict[str, np.ndarray]) -> Labels:
    """Write which subtasks became done, in the order in which they did."""
    rank = label["rank"]
    in_order = sorted(np.flatnonzero(rank), key=lambda index: int(rank[index]))
    return {
        "subtasks": [names[index] for index in in_order],
        "success": bool(label["success"]),
        "noise": float(label["noise"]),
    }


def _in_order(env: ArmEnv) -> tuple[Choose, Callable[[State, PRNGKeyArray], ExpertState]]:
    return (
        lambda expert, state, _: take_turns(env, expert, state),
        lambda state, _: begin(env.turn(state)),
    )


def _at_random(env: ArmEnv) -> tuple[Choose, Callable[[State, PRNGKeyArray], ExpertState]]:
    def draw(state: State, key: PRNGKeyArray) -> ExpertState:
        # A logit of -10 leaves what is done for when nothing else is left.
        logits = jnp.where(env.statuses(state).done, -10.0, 0.0)
        return begin(jax.random.categorical(key, logits))

    def choose(expert: ExpertState, state: State, key: PRNGKeyArray) -> ExpertState:
        drawn = draw(state, key)
        finished = expert.phase == Phase.FINISHED
        return jax.tree.map(lambda new, old: jnp.where(finished, new, old), drawn, expert)

    return choose, draw


def _require_arm(env: Env) -> ArmEnv:
    if not isinstance(env, ArmEnv):
        raise UserError(
            f"experts lead the arm, and {env.name} is none (or stands behind an interface): choose "
            "one of the environments whose names begin with arm."
        )
    return env
