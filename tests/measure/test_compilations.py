"""The compile budget of a run: each of its programs once."""

import pathlib

import jax
import jax.numpy as jnp

from metaskill.measure.compilations import counted_compilations
from metaskill.rl.ppo_config import PPOConfig
from metaskill.training.experiment import PPOExperiment, TrainerConfig
from metaskill.training.progress import NoProgress
from metaskill.training.run_folder import RunFolder
from metaskill.training.task_distribution import EnvConfig
from metaskill.training.trainer import train


def test_a_new_shape_is_a_new_program() -> None:
    def double(x: jax.Array) -> jax.Array:
        return 2.0 * x

    program = jax.jit(double)
    with counted_compilations() as counts:
        for size in (2, 2, 3):
            program(jnp.ones(size))
    assert counts["double"] == 2
    program(jnp.ones(4))
    assert counts["double"] == 2  # The block is over.


def test_a_run_compiles_each_of_its_programs_once(tmp_path: pathlib.Path) -> None:
    experiment = PPOExperiment(
        EnvConfig("point_mass", options={"episode_length": 5}),
        TrainerConfig(env_steps=128, population=2, iterations_per_chunk=1, chunks_per_evaluation=1),
        PPOConfig(
            num_envs=8,
            rollout_length=4,
            num_epochs=1,
            num_minibatches=1,
            policy_hidden=(4,),
            value_hidden=(4,),
            num_eval_episodes=1,
        ),
    )
    run = RunFolder(tmp_path / "run")
    run.create("test", experiment)
    with counted_compilations() as counts:
        train(experiment, run, NoProgress())
    assert counts["run"] == 1
    assert counts["init"] == 1
    assert counts["evaluate"] == 1
