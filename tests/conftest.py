"""The policy of the suite: two devices, strict promotion, shared compiled programs."""

import os
import pathlib
import platform

# Before JAX looks at them.
os.environ["JAX_PLATFORMS"] = "cpu"
os.environ["JAX_NUMPY_DTYPE_PROMOTION"] = "strict"
# Most of the suite's time is compilation: what makes that faster makes programs slower, which
# hardly counts here.
os.environ["JAX_DISABLE_MOST_OPTIMIZATIONS"] = "1"
os.environ["XLA_FLAGS"] = " ".join(
    [
        os.environ.get("XLA_FLAGS", ""),
        "--xla_force_host_platform_device_count=2",
        "--xla_cpu_use_fusion_emitters=false",
        # Without the instructions that round a product and a sum once, programs round as they are
        # written. Otherwise the shape of the code around them decides, and what is equal by
        # definition differs in a last bit.
        "--xla_cpu_max_isa=AVX" if platform.machine() in {"x86_64", "AMD64"} else "",
    ]
).strip()
# A program is compiled once, however small, for all processes of this run and for later runs.
# `make clean` empties it.
os.environ["JAX_COMPILATION_CACHE_DIR"] = str(
    pathlib.Path(__file__).parents[1] / ".pytest_cache" / "compiled"
)
os.environ["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "0"

import jax
import pytest

from metaskill.envs.ant import Ant
from metaskill.envs.env import Env
from metaskill.envs.point_mass import PointMass


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
