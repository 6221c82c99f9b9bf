"""How much of an inner gradient is the task's, and how much is chance.

python -m benchmarks.inner_gradients writes benchmarks/results/inner_gradients.json.

Adaptation can only be learned from inner gradients that say something of the task. Here untrained
policies play one task in many batches of an iteration's size. The figure is the mean cosine of the
angle between what two of them say: 0 where there is nothing but chance, 1 where there is none.
"""

import dataclasses
import pathlib

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

CHEETAH, ANT = half_cheetah_direction_maml.CONFIG, ant_direction_maml.CONFIG


def with_set_up(config: MetaRLExperiment, noise: float, hparams: MAMLRLHparams) -> MetaRLExperiment:
    """Return an experiment with another noise of the untrained policy and horizon of credit."""
    meta = dataclasses.replace(config.meta, initial_std=noise)
    return dataclasses.replace(config, meta=meta, hparams=hparams)


SET_UPS = {
    "half_cheetah": CHEETAH,
    "half_cheetah_as_finn_2017": with_set_up(CHEETAH, 1.0, MAMLRLHparams()),
    "ant": ANT,
    "ant_as_half_cheetah": with_set_up(ANT, CHEETAH.meta.initial_std, CHEETAH.hparams),
    "ant_with_half_cheetahs_credit": with_set_up(ANT, ANT.meta.initial_std, CHEETAH.hparams),
}


def main() -> None:
    """Measure and write."""
    figures: dict[str, Figure] = {}
    for name, config in SET_UPS.items():
        cosines = agreements(config)
        hparams = config.hparams
        figures[f"inner_gradient_agreement_{name}"] = over_seeds(
            [float(cosine) for cosine in cosines],
            f"cosine between batches of {config.meta.num_episodes} episodes, noise "
            f"{config.meta.initial_std}, discount {hparams.discount}, lambda {hparams.gae_lambda}",
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
