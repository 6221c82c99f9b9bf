"""Four skills in the plane that go where they say, for tests of options."""

import jax.numpy as jnp

from metaskill.envs.point_mass import PointMass
from metaskill.envs.policy import Reactive
from metaskill.skills.option_env import OptionEnv
from metaskill.skills.skill_env import SkillEnv
from metaskill.skills.skill_options import SkillOptions
from metaskill.skills.space import SkillSpace

DIRECTIONS = jnp.array([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0], [0.0, -1.0]])


@Reactive
def in_direction(obs):
    return obs["skill"] @ DIRECTIONS


def compass_options() -> OptionEnv:
    """Options of four control steps, in episodes of ten."""
    env = SkillEnv(PointMass(episode_length=10), SkillSpace("one_hot", 4))
    return OptionEnv(SkillOptions(env, in_direction, 4))
