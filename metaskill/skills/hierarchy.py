"""Controllers that act through skills: an environment whose actions are skills."""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from metaskill.envs.env import Context, State
from metaskill.errors import UserError
from metaskill.skills.execution import Policy
from metaskill.skills.option import OptionTrace, RewardOf, own_reward, run_option
from metaskill.skills.skill_env import SkillEnv, body_of
from metaskill.skills.space import Skill


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

        state      the environment's own `task_state` where it has one, else its `state`; then
                   x and y; and, where the task has a goal, what x and y are short of it

    `task_state` is for environments whose task takes more than what skills see of the robot.
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
        self._has_task_state = "task_state" in env.observation_sizes
        size = env.observation_sizes["task_state"] if self._has_task_state else env.body_size
        self.observation_sizes = {"state": size + (4 if self._has_goal else 2)}

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
        return self.step_with_trace(state, action)[0]

    def step_with_trace(
        self, state: State, action: Float[Array, " skill"]
    ) -> tuple[State, OptionTrace]:
        """Execute a skill, and return what happened on the way too."""
        assert isinstance(state, OptionState)
        before = dataclasses.replace(state.inner, context=state.context)
        after, reward, trace = run_option(
            self.env, self.policy, before, self.skill_of(action), self.length, self.reward_of
        )
        return self._seen(dataclasses.replace(after, reward=reward)), trace

    def skill_of(self, action: Float[Array, " skill"]) -> Skill:
        """Return the skill that an action stands for."""
        return self.env.space.nearest(jnp.clip(action, -1.0, 1.0))

    def _seen(self, inner: State) -> "OptionState":
        position = inner.obs["position"]
        body = inner.obs["task_state"] if self._has_task_state else body_of(inner.obs)
        parts = [body, position]
        if self._has_goal:
            parts.append(inner.context.reward["goal"] - position)
        shared = {field.name: getattr(inner, field.name) for field in dataclasses.fields(State)}
        obs = {"state": jnp.concatenate(parts)}
        return OptionState(**{**shared, "obs": obs}, inner=inner)


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Course:
    """What a controller made of an episode (axis: time, control steps).

    Attributes:
        trace: What happened.
        skill: The skill that was executed.
    """

    trace: OptionTrace
    skill: Float[Array, "time skill"]


def follow(env: OptionEnv, policy: Policy, start: State) -> Course:
    """Let a controller act until the end of an episode, and look at every control step."""

    def option(state: State, _: None) -> tuple[State, Course]:
        action = policy(state.obs)
        after, trace = env.step_with_trace(state, action)
        # An episode that is over stays so: its options take no step.
        skill = jnp.broadcast_to(env.skill_of(action), (env.length, env.action_size))
        return after, Course(trace, skill)

    _, options = jax.lax.scan(option, start, None, length=env.episode_length)
    n_steps = env.env.episode_length
    return jax.tree.map(lambda leaf: leaf.reshape(-1, *leaf.shape[2:])[:n_steps], options)
