"""Figures of controllers over skills, in the plane, where a skill is a direction."""

import dataclasses
import pathlib
from types import SimpleNamespace

import jax.numpy as jnp
import numpy as np
import pytest

from metaskill.envs.point_mass import PointMass
from metaskill.envs.policy import Reactive
from metaskill.learner import RETURN
from metaskill.results import hierarchy
from metaskill.results.findings import TrainedRun
from metaskill.results.hierarchy import compare_with_planner, controlled_journeys
from metaskill.skills.option_env import OptionEnv
from metaskill.skills.skill_env import SkillEnv
from metaskill.skills.skill_options import SkillOptions
from metaskill.skills.space import SkillSpace
from metaskill.training.experiment import TrainerConfig
from metaskill.training.prepared import PreparedLearner, PreparedState
from metaskill.training.run_folder import RunFolder
from metaskill.training.skill_experiment import SkillExperiment
from metaskill.training.task_distribution import EnvConfig
from metaskill.training.trainer import Outcome, Timing

DIRECTIONS = jnp.array([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0], [0.0, -1.0]])
GOALS = ((0.8, -0.4), (-0.2, 0.6))


class Towards:
    """In place of a trained controller: takes the direction of what is left of the way."""

    headline = RETURN
    num_worlds = 1
    steps_per_iteration = 100

    def __init__(self, sign: jnp.ndarray):
        env = SkillEnv(PointMass(episode_length=22), SkillSpace("one_hot", 4))
        self.sign = sign
        self.env = OptionEnv(SkillOptions(env, Reactive(lambda obs: obs["skill"] @ DIRECTIONS), 4))

    def policy(self, state):
        def choose(obs):
            return self.sign * (DIRECTIONS @ obs["state"][-2:])

        return Reactive(choose)


@pytest.fixture(scope="module")
def learner() -> PreparedLearner:
    """The first origin's controller goes to the goal, the second's away from it."""
    return PreparedLearner(Towards, jnp.array([1.0, -1.0]), step_unit="options")


STATE = PreparedState(SimpleNamespace(iteration=np.array([3, 3])), jnp.arange(2))


def test_each_members_controller_walks_to_every_goal(learner: PreparedLearner) -> None:
    population = PreparedState(jnp.zeros(2), jnp.arange(2))
    journeys = controlled_journeys(learner, population, GOALS)
    assert journeys.position.shape == (2, 2, 22, 2)
    np.testing.assert_allclose(journeys.start, np.zeros((2, 2, 2)))
    # Options of four steps of .1: within two steps of it, in either coordinate.
    assert float(np.max(journeys.distance[0, :, -1])) < 0.3
    assert float(np.min(journeys.distance[1, :, -1])) > 2.0
    np.testing.assert_array_equal(journeys.skill[0, 0, :4], np.tile([1.0, 0.0, 0.0, 0.0], (4, 1)))


def test_controllers_are_held_against_the_planner(
    learner: PreparedLearner, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    population = PreparedState(jnp.zeros(2), jnp.arange(2))
    walked = controlled_journeys(learner, population)
    monkeypatch.setattr(hierarchy, "controlled_journeys", lambda *_: walked)
    monkeypatch.setattr(hierarchy, "go_to_goals", lambda *_: walked)
    skills = SkillExperiment(
        EnvConfig("point_mass"), TrainerConfig(env_steps=1), SkillSpace("box", 2), "dads"
    )
    main = TrainedRun(skills, learner, RunFolder(tmp_path), Outcome(STATE, {}, Timing()))
    planner = dataclasses.replace(main, learner=skills.make_learner())
    found = compare_with_planner({"main": main, "diayn": main, "planner": planner})
    figures = found.figures
    assert figures["hierarchy_env_steps"].value == 3 * 100 * 4
    assert figures["hierarchy_planner_delta"].passed
    expected = np.mean(walked.delta, axis=1)
    np.testing.assert_allclose(figures["hierarchy_dads_delta"].seeds, expected)
    assert figures["hierarchy_diayn_delta"].required == 0.5
    assert found.picture.startswith(b"\x89PNG")
