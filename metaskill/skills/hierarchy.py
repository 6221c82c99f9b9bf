"""Controllers that act through skills: an environment whose actions are skills."""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from metaskill.envs.env import Context, State
from metaskill.errors import UserError
from metaskill.skills.execution import Policy
from metaskill.skills.option import RewardOf, own_reward, run_option
from metaskill.skills.skill_env import SkillEnv, body_of


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class OptionState(State):
    """A world as a controller sees it.

    Attributes:
        inner: The world as the skills' policy sees it.
    """

    inner: State


class OptionEnv:
    """An environment in which a step is an option: a skill, executed for some control steps.

    What learns to act here is a controller over skills (Eysenbach et al. 2019, section 4.2;
    Sharma et al. 2020, section 6.4): any core, on an environment like any other. The policy
    that executes the skills is not trained further. An action in [-1, 1]^size stands for
    the nearest skill: of discrete skills that of its largest component.

    The reward is the sum over the option. An episode ends with the world's, or after as many
    options as it has control steps for. The controller sees

        state      the environment's own `state`, then x and y; and, where the task has a goal,
                   what x and y are short of it
    """

    def __init__(
        self,
        env: SkillEnv,
        policy: Policy,
        length: int,
        reward_of: RewardOf = own_reward,
    ):
        """Put options before an environment.

        Args:
            env: The environment with skills.
            policy: Executes them.
            length: Control steps of an option.
            reward_of: The reward of a control step; by default the environment's.

        Raises:
            UserError: If options are longer than episodes, or of no length.
        """
        if not 1 <= length <= env.episode_length:
            raise UserError(
                f"an option of {length} control steps does not fit into an episode of "
                f"{env.episode_length}: choose a length in between."
            )
        self.env = env
        self.policy = policy
        self.length = length
        self.reward_of = reward_of
        self.name = env.name
        self.action_size = env.space.size
        self.episode_length = -(-env.episode_length // length)
        self.control_timestep = env.control_timestep * length
        self._has_goal = "goal" in env.nominal_context().reward
        size = env.body_size + (4 if self._has_goal else 2)
        self.observation_sizes = {"state": size}

    def __getattr__(self, name: str) -> Any:
        # Copying and unpickling ask before there is an environment to forward to.
        if name == "env" or name.startswith("__"):
            raise AttributeError(name)
        return getattr(self.env, name)

    def nominal_context(self) -> Context:
        """Return the environment's nominal context."""
        return self.env.nominal_context()

    def reset(self, key: PRNGKeyArray, context: Context) -> State:
        """Draw an initial state."""
        return self._seen(self.env.reset(key, context))

    def step(self, state: State, action: Float[Array, " skill"]) -> State:
        """Execute a skill."""
        assert isinstance(state, OptionState)
        before = dataclasses.replace(state.inner, context=state.context)
        skill = self.env.space.nearest(jnp.clip(action, -1.0, 1.0))
        after, reward, _ = run_option(
            self.env, self.policy, before, skill, self.length, self.reward_of
        )
        return self._seen(dataclasses.replace(after, reward=reward))

    def _seen(self, inner: State) -> "OptionState":
        position = inner.obs["position"]
        parts = [body_of(inner.obs), position]
        if self._has_goal:
            parts.append(inner.context.reward["goal"] - position)
        shared = {field.name: getattr(inner, field.name) for field in dataclasses.fields(State)}
        obs = {"state": jnp.concatenate(parts)}
        return OptionState(**{**shared, "obs": obs}, inner=inner)
