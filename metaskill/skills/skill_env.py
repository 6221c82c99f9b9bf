"""An environment in which every episode has a skill to execute."""

import dataclasses
from typing import TypeVar

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from metaskill.envs.auto_reset import SampleContext
from metaskill.envs.env import Context, Env, State
from metaskill.envs.wrapper import Wrapper
from metaskill.errors import UserError
from metaskill.skills.space import Skill, SkillSpace

# Tells this draw's keys from those that environments and their resets make of the same key.
_REDRAW = 0x5C111


def told(context: Context, skill: Skill) -> Context:
    """Return a context whose reward is about a skill: what an intrinsic reward reads."""
    return dataclasses.replace(context, reward={**context.reward, "skill": skill})


ConfigT = TypeVar("ConfigT")


def told_of_skills(core: ConfigT) -> ConfigT:
    """Return a core's configuration with networks that see the skill behind all else."""
    fields = (field.name for field in dataclasses.fields(core) if field.name.endswith("_obs"))  # type: ignore[arg-type]
    seen = {name: (*getattr(core, name), "skill") for name in fields}
    return dataclasses.replace(core, **seen)  # type: ignore[type-var]


class SkillEnv(Wrapper):
    """An environment whose policy is told a skill; the skill is part of the context.

    A skill is to an intrinsic reward what a goal is to a goal-reaching one: a parameter of
    the episode's MDP, redrawn with the rest of its context. It is observed:

        skill      z
        position   x and y, metres, for rewards and planners: policies do not see it

    beside what the environment observes. The robots' own `state` does not hold x and y, so that
    skills mean the same wherever they are executed.
    """

    def __init__(self, env: Env, space: SkillSpace, redraw_probability: float = 0.0):
        """Check that it can be done.

        Args:
            env: The environment.
            space: What skills there are.
            redraw_probability: How likely the skill is another one after a control step, within
                an episode. Whoever executes skills one after the other (a planner, a
                controller) has to be able to begin one in the middle of another.

        Raises:
            UserError: If the environment observes no `state`, or has no position, or the
                probability is none.
        """
        if not 0.0 <= redraw_probability <= 1.0:
            raise UserError(f"redraw_probability is {redraw_probability}, no probability.")
        if "state" not in env.observation_sizes or not hasattr(env, "position"):
            raise UserError(f"{env.name} has no 'state' or no position, which skills are told by.")
        super().__init__(env)
        self.space = space
        self.redraw_probability = redraw_probability
        self.observation_sizes = {
            **env.observation_sizes,
            "skill": space.size,
            "position": 2,
        }

    def nominal_context(self) -> Context:
        """Return the environment's nominal context with the first skill."""
        return told(self.env.nominal_context(), self.space.examples(1)[0])

    def sampler(self, sample_context: SampleContext) -> SampleContext:
        """Return a sampler that draws a skill with every context."""

        def sample(key: PRNGKeyArray) -> Context:
            context_key, skill_key = jax.random.split(key)
            return told(sample_context(context_key), self.space.sample(skill_key))

        return sample

    def reset(self, key: PRNGKeyArray, context: Context) -> State:
        """Draw an initial state."""
        return self._seen(self.env.reset(key, context))

    def step(self, state: State, action: Float[Array, " action"]) -> State:
        """Act for one control step."""
        own = {name: state.obs[name] for name in self.env.observation_sizes}
        after = self._seen(self.env.step(dataclasses.replace(state, obs=own), action))
        return self._redrawn(state, after) if self.redraw_probability else after

    def with_skill(self, state: State, skill: Skill) -> State:
        """Return the same world with another skill to execute from now on."""
        obs = {**state.obs, "skill": skill}
        return dataclasses.replace(state, obs=obs, context=told(state.context, skill))

    def _redrawn(self, before: State, after: State) -> State:
        """Return the state after a step, now and then with another skill to go on with."""
        # Some environments keep one key for an episode.
        key = jax.random.fold_in(jax.random.fold_in(before.key, _REDRAW), before.step)
        when_key, skill_key = jax.random.split(key)
        redraws = jax.random.bernoulli(when_key, self.redraw_probability)
        skill = jnp.where(redraws, self.space.sample(skill_key), after.obs["skill"])
        return self.with_skill(after, skill)

    def _seen(self, inner: State) -> State:
        skill = inner.context.reward["skill"]
        obs = {
            **inner.obs,
            "skill": skill,
            "position": self.env.position(inner.physics),  # type: ignore[attr-defined]
        }
        return dataclasses.replace(inner, obs=obs)
