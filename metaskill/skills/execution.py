"""Executing one skill from the beginning to the end of an episode, for looking at it."""

import dataclasses

import jax
from jaxtyping import Array, Bool, Float, PRNGKeyArray

from metaskill.envs.auto_reset import SampleContext
from metaskill.envs.env import Observation
from metaskill.envs.policy import Policy
from metaskill.envs.runner import Taken, begin_episode, policy_keys, run_policy
from metaskill.rl.failures import Failures, failures_of
from metaskill.skills.skill_env import SkillEnv, told
from metaskill.skills.space import Skill


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

    def look(nothing: tuple, taken: Taken) -> tuple[tuple, Execution]:
        before, after = taken.before, taken.after
        failures = failures_of(after, taken.not_finite, counts=taken.alive)
        return nothing, Execution(
            before.obs, after.obs, after.reward, after.terminated, taken.alive, failures
        )

    start = begin_episode(env, lambda k: told(sample_context(k), skill), policy, key)
    keys = policy_keys(key, env.episode_length)
    execution: Execution
    _, _, execution = run_policy(env, policy, start, keys, look, ())
    return execution
