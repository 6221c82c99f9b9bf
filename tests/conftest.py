"""The policy of the suite: two devices, strict promotion, shared compiled programs."""

import atexit
import os
import shutil
import tempfile

# Before JAX looks at them.
os.environ["JAX_PLATFORMS"] = "cpu"
os.environ["JAX_NUMPY_DTYPE_PROMOTION"] = "strict"
os.environ["XLA_FLAGS"] = (
    os.environ.get("XLA_FLAGS", "") + " --xla_force_host_platform_device_count=2"
).strip()
# Tests that run the same program compile it once, in this process and those they start.
os.environ["JAX_COMPILATION_CACHE_DIR"] = tempfile.mkdtemp(prefix="metaskill-tests-")
os.environ["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "0.2"

import jax
import pytest

from metaskill.envs.ant import Ant
from metaskill.envs.env import Env
from metaskill.envs.point_mass import PointMass

atexit.register(shutil.rmtree, os.environ["JAX_COMPILATION_CACHE_DIR"], ignore_errors=True)


@pytest.fixture(scope="session")
def ant() -> Ant:
    """Ant on the native engine."""
    return Ant(engine="native", episode_length=20)


@pytest.fixture(scope="session")
def point_mass() -> Env:
    """2D navigation with short episodes."""
    return PointMass(episode_length=10)


@pytest.fixture
def key() -> jax.Array:
    """A key to split."""
    return jax.random.key(0)
