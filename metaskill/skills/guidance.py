"""What data taught, as a guide for reinforcement learning: a prior over its actions."""

import dataclasses
from collections.abc import Callable
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, PRNGKeyArray

from metaskill.envs.env import Context, Env, State
from metaskill.errors import UserError, nearest
from metaskill.networks.distributions import TanhGaussian
from metaskill.networks.normalizer import RunningStatistics, normalize
from metaskill.networks.policy import StateDependentGaussianPolicy
from metaskill.skills.cloning import BehaviorCloning
from metaskill.skills.hierarchy import OptionState
from metaskill.skills.option import follow
from metaskill.skills.spirl_model import SkillEmbedding


@dataclasses.dataclass(frozen=True)
class Decoding:
    """What becomes of an action: some control steps.

    Attributes:
        action_size: Length of the action.
        length: Control steps that it is executed for, H.
        begin: From the action to what is executed.
        control: From that, a normalized observation and the number of control steps before
            it to the robot's action.
    """

    action_size: int
    length: int
    begin: Callable[[Float[Array, " action"]], Array]
    control: Callable[[Array, Float[Array, " obs"], Int[Array, ""]], Float[Array, " control"]]


@dataclasses.dataclass(frozen=True, eq=False)
class Guide:
    """A prior over actions, and what they mean.

    Attributes:
        policy: The network of the prior, squashed as environments take actions: a policy with
            the same parameters is the prior.
        params: Its parameters.
        statistics: What observations are normalized by before it sees them.
        decoding: What becomes of an action.
    """

    policy: StateDependentGaussianPolicy
    params: Any
    statistics: RunningStatistics
    decoding: Decoding

    def propose(self, obs: Float[Array, "*batch obs"]) -> TanhGaussian:
        """Return the prior over actions where a normalized observation is seen."""
        proposed: TanhGaussian = self.policy.apply(self.params, obs)
        return proposed


def guide_by_skills(
    model: SkillEmbedding, params: Any, statistics: RunningStatistics, largest: float
) -> Guide:
    """Return SPiRL's guide: an action is a skill z, its prior p_a(z | s).

    The policy's Gaussian is over u, and z = c tanh(u / c). Its slope at 0 is 1, so that as
    long as z is well below c a policy that is the prior executes what the prior proposes.

    Args:
        model: The embedding.
        params: Its parameters, trained.
        statistics: Moments of the data's observations.
        largest: The largest component of a skill, c.
    """

    def begin(action: Float[Array, " action"]) -> Array:
        skill = largest * action
        return skill if model.is_closed_loop else model.plan(params, skill)

    def control(executed: Array, obs: Float[Array, " obs"], step: Int[Array, ""]) -> Array:
        return model.react(params, obs, executed) if model.is_closed_loop else executed[step]

    return Guide(
        policy=dataclasses.replace(model.prior, distribution="tanh_gaussian", scale=largest),
        params=params["prior"],
        statistics=statistics,
        decoding=Decoding(model.config.size, model.config.length, begin, control),
    )


def guide_by_actions(model: BehaviorCloning, params: Any, statistics: RunningStatistics) -> Guide:
    """Return the flat guide: an action is the robot's own, its prior the cloned policy."""
    decoding = Decoding(
        model.action_size, 1, begin=lambda action: action, control=lambda action, *_: action
    )
    return Guide(model.prior, params["prior"], statistics, decoding)


class GuidedEnv:
    """An environment whose actions are those of a guide, with one observation, normalized.

    A step is H control steps, or fewer where the episode ends; its reward is their sum. As
    everywhere, actions are in [-1, 1]. An episode ends with the world's.
    """

    def __init__(self, env: Env, guide: Guide, observation: str = "state"):
        """Check that environment and guide go together.

        Args:
            env: The environment.
            guide: What actions are.
            observation: What the guide sees.

        Raises:
            UserError: If they do not.
        """
        if observation not in env.observation_sizes:
            hint = nearest(observation, env.observation_sizes)
            raise UserError(f"{env.name} has no observation {observation!r}: {hint}")
        size, known = env.observation_sizes[observation], guide.statistics.mean.shape[-1]
        if size != known:
            raise UserError(
                f"{env.name} observes {size} numbers as {observation!r}, and the data had {known}: "
                "choose the environment and the observation that the data are of."
            )
        if not guide.decoding.length <= env.episode_length:
            raise UserError(
                f"skills of {guide.decoding.length} control steps do not fit into an episode of "
                f"{env.episode_length}: take longer episodes or shorter skills."
            )
        self.env = env
        self.guide = guide
        self.observation = observation
        self.name = env.name
        self.length = guide.decoding.length
        self.action_size = guide.decoding.action_size
        self.episode_length = -(-env.episode_length // self.length)
        self.control_timestep = env.control_timestep * self.length
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

    def step(self, state: State, action: Float[Array, " action"]) -> State:
        """Execute an action for its control steps."""
        assert isinstance(state, OptionState)
        before = dataclasses.replace(state.inner, context=state.context)
        decoding = self.guide.decoding
        executed = decoding.begin(jnp.clip(action, -1.0, 1.0))

        def control(inner: State, step: Int[Array, ""]) -> Array:
            return decoding.control(executed, self._normalized(inner), step)

        after, reward, _ = follow(self.env, control, before, self.length, lambda _, alive: alive)
        return self._seen(dataclasses.replace(after, reward=reward))

    def _normalized(self, inner: State) -> Float[Array, " obs"]:
        return normalize(self.guide.statistics, inner.obs[self.observation])

    def _seen(self, inner: State) -> OptionState:
        shared = {field.name: getattr(inner, field.name) for field in dataclasses.fields(State)}
        return OptionState(**{**shared, "obs": {"state": self._normalized(inner)}}, inner=inner)


Choose = Callable[[State, PRNGKeyArray], Float[Array, " action"]]
"""Draws an action where a state of a guided environment is seen."""

Seen = TypeVar("Seen")


def draw_from_prior(env: GuidedEnv) -> Choose:
    """Draw what the prior proposes."""

    def choose(state: State, key: PRNGKeyArray) -> Array:
        proposed = env.guide.propose(state.obs["state"])
        action: Array = proposed.to_action(proposed.sample(key))
        return action

    return choose


def draw_uniformly(env: GuidedEnv) -> Choose:
    """Draw from [-1, 1], all of an action's box alike."""

    def choose(_: State, key: PRNGKeyArray) -> Array:
        return jax.random.uniform(key, (env.action_size,), minval=-1.0, maxval=1.0)

    return choose


def draw_standard(env: GuidedEnv) -> Choose:
    """Draw skills from N(0, I), squashed as the policy's: those of all states together."""

    def choose(_: State, key: PRNGKeyArray) -> Array:
        zeros = jnp.zeros(env.action_size)
        standard = TanhGaussian(zeros, zeros, env.guide.policy.scale)
        action: Array = standard.to_action(standard.sample(key))
        return action

    return choose


def roll_out(
    env: GuidedEnv,
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
        look: What is kept of the state after each action.

    Returns:
        That (axis: time); once the episode is over, of its end.
    """
    reset_key, key = jax.random.split(key)

    def step(state: State, key: PRNGKeyArray) -> tuple[State, Seen]:
        after = env.step(state, choose(state, key))
        after = jax.tree.map(lambda old, new: jnp.where(state.done, old, new), state, after)
        return after, look(after)

    start = env.reset(reset_key, context)
    _, seen = jax.lax.scan(step, start, jax.random.split(key, env.episode_length))
    return seen


def executed_by_prior(
    env: GuidedEnv, key: PRNGKeyArray, context: Context, from_prior: bool = True
) -> Float[Array, "time nq"]:
    """Roll the prior out without any learning, for an episode: the check that its loss is none.

    Args:
        env: The environment, with its guide.
        key: Draws the initial state and the actions.
        context: The MDP's parameters.
        from_prior: Whether actions are the prior's; else uniform in [-1, 1].

    Returns:
        The positions after each action; once the episode is over, those of its end.
    """
    choose = draw_from_prior(env) if from_prior else draw_uniformly(env)
    return roll_out(env, key, context, choose, lambda state: state.physics.qpos)
