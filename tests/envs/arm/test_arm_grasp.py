"""The arm lifts a block, and the expert does what it is asked for."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from benchmarks.arm import expert_success
from metaskill.envs.registry import make
from metaskill.errors import UserError
from metaskill.offline.experts import Phase, begin, make_expert


@pytest.fixture(scope="module")
def lifted():
    """An episode of the expert: phases, the block's heights, success (axis: time)."""
    env = make("arm_pick_place", engine="native")
    act = make_expert(env)

    @jax.jit
    def play(key: jax.Array):
        reset_key, context_key = jax.random.split(key)
        state = env.reset(reset_key, env.sample_context(context_key))

        def step(carry, _):
            state, expert = carry
            action, expert = act(expert, state)
            state = env.step(state, action)
            block = env.scenery(state).readings["block"]
            seen = (expert.phase, block.point[2], state.metrics["success"], action)
            return (state, expert), seen

        start = (state, begin(jnp.int32(0)))
        return jax.lax.scan(step, start, length=env.episode_length)[1]

    return jax.tree.map(np.asarray, play(jax.random.key(0)))


def test_the_gripper_lifts_a_block(lifted) -> None:
    _, heights, successes, _ = lifted
    assert heights[0] == pytest.approx(0.02, abs=1e-3)
    assert heights.max() > 0.08
    assert successes[-1] == 1.0


def test_phases_follow_one_another(lifted) -> None:
    phases, _, _, actions = lifted
    assert (np.diff(phases) >= 0).all()
    assert phases[-1] == Phase.FINISHED
    assert (np.abs(actions) <= 1.0).all()
    assert (actions[phases == Phase.LIFT, 4] == 1.0).all()


def test_experts_need_the_gripper() -> None:
    with pytest.raises(UserError, match="control='gripper'"):
        make_expert(make("arm_reach", engine="native", control="joints"))


@pytest.mark.slow
@pytest.mark.parametrize("scene", ["arm_kitchen", "arm_stack", "arm_door", "arm_l_wall"])
def test_experts_succeed(scene: str) -> None:
    for name, figure in expert_success(scene):
        assert figure.passed, name
