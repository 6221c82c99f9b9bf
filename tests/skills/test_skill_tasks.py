"""Skills as tasks of meta-learning, in the plane."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from metaskill.envs.env import State
from metaskill.envs.point_mass import PointMass
from metaskill.skills.diayn import DIAYN, DIAYNConfig
from metaskill.skills.skill_env import SkillEnv
from metaskill.skills.skill_tasks import SkillTasks, skill_family
from metaskill.skills.space import SkillSpace
from metaskill.tasks.families import make_family
from metaskill.tasks.family import TaskFamily

SPACE = SkillSpace("one_hot", 3)


@pytest.fixture(scope="module")
def env() -> SkillTasks:
    point_mass = PointMass(episode_length=5)
    diayn = DIAYN(SkillEnv(point_mass, SPACE), DIAYNConfig(hidden=(8,)))
    return SkillTasks(point_mass, diayn, diayn.init(jax.random.key(3)))


@pytest.fixture(scope="module")
def family(env: SkillTasks) -> TaskFamily:
    return skill_family(SPACE, make_family("navigation", env.env))


def test_a_skill_is_rewarded_by_the_discriminator(env: SkillTasks, family: TaskFamily) -> None:
    context = family.sample(jax.random.key(0))
    state = env.reset(jax.random.key(1), context)
    after = env.step(state, jnp.array([1.0, -1.0]))
    np.testing.assert_allclose(after.obs["state"], [0.1, -0.1])  # Nobody is told the skill.

    def told(state: State) -> dict[str, jax.Array]:
        return {
            "state": state.obs["state"],
            "skill": jnp.zeros(3),
            "position": state.obs["state"],
        }

    log_q = env.diayn.infer(env.model, told(state), told(after))
    log_q = log_q[jnp.argmax(context.reward["skill"])]
    assert float(after.reward) == pytest.approx(float(log_q) + np.log(3), rel=1e-5)


def test_tests_are_the_environments_own_tasks(env: SkillTasks, family: TaskFamily) -> None:
    context = family.sample_held_out(jax.random.key(0))
    after = env.step(env.reset(jax.random.key(1), context), jnp.array([1.0, 0.0]))
    distance = jnp.linalg.norm(jnp.array([0.1, 0.0]) - context.reward["goal"])
    assert float(after.reward) == pytest.approx(-float(distance), rel=1e-5)
    assert jax.tree.structure(context) == jax.tree.structure(env.nominal_context())


def test_every_skill_is_a_task(family: TaskFamily) -> None:
    drawn = jax.vmap(family.sample)(jax.random.split(jax.random.key(0), 100)).reward
    np.testing.assert_array_less(15, np.sum(drawn["skill"], axis=0))
    np.testing.assert_array_equal(drawn["skill_weight"], np.ones(100))
