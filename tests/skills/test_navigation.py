"""Options and zero-shot navigation, on the point mass under skills that are velocities."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from metaskill.envs.point_mass import PointMass
from metaskill.envs.policy import Reactive
from metaskill.envs.pose import Pose
from metaskill.envs.runner import begin_in
from metaskill.errors import UserError
from metaskill.skills.dads import DADS, DADSConfig
from metaskill.skills.diayn import DIAYN, DIAYNConfig
from metaskill.skills.discovery import DiscoveryConfig, SkillDiscovery
from metaskill.skills.model import FitConfig, Model
from metaskill.skills.navigation import Journey, navigate
from metaskill.skills.option import record_position, run_option
from metaskill.skills.skill_env import SkillEnv
from metaskill.skills.space import SkillSpace

STEPS = 60


def told_action(obs):
    return obs["skill"]


class Velocity:
    """In place of a trained core: the skill is the action, the state is the model behind it."""

    steps_per_iteration = 1

    def policy(self, state):
        def choose(obs):
            return obs["skill"]

        return Reactive(choose)


OBEDIENT = Reactive(lambda obs: obs["skill"])


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Trained:
    intrinsic: Model


@pytest.fixture(scope="module")
def learner() -> SkillDiscovery:
    env = SkillEnv(PointMass(episode_length=STEPS), SkillSpace("box", 2))
    dads = DADS(env, DADSConfig(hidden=(32,), fit=FitConfig(updates=100, batch_size=256)))
    sampler = env.sampler(lambda _: env.env.nominal_context())
    return SkillDiscovery(Velocity(), env, sampler, dads, DiscoveryConfig(16, 2))


@pytest.fixture(scope="module")
def trained(learner: SkillDiscovery) -> Trained:
    """Skill dynamics fitted to what the skills do."""
    dads = learner.reward
    model = dataclasses.replace(dads.init(jax.random.key(0)), learning_rate=jnp.float32(3e-3))

    def fit(model):
        executed = learner.execute_skills(None, learner.env.space.examples(256), jax.random.key(1))
        flat = jax.tree.map(lambda leaf: leaf.reshape(-1, *leaf.shape[3:]), executed)
        return jax.lax.scan(
            lambda model, key: dads.update(model, flat, key),
            model,
            jax.random.split(jax.random.key(2), 10),
        )[0]

    return Trained(jax.jit(fit)(model))


def test_an_option_sums_the_rewards_of_its_steps(learner: SkillDiscovery, key) -> None:
    env = learner.env
    state = env.reset(key, env.nominal_context())
    skill = jnp.array([1.0, 0.0])
    start = begin_in(state, OBEDIENT, key)
    end, total, trace = run_option(env, OBEDIENT, start, skill, 5, record_position)
    expected = 0.0
    for _ in range(5):
        state = env.step(env.with_skill(state, skill), skill)
        expected += float(state.reward)
    assert float(total) == pytest.approx(expected)
    np.testing.assert_allclose(trace.position[:, 0], [0.1, 0.2, 0.3, 0.4, 0.5], rtol=1e-5)
    np.testing.assert_allclose(end.world.obs["position"], state.obs["position"])


def test_an_option_stops_with_its_episode(learner: SkillDiscovery, key) -> None:
    env = SkillEnv(PointMass(episode_length=3), learner.env.space)
    start = begin_in(env.reset(key, env.nominal_context()), OBEDIENT, key)
    end, total, trace = run_option(
        env,
        OBEDIENT,
        start,
        jnp.ones(2),
        5,
        record_position,
        lambda _: jnp.ones(()),
    )
    assert float(total) == 3.0
    assert int(end.world.step) == 3
    np.testing.assert_array_equal(trace.alive, [True, True, True, False, False])


def test_goals_are_reached_that_no_skill_was_learned_for(learner, trained, key) -> None:
    goals = jnp.array([[3.0, 3.0], [-3.0, 2.0], [0.0, -4.0]])
    journeys = jax.jit(
        jax.vmap(lambda goal, key: navigate(learner, trained, goal, key), in_axes=(0, 0))
    )(goals, jax.random.split(key, 3))
    assert np.all(journeys.reached)
    assert np.all(journeys.stayed)
    assert float(journeys.distance[:, -1].max()) < 0.3
    # As fast as the box allows: straight lines at full speed arrive after 30 to 40 steps.
    assert float(journeys.delta.max()) < 0.4


def test_untrained_dynamics_leads_nowhere_in_particular(learner, key) -> None:
    untrained = Trained(learner.reward.init(jax.random.key(7)))
    goals = jnp.array([[5.0, 5.0], [-5.0, 5.0], [5.0, -5.0], [-5.0, -5.0]])
    journeys = jax.jit(
        jax.vmap(lambda goal, key: navigate(learner, untrained, goal, key), in_axes=(0, 0))
    )(goals, jax.random.split(key, 4))
    assert int(np.sum(journeys.reached)) < 4


def test_the_measures_of_a_journey_are_the_papers() -> None:
    """A straight line that arrives at the last step scores .5."""
    goal = jnp.array([0.0, -10.0])
    position = jnp.linspace(0.0, 1.0, 1001)[1:, None] * goal
    journey = Journey(goal, jnp.zeros(2), position, Pose(position), position, jnp.ones(1000, bool))
    assert float(journey.delta) == pytest.approx(0.5, abs=1e-3)
    assert bool(journey.reached)
    assert bool(journey.stayed)
    passing = dataclasses.replace(journey, position=position * 2)
    assert bool(passing.reached)
    assert not bool(passing.stayed)


def test_skills_without_dynamics_are_no_ground_for_plans(learner, key) -> None:
    env = SkillEnv(PointMass(), SkillSpace("one_hot", 3))
    told_apart = SkillDiscovery(
        Velocity(), env, learner.sample_context, DIAYN(env, DIAYNConfig()), DiscoveryConfig()
    )
    with pytest.raises(UserError, match="not those of DADS"):
        navigate(told_apart, None, jnp.ones(2), key)
