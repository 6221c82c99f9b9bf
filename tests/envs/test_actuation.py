"""Actions are scaled to the actuators' ranges; where there is no range they are the controls."""

import jax
import jax.numpy as jnp
import mujoco
import numpy as np
import pytest

from metaskill.envs.actuation import scaled_controls

# One actuator of each kind, and the controls that -1, 0 and 1 stand for.
RANGES = {
    '<motor joint="x"/>': (-1, 0, 1),
    '<motor joint="x" ctrlrange="-2 2"/>': (-2, 0, 2),
    '<motor joint="x" ctrlrange="0 3"/>': (0, 1.5, 3),
    # The range is declared, and not enforced by MuJoCo.
    '<motor joint="x" ctrllimited="false" ctrlrange="-2 4"/>': (-2, 1, 4),
    # No ranges: empty, without an end, or beyond what MuJoCo steps.
    '<motor joint="x" ctrllimited="false" ctrlrange="1 1"/>': (-1, 0, 1),
    '<motor joint="x" ctrlrange="-inf inf"/>': (-1, 0, 1),
    '<motor joint="x" ctrlrange="0 inf"/>': (-1, 0, 1),
    '<motor joint="x" ctrlrange="-1e30 1e30"/>': (-1, 0, 1),
    '<position joint="x" kp="5"/>': (-1, 0, 1),
    '<position joint="x" kp="5" inheritrange="1"/>': (-1, 0.5, 2),
    '<velocity joint="x" kv="5"/>': (-1, 0, 1),
    '<intvelocity joint="x" kp="5" actrange="-3 3"/>': (-1, 0, 1),
    '<general joint="x" dyntype="integrator" actlimited="true" actrange="-3 3"/>': (-1, 0, 1),
    '<cylinder joint="x" timeconst="1" area="2"/>': (-1, 0, 1),
    '<damper joint="x" kv="5" ctrlrange="0 1"/>': (0, 0.5, 1),
    '<adhesion body="cart" gain="5" ctrlrange="0 1"/>': (0, 0.5, 1),
    # MuJoCo clamps the excitation of a muscle to [0, 1].
    '<muscle joint="x" lengthrange="0 1"/>': (0, 0.5, 1),
    '<muscle joint="x" lengthrange="0 1" ctrlrange="0 .8"/>': (0, 0.4, 0.8),
}


def model_with(actuators: str) -> mujoco.MjModel:
    return mujoco.MjModel.from_xml_string(
        f"""
        <mujoco><worldbody><body name="cart"><joint name="x" type="slide" range="-1 2"/>
          <geom size=".1"/></body></worldbody>
          <actuator>{actuators}</actuator></mujoco>
        """
    )


@pytest.mark.fault(9)
@pytest.mark.parametrize("actuator", RANGES)
def test_an_action_spans_the_range_of_its_actuator(actuator: str) -> None:
    model = model_with(actuator)
    actions = jnp.array([[-1.0], [0.0], [1.0]])
    np.testing.assert_allclose(
        scaled_controls(model, {}, actions)[:, 0], RANGES[actuator], rtol=1e-6
    )


@pytest.mark.fault(9)
def test_actuators_with_and_without_a_range_stand_side_by_side() -> None:
    model = model_with('<motor joint="x"/><motor joint="x" ctrlrange="-2 6"/>')
    np.testing.assert_array_equal(scaled_controls(model, {}, jnp.array([0.5, 0.5])), [0.5, 4.0])


def test_actions_beyond_the_unit_interval_are_clipped() -> None:
    model = model_with('<motor joint="x"/><motor joint="x" ctrlrange="-2 2"/>')
    np.testing.assert_array_equal(scaled_controls(model, {}, jnp.array([3.0, -3.0])), [1.0, -2.0])


def test_a_range_that_a_world_varies_is_the_range_of_its_actions() -> None:
    model = model_with('<motor joint="x"/><motor joint="x" ctrlrange="-2 2"/>')
    ranges = jnp.array([[[0.0, 0.0], [-1.0, 1.0]], [[0.0, 0.0], [-4.0, 4.0]]])
    worlds = jax.vmap(lambda r: scaled_controls(model, {"actuator_ctrlrange": r}, jnp.ones(2)))
    np.testing.assert_array_equal(worlds(ranges), [[1.0, 1.0], [1.0, 4.0]])
