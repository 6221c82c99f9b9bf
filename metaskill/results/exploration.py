"""What a guide makes of a world before anything is learned there, as a picture."""

import dataclasses

import jax
import numpy as np

from metaskill.report.exploration import one_below_the_other, plot_exploration
from metaskill.results.findings import Findings, Judge, TrainedRun
from metaskill.skills.exploration import explore, is_guided
from metaskill.training.prepared import PreparedLearner

_SEED = 1000  # No training's.


def with_exploration(judge: Judge) -> Judge:
    """Add to a judge's picture where the main run's guide leads without learning."""

    def judged(runs: dict[str, TrainedRun]) -> Findings:
        found = judge(runs)
        learner = runs["main"].learner
        assert isinstance(learner, PreparedLearner)
        pictures = [found.picture, picture_of_exploration(learner)]
        return dataclasses.replace(found, picture=one_below_the_other(pictures))

    return judged


def picture_of_exploration(learner: PreparedLearner) -> bytes:
    """Draw what the first member's guide proposes in one world, and where that leads, as a PNG."""
    env = learner.env
    assert is_guided(env)
    context_key, key = jax.random.split(jax.random.key(_SEED))
    context = learner.sample_context(context_key)
    explorations = jax.jit(lambda key: explore(env, key, context))(key)
    walls, goal = context.physics.get("walls"), context.reward.get("goal")
    return plot_exploration(
        explorations,
        walls=None if walls is None else np.asarray(walls) > 0.5,
        goal=None if goal is None or goal.shape != (2,) else np.asarray(goal),
    )
