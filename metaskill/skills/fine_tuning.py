"""Fine-tuning: the skill that is best at a task, learning on for its reward."""

import dataclasses
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from metaskill.envs.auto_reset import SampleContext
from metaskill.envs.env import Env, Observation
from metaskill.envs.policy import Reactive
from metaskill.learner import RETURN, Metrics
from metaskill.networks.normalizer import held
from metaskill.rl.evaluation import evaluate_policy
from metaskill.rl.ppo import PPO
from metaskill.rl.ppo_config import PPOHparams
from metaskill.rl.sac import SAC
from metaskill.rl.sac_config import SACHparams
from metaskill.rl.sac_state import SACState
from metaskill.skills.discovery import SkillDiscovery
from metaskill.skills.execution import execute
from metaskill.skills.skill_env import SkillEnv, told
from metaskill.skills.space import Skill


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class FineTuningState:
    """Everything that training continues from.

    Attributes:
        core: The core's state.
        skill: The skill that it began with, and is told all along.
    """

    core: Any
    skill: Skill


class FineTuning:
    """A core that goes on from the best of some skills, on an environment's own reward.

    Eysenbach et al. 2019 (section 4.2.1): policy and value function begin as those of skill
    discovery, told the one skill that has the highest return; only PPO's noise begins anew. The
    value function knows another reward at first; it is no worse a beginning than random weights.

    The environment is the plain one: who acts sees no skill, which the policy adds itself.
    """

    headline = RETURN
    step_unit = "environment steps"

    def __init__(
        self,
        make_core: Callable[[Env, SampleContext], PPO | SAC],
        env: Env,
        sample_context: SampleContext,
        skills: SkillDiscovery,
        trained: Any,
    ):
        """Put the parts together.

        Args:
            make_core: Makes a core of the kind, and with the networks, that discovered the
                skills, on an environment with its contexts.
            env: The environment with the task.
            sample_context: Draws its contexts.
            skills: What discovered the skills.
            trained: Its state, of which worlds, optimizer and replay may be None.
        """
        self.env = env
        self.sample_context = sample_context
        self._make_core = make_core
        self._skills = skills
        self._trained = trained
        self._told_env = SkillEnv(env, skills.env.space)
        self._core = make_core(self._told_env, self._told_env.sampler(sample_context))
        space, config = skills.env.space, skills.config
        self._candidates = space.examples(
            space.size if space.is_discrete else config.num_eval_skills
        )

    @property
    def num_worlds(self) -> int:
        """Worlds that it steps side by side."""
        return self._core.num_worlds

    @property
    def steps_per_iteration(self) -> int:
        """Environment steps in one call of `step`."""
        return self._core.steps_per_iteration

    @property
    def choosing_steps(self) -> int:
        """Environment steps that it takes to find the best skill."""
        episodes = len(self._candidates) * self._skills.config.episodes_per_skill
        return episodes * self.env.episode_length

    def init(self, key: PRNGKeyArray, hparams: PPOHparams | SACHparams) -> FineTuningState:
        """Choose the skill, and start from its networks."""
        choice_key, key = jax.random.split(key)
        skill = self._candidates[jnp.argmax(self.returns_of_skills(choice_key))]
        core: Any = self._core_for(skill)
        return FineTuningState(_begun_from(core.init(key, hparams), self._trained), skill)

    def step(self, state: FineTuningState) -> tuple[FineTuningState, Metrics]:
        """Do one iteration of the core."""
        core, metrics = self._core_for(state.skill).step(state.core)
        return dataclasses.replace(state, core=core), metrics

    def evaluate(self, state: FineTuningState, key: PRNGKeyArray) -> Metrics:
        """Return statistics of whole episodes under the deterministic policy."""
        return evaluate_policy(
            self.env,
            self.sample_context,
            self.policy(state),
            key,
            self._core.config.num_eval_episodes,
        )

    def policy(self, state: FineTuningState) -> Reactive:
        """Return the trained policy, told its skill."""
        told_policy = self._core.policy(state.core)

        def choose(obs: Observation) -> Float[Array, " action"]:
            return told_policy.choose({**obs, "skill": state.skill})

        return Reactive(choose)

    def returns_of_skills(self, key: PRNGKeyArray) -> Float[Array, " skill"]:
        """Execute all skills, or examples of them, and return the task's mean returns."""

        def episode(skill: Skill, key: PRNGKeyArray) -> Float[Array, ""]:
            execution = execute(
                self._told_env,
                self.sample_context,
                self._skills.policy(self._trained),
                skill,
                key,
            )
            return jnp.sum(jnp.where(execution.alive, execution.reward, 0.0))

        shape = (len(self._candidates), self._skills.config.episodes_per_skill)
        each = jax.vmap(jax.vmap(episode, in_axes=(None, 0)))
        return jnp.mean(each(self._candidates, jax.random.split(key, shape)), axis=1)

    def _core_for(self, skill: Skill) -> PPO | SAC:
        """Return the core, all of whose episodes are told a skill."""
        return self._make_core(self._told_env, lambda key: told(self.sample_context(key), skill))


def _begun_from(state: Any, trained: Any) -> Any:
    """Return a core's untrained state with the networks of a trained one.

    Observations stay normalized as they were. Now that all episodes are told one skill, running
    moments would come to take it for the mean, and the policy would be told less and less of it.

    PPO's noise is that of an untrained policy: what is left of it at the end of skill discovery
    keeps to the skill. SAC's is an output of the network, and its entropy's weight raises it.
    """
    statistics = {name: held(moments) for name, moments in trained.statistics.items()}
    if not isinstance(state, SACState):
        noise = {"log_std": state.params["policy"]["params"]["log_std"]}
        policy = {"params": {**trained.params["policy"]["params"], **noise}}
        params = {**trained.params, "policy": policy}
        return dataclasses.replace(state, params=params, statistics=statistics)
    # The entropy's weight belongs to the task's reward.
    own_weight = {"log_entropy_weight": state.networks.params["log_entropy_weight"]}
    params = {**trained.networks.params, **own_weight}
    networks = dataclasses.replace(state.networks, params=params, target=params["critic"])
    return dataclasses.replace(state, networks=networks, statistics=statistics)
