"""Figures of meta-reinforcement learning: how much of the way to the oracle adaptation goes."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, PRNGKeyArray

from metaskill.report.adaptation import draw_adaptation, picture
from metaskill.results.figure import Figure, over_seeds
from metaskill.results.findings import Findings, Judge, TrainedRun, untrained
from metaskill.statistics import interquartile_mean
from metaskill.training.experiment import Required
from metaskill.training.prepared import PreparedState

Curve = np.ndarray
"""Mean returns on held-out tasks (axes: seed, inner step)."""

STEPS = 4
# Learners that were not trained with an inner step size may choose the best of these.
STEP_SIZES = (0.03, 0.1, 0.3, 1.0)


def adaptation_findings(name: str, required: Mapping[int, Required]) -> Judge:
    """Judge the main run by the part of the gap to the oracle that its inner steps close.

        gap_i = (return after i steps - return before) / (oracle - return before)

    As exploration may have cost returns before adaptation, `gap_i_over_pretrained` is measured from
    those of the policy that is best on average.

    Runs called `oracle` and `pretrained` have to be there: the oracle is judged by its
    return before adaptation, since it needs none. A third baseline, from scratch, is the
    pre-trained learner before training. Every other run is reported like the main one.

    Args:
        name: Beginning of the figures' keys.
        required: The bar of `<name>_gap_<i>`, by i.
    """

    def judge(runs: dict[str, TrainedRun]) -> Findings:
        oracle = evaluated_curve(runs["oracle"])[:, 0]
        curves = {key: evaluated_curve(run) for key, run in runs.items() if key != "oracle"}
        step_sizes = {}
        curves["pretrained"], step_sizes["pretrained"] = best_curve(runs["pretrained"])
        curves["scratch"], step_sizes["scratch"] = best_curve(untrained(runs["pretrained"]))
        figures = {f"{name}_oracle": _figure(oracle, "return of a policy that is told the task")}
        for key, curve in curves.items():
            prefix = name if key == "main" else f"{name}_{key}"
            for i in range(STEPS):
                figures[f"{prefix}_return_{i}"] = _figure(curve[:, i], "held-out tasks; no bar")
            for i, bar in required.items():
                figures[f"{prefix}_gap_{i}"] = _figure(
                    gap_closed(curve, oracle, i),
                    bar.source if key == "main" else "no bar",
                    bar.at_least if key == "main" else None,
                )
        average = interquartile_mean(curves["pretrained"][:, 0])
        for i in required:
            gap = gap_closed(curves["main"], oracle, i, average)
            source = "from the pre-trained policy's return before adaptation; no bar"
            figures[f"{name}_gap_{i}_over_pretrained"] = _figure(gap, source)
        return Findings(figures, _draw(curves, oracle), {"step_sizes": step_sizes})

    return judge


def unsupervised_findings(name: str, at_least: float) -> Judge:
    """Judge meta-learning without tasks by what adaptation to tasks gains on learning anew.

    Neither it nor the learner from scratch (itself before training) has seen the tasks or their
    rewards: both may choose the step size that is best for them.

    Args:
        name: Beginning of the figures' keys.
        at_least: The smallest gain in return that passes.
    """

    def judge(runs: dict[str, TrainedRun]) -> Findings:
        step_sizes, curves = {}, {}
        for key, run in (("main", runs["main"]), ("scratch", untrained(runs["main"]))):
            curves[key], step_sizes[key] = best_curve(run)
        figures = {
            f"{prefix}_return_{i}": _figure(curve[:, i], "tasks never trained on; no bar")
            for prefix, curve in ((name, curves["main"]), (f"{name}_scratch", curves["scratch"]))
            for i in range(STEPS)
        }
        gain = curves["main"][:, -1] - interquartile_mean(curves["scratch"][:, -1])
        figures[f"{name}_gain"] = _figure(
            gain,
            "own bar: return after three steps, less that from scratch",
            required=at_least,
        )
        with picture(1, width=6.0) as panels:
            labelled = {"skills as tasks": curves["main"], "from scratch": curves["scratch"]}
            draw_adaptation(panels.axes[0], labelled, "return on tasks never trained on")
            return Findings(figures, panels.png(), {"step_sizes": step_sizes})

    return judge


def gap_closed(
    curve: Curve, oracle: np.ndarray, i: int, before: np.ndarray | float | None = None
) -> np.ndarray:
    """Return the part of the gap to the oracle that i inner steps close, by seed.

    Seeds of different runs have nothing to do with each other: all are held against the
    interquartile mean of the oracle's.

    Args:
        curve: What adaptation led to.
        oracle: The oracle's returns, by seed.
        i: Inner steps.
        before: Where the gap begins; by default at the return before adaptation.
    """
    before = curve[:, 0] if before is None else before
    return (curve[:, i] - before) / (interquartile_mean(oracle) - before)


def evaluated_curve(run: TrainedRun) -> Curve:
    """Return a run's adaptation curve, from its last evaluation."""
    return _curve(run.outcome.evaluation)


def best_curve(run: TrainedRun) -> tuple[Curve, float]:
    """Return the adaptation curve with the inner step size that is best after all steps."""

    def evaluate_member(state: Any, key: PRNGKeyArray, step_size: float) -> dict[str, Any]:
        return run.learner.evaluate(with_inner_lr(state, step_size), key)

    evaluate = jax.jit(jax.vmap(evaluate_member, in_axes=(0, 0, None)))
    keys = jax.random.split(jax.random.key(0), run.config.trainer.population)
    results = {size: _curve(evaluate(run.outcome.state, keys, size)) for size in STEP_SIZES}
    best = max(results, key=lambda size: np.nan_to_num(results[size][:, -1], nan=-1e9).mean())
    return results[best], best


def with_inner_lr(state: Any, step_size: float | Array) -> Any:
    """Return a member's state with another inner step size.

    Step sizes that are learned, one for each parameter, become longer or shorter alike, as if
    they had begun with this one.
    """
    if isinstance(state, PreparedState):
        return dataclasses.replace(state, own=with_inner_lr(state.own, step_size))
    step_size = jnp.asarray(step_size, jnp.float32)
    params = dict(state.params)
    if "inner_lr" in params:
        ratio = step_size / state.hparams.inner_lr
        params["inner_lr"] = jax.tree.map(lambda size: ratio * size, params["inner_lr"])
    hparams = dataclasses.replace(state.hparams, inner_lr=step_size)
    return dataclasses.replace(state, params=params, hparams=hparams)


def _curve(metrics: Mapping[str, Any]) -> Curve:
    return np.stack([np.asarray(metrics[f"eval/return_{i}"]) for i in range(STEPS)], axis=-1)


def _figure(values: np.ndarray, source: str, required: float | None = None) -> Figure:
    return over_seeds([float(value) for value in values], source, required)


def _draw(curves: Mapping[str, Curve], oracle: np.ndarray) -> bytes:
    names = {"main": "meta-learned", "pretrained": "pre-trained", "scratch": "from scratch"}
    with picture(1, width=6.0) as panels:
        labelled = {names.get(key, key): curve for key, curve in curves.items()}
        labelled["oracle"] = np.repeat(oracle[:, None], STEPS, axis=1)
        draw_adaptation(panels.axes[0], labelled, "return on held-out tasks")
        return panels.png()
