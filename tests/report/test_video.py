"""Videos: drawn where OpenGL is, explained where it is not."""

import pathlib

import jax
import jax.numpy as jnp
import pytest

from metaskill.envs.ant import Ant
from metaskill.errors import UserError
from metaskill.report import video
from metaskill.rl.evaluation import record_episode


def test_missing_opengl_names_the_package(
    ant: Ant, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MUJOCO_GL", raising=False)
    monkeypatch.setattr(video.ctypes.util, "find_library", lambda _: None)
    with pytest.raises(UserError, match="apt-get install libegl1"):
        video.write_video(ant, jnp.zeros((3, 15)), tmp_path / "video.mp4")


def test_an_episode_that_ends_stays_as_it_was(ant: Ant) -> None:
    positions = jax.jit(lambda key: record_episode(ant, lambda _: jnp.zeros(8), key, n_steps=30))(
        jax.random.key(0)
    )
    assert positions.shape == (30, 15)
    assert jnp.all(positions[ant.episode_length - 1 :] == positions[-1])
