"""Figures that compare the skills of two algorithms."""

import jax
import numpy as np

from metaskill.report.skills import plot_comparison
from metaskill.results.figure import over_seeds
from metaskill.results.findings import Findings, TrainedRun
from metaskill.skills.discovery import SkillDiscovery
from metaskill.skills.execution import Execution


def compare_deviations(runs: dict[str, TrainedRun]) -> Findings:
    """Hold the x-y deviation of DADS's skills (`dads`) against DIAYN's (`main`).

    Seeds of different runs have nothing to do with each other, yet one ratio a seed is what
    an interval can be given for.
    """
    deviation = {
        name: np.asarray(run.outcome.evaluation["eval/position_deviation"])
        for name, run in runs.items()
    }
    meaning = "x-y deviation of executions of a skill over the distance covered"
    figures = {
        "skill_deviation_dads_over_diayn": over_seeds(
            (deviation["dads"] / deviation["main"]).tolist(),
            f"Sharma et al. 2020, figure 6: {meaning}; both with the x-y prior",
            limit=0.5,
        ),
        "skill_deviation_diayn": over_seeds(deviation["main"].tolist(), f"{meaning}; no bar"),
        "skill_deviation_dads": over_seeds(deviation["dads"].tolist(), f"{meaning}; no bar"),
        "ant_diayn_xy_nats": over_seeds(
            runs["main"].outcome.evaluation["eval/skill_reward"].tolist(),
            "log 20 = 3.0 at most; no bar",
        ),
        "ant_diayn_xy_accuracy": over_seeds(
            runs["main"].outcome.evaluation["eval/discriminator_accuracy"].tolist(),
            "chance is 1/20; no bar",
        ),
    }
    named = {"DIAYN": runs["main"], "DADS": runs["dads"]}
    executions = {name: _executions(run) for name, run in named.items()}
    spaces = {name: _learner(run).env.space for name, run in named.items()}
    return Findings(figures, plot_comparison(executions, spaces))


def _learner(run: TrainedRun) -> SkillDiscovery:
    assert isinstance(run.learner, SkillDiscovery)
    return run.learner


def _executions(run: TrainedRun) -> Execution:
    learner = _learner(run)
    first = jax.tree.map(lambda leaf: leaf[0], run.outcome.state)
    skills = learner.env.space.examples(learner.config.num_eval_skills)
    return jax.jit(learner.execute_skills)(first, skills, jax.random.key(0))
