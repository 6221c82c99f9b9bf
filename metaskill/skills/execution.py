"""Executing one skill from the beginning to the end of an episode, for looking at it."""

import dataclasses
from collections.abc import Callable

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, PRNGKeyArray

from metaskill.envs.auto_reset import SampleContext
from metaskill.envs.containment import contained_step
from metaskill.envs.env import Observation, State
from metaskill.rl.failures import Failures, failures_of
from metaskill.skills.skill_env import SkillEnv, told
from metaskill.skills.space import Skill

Policy = Callable[[Observation], Float[Array, " action"]]


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Execution:
    """Transitions of one episode (axis: time); a learner's model can be asked about them.

    Attributes:
        obs: What the policy saw.
        next_obs: What it led to.
        reward: The environment's reward.
        terminated: Whether the episode ended there without a future.
        alive: Whether the episode was still going on; what follows its end means nothing.
        failures: Whether the episode ended because its world broke down, by cause.
    """

    obs: Observation
    next_obs: Observation
    reward: Float[Array, "*time"]
    terminated: Bool[Array, "*time"]
    alive: Bool[Array, "*time"]
    failures: Failures = dataclasses.field(default_factory=dict)

    @property
    def positions(self) -> Float[Array, "*time 2"]:
        """Where the robot was after each step, from its start; once over, where it ended."""
        start = self.obs["position"][..., :1, :]
        return self.next_obs["position"] - start


def execute(
    env: SkillEnv, sample_context: SampleContext, policy: Policy, skill: Skill, key: PRNGKeyArray
) -> Execution:
    """Execute a skill for an episode; the world stands still once its episode is over."""
    context_key, reset_key = jax.random.split(key)
    state = env.reset(reset_key, told(sample_context(context_key), skill))
    contained = contained_step(env)

    def step(state: State, _: None) -> tuple[State, Execution]:
        alive = ~state.done
        after, not_finite = contained(state, policy(state.obs))
        failures = failures_of(after, not_finite, counts=alive)
        after = jax.tree.map(lambda old, new: jnp.where(alive, new, old), state, after)
        transition = Execution(
            state.obs, after.obs, after.reward, after.terminated, alive, failures
        )
        return after, transition

    _, execution = jax.lax.scan(step, state, None, length=env.episode_length)
    return execution
