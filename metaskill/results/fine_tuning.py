"""What skills are worth as a beginning: steps until a return is reached."""

import numpy as np

from metaskill.report.adaptation import picture
from metaskill.results.effort import Curve, effort_until, evaluated_curves
from metaskill.results.figure import measured, over_seeds
from metaskill.results.findings import Findings, Judge, TrainedRun
from metaskill.skills.fine_tuning import FineTuning
from metaskill.statistics import interquartile_mean
from metaskill.training.prepared import PreparedLearner

_NAMES = {"main": "from the best skill", "scratch": "from scratch"}


def fine_tuning_findings(prefix: str, limit: float) -> Judge:
    """Judge fine-tuning (`main`) by the steps that it saves over learning from scratch.

    Both are to reach half of the return that runs from scratch (`scratch`) end with, so that
    ending low does not help. Steps are those until the first evaluation that shows it, and for
    fine-tuning also those that it took to find the best skill; what was spent on discovering the
    skills, without any reward, is not counted. Seeds of the two have nothing to do with each
    other: all are held against the interquartile mean from scratch.

    Args:
        prefix: Beginning of the figures' keys.
        limit: The share of the steps that passes.
    """

    def judge(runs: dict[str, TrainedRun]) -> Findings:
        final = {name: run.outcome.evaluation["eval/return"] for name, run in runs.items()}
        goal = interquartile_mean(np.asarray(final["scratch"])) / 2
        curves = {name: evaluated_curves(run, "eval/return") for name, run in runs.items()}
        steps = {
            name: [effort_until(goal, *curve) for curve in of_run]
            for name, of_run in curves.items()
        }
        choosing = _choosing_steps(runs["main"])
        from_skill = [choosing + count for count in steps["main"]]
        from_scratch = interquartile_mean(np.array(steps["scratch"]))
        figures = {
            f"{prefix}_steps_ratio": over_seeds(
                [count / from_scratch for count in from_skill],
                "own bar: steps to half of the final return from scratch, over those from scratch",
                limit=limit,
            ),
            f"{prefix}_steps": over_seeds(from_skill, "environment steps, choice included"),
            f"{prefix}_scratch_steps": over_seeds(steps["scratch"], "environment steps"),
            f"{prefix}_return": over_seeds(_floats(final["main"]), "final return; no bar"),
            f"{prefix}_scratch_return": over_seeds(_floats(final["scratch"]), "no bar"),
            f"{prefix}_choosing_steps": measured(choosing, "environment steps to find the skill"),
        }
        settings = {"half_of_the_final_return": goal}
        return Findings(figures, _draw(curves, goal), settings)

    return judge


def _choosing_steps(run: TrainedRun) -> int:
    assert isinstance(run.learner, PreparedLearner)
    own = run.learner.made_for(0)
    assert isinstance(own, FineTuning)
    return own.choosing_steps


def _floats(values: np.ndarray) -> list[float]:
    return [float(value) for value in values]


def _draw(curves: dict[str, list[Curve]], goal: float) -> bytes:
    with picture(1, width=6.0) as panels:
        axes = panels.axes[0]
        for index, (name, of_run) in enumerate(curves.items()):
            for number, (steps, returns) in enumerate(of_run):
                label = _NAMES.get(name, name) if number == 0 else None
                axes.plot(steps / 1e6, returns, color=f"C{index}", linewidth=1, label=label)
        axes.axhline(goal, color="0.5", linestyle=":", linewidth=1)
        axes.set_xlabel("environment steps (millions)")
        axes.set_ylabel("return")
        axes.grid(alpha=0.3)
        axes.legend(frameon=False, fontsize=8)
        return panels.png()
