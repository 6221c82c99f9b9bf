"""MAML learns to fit a sine wave from ten points, in one gradient step."""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from metaskill.meta.adapt import InnerLoop, adaptation_curve
from metaskill.meta.sinusoid import INPUT, sinusoid_tasks
from metaskill.meta.supervised import SupervisedLearner
from metaskill.meta.supervised_config import SupervisedConfig, SupervisedHparams
from metaskill.report.adaptation import draw_adaptation, picture
from metaskill.results.figure import Figure, over_seeds
from metaskill.results.findings import Findings, TrainedRun
from metaskill.training.experiment import TrainerConfig
from metaskill.training.supervised_experiment import ProblemConfig, SupervisedExperiment

CONFIG = SupervisedExperiment(
    problem=ProblemConfig("sinusoid", {"shots": 10}),
    trainer=TrainerConfig(
        env_steps=70_000, population=3, chunks_per_evaluation=14, chunks_per_checkpoint=7
    ),
    meta=SupervisedConfig(),
    hparams=SupervisedHparams(inner_lr=1e-3),
)


def _variant(
    inner_lr: float, meta: SupervisedConfig, inner_steps: int = 1, epsilon: float = 0.25
) -> SupervisedExperiment:
    hparams = SupervisedHparams(inner_lr=inner_lr, inner_steps=inner_steps, reptile_epsilon=epsilon)
    return dataclasses.replace(CONFIG, meta=meta, hparams=hparams)


BASELINES = {
    "fomaml": _variant(0.01, SupervisedConfig(order="first")),
    "anil": _variant(0.01, SupervisedConfig(order="head_only")),
    "meta_sgd": _variant(0.01, SupervisedConfig(order="learned_alpha")),
    # Ten plain gradient steps of 0.005 or 0.02 diverge on a wave sooner or later.
    "reptile": _variant(
        0.005,
        SupervisedConfig(outer_rule="reptile", max_inner_steps=10, inner_optimizer="adam"),
        inner_steps=10,
    ),
    "pretrained": _variant(0.01, SupervisedConfig(), inner_steps=0),
}

STEPS = (1, 5, 10)
ELSEWHERE = {"k5": (0.66, 0.34, 0.31), "k10": (0.40, 0.14, 0.12)}
SLACK = 1.1
SOURCE = "4000 new tasks, mean; a plain JAX implementation with K = 10, 3 seeds, plus 10 %"
# Plain learning has no step size of its own to test with: it may choose the best of these.
PRETRAINED_STEP_SIZES = (1e-3, 3e-3, 1e-2, 3e-2, 1e-1)


def findings(runs: dict[str, TrainedRun]) -> Findings:
    """Hold MAML against what was measured elsewhere, and its kin and plain learning beside it."""
    pretrained, step_size = _best_pretrained(runs["pretrained"])
    evaluations = {name: run.outcome.evaluation for name, run in runs.items()}
    evaluations["pretrained"] = pretrained
    figures: dict[str, Figure] = {}
    for setup, limits in ELSEWHERE.items():
        for steps, limit in zip(STEPS, limits, strict=True):
            metric = f"eval/{setup}_mse_{steps}"
            maml = evaluations["main"]
            key = f"sinusoid_{setup}_mse_{steps}"
            figures[key] = _figure(maml[metric], SOURCE, limit=SLACK * limit)
            figures[f"{key}_median"] = _figure(maml[f"{metric}_median"], "median over the tasks")
    for name in BASELINES:
        for steps in STEPS:
            bar = {"required": 1.0} if name == "pretrained" else {}
            source = "must fail; own bar, at the step size that is best for it" if bar else "no bar"
            for suffix in ("", "_median"):
                values = evaluations[name][f"eval/k10_mse_{steps}{suffix}"]
                # A mean over tasks of which some diverge is no number; settings have the share.
                if np.all(np.isfinite(values)):
                    figures[f"sinusoid_{name}_k10_mse_{steps}{suffix}"] = _figure(
                        values,
                        source if not suffix else "median over the tasks",
                        **({} if suffix else bar),
                    )
    settings = {
        "test_queries": 100,
        "pretrained_step_size": step_size,
        "share_of_tasks_that_diverge_in_ten_steps": {
            name: metrics["eval/k10_diverged"].tolist() for name, metrics in evaluations.items()
        },
    }
    return Findings(figures, _draw(runs["main"], evaluations), settings)


def _figure(values: np.ndarray, source: str, **bar: float) -> Figure:
    return over_seeds([float(value) for value in values], source, **bar)


def _best_pretrained(run: TrainedRun) -> tuple[dict[str, np.ndarray], float]:
    """Evaluate plain learning with several step sizes; return the best after ten steps."""
    state = run.outcome.state
    evaluate = jax.jit(jax.vmap(run.learner.evaluate))
    keys = jax.random.split(jax.random.key(0), run.config.trainer.population)

    def with_step_size(step_size: float) -> dict[str, np.ndarray]:
        inner_lr = jnp.full_like(state.hparams.inner_lr, step_size)
        hparams = dataclasses.replace(state.hparams, inner_lr=inner_lr)
        metrics = evaluate(dataclasses.replace(state, hparams=hparams), keys)
        return {name: np.asarray(values) for name, values in metrics.items()}

    results = {step_size: with_step_size(step_size) for step_size in PRETRAINED_STEP_SIZES}
    best = min(
        results, key=lambda size: np.nan_to_num(results[size]["eval/k10_mse_10"], nan=1e9).mean()
    )
    return results[best], best


def _draw(run: TrainedRun, evaluations: dict[str, dict[str, np.ndarray]]) -> bytes:
    names = {"main": "MAML", "meta_sgd": "Meta-SGD", "pretrained": "pre-trained"}
    curves = {
        names.get(name, name.upper() if name != "reptile" else "Reptile"): np.stack(
            [metrics[f"eval/k10_mse_{i}_median"] for i in range(11)], axis=1
        )
        for name, metrics in evaluations.items()
    }
    with picture(2) as panels:
        draw_adaptation(panels.axes[0], curves, "squared error, median over tasks (10 points)")
        panels.axes[0].set_yscale("log")
        axes = panels.axes[1]
        x, wave, fits, support = _fit(run)
        axes.plot(x, wave, color="0.6", linewidth=4, label="the wave")
        for steps, fit in fits.items():
            axes.plot(x, fit, "--" if steps == 0 else "-", label=f"after {steps} steps")
        axes.plot(*support, "k^", markersize=5, label="its ten points")
        axes.set_xlabel("x")
        axes.grid(alpha=0.3)
        axes.legend(frameon=False, fontsize=8)
        return panels.png()


def _fit(run: TrainedRun) -> tuple[np.ndarray, np.ndarray, dict[int, np.ndarray], Any]:
    """Adapt the first seed to a new wave: the wave, fits by number of steps, the points."""
    learner = run.learner
    assert isinstance(learner, SupervisedLearner)
    member = jax.tree.map(lambda leaf: leaf[0], run.outcome.state)
    task = sinusoid_tasks(10, 1000)(jax.random.key(3))
    x = jnp.linspace(*INPUT, 200)[:, None]
    _, fits = adaptation_curve(
        InnerLoop(max_steps=10),
        learner.problem.batch_loss,
        member.params.initial,
        task.support,
        member.hparams.inner_lr,
        lambda params: learner.problem.predict(params, x)[:, 0],
    )
    order = np.argsort(np.asarray(task.query.inputs[:, 0]))
    inputs, targets = (np.asarray(a)[order, 0] for a in task.query)
    wave = np.interp(np.asarray(x[:, 0]), inputs, targets)
    support = [np.asarray(a)[:, 0] for a in task.support]
    return np.asarray(x[:, 0]), wave, {i: np.asarray(fits[i]) for i in (0, 1, 10)}, support
