"""Checkpoints come back bit for bit, and damage is noticed."""

import logging
import pathlib
import shutil

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from metaskill.envs.env import Context
from metaskill.errors import UserError
from metaskill.training.checkpoint import Checkpoints

# After a failed read orbax closes an event loop that still has work.
ORBAX_LEAVES_ITS_EVENT_LOOP = pytest.mark.filterwarnings(
    "ignore::pytest.PytestUnraisableExceptionWarning"
)

STATE = {
    "context": Context(reward={"goal": jnp.array([0.1, 0.2])}),
    "keys": jax.random.split(jax.random.key(3), 4),
    "count": jnp.int32(7),
    "empty": jnp.zeros((0, 3)),
}
TEMPLATE = jax.eval_shape(lambda: STATE)


@pytest.fixture
def checkpoints(tmp_path: pathlib.Path) -> Checkpoints:
    return Checkpoints(tmp_path / "checkpoints", kept=2)


def scaled(factor: float) -> dict:
    return {**STATE, "context": Context(reward={"goal": factor * jnp.array([0.1, 0.2])})}


def bytes_of(tree: object) -> list[bytes]:
    def raw(leaf: jax.Array) -> bytes:
        is_key = jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key)
        return np.asarray(jax.random.key_data(leaf) if is_key else leaf).tobytes()

    return [raw(leaf) for leaf in jax.tree.leaves(tree)]


def corrupt(folder: pathlib.Path) -> None:
    """Flip bytes in the middle of every data file."""
    for path in folder.rglob("d/*"):
        content = bytearray(path.read_bytes())
        middle = len(content) // 2
        content[middle : middle + 16] = bytes(255 - byte for byte in content[middle : middle + 16])
        path.write_bytes(content)


def test_a_state_comes_back_bit_for_bit(checkpoints: Checkpoints) -> None:
    assert checkpoints.restore_latest(TEMPLATE) is None
    checkpoints.save(10, STATE, seconds=1.5)
    restored = checkpoints.restore_latest(TEMPLATE)
    assert restored is not None
    state, iteration, seconds = restored
    assert (iteration, seconds) == (10, 1.5)
    assert jax.tree.structure(state) == jax.tree.structure(STATE)
    assert bytes_of(state) == bytes_of(STATE)


def test_only_the_newest_are_kept(checkpoints: Checkpoints) -> None:
    for iteration in (1, 2, 3):
        checkpoints.save(iteration, STATE, seconds=0.0)
    assert checkpoints.iterations() == [2, 3]


@ORBAX_LEAVES_ITS_EVENT_LOOP
def test_a_damaged_checkpoint_is_named_and_the_one_before_is_used(
    checkpoints: Checkpoints, tmp_path: pathlib.Path, caplog: pytest.LogCaptureFixture
) -> None:
    checkpoints.save(1, scaled(1.0), seconds=0.0)
    checkpoints.save(2, scaled(2.0), seconds=0.0)
    corrupt(tmp_path / "checkpoints" / "2")
    with caplog.at_level(logging.WARNING):
        restored = checkpoints.restore_latest(TEMPLATE)
    assert restored is not None
    assert restored[1] == 1
    assert bytes_of(restored[0]) == bytes_of(scaled(1.0))
    assert "checkpoint 2 is damaged" in caplog.text
    assert (tmp_path / "damaged_checkpoints" / "2").is_dir()
    checkpoints.save(2, scaled(2.0), seconds=0.0)  # Its place is free again.
    assert checkpoints.iterations() == [1, 2]


@ORBAX_LEAVES_ITS_EVENT_LOOP
def test_nothing_but_damage_is_an_error(checkpoints: Checkpoints, tmp_path: pathlib.Path) -> None:
    checkpoints.save(1, STATE, seconds=0.0)
    corrupt(tmp_path / "checkpoints")
    with pytest.raises(UserError, match="every checkpoint"):
        checkpoints.restore_latest(TEMPLATE)


def test_another_configuration_is_refused_and_nothing_is_lost(checkpoints: Checkpoints) -> None:
    checkpoints.save(1, STATE, seconds=0.0)
    other = {**TEMPLATE, "count": jax.ShapeDtypeStruct((2,), jnp.int32)}
    with pytest.raises(UserError, match="does not fit this configuration at 'count'"):
        checkpoints.restore_latest(other)
    assert checkpoints.iterations() == [1]


def test_a_full_disk_is_said_and_the_last_checkpoint_kept(
    checkpoints: Checkpoints, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkpoints.save(1, STATE, seconds=0.0)
    full = shutil.disk_usage("/")._replace(free=1000)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: full)
    with pytest.raises(UserError, match="MB left, a checkpoint needs"):
        checkpoints.save(2, STATE, seconds=0.0)
    assert checkpoints.iterations() == [1]
    assert checkpoints.restore_latest(TEMPLATE) is not None


def test_a_folder_that_cannot_be_written_is_said_in_a_sentence(tmp_path: pathlib.Path) -> None:
    (tmp_path / "checkpoints").write_text("in the way")
    with pytest.raises(UserError, match="cannot write to"):
        Checkpoints(tmp_path / "checkpoints").save(1, STATE, seconds=0.0)
