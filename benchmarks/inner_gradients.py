"""How much of an inner gradient is the task's, and how much is chance.

python -m benchmarks.inner_gradients writes benchmarks/results/inner_gradients.json.

Adaptation can only be learned from inner gradients that say something of the task. Here untrained
policies play one task in many batches of an iteration's size. The figure is the mean cosine of the
angle between what two of them say: 0 where there is nothing but chance, 1 where there is none.
"""

import dataclasses
import pathlib
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree
from jaxtyping import Array, Float, PRNGKeyArray

from experiments import ant_direction_maml, half_cheetah_direction_maml
from metaskill.meta.maml_rl_config import MAMLRLHparams
from metaskill.results.figure import Figure, over_seeds
from metaskill.results.file import write_results
from metaskill.training.meta_rl_experiment import MetaRLExperiment
from metaskill.training.run_folder import as_json

RESULTS = pathlib.Path(__file__).parent / "results"
BATCHES = 16
SEEDS = 3

CHEETAH = half_cheetah_direction_maml.CONFIG


def varied(
    config: MetaRLExperiment, hparams: MAMLRLHparams | None = None, **meta: Any
) -> MetaRLExperiment:
    """Return an experiment with other hyperparameters, or other fields of its `meta`."""
    meta_config = dataclasses.replace(config.meta, **meta)
    return dataclasses.replace(config, meta=meta_config, hparams=hparams or config.hparams)


# All of its parameters adapt, as HalfCheetah's do: its experiment has latents.
ANT = varied(ant_direction_maml.CONFIG, ant_direction_maml.HPARAMS, order="full", num_latents=0)
# The papers': discount .99, lambda 1, noise 1, raw observations.
PAPERS = MAMLRLHparams()
SET_UPS = {
    "half_cheetah": CHEETAH,
    "half_cheetah_raw": varied(CHEETAH, normalize_obs=False),
    "half_cheetah_papers_credit": varied(CHEETAH, PAPERS),
    "half_cheetah_papers": varied(CHEETAH, PAPERS, normalize_obs=False, initial_std=1.0),
    "ant": ANT,
    "ant_raw": varied(ANT, normalize_obs=False),
    "ant_papers_credit": varied(ANT, PAPERS),
    "ant_half_cheetahs_noise": varied(ANT, initial_std=CHEETAH.meta.initial_std),
}


def main() -> None:
    """Measure and write."""
    figures: dict[str, Figure] = {}
    for name, config in SET_UPS.items():
        cosines = agreements(config)
        meta, hparams = config.meta, config.hparams
        figures[f"inner_gradient_agreement_{name}"] = over_seeds(
            [float(cosine) for cosine in cosines],
            f"cosine between batches of {meta.num_episodes} episodes, noise {meta.initial_std}, "
            f"discount {hparams.discount}, lambda {hparams.gae_lambda}, "
            f"{'normalized' if meta.normalize_obs else 'raw'} observations",
        )
        print(f"{name:<32} {np.mean(cosines):.3f}", flush=True)
    settings = {"configs": {name: as_json(config) for name, config in SET_UPS.items()}}
    print(write_results(RESULTS, "inner_gradients", figures, settings))


def agreements(config: MetaRLExperiment) -> Float[np.ndarray, " seed"]:
    """Return the mean cosine between inner steps on different batches, by seed."""
    learner = config.make_learner()

    def of_seed(key: PRNGKeyArray) -> Float[Array, ""]:
        init_key, task_key, episode_key = jax.random.split(key, 3)
        state = learner.init(init_key, config.hparams)
        task = learner.family.sample(task_key)

        def inner_step(key: PRNGKeyArray) -> Float[Array, " parameter"]:
            policies, _ = learner.adapt_to(state, task, key, 1)
            return ravel_pytree(jax.tree.map(lambda leaf: leaf[1] - leaf[0], policies))[0]

        steps = jax.lax.map(inner_step, jax.random.split(episode_key, BATCHES))
        directions = steps / jnp.linalg.norm(steps, axis=1, keepdims=True)
        cosines = directions @ directions.T
        return (jnp.sum(cosines) - BATCHES) / (BATCHES * (BATCHES - 1))

    return np.asarray(jax.jit(jax.vmap(of_seed))(jax.random.split(jax.random.key(0), SEEDS)))


if __name__ == "__main__":
    main()
