"""Figures of skills: one value a member, and what each is held against."""

import dataclasses
import pathlib

import jax
import numpy as np
import pytest

from metaskill.results.findings import TrainedRun
from metaskill.results.navigation import navigation_findings
from metaskill.results.skills import compare_deviations
from metaskill.rl.ppo_config import PPOConfig
from metaskill.skills.dads import DADSConfig
from metaskill.skills.diayn import DIAYNConfig
from metaskill.skills.discovery import DiscoveryConfig
from metaskill.skills.space import SkillSpace
from metaskill.training.experiment import TrainerConfig
from metaskill.training.run_folder import RunFolder
from metaskill.training.skill_experiment import SkillExperiment
from metaskill.training.task_distribution import EnvConfig
from metaskill.training.trainer import Outcome, Timing

DADS = SkillExperiment(
    env=EnvConfig("point_mass", options={"episode_length": 20}),
    trainer=TrainerConfig(env_steps=1, population=2),
    space=SkillSpace("box", 2),
    algorithm="dads",
    dads=DADSConfig(hidden=(8,), prior_samples=4),
    ppo=PPOConfig(num_envs=4, rollout_length=4, policy_hidden=(8,), value_hidden=(8,)),
    discovery=DiscoveryConfig(3, 2),
)
DIAYN = dataclasses.replace(
    DADS, space=SkillSpace("one_hot", 3), algorithm="diayn", diayn=DIAYNConfig(hidden=(8,))
)


def untrained(config: SkillExperiment, path: pathlib.Path) -> TrainedRun:
    learner = config.make_learner()
    keys = jax.vmap(jax.random.key)(np.arange(2))
    state = jax.jit(jax.vmap(learner.init, in_axes=(0, None)))(keys, config.hparams)
    evaluation = jax.jit(jax.vmap(learner.evaluate))(state, keys)
    evaluation = {name: np.asarray(values) for name, values in evaluation.items()}
    outcome = Outcome(state, evaluation, Timing(compiling=60.0, training=540.0))
    return TrainedRun(config, learner, RunFolder(path), outcome)


@pytest.fixture(scope="module")
def dads(tmp_path_factory: pytest.TempPathFactory) -> TrainedRun:
    return untrained(DADS, tmp_path_factory.mktemp("run"))


def test_navigation_is_judged_member_by_member(dads: TrainedRun) -> None:
    found = navigation_findings("ant_dads")({"main": dads})
    figures = found.figures
    assert len(figures["ant_dads_goal_delta"].seeds) == 2
    assert figures["ant_dads_goal_delta"].limit == 0.38
    # In 20 steps of .1 no goal is in reach of anyone.
    assert figures["ant_dads_goal_delta"].value == pytest.approx(1.0, abs=0.2)
    assert not figures["ant_dads_goals_reached"].passed
    assert figures["ant_dads_untrained_goals_reached"].passed
    assert figures["ant_dads_minutes"].value == 5.0
    assert figures["ant_dads_minutes"].passed is None  # Nobody arrived.
    assert np.shape(found.settings["delta_by_goal"]) == (2, 6)
    assert found.picture.startswith(b"\x89PNG")


def test_ways_may_be_gone_in_another_environment_than_skills_were_learned_in(
    dads: TrainedRun,
) -> None:
    found = navigation_findings("ant_dads", episode_length=10)({"main": dads})
    alike = navigation_findings("ant_dads", episode_length=20)({"main": dads})
    as_trained = navigation_findings("ant_dads")({"main": dads})
    assert alike.settings["delta_by_goal"] == as_trained.settings["delta_by_goal"]
    assert found.settings["delta_by_goal"] != as_trained.settings["delta_by_goal"]
    assert dads.config.env.options == {"episode_length": 20}


def deviating(run: TrainedRun, *deviations: float) -> TrainedRun:
    """Nothing is random in the plane: pretend that something is."""
    evaluation = {**run.outcome.evaluation, "eval/position_deviation": np.array(deviations)}
    return dataclasses.replace(run, outcome=dataclasses.replace(run.outcome, evaluation=evaluation))


def test_deviations_are_compared(dads: TrainedRun, tmp_path: pathlib.Path) -> None:
    runs = {
        "main": deviating(untrained(DIAYN, tmp_path), 0.5, 0.5),
        "dads": deviating(dads, 0.2, 0.1),
    }
    found = compare_deviations(runs)
    ratio = found.figures["skill_deviation_dads_over_diayn"]
    assert ratio.seeds == pytest.approx([0.4, 0.2])
    assert ratio.passed
    assert found.picture.startswith(b"\x89PNG")
