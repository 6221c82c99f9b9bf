"""Mocap bodies stand where the model of each world has them, on both engines."""

import jax
import jax.numpy as jnp
import mujoco
import numpy as np
import pytest

from metaskill.physics.factory import make_engine
from metaskill.physics.parameters import ParamSpec, PhysicsParameters

TABLE = """
<mujoco><worldbody>
  <body name="m" mocap="true"><geom type="box" size="1 1 .1"/><site pos=".5 0 0"/>
    <body pos="0 .5 0"><site/></body>
  </body>
  <body pos="0 0 .6"><freejoint/><geom size=".1"/></body>
</worldbody></mujoco>"""

WELD = """
<mujoco><worldbody>
  <body name="other" mocap="true"/>
  <body name="m" mocap="true" pos="0 0 1"/>
  <body name="b" pos="0 0 1"><freejoint/><geom size=".1"/></body>
</worldbody><equality><weld body1="m" body2="b"/></equality></mujoco>"""

HEIGHTS = np.float32([0.0, 0.3, 0.5])
SITE = ParamSpec("z", "body_pos", "add", "m", columns=(2,))


def heights_after(engine_name: str, xml: str, n_steps: int) -> np.ndarray:
    """Where the ball is in worlds whose mocap bodies are raised by `HEIGHTS`."""
    model = mujoco.MjModel.from_xml_string(xml)
    parameters = PhysicsParameters(model, (SITE,))
    engine = make_engine(engine_name, parameters.engine_model())

    def height(up: jax.Array) -> jax.Array:
        leaves = parameters.apply({"z": up})
        start = engine.reset(leaves, jnp.asarray(model.qpos0), jnp.zeros(model.nv))
        return engine.step(leaves, start, jnp.zeros(0), n_steps).qpos[2]

    return np.asarray(jax.jit(jax.vmap(height))(HEIGHTS))


def mujocos_heights(xml: str, n_steps: int) -> list[float]:
    heights = []
    for up in HEIGHTS:
        model = mujoco.MjModel.from_xml_string(xml)
        model.body("m").pos[2] += up
        data = mujoco.MjData(model)
        mujoco.mj_setConst(model, data)
        mujoco.mj_resetData(model, data)
        mujoco.mj_step(model, data, n_steps)
        heights.append(float(data.qpos[2]))
    return heights


@pytest.mark.fault(8)
@pytest.mark.parametrize("engine", ["native", "mjx"])
@pytest.mark.parametrize("xml", [TABLE, WELD])
def test_bodies_rest_on_and_hang_from_mocap_bodies_of_their_own_world(
    engine: str, xml: str
) -> None:
    expected = mujocos_heights(xml, 500)
    np.testing.assert_allclose(heights_after(engine, xml, 500), expected, atol=1e-3)


def test_the_heights_of_mujoco_differ() -> None:
    np.testing.assert_allclose(mujocos_heights(TABLE, 500), 0.2 + HEIGHTS, atol=1e-3)
    np.testing.assert_allclose(mujocos_heights(WELD, 500), 1.0, atol=1e-3)


@pytest.mark.fault(8)
@pytest.mark.parametrize("name", ["native", "mjx"])
def test_derived_fields_follow_at_resets_and_steps(name: str) -> None:
    model = mujoco.MjModel.from_xml_string(TABLE)
    specs = (SITE, ParamSpec("heading", "body_quat", "turn", "m"))
    parameters = PhysicsParameters(model, specs)
    engine = make_engine(name, parameters.engine_model(), ("geom_xpos", "site_xpos", "xquat"))

    def states(up: jax.Array, turn: jax.Array):
        leaves = parameters.apply({"z": up, "heading": turn})
        start = engine.reset(leaves, jnp.asarray(model.qpos0), jnp.zeros(model.nv))
        return start, engine.step(leaves, start, jnp.zeros(0), 1)

    turns = np.float32([0.0, 0.5, -1.0])
    for state in jax.jit(jax.vmap(states))(HEIGHTS, turns):
        for world, (up, turn) in enumerate(zip(HEIGHTS, turns, strict=True)):
            moved = mujoco.MjModel.from_xml_string(TABLE)
            moved.body("m").pos[2] += up
            moved.body("m").quat[:] = [np.cos(turn / 2), 0, 0, np.sin(turn / 2)]
            data = mujoco.MjData(moved)
            data.qpos[:] = state.qpos[world]
            mujoco.mj_forward(moved, data)
            for field, value in state.derived.items():
                np.testing.assert_allclose(value[world], getattr(data, field), atol=1e-5)


def test_worlds_without_varied_poses_have_the_models() -> None:
    # Batches are lent by the set of varied fields: the one before must not show.
    model = mujoco.MjModel.from_xml_string(TABLE)
    engine = make_engine("native", model, ("geom_xpos",))
    args = (jnp.asarray(model.qpos0), jnp.zeros(model.nv))
    raised = {"body_pos": np.float32(model.body_pos) + np.float32([0, 0, 1])}
    assert engine.reset(raised, *args).derived["geom_xpos"][0, 2] == 1.0
    assert engine.reset({}, *args).derived["geom_xpos"][0, 2] == 0.0
