"""`set_const` is `mj_setConst`, for models that differ per world.

Tolerance, relative: both do the same sums, one in float32 (6e-8 a rounding) and one in float64.
Inverting a mass matrix magnifies roundings by the square root of its condition, up to 50 on
these robots. 1e-5 leaves a factor of eight over the 1.2e-6 seen on them.
"""

import functools

import jax
import jax.numpy as jnp
import mujoco
import numpy as np
import pytest
from mujoco import batch as mujoco_batch

from benchmarks.contraption import CONTRAPTION
from benchmarks.set_const import ROBOTS, random_leaves, recompiled, relative_error, set_const_errors
from metaskill.envs.mjcf import load_brax_model
from metaskill.errors import UserError
from metaskill.physics.constants import derived_constants, set_const, without_shortcuts
from metaskill.physics.mjx import MjxEngine
from metaskill.physics.native import NativeEngine

TOLERANCE = 1e-5


@functools.cache
def load(name: str) -> mujoco.MjModel:
    if name == "contraption":
        return mujoco.MjModel.from_xml_string(CONTRAPTION)
    return load_brax_model(name)


def nominal(model: mujoco.MjModel, *names: str) -> dict[str, np.ndarray]:
    return {name: np.float32(getattr(model, name)) for name in names}


@pytest.mark.parametrize("name", [*ROBOTS, "contraption"])
def test_constants_of_random_models_are_those_of_mj_setconst(name: str) -> None:
    errors = set_const_errors(load(name), draws=5, seed=0)
    assert {"body_subtreemass", "dof_M0", "body_invweight0", "dof_invweight0"} <= errors.keys()
    assert max(errors.values()) < TOLERANCE, errors


@pytest.mark.parametrize("name", ["humanoid", "contraption"])
def test_fields_at_their_nominal_values_give_the_constants_of_the_compiler(name: str) -> None:
    model = load(name)
    completed = jax.jit(lambda leaves: set_const(model, leaves))(nominal(model, "body_mass"))
    for constant, value in completed.items():
        error = relative_error(constant, np.asarray(value), getattr(model, constant))
        assert error < TOLERANCE, constant


def test_leaves_on_which_no_constant_depends_come_back_alone() -> None:
    model = load("ant")
    leaves = nominal(model, "geom_friction", "actuator_gainprm", "jnt_stiffness")
    leaves["opt.gravity"] = np.zeros(3, np.float32)
    assert set_const(model, leaves) is leaves


def test_only_constants_that_depend_on_the_leaves_are_added() -> None:
    ant, contraption = load("ant"), load("contraption")
    weights = {"dof_M0", "body_invweight0", "dof_invweight0", "actuator_acc0"}
    assert set(derived_constants(ant, ["dof_armature"])) == weights
    assert set(derived_constants(ant, ["body_mass"])) == weights | {"body_subtreemass"}
    assert set(derived_constants(ant, ["actuator_gear"])) == {"actuator_acc0"}
    assert set(derived_constants(ant, ["geom_size"])) == {"geom_rbound", "geom_aabb"}
    assert derived_constants(ant, ["site_pos", "tendon_armature", "eq_data"]) == ()
    assert derived_constants(contraption, ["eq_data"]) == ("eq_data",)


@pytest.mark.parametrize("name", ["pusher", "contraption"])
def test_no_constant_is_missed_whatever_field_varies(name: str) -> None:
    # Shortcuts, and what the physics of these engines does not read.
    left_out = {"body_sameframe", "geom_sameframe", "site_sameframe", "body_margin", "bvh_aabb"}
    left_out |= {"cam_pos0", "cam_poscom0", "cam_mat0", "light_pos0", "light_poscom0", "light_dir0"}
    left_out |= {"actuator_length0", "dof_length"}
    model = load(name)
    before = arrays_of(model)
    for field in before.keys() & mujoco_batch.MODEL_FIELDS:
        try:
            derived = derived_constants(model, [field])
        except UserError:
            continue
        value = 1.1 * before[field] + 0.01
        if field in {"body_ipos", "body_iquat"}:  # mj_setConst does not allow those either.
            value[model.body_simple > 0] = before[field][model.body_simple > 0]
        after = arrays_of(recompiled(model, {field: value}))
        changed = {n for n in before if not np.allclose(before[n], after[n], rtol=1e-9, atol=0)}
        assert changed <= {field, *derived} | left_out, field


def arrays_of(model: mujoco.MjModel) -> dict[str, np.ndarray]:
    arrays = {name: getattr(model, name) for name in dir(model) if not name.startswith("_")}
    arrays["stat.meaninertia"] = np.array([model.stat.meaninertia])
    return {
        name: np.copy(value)
        for name, value in arrays.items()
        if isinstance(value, np.ndarray) and value.dtype.kind == "f" and value.size
    }


def test_both_engines_take_every_constant_per_world() -> None:
    model = load("contraption")
    inputs = random_leaves(model, np.random.default_rng(0))
    constants = derived_constants(model, inputs)
    assert len(constants) == 10
    assert set(constants) <= mujoco_batch.MODEL_FIELDS
    dynamic = jax.tree_util.tree_leaves_with_path(MjxEngine(load("ant"))._mjx_model)
    assert set(constants) <= {path[0].name for path, _ in dynamic}


def test_vmap_is_a_loop_and_traces_once() -> None:
    model, rng, traces = load("ant"), np.random.default_rng(1), []

    def derive(leaves: dict[str, jax.Array]) -> dict[str, jax.Array]:
        traces.append(leaves)
        return set_const(model, leaves)

    worlds = [random_leaves(model, rng) for _ in range(4)]
    one = jax.jit(derive)
    alone = [one(leaves) for leaves in worlds]
    assert len(traces) == 1
    together = jax.jit(jax.vmap(derive))(jax.tree.map(lambda *x: np.stack(x), *worlds))
    for index, expected in enumerate(alone):
        for name, value in expected.items():
            np.testing.assert_allclose(together[name][index], value, rtol=1e-5, atol=1e-7)


def test_derivatives_are_those_of_mj_setconst_also_where_an_armature_is_zero() -> None:
    model, rng = load("hopper"), np.random.default_rng(2)
    assert not model.dof_armature[:3].any()
    fields = ("body_mass", "body_inertia", "body_ipos", "body_pos", "dof_armature", "actuator_gear")
    start = {name: np.float64(value) for name, value in nominal(model, *fields).items()}
    nominals = {name: getattr(model, name) for name in derived_constants(model, fields)}
    weights = {n: rng.normal(size=v.shape) / np.where(v, v, np.inf) for n, v in nominals.items()}

    def ours(leaves: dict[str, jax.Array]) -> jax.Array:
        constants = set_const(model, leaves)
        return sum(jnp.sum(jnp.float32(weights[name]) * constants[name]) for name in weights)

    def theirs(leaves: dict[str, np.ndarray]) -> float:
        constants = recompiled(model, leaves)
        return sum(np.sum(weights[name] * getattr(constants, name)) for name in weights)

    gradient = jax.jit(jax.grad(ours))(nominal(model, *fields))
    for name in fields:
        direction = rng.normal(size=start[name].shape) * (np.abs(start[name]) + 0.1)
        # Not smaller: MuJoCo takes offsets of inertial frames below 1e-6 for zero.
        step = {sign: start | {name: start[name] + sign * 1e-3 * direction} for sign in (1, -1)}
        expected = (theirs(step[1]) - theirs(step[-1])) / 2e-3
        assert np.sum(np.asarray(gradient[name]) * direction) == pytest.approx(expected, rel=1e-3)


@pytest.mark.parametrize("name", ["half_cheetah", "hopper"])
def test_the_native_engine_heeds_varied_inertial_frames_without_shortcuts(name: str) -> None:
    # Geoms of the one lie at centres of mass, those of the other at the bodies' origins:
    # by the compiled flags the first would move along, and the second would stay.
    model = load(name)
    moved = {"body_ipos": np.float32(model.body_ipos + np.array([0.05, 0.0, 0.02]))}
    data = mujoco.MjData(recompiled(model, moved))
    mujoco.mj_forward(recompiled(model, moved), data)

    def distances(model: mujoco.MjModel) -> float:
        engine = NativeEngine(model, ("geom_xpos", "xipos"))
        state = engine.reset(moved, jnp.float32(model.qpos0), jnp.zeros(model.nv))
        return max(np.abs(v - getattr(data, n)).max() for n, v in state.derived.items())

    assert distances(without_shortcuts(model)) < 1e-6
    assert distances(model) > 0.01


def test_the_native_engine_steps_the_varied_model() -> None:
    model = load("half_cheetah")
    leaves = random_leaves(model, np.random.default_rng(3))
    data = mujoco.MjData(recompiled(model, leaves))
    data.qpos[:] = np.float32(data.qpos)
    data.qpos[1] = -0.1  # Feet in the floor.
    engine = NativeEngine(without_shortcuts(model))
    completed = jax.jit(lambda leaves: set_const(model, leaves))(leaves)
    state = engine.reset(completed, jnp.float32(data.qpos), jnp.zeros(model.nv))
    after = engine.step(completed, state, jnp.ones(model.nu), 5)
    data.ctrl[:] = 1.0
    mujoco.mj_step(recompiled(model, leaves), data, 5)
    assert data.ncon
    np.testing.assert_allclose(after.qvel, data.qvel, rtol=1e-4, atol=1e-4)


def test_fields_that_cannot_vary_per_world_are_refused() -> None:
    with pytest.raises(UserError, match="'wrap_prm' cannot vary per world"):
        derived_constants(load("contraption"), ["wrap_prm"])
    with pytest.raises(UserError, match="'body_gravcomp' cannot vary per world"):
        derived_constants(load("ant"), ["body_mass", "body_gravcomp"])
