"""What meta-learning of few-shot classification found, against neighbours of new images."""

import jax
import numpy as np
from jaxtyping import Array

from metaskill.meta.few_shot import nearest_neighbour_accuracy, pixels
from metaskill.meta.problem import SampleTask
from metaskill.meta.supervised import SupervisedLearner
from metaskill.networks.cnn import CNN4
from metaskill.report.adaptation import draw_adaptation, picture
from metaskill.results.figure import over_seeds
from metaskill.results.findings import Findings, Judge, TrainedRun

_SOURCE = "rendered glyphs (not Omniglot), characters of held-out alphabets"


def against_neighbours(prefix: str, setup: str) -> Judge:
    """Judge the main run against nearest neighbours in pixels and in learned features.

    Args:
        prefix: What the figures' keys begin with.
        setup: The held-out set-up, such as `5w1s`.

    Returns:
        A judge of `main`, few-shot classification, and `features`, plain classification of
        the meta-training classes.
    """

    def judge(runs: dict[str, TrainedRun]) -> Findings:
        main = runs["main"]
        learner = main.learner
        assert isinstance(learner, SupervisedLearner)
        steps = learner.config.eval_steps
        curve = np.stack(
            [main.outcome.evaluation[f"eval/{setup}_accuracy_{i}"] for i in range(steps + 1)],
            axis=1,
        )
        sample, count = learner.problem.held_out[setup], learner.config.num_eval_tasks
        features = _feature_neighbours(runs["features"], sample, count)
        plain = _pixel_neighbours(main, sample, count)
        accuracy = curve[:, -1]
        figures = {
            f"{prefix}_accuracy": over_seeds(accuracy.tolist(), _SOURCE),
            f"{prefix}_baseline": over_seeds(
                features.tolist(), "nearest neighbour, features of the meta-training classes"
            ),
            f"{prefix}_baseline_pixels": over_seeds(plain.tolist(), "nearest neighbour, pixels"),
            f"{prefix}_over_baselines": over_seeds(
                (accuracy - np.maximum(features, plain)).tolist(),
                "own bar: points above the better baseline",
                required=0.0,
            ),
            f"{prefix}_adaptation_gain": over_seeds(
                (accuracy - curve[:, 0]).tolist(),
                "own bar: points above the initial parameters",
                required=20.0,
            ),
        }
        with picture(1, width=5.0) as panels:
            (axes,) = panels.axes
            draw_adaptation(axes, {"MAML": curve}, f"% correct, {setup}, held-out alphabets")
            for values, name, style in ((features, "features", "--"), (plain, "pixels", ":")):
                label = f"nearest neighbour, {name}"
                axes.axhline(values.mean(), color="0.4", linestyle=style, label=label)
            axes.legend(frameon=False, fontsize=8)
            return Findings(figures, panels.png(), {"test_tasks": count, "inner_steps": steps})

    return judge


def _feature_neighbours(run: TrainedRun, sample: SampleTask, count: int) -> np.ndarray:
    """Return each seed's accuracy with what its last hidden layer says of images."""
    learner = run.learner
    assert isinstance(learner, SupervisedLearner)
    network = learner.problem.network

    def of_seed(params: object, key: Array) -> Array:
        def embed(images: Array) -> Array:
            return network.apply(params, images, method=CNN4.features)

        accuracy = jax.lax.map(
            lambda k: nearest_neighbour_accuracy(embed, sample(k)),
            jax.random.split(key, count),
            batch_size=min(50, count),
        )
        return accuracy.mean()

    keys = jax.random.split(jax.random.key(0), run.config.trainer.population)
    return np.asarray(jax.jit(jax.vmap(of_seed))(run.outcome.state.params.initial, keys))


def _pixel_neighbours(run: TrainedRun, sample: SampleTask, count: int) -> np.ndarray:
    """Return as many accuracies as there are seeds, of different tasks."""

    def of_seed(key: Array) -> Array:
        return jax.lax.map(
            lambda k: nearest_neighbour_accuracy(pixels, sample(k)), jax.random.split(key, count)
        ).mean()

    keys = jax.random.split(jax.random.key(0), run.config.trainer.population)
    return np.asarray(jax.jit(jax.vmap(of_seed))(keys))
