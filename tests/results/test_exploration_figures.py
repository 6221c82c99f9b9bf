"""What is found of a guide before anything is learned."""

import io
from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image

from metaskill.envs.point_mass import PointMass
from metaskill.networks.normalizer import init_statistics, update_statistics
from metaskill.report.adaptation import picture
from metaskill.results.coverage import coverage_figures
from metaskill.results.exploration import picture_of_exploration, with_exploration
from metaskill.results.figure import measured
from metaskill.results.findings import Findings
from metaskill.rl.sac_config import SACConfig
from metaskill.skills.cloning import BehaviorCloning, CloningConfig
from metaskill.skills.guide import guide_by_actions
from metaskill.skills.guided_options import GuidedOptions
from metaskill.skills.option_env import OptionEnv
from metaskill.skills.spirl import GuidanceConfig, GuidedSAC
from metaskill.training.prepared import PreparedLearner


@pytest.fixture(scope="module")
def learner() -> PreparedLearner:
    model = BehaviorCloning(CloningConfig(hidden=(4,)), 2, 2)
    statistics = update_statistics(init_statistics(2), jnp.array([[0.0, -1.0], [2.0, 3.0]]))
    guide = guide_by_actions(model, model.init(jax.random.key(0)), statistics)
    sac = SACConfig(num_envs=2, batch_size=2, replay_capacity=8, critic_hidden=(4,))
    env = OptionEnv(GuidedOptions(PointMass(episode_length=5), guide))
    return PreparedLearner(lambda _: GuidedSAC(env, sac, GuidanceConfig()), jnp.zeros(1))


def height(png: bytes) -> int:
    return Image.open(io.BytesIO(png)).height


def test_a_guides_exploration_stands_below_what_was_learned(learner: PreparedLearner) -> None:
    with picture(1) as panels:
        curves = panels.png()
    judge = with_exploration(lambda _: Findings({"one": measured(1.0, "")}, curves))
    found = judge({"main": SimpleNamespace(learner=learner)})
    assert list(found.figures) == ["one"]
    assert height(found.picture) == height(curves) + height(picture_of_exploration(learner))


@pytest.mark.parametrize(("required", "passed"), [(3.0, True), (5.0, False), (None, None)])
def test_subtasks_of_the_prior_are_held_against_those_of_other_draws(required, passed) -> None:
    reached = {
        "prior": np.array([[True, True, False], [True, True, False]]),
        "standard": np.array([[True, False, False], [True, False, False]]),
        "uniform": np.array([[True, False, False], [False, False, False]]),
    }
    figures = coverage_figures(reached, required)
    assert figures["coverage_prior_subtasks"].value == 2.0
    assert figures["coverage_uniform_subtasks"].value == 0.5
    assert figures["prior_coverage_ratio"].value == 4.0
    assert figures["prior_coverage_ratio"].passed is passed
    assert figures["prior_coverage_over_standard"].value == 2.0
    # Nothing at all counts as one subtask, or the ratio would be infinite.
    reached["uniform"] = np.zeros((2, 3), bool)
    assert coverage_figures(reached, None)["prior_coverage_ratio"].value == 4.0
