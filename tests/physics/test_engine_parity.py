"""Both engines give the same control step on every shipped environment.

Tolerance, relative to the largest entry where that exceeds 1: MJX computes in float32 and
MuJoCo in float64, so accelerations differ by float32's 1e-7 times the condition of the mass
matrix and of the contact problem, which is 1e2 to 1e3 on these robots: up to 1e-4. The
bound leaves a factor of ten for the few substeps of a control step, in which differences
grow, and for another processor's order of summation.
"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from benchmarks.parity import ENVIRONMENTS, control_step_errors

# MJX takes ten seconds to compile a robot: one of each kind is enough for every day.
EVERY_DAY = ("ant", "half_cheetah")


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=() if name in EVERY_DAY else pytest.mark.slow)
        for name in ENVIRONMENTS
    ],
)
def test_native_and_mjx_agree_on_a_control_step(name: str) -> None:
    errors = control_step_errors(name, n_worlds=8)
    assert max(errors.values()) < 1e-3


@pytest.mark.parametrize(
    ("name", "randomization"),
    [
        pytest.param("ant", "dactyl", marks=pytest.mark.slow),
        ("hopper", "epopt_hopper"),
    ],
)
def test_they_agree_on_worlds_with_physics_of_their_own(name: str, randomization: str) -> None:
    errors = control_step_errors(name, n_worlds=8, randomization=randomization)
    assert max(errors.values()) < 1e-3


def test_mjx_flags_a_world_that_blows_up() -> None:
    from metaskill.envs.mjcf import load_brax_model
    from metaskill.physics.factory import make_engine

    engine = make_engine("mjx", load_brax_model("hopper"))
    qpos = jnp.zeros((2, 6))
    qvel = jnp.zeros((2, 6)).at[1, 0].set(jnp.nan)

    @jax.jit
    @jax.vmap
    def step(qpos: jax.Array, qvel: jax.Array):
        return engine.step({}, engine.reset({}, qpos, qvel), jnp.zeros(3), 1)

    after = step(qpos, qvel)
    assert after.failed.tolist() == [False, True]
    np.testing.assert_array_equal(after.qpos[1], np.float32(engine.model.qpos0))
    assert all(jnp.all(jnp.isfinite(leaf)) for leaf in jax.tree.leaves(after))
