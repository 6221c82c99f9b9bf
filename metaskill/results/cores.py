"""Figures that compare the cores by which skills can be learned: PPO and SAC."""

from metaskill.report.adaptation import picture
from metaskill.results.effort import effort_until, evaluated_curves
from metaskill.results.figure import Figure, over_seeds
from metaskill.results.findings import Findings, Judge, TrainedRun

_CORES = {"main": "PPO", "sac": "SAC"}
_EFFORTS = {
    "steps": ("env_steps", "environment steps of a seed"),
    "seconds": ("seconds", "seconds of training, of all seeds side by side"),
}
_NATS = "eval/skill_reward"
_ACCURACY = "eval/discriminator_accuracy"


def compare_cores(prefix: str, accuracy: float, nats: float) -> Judge:
    """Judge DIAYN over PPO (`main`), and hold it against DIAYN over SAC (`sac`).

    They are compared by what it takes until an evaluation shows the reward that is asked for:
    environment steps of a seed, and seconds in which all seeds train side by side, where neither
    compilation nor evaluations count.

    Args:
        prefix: Beginning of the figures' keys.
        accuracy: The smallest accuracy of the discriminator that passes.
        nats: The smallest reward that does.
    """

    def judge(runs: dict[str, TrainedRun]) -> Findings:
        figures: dict[str, Figure] = {}
        for name, key in (("main", prefix), ("sac", f"{prefix}_sac")):
            run, is_judged = runs[name], name == "main"
            for measure, metric, bar in (
                ("accuracy", _ACCURACY, accuracy),
                ("nats", _NATS, nats),
            ):
                figures[f"{key}_{measure}"] = over_seeds(
                    run.outcome.evaluation[metric].tolist(),
                    "own bar; deterministic policy" if is_judged else "no bar",
                    bar if is_judged else None,
                )
            for unit, (axis, meaning) in _EFFORTS.items():
                figures[f"{key}_{unit}"] = over_seeds(
                    [effort_until(nats, *curve) for curve in evaluated_curves(run, _NATS, axis)],
                    f"{meaning}, until an evaluation shows {nats} nats; no bar",
                )
        return Findings(figures, _draw(runs, nats))

    return judge


def _draw(runs: dict[str, TrainedRun], nats: float) -> bytes:
    with picture(len(_EFFORTS)) as panels:
        for axes, (axis, meaning) in zip(panels.axes, _EFFORTS.values(), strict=True):
            for index, (name, label) in enumerate(_CORES.items()):
                for number, curve in enumerate(evaluated_curves(runs[name], _NATS, axis)):
                    of_first = label if number == 0 else None
                    axes.plot(*curve, color=f"C{index}", linewidth=1, label=of_first)
            axes.axhline(nats, color="0.5", linestyle=":", linewidth=1)
            axes.set_xscale("log")
            axes.set_xlabel(meaning)
            axes.set_ylabel("reward of the skills (nats)")
            axes.grid(alpha=0.3)
            axes.legend(frameon=False, fontsize=8)
        return panels.png()
