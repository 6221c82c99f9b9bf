"""Skills as tasks: meta-learning that needs no task given by hand (Gupta et al. 2018)."""

import dataclasses
import math

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray

from metaskill.envs.env import Context, Env, Observation, State
from metaskill.envs.wrapper import Wrapper
from metaskill.skills.diayn import DIAYN
from metaskill.skills.model import Model
from metaskill.skills.skill_env import told
from metaskill.skills.space import SkillSpace
from metaskill.tasks.distributions import Discrete, Fixed, Product
from metaskill.tasks.family import TaskFamily


class SkillTasks(Wrapper):
    """An environment of which each skill of a trained discriminator is a task.

        r = w (log q(z | s') + log N) + (1 - w) r_env

    with z and w in the context's reward, as `skill` and `skill_weight`. With w = 1 the task is
    to be told apart as skill z, with w = 0 the environment's own. Nothing that is observed
    says which: whoever learns here has to find out by the reward.
    """

    def __init__(self, env: Env, diayn: DIAYN, model: Model):
        """Put the discriminator before an environment.

        Args:
            env: The environment with its own tasks.
            diayn: The algorithm.
            model: Its trained discriminator.
        """
        super().__init__(env)
        self.diayn = diayn
        self.model = model

    def nominal_context(self) -> Context:
        """Return the environment's own task."""
        return _as_task(self.env.nominal_context(), self.diayn.space)

    def reset(self, key: PRNGKeyArray, context: Context) -> State:
        """Draw an initial state."""
        return self.env.reset(key, context)

    def step(self, state: State, action: Float[Array, " action"]) -> State:
        """Act for one control step."""
        after = self.env.step(state, action)
        skill = after.context.reward["skill"]

        def seen(state: State) -> Observation:
            return {
                "state": state.obs["state"],
                "skill": skill,
                "position": self.env.position(state.physics),  # type: ignore[attr-defined]
            }

        log_q = jnp.sum(self.diayn.infer(self.model, seen(state), seen(after)) * skill)
        weight = after.context.reward["skill_weight"]
        told_apart = log_q + math.log(self.diayn.n_skills)
        reward = weight * told_apart + (1.0 - weight) * after.reward
        return dataclasses.replace(after, reward=reward)


def skill_family(space: SkillSpace, tests: TaskFamily) -> TaskFamily:
    """Return the family that is trained on skills, and tested on tasks that mean something.

    Args:
        space: The skills, discrete ones.
        tests: A family of the environment's own tasks, of which the held-out ones are taken.
    """
    skill = Discrete(np.eye(space.size, dtype=np.float32))
    any_skill = Fixed(np.eye(space.size, dtype=np.float32)[0])
    own_train, own_tests = tests.train.parameters, tests.held_out.parameters

    def to_reward(parameters: dict[str, Array]) -> dict[str, Array]:
        own = {name: value for name, value in parameters.items() if name in own_tests}
        told_by = {name: value for name, value in parameters.items() if name not in own_tests}
        return {**tests.to_reward(own), **told_by}

    return TaskFamily(
        name=f"skills_then_{tests.name}",
        nominal=_as_task(tests.nominal, space),
        train=Product({**own_train, "skill": skill, "skill_weight": Fixed(1.0)}),
        held_out=Product({**own_tests, "skill": any_skill, "skill_weight": Fixed(0.0)}),
        held_out_is_disjoint=True,
        to_reward=to_reward,
    )


def _as_task(context: Context, space: SkillSpace) -> Context:
    """Add what says which task it is: the environment's own."""
    context = told(context, space.examples(1)[0])
    return dataclasses.replace(context, reward={**context.reward, "skill_weight": jnp.zeros(())})
