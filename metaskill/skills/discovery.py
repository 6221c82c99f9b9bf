"""Skill discovery as a learner: a core of reinforcement learning under an intrinsic reward."""

import dataclasses
from typing import Annotated, Any, Protocol

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from metaskill.checking import Checked
from metaskill.envs.auto_reset import SampleContext
from metaskill.envs.policy import Reactive
from metaskill.envs.pose import Pose, pose_of
from metaskill.envs.runner import begin_in
from metaskill.learner import Headline, Metrics
from metaskill.ranges import AtLeast, Count
from metaskill.rl.failures import failure_metrics
from metaskill.rl.hooks import Experience, Intrinsic
from metaskill.rl.ppo import PPO
from metaskill.rl.ppo_config import PPOHparams
from metaskill.rl.sac import SAC
from metaskill.rl.sac_config import SACHparams
from metaskill.skills.diagnostics import action_sensitivity, coverage, position_deviation
from metaskill.skills.execution import Execution, execute
from metaskill.skills.option import run_option
from metaskill.skills.skill_env import SkillEnv
from metaskill.skills.space import Skill


class SkillReward(Intrinsic, Protocol):
    """An intrinsic reward about skills.

    Attributes:
        largest_reward: What the reward never passes, nats.
    """

    largest_reward: float

    def diagnose(self, model: Any, experience: Experience) -> dict[str, Float[Array, " batch"]]:
        """Return what else the model says about each transition."""
        ...


@dataclasses.dataclass(frozen=True)
class DiscoveryConfig(Checked):
    """How skills are evaluated.

    Attributes:
        num_eval_skills: Skills that are executed.
        episodes_per_skill: Executions of each.
    """

    num_eval_skills: Count = 20
    episodes_per_skill: Count = 4


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class DiscoveryHparams(Checked):
    """What a sweep may vary without recompiling.

    Attributes:
        ppo: Those of PPO, read where it is the core.
        sac: Those of SAC, read where that is.
        model_learning_rate: Adam's step size for the model behind the reward.
    """

    ppo: PPOHparams = dataclasses.field(default_factory=PPOHparams)
    sac: SACHparams = dataclasses.field(default_factory=SACHparams)
    model_learning_rate: Annotated[float | Array, AtLeast(0)] = 3e-4


class SkillDiscovery:
    """A core (PPO or SAC) that learns a policy told a skill, for an intrinsic reward.

    It is judged by that reward under the deterministic policy, in nats: how much an outcome
    tells about the skill.
    """

    headline = Headline("eval/skill_reward", "intrinsic_reward", "nats", digits=3)
    step_unit = "environment steps"

    def __init__(
        self,
        core: PPO | SAC,
        env: SkillEnv,
        sample_context: SampleContext,
        reward: SkillReward,
        config: DiscoveryConfig,
    ):
        """Put the parts together.

        Args:
            core: Learns with `reward` as its intrinsic reward, on an environment like `env`
                in which skills may also change within an episode.
            env: The environment with skills that last for an episode.
            sample_context: Draws contexts, with their skills.
            reward: What skills are learned for.
            config: How they are evaluated.
        """
        self.core = core
        self.env = env
        self.sample_context = sample_context
        self.reward = reward
        self.config = config

    @property
    def num_worlds(self) -> int:
        """Worlds that it steps side by side."""
        return self.core.num_worlds

    @property
    def steps_per_iteration(self) -> int:
        """Environment steps in one call of `step`."""
        return self.core.steps_per_iteration

    def init(self, key: PRNGKeyArray, hparams: DiscoveryHparams) -> Any:
        """Return the core's untrained state."""
        core = self.core
        state: Any = (
            core.init(key, hparams.sac) if isinstance(core, SAC) else core.init(key, hparams.ppo)
        )
        model = dataclasses.replace(
            state.intrinsic, learning_rate=jnp.float32(hparams.model_learning_rate)
        )
        return dataclasses.replace(state, intrinsic=model)

    def step(self, state: Any) -> tuple[Any, Metrics]:
        """Do one iteration of the core."""
        return self.core.step(state)

    def evaluate(self, state: Any, key: PRNGKeyArray) -> Metrics:
        """Execute skills under the deterministic policy and measure how they differ."""
        execute_key, reward_key, sensitivity_key = jax.random.split(key, 3)
        executions = self.execute_skills(
            state, self.env.space.examples(self.config.num_eval_skills), execute_key
        )
        flat = jax.tree.map(lambda leaf: leaf.reshape(-1, *leaf.shape[3:]), executions)
        n_alive = jnp.sum(flat.alive.astype(jnp.float32))

        def mean(values: Float[Array, " transition"]) -> Float[Array, ""]:
            return jnp.sum(jnp.where(flat.alive, values, 0.0)) / n_alive

        reward = mean(self.reward.reward(state.intrinsic, flat, reward_key))
        diagnosed = self.reward.diagnose(state.intrinsic, flat)
        positions = executions.positions
        ends = positions[:, :, -1]
        distance = jnp.linalg.norm(ends, axis=-1)
        x_of_skills = jnp.mean(ends[:, :, 0], axis=1)
        return {
            "eval/skill_reward": reward,
            "eval/skill_reward_share": reward / self.reward.largest_reward,
            **{f"eval/{name}": mean(values) for name, values in diagnosed.items()},
            "eval/position_deviation": position_deviation(positions),
            "eval/coverage": coverage(positions),
            "eval/distance": jnp.mean(distance),
            "eval/most_forward": jnp.max(x_of_skills),
            "eval/most_backward": -jnp.min(x_of_skills),
            "eval/action_sensitivity": action_sensitivity(
                self.policy(state).choose, self.env.space, flat, sensitivity_key
            ),
            "eval/length": n_alive / distance.size,
            **failure_metrics(executions.failures, "eval/"),
        }

    def execute_skills(
        self, state: Any, skills: Float[Array, "skill size"], key: PRNGKeyArray
    ) -> Execution:
        """Execute skills, each several times (axes: skill, episode, time)."""
        n_episodes = self.config.episodes_per_skill

        def one(skill: Skill, key: PRNGKeyArray) -> Execution:
            return execute(self.env, self.sample_context, self.policy(state), skill, key)

        keys = jax.random.split(key, (len(skills), n_episodes))
        return jax.vmap(jax.vmap(one, in_axes=(None, 0)))(skills, keys)

    def record_skills(
        self, state: Any, skills: Float[Array, "skill size"], key: PRNGKeyArray, n_steps: int
    ) -> Pose:
        """Return how worlds stand that begin alike and execute a skill each (axes: skill, time)."""
        policy = self.policy(state)
        start = begin_in(self.env.reset(key, self.env.nominal_context()), policy, key)

        def one(skill: Skill) -> Pose:
            poses: Pose
            _, _, poses = run_option(
                self.env, policy, start, skill, n_steps, lambda state, _: pose_of(state)
            )
            return poses

        return jax.vmap(one)(skills)

    def policy(self, state: Any) -> Reactive:
        """Return the trained policy."""
        return self.core.policy(state)
