"""Checkpoints come back bit for bit, and damage is noticed."""

import dataclasses
import logging
import pathlib
import shutil
import threading

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from metaskill.envs.env import Context
from metaskill.errors import UserError
from metaskill.training.checkpoint import Checkpoint, Checkpoints

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


def save(checkpoints: Checkpoints, iteration: int, state: dict, score: float | None = None) -> None:
    checkpoints.save(Checkpoint(state, iteration, score=score))
    checkpoints.wait()


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
    checkpoints.save(Checkpoint(STATE, iteration=10, seconds=1.5, rollbacks=2, score=3.0))
    restored = checkpoints.restore_latest(TEMPLATE)
    assert restored is not None
    assert dataclasses.replace(restored, state=None) == Checkpoint(None, 10, 1.5, 2, 3.0)
    assert jax.tree.structure(restored.state) == jax.tree.structure(STATE)
    assert bytes_of(restored.state) == bytes_of(STATE)


def test_only_the_newest_are_kept(checkpoints: Checkpoints) -> None:
    for iteration in (1, 2, 3):
        save(checkpoints, iteration, STATE)
    assert checkpoints.iterations() == [2, 3]


def test_the_best_is_kept_beside_the_newest(checkpoints: Checkpoints) -> None:
    scores = {1: 1.0, 2: 5.0, 3: None, 4: 2.0, 5: None}
    for iteration, score in scores.items():
        save(checkpoints, iteration, scaled(iteration), score)
    assert checkpoints.iterations() == [2, 4, 5]
    assert checkpoints.best() == 2
    best = checkpoints.restore_best(TEMPLATE)
    assert best is not None
    assert bytes_of(best.state) == bytes_of(scaled(2))
    save(checkpoints, 6, STATE, score=5.0)  # As good, and newer.
    assert checkpoints.iterations() == [5, 6]


def test_without_a_score_there_is_no_best(checkpoints: Checkpoints) -> None:
    save(checkpoints, 1, STATE)
    assert checkpoints.best() is None
    assert checkpoints.restore_best(TEMPLATE) is None


def test_a_save_neither_waits_for_the_disk_nor_sees_what_is_overwritten_meanwhile(
    checkpoints: Checkpoints, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = threading.Event()
    write = Checkpoints._write
    monkeypatch.setattr(Checkpoints, "_write", lambda *args: (disk.wait(), write(*args)))
    state = {"replay": jnp.arange(10_000.0)}
    before = bytes_of(state)
    checkpoints.save(Checkpoint(state, 1))
    assert checkpoints.iterations() == []
    overwrite = jax.jit(lambda state: jax.tree.map(lambda leaf: leaf * 0, state), donate_argnums=0)
    overwritten = overwrite(state)
    assert state["replay"].is_deleted()
    disk.set()
    checkpoints.wait()
    restored = checkpoints.restore_latest(jax.eval_shape(lambda: overwritten))
    assert restored is not None
    assert bytes_of(restored.state) == before


def test_a_process_killed_while_writing_or_deleting_leaves_whole_checkpoints(
    checkpoints: Checkpoints, tmp_path: pathlib.Path
) -> None:
    save(checkpoints, 1, STATE)
    for name in ("2.partial", "0.old.partial"):
        (tmp_path / "checkpoints" / name / "state").mkdir(parents=True)
    assert checkpoints.iterations() == [1]
    restored = checkpoints.restore_latest(TEMPLATE)
    assert restored is not None
    assert restored.iteration == 1
    save(checkpoints, 2, STATE)
    assert {path.name for path in (tmp_path / "checkpoints").iterdir()} == {"1", "2"}


@ORBAX_LEAVES_ITS_EVENT_LOOP
def test_a_damaged_checkpoint_is_named_and_the_one_before_is_used(
    checkpoints: Checkpoints, tmp_path: pathlib.Path, caplog: pytest.LogCaptureFixture
) -> None:
    save(checkpoints, 1, scaled(1.0))
    save(checkpoints, 2, scaled(2.0))
    corrupt(tmp_path / "checkpoints" / "2")
    with caplog.at_level(logging.WARNING):
        restored = checkpoints.restore_latest(TEMPLATE)
    assert restored is not None
    assert restored.iteration == 1
    assert bytes_of(restored.state) == bytes_of(scaled(1.0))
    assert "checkpoint 2 is damaged" in caplog.text
    assert (tmp_path / "damaged_checkpoints" / "2").is_dir()
    save(checkpoints, 2, scaled(2.0))  # Its place is free again.
    assert checkpoints.iterations() == [1, 2]


@ORBAX_LEAVES_ITS_EVENT_LOOP
def test_nothing_but_damage_is_an_error(checkpoints: Checkpoints, tmp_path: pathlib.Path) -> None:
    save(checkpoints, 1, STATE)
    corrupt(tmp_path / "checkpoints")
    with pytest.raises(UserError, match="every checkpoint"):
        checkpoints.restore_latest(TEMPLATE)


def test_another_configuration_is_refused_and_nothing_is_lost(checkpoints: Checkpoints) -> None:
    save(checkpoints, 1, STATE)
    other = {**TEMPLATE, "count": jax.ShapeDtypeStruct((2,), jnp.int32)}
    with pytest.raises(UserError, match="does not fit this configuration at 'count'"):
        checkpoints.restore_latest(other)
    assert checkpoints.iterations() == [1]


def test_a_full_disk_is_said_and_the_last_checkpoint_kept(
    checkpoints: Checkpoints, monkeypatch: pytest.MonkeyPatch
) -> None:
    save(checkpoints, 1, STATE)
    full = shutil.disk_usage("/")._replace(free=1000)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: full)
    with pytest.raises(UserError, match="MB left, a checkpoint needs"):
        save(checkpoints, 2, STATE)
    assert checkpoints.iterations() == [1]
    assert checkpoints.restore_latest(TEMPLATE) is not None


def test_a_folder_that_cannot_be_written_is_said_in_a_sentence(tmp_path: pathlib.Path) -> None:
    (tmp_path / "checkpoints").write_text("in the way")
    with pytest.raises(UserError, match="cannot write to"):
        Checkpoints(tmp_path / "checkpoints").save(Checkpoint(STATE, 1))
