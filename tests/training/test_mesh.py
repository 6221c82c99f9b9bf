"""Training on many devices: the same numbers, and keys of one's own."""

import dataclasses
import pathlib
import subprocess
import sys

import jax
import numpy as np
import pytest

from metaskill.errors import UserError
from metaskill.rl.ppo_config import PPOConfig
from metaskill.training.chunks import Chunks
from metaskill.training.experiment import PPOExperiment, TrainerConfig
from metaskill.training.mesh import MeshShape, parse_mesh
from metaskill.training.population import members_of
from metaskill.training.progress import NoProgress
from metaskill.training.run_folder import RunFolder
from metaskill.training.task_distribution import EnvConfig
from metaskill.training.trainer import train

PPO = PPOConfig(
    num_envs=4,
    rollout_length=8,
    num_epochs=2,
    num_minibatches=2,
    policy_hidden=(8,),
    value_hidden=(8,),
    num_eval_episodes=2,
)


def experiment(environment: str = "point_mass") -> PPOExperiment:
    return PPOExperiment(
        env=EnvConfig(environment, "native", {"episode_length": 5}),
        trainer=TrainerConfig(
            env_steps=2 * PPO.steps_per_iteration,
            population=2,
            iterations_per_chunk=1,
            chunks_per_evaluation=1,
            chunks_per_checkpoint=1,
            seconds_per_checkpoint=0,
        ),
        ppo=PPO,
    )


def train_on(path: pathlib.Path, config: PPOExperiment, mesh: MeshShape | None):
    folder = RunFolder(path)
    folder.create("test", config)
    return train(config, folder, NoProgress(), mesh)


def data(leaf: jax.Array) -> np.ndarray:
    is_key = jax.numpy.issubdtype(leaf.dtype, jax.dtypes.prng_key)
    return np.asarray(jax.random.key_data(leaf) if is_key else leaf)


def assert_close(one: object, other: object) -> None:
    for a, b in zip(jax.tree.leaves(one), jax.tree.leaves(other), strict=True):
        np.testing.assert_allclose(data(a), data(b), rtol=1e-4, atol=1e-5)


@pytest.fixture(scope="module")
def single(tmp_path_factory: pytest.TempPathFactory):
    return train_on(tmp_path_factory.mktemp("single"), experiment(), None)


@pytest.mark.parametrize("mesh", [MeshShape(population=2), MeshShape(env=2)])
def test_two_devices_learn_what_one_does(tmp_path: pathlib.Path, single, mesh: MeshShape) -> None:
    outcome = train_on(tmp_path, experiment(), mesh)
    assert_close(single.state, outcome.state)
    for name, values in single.evaluation.items():
        np.testing.assert_allclose(values, outcome.evaluation[name], rtol=1e-4, atol=1e-5)
    world = outcome.state.workers.state.obs["state"]
    assert len(world.sharding.device_set) == 2
    assert world.addressable_shards[0].data.shape[:2] == (2 // mesh.population, 4 // mesh.env)
    keys = data(outcome.state.workers.key).reshape(8, -1)
    assert len(np.unique(keys, axis=0)) == 8


def test_a_run_goes_on_with_another_number_of_devices(tmp_path: pathlib.Path, single) -> None:
    class Interrupt(NoProgress):
        def update(self, env_steps: int, steps_per_second: float, headline: float) -> None:
            raise KeyboardInterrupt

    folder = RunFolder(tmp_path)
    folder.create("test", experiment())
    with pytest.raises(KeyboardInterrupt):
        train(experiment(), folder, Interrupt(), MeshShape(population=2))
    assert_close(single.state, train(experiment(), folder, NoProgress()).state)


def test_the_native_engine_steps_members_on_their_devices() -> None:
    config = experiment("half_cheetah")
    learner, members = config.make_learner(), members_of(config)
    states = []
    for mesh in (None, MeshShape(population=2)):
        chunks = Chunks(learner, config.trainer, mesh)
        state, _ = chunks.compile(members)(chunks.init(members))
        states.append(state)
    assert_close(states[0].params, states[1].params)


def test_the_native_engine_cannot_divide_worlds() -> None:
    config = experiment("half_cheetah")
    chunks = Chunks(config.make_learner(), config.trainer, MeshShape(env=2))
    with pytest.raises(UserError, match="--engine=mjx, or divide by population"):
        chunks.compile(members_of(config))


@pytest.mark.parametrize(
    ("mesh", "message"),
    [
        (MeshShape(population=4), "cannot be divided"),
        (MeshShape(env=3), "takes 3 devices, and there are 2"),
    ],
)
def test_meshes_that_do_not_fit_are_refused(
    tmp_path: pathlib.Path, mesh: MeshShape, message: str
) -> None:
    with pytest.raises(UserError, match=message):
        train_on(tmp_path, experiment(), mesh)


def test_worlds_that_do_not_divide_are_refused() -> None:
    config = dataclasses.replace(experiment(), ppo=dataclasses.replace(PPO, num_envs=3))
    chunks = Chunks(config.make_learner(), config.trainer, MeshShape(env=2))
    with pytest.raises(UserError, match="3 worlds cannot be divided"):
        chunks.compile(members_of(config))


def test_the_grammar_of_a_mesh() -> None:
    assert parse_mesh("population=2,env=4") == MeshShape(2, 4)
    assert parse_mesh("env=2") == MeshShape(1, 2)
    for text in ("", "env", "env=0", "env=-1", "task=2", "env=2,env=2"):
        with pytest.raises(UserError):
            parse_mesh(text)


def test_a_part_of_the_population_is_as_large_as_divides_it() -> None:
    assert MeshShape(4, 2).holding(6) == MeshShape(3, 2)
    assert MeshShape(4, 2).holding(8) == MeshShape(4, 2)
    assert MeshShape(4, 2).holding(1) == MeshShape(1, 2)


FOUR_DEVICES = """
import pathlib, sys
import numpy as np
sys.path.insert(0, sys.argv[1])
from test_mesh import assert_close, experiment, train_on
from metaskill.training.mesh import MeshShape
path = pathlib.Path(sys.argv[2])
one = train_on(path / "one", experiment(), None)
four = train_on(path / "four", experiment(), MeshShape(population=2, env=2))
assert_close(one.state, four.state)
shards = four.state.workers.state.obs["state"].addressable_shards
assert [shard.data.shape[:2] for shard in shards] == [(1, 2)] * 4
"""


@pytest.mark.slow
def test_four_devices_learn_what_one_does(tmp_path: pathlib.Path, monkeypatch) -> None:
    monkeypatch.setenv("XLA_FLAGS", "--xla_force_host_platform_device_count=4")
    here = str(pathlib.Path(__file__).parent)
    subprocess.run(
        [sys.executable, "-c", FOUR_DEVICES, here, str(tmp_path)], check=True, timeout=580
    )
