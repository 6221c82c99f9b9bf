"""A host call is one call with all rows, under any vmap, and programs that make it are kept."""

import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from metaskill.physics.host_call import host_call

calls: list[tuple[int, ...]] = []


def sum_and_difference(rows: np.ndarray, out: np.ndarray) -> None:
    calls.append(rows.shape)
    out[:, 0] = rows[:, 0] + rows[:, 1]
    out[:, 1] = rows[:, 0] - rows[:, 1]


def called(row: jax.Array) -> jax.Array:
    return host_call("test_sum_and_difference", sum_and_difference, row, 2)


@pytest.mark.parametrize("shape", [(2,), (3, 2), (3, 4, 2)])
def test_all_rows_reach_the_host_at_once(shape: tuple[int, ...], key: jax.Array) -> None:
    rows = jax.random.normal(key, shape)
    function = called
    for _ in shape[:-1]:
        function = jax.vmap(function)
    calls.clear()
    result = jax.jit(function)(rows)
    np.testing.assert_array_equal(
        result, jnp.stack([rows[..., 0] + rows[..., 1], rows[..., 0] - rows[..., 1]], -1)
    )
    assert calls == [(rows.size // 2, 2)]


def test_an_operand_without_the_mapped_axis_is_repeated() -> None:
    result = jax.jit(jax.vmap(lambda a, b: called(jnp.stack([a, b])), (0, None)))(
        jnp.arange(3.0), jnp.float32(1.0)
    )
    np.testing.assert_array_equal(result[:, 0], [1.0, 2.0, 3.0])


def test_a_failure_on_the_host_ends_the_program_with_its_message() -> None:
    def fail(rows: np.ndarray, out: np.ndarray) -> None:
        raise ValueError("no such world")

    with pytest.raises(jax.errors.JaxRuntimeError, match="ValueError: no such world"):
        jax.block_until_ready(
            jax.jit(lambda row: host_call("test_failure", fail, row, 1))(jnp.ones(2))
        )


PROGRAM = """
import jax, jax.numpy as jnp
from jax import monitoring
from metaskill.envs.half_cheetah import HalfCheetah

hits = []
monitoring.register_event_listener(lambda event, **_: hits.append(event.endswith("cache_hits")))
env = HalfCheetah(engine="native")
state = env.reset(jax.random.key(0), env.nominal_context())
hits.clear()
step = jax.jit(jax.vmap(env.step))
after = step(jax.tree.map(lambda x: x[None], state), jnp.ones((1, 6)))
print(sum(hits), float(after.reward[0]))
"""


def test_a_second_process_finds_the_compiled_program(tmp_path) -> None:
    environment = {
        "JAX_COMPILATION_CACHE_DIR": str(tmp_path),
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
        "JAX_PLATFORMS": "cpu",
        "PATH": "",
    }
    first, second = (
        subprocess.run(
            [sys.executable, "-c", PROGRAM],
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        ).stdout.split()
        for _ in range(2)
    )
    assert first[0] == "0"
    assert int(second[0]) >= 1
    assert first[1] == second[1]
