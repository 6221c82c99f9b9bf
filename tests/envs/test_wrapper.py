"""What stands around an environment."""

import copy
import pickle

import numpy as np
import pytest

from metaskill.envs.point_mass import PointMass
from metaskill.envs.wrapper import Wrapper


def test_what_it_does_not_change_is_the_environments_own() -> None:
    env = PointMass(episode_length=7)
    wrapper = Wrapper(env)
    assert (wrapper.name, wrapper.action_size, wrapper.episode_length) == ("point_mass", 2, 7)
    assert wrapper.observation_sizes == env.observation_sizes
    goal = wrapper.nominal_context().reward["goal"]
    np.testing.assert_array_equal(goal, env.nominal_context().reward["goal"])
    assert wrapper.position == env.position
    with pytest.raises(AttributeError, match="nothing_such"):
        wrapper.nothing_such  # noqa: B018


def test_it_is_copied_and_pickled() -> None:
    wrapper = Wrapper(PointMass(episode_length=7))
    for other in (copy.deepcopy(wrapper), pickle.loads(pickle.dumps(wrapper))):
        assert other.env.episode_length == 7
