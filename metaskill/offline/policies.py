"""Who collects data: policies by name, for one world, with whatever they keep in mind."""

import dataclasses
import importlib
from collections.abc import Callable
from typing import Any

import jax
import numpy as np
from jaxtyping import Array, PRNGKeyArray

from metaskill.envs.env import Env, State
from metaskill.envs.policy import Memoryless, Policy
from metaskill.errors import UserError, nearest
from metaskill.offline.labels import Labels

# Modules by name, so that naming the policies imports none of them. Each has a function of the
# environment that returns a `CollectingPolicy`, or refuses an environment that it cannot act in.
_MAKERS = {
    "random": ("metaskill.offline.policies", "act_at_random"),
    "expert": ("metaskill.offline.arm_policies", "obey"),
    "noisy": ("metaskill.offline.arm_policies", "obey_noisily"),
    "play": ("metaskill.offline.arm_policies", "play"),
    "planner": ("metaskill.offline.maze_policies", "wander"),
}


def label_goal(state: State, _: Any) -> dict[str, Array]:
    """Return what an episode's context says of its goal, and whether it was reached."""
    reward = state.context.reward
    goal = {"goal": reward["goal"]} if "goal" in reward else {}
    success = {"success": state.metrics["success"]} if "success" in state.metrics else {}
    return {**goal, **success}


def as_numbers(label: dict[str, np.ndarray]) -> Labels:
    """Write the label of one episode as numbers and lists of numbers."""
    return {name: np.asarray(value).ravel().tolist() if np.ndim(value) else np.asarray(value).item()
            for name, value in label.items()}  # fmt: skip


@dataclasses.dataclass(frozen=True)
class CollectingPolicy:
    """A policy that collects data, and the labels of its episodes.

    Attributes:
        policy: Who acts. A scripted expert keeps in its memory what it is about to do next.
        label: From an episode's last state and memory to what it was about, as arrays.
        in_words: Writes that for the manifest, on the host.
    """

    policy: Policy
    label: Callable[[State, Any], dict[str, Array]] = label_goal
    in_words: Callable[[dict[str, np.ndarray]], Labels] = as_numbers


def policy_names() -> list[str]:
    """List the names that `make_policy` accepts."""
    return sorted(_MAKERS)


def make_policy(name: str, env: Env) -> CollectingPolicy:
    """Make the policy called `name` for an environment.

    Raises:
        UserError: If there is none, or it cannot act there.
    """
    if name not in _MAKERS:
        hint = nearest(name, [*_MAKERS, "run:FOLDER"])
        raise UserError(f"no policy that collects is called {name!r}: {hint}")
    module, function = _MAKERS[name]
    policy: CollectingPolicy = getattr(importlib.import_module(module), function)(env)
    return policy


def act_at_random(env: Env) -> CollectingPolicy:
    """Return the policy of independent, uniformly random actions."""

    def draw(_: State, key: PRNGKeyArray) -> Array:
        return jax.random.uniform(key, (env.action_size,), minval=-1.0, maxval=1.0)

    return CollectingPolicy(Memoryless(draw))
