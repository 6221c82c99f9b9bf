"""An environment of options, in the plane, where an option is to go in a direction."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from compass import compass_options, in_direction

from metaskill.envs.auto_reset import auto_reset
from metaskill.envs.policy import Reactive
from metaskill.envs.runner import begin_in, policy_keys
from metaskill.errors import UserError
from metaskill.skills.option import record_position
from metaskill.skills.option_env import OptionEnv, follow_controller
from metaskill.skills.skill_options import SkillOptions


@pytest.fixture(scope="module")
def options() -> OptionEnv:
    return compass_options()


def test_an_episode_has_as_many_options_as_fit_and_is_reset(options: OptionEnv, key) -> None:
    assert options.episode_length == 3
    step = jax.jit(auto_reset(options, lambda _: options.nominal_context()))
    state = options.reset(key, options.nominal_context())
    ended = []
    for _ in range(6):
        state, outcome = step(state, jnp.zeros(4))
        ended.append((bool(outcome.truncated), int(outcome.step)))
    assert ended == [(False, 4), (False, 8), (True, 10)] * 2


@pytest.mark.parametrize("length", [0, 11])
def test_options_that_fit_no_episode_are_refused(options: OptionEnv, length: int) -> None:
    with pytest.raises(UserError, match="does not fit into an episode of 10"):
        OptionEnv(SkillOptions(options.env, in_direction, length))


def test_a_controller_is_followed_at_every_control_step(options: OptionEnv, key) -> None:
    chosen = Reactive(lambda _: jnp.array([0.0, 2.0, 0.0, 0.0]))
    start = begin_in(options.reset(key, options.nominal_context()), chosen, key)
    keys = policy_keys(key, options.episode_length)
    course = follow_controller(options, chosen, start, keys, record_position)
    np.testing.assert_allclose(course.trace.position[:, 1], 0.1 * np.arange(1, 11), rtol=1e-5)
    assert course.trace.alive.all()
    np.testing.assert_array_equal(course.action, np.tile([0.0, 1.0, 0.0, 0.0], (10, 1)))
