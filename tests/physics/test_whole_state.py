"""States hold all that MuJoCo carries from step to step: no world and no episode sees another."""

import jax
import jax.numpy as jnp
import mujoco
import numpy as np
import pytest
from mujoco import batch as mujoco_batch

from metaskill.errors import UserError
from metaskill.physics.engine import Engine
from metaskill.physics.factory import make_engine
from metaskill.physics.reference import MEMORY_FIELDS, STATE_FIELDS
from metaskill.physics.state import PhysicsState

DELAYED = """
<mujoco><option gravity="0 0 0"/>
  <worldbody><body><joint name="j" axis="0 1 0"/><geom size=".1"/></body></worldbody>
  <actuator><motor joint="j" delay=".02" nsample="20"/></actuator>
</mujoco>"""

# One of each thing that MuJoCo remembers: activations of four kinds, two of them acting at
# once, delays of controls (between samples too) and of sensors, springs that have yielded,
# a mocap body, an equality that is switched off, user data.
MEMORIES = """
<mujoco>
  <size nuserdata="3"/>
  <worldbody>
    <geom name="floor" type="plane" size="2 2 .1"/>
    <body name="hand" mocap="true" pos="1 0 1"/>
    <body name="held" pos="1 0 1"><freejoint/><geom size=".1"/></body>
    <body pos="0 0 .4">
      <joint name="j" axis="0 1 0" stiffness="20" springyield=".1" damping=".1"/>
      <geom type="capsule" fromto="0 0 0 .3 0 0" size=".05"/>
      <body pos=".3 0 0">
        <joint name="k" axis="0 1 0" range="-40 40" limited="true"/>
        <geom type="capsule" fromto="0 0 0 .3 0 0" size=".05"/>
      </body>
    </body>
  </worldbody>
  <equality>
    <weld body1="hand" body2="held"/>
    <joint joint1="j" joint2="k" active="false"/>
  </equality>
  <tendon>
    <fixed name="t" stiffness="20" springyield=".05">
      <joint joint="j" coef="1"/><joint joint="k" coef="-1"/>
    </fixed>
  </tendon>
  <actuator>
    <general joint="j" dyntype="filter" dynprm=".1" actearly="true" gainprm="3"/>
    <general joint="k" dyntype="filterexact" dynprm=".1" delay=".004" nsample="4"/>
    <general joint="k" dyntype="integrator" gainprm="5" actlimited="true" actrange="-1 1"/>
    <muscle joint="j" lengthrange="-1 1"/>
    <motor joint="k" delay=".007" nsample="8" interp="linear" gear="2"/>
    <motor joint="j" gear="2"/>
  </actuator>
  <sensor>
    <jointpos joint="j" delay=".006" nsample="5"/>
    <jointvel joint="j" interval=".006" nsample="3"/>
  </sensor>
</mujoco>"""


def test_every_component_of_mujocos_state_is_accounted_for() -> None:
    given = {"ctrl"}  # with every step
    of_the_model = {"mocap_pos", "mocap_quat"}
    never_written = {"qfrc_applied", "xfrc_applied", "eq_active", "userdata"}
    renamed = {"warmstart": "qacc_warmstart", "plugin": "plugin_state"}
    names = {
        name.removeprefix("mjSTATE_").lower()
        for name, bits in mujoco.mjtState.__members__.items()
        if name != "mjNSTATE" and int(bits).bit_count() == 1
    }
    components = {renamed.get(name, name) for name in names}
    accounted = [{*STATE_FIELDS}, {*MEMORY_FIELDS}, given, of_the_model, never_written]
    assert set().union(*accounted) == components
    assert sum(map(len, accounted)) == len(components)


def test_stepping_writes_none_of_what_states_leave_out() -> None:
    batch = mujoco_batch.Batch(mujoco.MjModel.from_xml_string(MEMORIES), 2)
    names = ("qfrc_applied", "xfrc_applied", "eq_active", "userdata", "mocap_pos", "mocap_quat")
    before = {name: batch.bind(name).copy() for name in names}
    batch.bind("ctrl")[...] = 0.5
    batch.step(nstep=20)
    for name, value in before.items():
        np.testing.assert_array_equal(batch.bind(name), value)


def test_mujoco_itself_continues_bit_for_bit_from_its_state() -> None:
    model = mujoco.MjModel.from_xml_string(MEMORIES)
    components = int(mujoco.mjtState.mjSTATE_INTEGRATION)
    state = np.zeros(mujoco.mj_stateSize(model, components))
    continued = mujoco.MjData(model)
    for t in range(50):
        continued.ctrl[:] = np.sin(t + np.arange(model.nu))
        mujoco.mj_getState(model, continued, state, components)
        restarted = mujoco.MjData(model)
        mujoco.mj_setState(model, restarted, state, components)
        mujoco.mj_step(model, continued)
        mujoco.mj_step(model, restarted)
    np.testing.assert_array_equal(restarted.qvel, continued.qvel)


def rolled_out(engine: Engine, controls: np.ndarray) -> PhysicsState:
    """All states of worlds with those controls (axes: world, time, actuator)."""

    def episode(controls: jax.Array) -> PhysicsState:
        start = engine.reset({}, jnp.asarray(engine.model.qpos0), jnp.zeros(engine.model.nv))

        def step(state: PhysicsState, ctrl: jax.Array) -> tuple[PhysicsState, PhysicsState]:
            after = engine.step({}, state, ctrl, 2)
            return after, after

        return jax.lax.scan(step, start, controls)[1]

    return jax.jit(jax.vmap(episode))(jnp.asarray(controls, jnp.float32))


@pytest.mark.fault(2)
@pytest.mark.parametrize("derived", [(), ("xpos",)])
def test_worlds_with_memories_are_those_of_mj_step(derived: tuple[str, ...]) -> None:
    model = mujoco.MjModel.from_xml_string(MEMORIES)
    engine = make_engine("native", model, derived)
    controls = np.float32(np.random.default_rng(0).uniform(-1, 1, (3, 60, model.nu)))
    states = rolled_out(engine, controls)
    assert set(states.memory) == {"plastic", "history"}
    for world, world_controls in enumerate(controls):
        data = mujoco.MjData(model)
        for t, ctrl in enumerate(world_controls):
            data.ctrl[:] = ctrl
            mujoco.mj_step(model, data, 2)
            history = np.float64(states.memory["history"][world, t]).sum(0)
            ours = {name: getattr(states, name) for name in ("qpos", "qvel", "act", "time")}
            ours["plastic"] = states.memory["plastic"]
            for name, value in ours.items():
                expected = getattr(data, name)
                np.testing.assert_allclose(value[world, t], expected, atol=2e-4, err_msg=name)
            np.testing.assert_allclose(history[:-1], data.history, atol=2e-4)
            assert history[-1] == data.time
    assert np.abs(states.memory["plastic"]).max() > 0.01


@pytest.mark.fault(2)
def test_a_delayed_control_reaches_its_own_episode_only() -> None:
    model = mujoco.MjModel.from_xml_string(DELAYED)
    engine = make_engine("native", model)

    def velocities(control: float) -> np.ndarray:
        return np.asarray(rolled_out(engine, np.full((1, 30, 1), control)).qvel[0])

    data, expected = mujoco.MjData(model), []
    for _ in range(30):
        data.ctrl[:] = 1.0
        mujoco.mj_step(model, data, 2)
        expected.append(data.qvel.copy())
    np.testing.assert_array_equal(velocities(0.0), 0.0)
    np.testing.assert_allclose(velocities(1.0), expected, rtol=1e-5)
    np.testing.assert_array_equal(velocities(0.0), 0.0)


@pytest.mark.fault(2)
@pytest.mark.parametrize(("timestep", "delay"), [(0.005, 0.025), (0.003, 0.009), (0.01, 0.07)])
def test_a_delay_of_whole_steps_reaches_the_sample_that_mujoco_reaches(
    timestep: float, delay: float
) -> None:
    xml = DELAYED.replace("<option", f'<option timestep="{timestep}"')
    model = mujoco.MjModel.from_xml_string(xml.replace('delay=".02"', f'delay="{delay}"'))
    controls = np.float32(np.random.default_rng(2).uniform(-1, 1, (1, 150, 1)))
    states = rolled_out(make_engine("native", model), controls)
    data = mujoco.MjData(model)
    for t, ctrl in enumerate(controls[0]):
        data.ctrl[:] = ctrl
        mujoco.mj_step(model, data, 2)
        np.testing.assert_allclose(states.qvel[0, t], data.qvel, atol=1e-4)


@pytest.mark.fault(2)
def test_a_world_that_fails_forgets_its_controls() -> None:
    engine = make_engine("native", mujoco.MjModel.from_xml_string(DELAYED))
    controls = np.full((1, 20, 1), 1.0)
    controls[0, 9] = np.nan
    states = rolled_out(engine, controls)
    assert states.failed[0].tolist() == [False] * 9 + [True] + [False] * 10
    np.testing.assert_array_equal(states.qvel[0, 9:15], 0.0)
    start = engine.reset({}, jnp.zeros(1), jnp.zeros(1))
    np.testing.assert_array_equal(states.memory["history"][0, 9], start.memory["history"])


@pytest.mark.fault(2)
def test_delays_may_differ_from_world_to_world() -> None:
    model = mujoco.MjModel.from_xml_string(DELAYED)
    engine = make_engine("native", model)

    def final_velocity(delay: jax.Array) -> jax.Array:
        leaves = {"actuator_delay": delay[None]}
        state = engine.reset(leaves, jnp.zeros(1), jnp.zeros(1))
        return engine.step(leaves, state, jnp.ones(1), 10).qvel[0]

    delays = np.float32([0.0, 0.005, 0.011])
    after = jax.jit(jax.vmap(final_velocity))(delays)
    for delay, velocity in zip(delays, after, strict=True):
        model.actuator_delay[:] = delay
        data = mujoco.MjData(model)
        data.ctrl[:] = 1.0
        mujoco.mj_step(model, data, 10)
        assert velocity == pytest.approx(data.qvel[0], rel=1e-5)


def test_plugins_keep_their_state_in_activations() -> None:
    model = mujoco.MjModel.from_xml_string(
        """
        <mujoco>
          <extension><plugin plugin="mujoco.pid"><instance name="pid">
            <config key="kp" value="2"/><config key="ki" value="5"/>
            <config key="slewmax" value="3"/>
          </instance></plugin></extension>
          <worldbody><body><joint name="j" axis="0 1 0"/><geom size=".1"/></body></worldbody>
          <actuator><plugin joint="j" plugin="mujoco.pid" instance="pid" actdim="2"/></actuator>
        </mujoco>"""
    )
    controls = np.float32(np.random.default_rng(1).uniform(-1, 1, (2, 30, 1)))
    states = rolled_out(make_engine("native", model), controls)
    for world, world_controls in enumerate(controls):
        data = mujoco.MjData(model)
        for ctrl in world_controls:
            data.ctrl[:] = ctrl
            mujoco.mj_step(model, data, 2)
        np.testing.assert_allclose(states.qvel[world, -1], data.qvel, rtol=1e-4)


def test_a_model_without_memories_has_none_in_its_states() -> None:
    model = mujoco.MjModel.from_xml_string(
        "<mujoco><worldbody><body><joint/><geom size='.1'/></body></worldbody></mujoco>"
    )
    state = make_engine("native", model).reset({}, jnp.zeros(1), jnp.zeros(1))
    assert state.memory == {}
    assert len(jax.tree.leaves(state)) == 6


@pytest.mark.fault(2)
@pytest.mark.parametrize("engine", ["native", "mjx"])
@pytest.mark.parametrize("flag", ["sleep", "ipc"])
def test_what_mujoco_keeps_outside_its_state_is_refused(engine: str, flag: str) -> None:
    model = mujoco.MjModel.from_xml_string(
        f"<mujoco><option integrator='discrete'><flag {flag}='enable'/></option><worldbody><body>"
        "<freejoint/><geom size='.1'/></body></worldbody></mujoco>"
    )
    with pytest.raises(UserError, match=rf"\({flag}\): disable that flag"):
        make_engine(engine, model)
