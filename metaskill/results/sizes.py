"""Figures of skills of several sizes: how good what they guide becomes, and how soon."""

import dataclasses
from collections.abc import Sequence

import numpy as np

from metaskill.report.adaptation import picture
from metaskill.report.curves import series
from metaskill.report.sizes import draw_table
from metaskill.report.sweep import Points, draw_curves
from metaskill.results.figure import over_seeds
from metaskill.results.findings import Findings, Judge, TrainedRun
from metaskill.results.guided import returns_of
from metaskill.training.metrics import read_rows


@dataclasses.dataclass(frozen=True)
class Size:
    """The size of a skill.

    Attributes:
        numbers: Length of z.
        steps: Control steps, H.
    """

    numbers: int
    steps: int

    @property
    def name(self) -> str:
        """What a run with such skills is called."""
        return f"z{self.numbers}_h{self.steps}"


def sizes_findings(prefix: str, measure: str, sizes: Sequence[Size], main: Size) -> Judge:
    """Report the return of every size's deterministic policy, at the end and over training.

    Args:
        prefix: Beginning of the figures' keys.
        measure: Their end: what a return is.
        sizes: All of them; a size's run is called by its name.
        main: That of the run `main`.
    """

    def judge(runs: dict[str, TrainedRun]) -> Findings:
        named = {size: runs["main" if size == main else size.name] for size in sizes}
        at_the_end = {size: _returns(run) for size, run in named.items()}
        on_the_way = {size: _mean_returns(run) for size, run in named.items()}
        figures = {}
        for size in sizes:
            of_size = f"|z| = {size.numbers}, H = {size.steps}; no bar"
            figures[f"{prefix}_{size.name}_{measure}"] = over_seeds(
                at_the_end[size], f"deterministic policy at the end, {of_size}"
            )
            figures[f"{prefix}_{size.name}_mean_{measure}"] = over_seeds(
                on_the_way[size], f"mean of all evaluations during training, {of_size}"
            )
        curves = returns_of({size.name: run for size, run in named.items()})
        tables = {
            f"{measure} at the end": {s: float(np.mean(v)) for s, v in at_the_end.items()},
            f"{measure}, mean of training": {s: float(np.mean(v)) for s, v in on_the_way.items()},
        }
        return Findings(figures, _draw(curves, tables, measure))

    return judge


def _returns(run: TrainedRun) -> list[float]:
    return [float(value) for value in run.outcome.evaluation["eval/return"]]


def _mean_returns(run: TrainedRun) -> list[float]:
    by_seed = series(read_rows(run.folder.metrics_file), "eval/return")
    return [float(np.mean(by_seed[seed][1])) for seed in sorted(by_seed)]


def _draw(curves: dict[str, Points], tables: dict[str, dict[Size, float]], measure: str) -> bytes:
    with picture(1 + len(tables), width=5.0 * (1 + len(tables)), height=3.8) as panels:
        axes = panels.axes[0]
        draw_curves(axes, curves, [f"C{index}" for index in range(len(curves))])
        axes.set_xlabel("environment steps (millions)")
        axes.set_ylabel(measure)
        axes.legend(frameon=False, fontsize=7)
        for axes, (title, values) in zip(panels.axes[1:], tables.items(), strict=True):
            cells = {(size.numbers, size.steps): value for size, value in values.items()}
            draw_table(axes, cells, ("|z|", "H"))
            axes.set_title(title, fontsize=9)
        return panels.png()
