"""Past data and a model of them, for tests of what stands on both."""

import pathlib

import jax

from metaskill.envs.point_mass import PointMass
from metaskill.offline.collect import collect
from metaskill.offline.dataset import write_dataset
from metaskill.offline.learner import FittingConfig
from metaskill.offline.policies import make_policy
from metaskill.rl.sac_config import SACConfig
from metaskill.skills.cloning import CloningConfig
from metaskill.skills.spirl_model import EmbeddingConfig
from metaskill.training.data_experiment import DataConfig, DataExperiment
from metaskill.training.experiment import TrainerConfig
from metaskill.training.guided_experiment import GuidedExperiment
from metaskill.training.progress import NoProgress
from metaskill.training.run_folder import RunFolder
from metaskill.training.source import Source
from metaskill.training.task_distribution import EnvConfig
from metaskill.training.trainer import train

LENGTH = 2
EPISODE_LENGTH = 5


def collect_point_mass(folder: pathlib.Path) -> None:
    """Write random episodes of a point mass."""
    env = PointMass(episode_length=EPISODE_LENGTH)
    policy = make_policy("random", env)
    batches = collect(env, lambda _: env.nominal_context(), policy, jax.random.key(0), 6)
    write_dataset(folder, "point_mass", (batch.episodes for batch in batches))


def trainer(steps_per_chunk: int, population: int = 1) -> TrainerConfig:
    """Train for four chunks of two iterations, with a checkpoint after each."""
    return TrainerConfig(
        env_steps=4 * steps_per_chunk,
        population=population,
        iterations_per_chunk=2,
        chunks_per_evaluation=1,
        chunks_per_checkpoint=1,
    )


def data_experiment(data: pathlib.Path, model: str, population: int = 1) -> DataExperiment:
    """Fit a tiny model."""
    return DataExperiment(
        data=DataConfig(str(data), hold_out_every=3),
        trainer=trainer(2 * 3, population),
        model=model,
        embedding=EmbeddingConfig(2, LENGTH, lstm_size=4, prior_hidden=(8,)),
        cloning=CloningConfig(hidden=(8,)),
        fitting=FittingConfig(batch_size=8, updates_per_iteration=3, num_eval_windows=8),
    )


def guided_experiment(
    run: pathlib.Path, model: DataExperiment, **changes: object
) -> GuidedExperiment:
    """Train SAC, guided by the run of a tiny model."""
    sac = SACConfig(
        num_envs=4,
        rollout_length=2,
        updates_per_iteration=2,
        batch_size=8,
        replay_capacity=64,
        warm_up_steps=16,
        critic_hidden=(8,),
        num_eval_episodes=2,
    )
    return GuidedExperiment(
        env=EnvConfig("point_mass", options={"episode_length": EPISODE_LENGTH}),
        trainer=trainer(2 * LENGTH * sac.steps_per_iteration),
        source=Source("test", model, str(run)),
        sac=sac,
        **changes,
    )


def train_into(folder: pathlib.Path, config: DataExperiment) -> None:
    """Train an experiment."""
    run = RunFolder(folder)
    run.create("test", config)
    train(config, run, NoProgress())
