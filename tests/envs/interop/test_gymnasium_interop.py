"""A vector environment of ours is one of Gymnasium's."""

import dataclasses
import importlib
import sys

import gymnasium
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from gymnasium.utils import env_checker
from gymnasium.vector import AutoresetMode, SyncVectorEnv
from gymnasium.wrappers.vector import DictInfoToList, NormalizeObservation, RecordEpisodeStatistics

from metaskill.envs.env import Context
from metaskill.envs.interop.gymnasium import SingleEnv, VectorEnv
from metaskill.envs.point_mass import PointMass
from metaskill.envs.registry import make
from metaskill.errors import UserError

EPISODE_LENGTH = 5
EDGE = 0.25
RIGHT, STAY = [1.0, 0.0], [0.0, 0.0]


class Ledge(PointMass):
    """A point mass that falls off the edge at x = 0.25: in three steps to the right."""

    def step(self, state, action):
        after = super().step(state, action)
        fell = after.physics.qpos[0] > EDGE
        return dataclasses.replace(after, terminated=fell, truncated=after.truncated & ~fell)


class NumpyLedge(gymnasium.Env):
    """The same world, written for Gymnasium: the reference for what a step returns."""

    observation_space = gymnasium.spaces.Box(-np.inf, np.inf, (2,), np.float32)
    action_space = gymnasium.spaces.Box(-1.0, 1.0, (2,), np.float32)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed, options=options)
        self.position, self.steps = np.zeros(2, np.float32), 0
        return self.position.copy(), self._info()

    def step(self, action):
        self.position += 0.1 * np.clip(action, -1.0, 1.0)
        self.steps += 1
        fell = bool(self.position[0] > EDGE)
        info = self._info()
        cut = self.steps >= EPISODE_LENGTH and not fell
        return self.position.copy(), -info["distance"], fell, cut, info

    def _info(self):
        distance = np.linalg.norm(self.position - np.float32(0.5))
        return {"distance": np.float32(distance), "failed": np.float32(0.0)}


class OneWorld(gymnasium.Env):
    """A vector environment's only world, because Gymnasium checks no vector ones."""

    def __init__(self, envs):
        self.envs = envs
        self.observation_space = envs.single_observation_space
        self.action_space = envs.single_action_space
        self.metadata = envs.metadata
        # Without a spec that calls itself deterministic the checker compares no values.
        self.spec = gymnasium.envs.registration.EnvSpec("metaskill/one-v0", nondeterministic=False)

    @property
    def _np_random(self):
        return self.envs._np_random

    def reset(self, *, seed=None, options=None):
        observations, infos = self.envs.reset(seed=seed, options=options)
        return observations[0], self._first(infos)

    def step(self, action):
        *arrays, infos = self.envs.step(action[None])
        observation, reward, terminated, truncated = (array[0] for array in arrays)
        return observation, float(reward), bool(terminated), bool(truncated), self._first(infos)

    def _first(self, infos):
        return {name: values[0] for name, values in infos.items()}


@pytest.fixture(scope="module")
def ledges():
    """Two worlds; with RIGHT and STAY, one terminates in step 3 and one is cut in step 5."""
    return VectorEnv(Ledge(episode_length=EPISODE_LENGTH), 2)


@pytest.fixture(scope="module")
def ants():
    return VectorEnv(make("ant", engine="native", episode_length=EPISODE_LENGTH), 2)


@pytest.fixture(scope="module")
def one_ant():
    return VectorEnv(make("ant", engine="native", episode_length=EPISODE_LENGTH), 1)


def test_it_declares_what_it_gives_and_takes(ants):
    assert isinstance(ants, gymnasium.vector.VectorEnv)
    assert ants.num_envs == 2
    assert ants.single_observation_space.shape == (27,)
    assert ants.observation_space.shape == (2, 27)
    assert ants.observation_space.dtype == np.float32
    assert ants.action_space.shape == (2, 8)
    assert ants.metadata["autoreset_mode"] is AutoresetMode.NEXT_STEP
    observations, _ = ants.reset(seed=0)
    assert observations in ants.observation_space
    observations, rewards, terminations, truncations, infos = ants.step(ants.action_space.sample())
    assert observations in ants.observation_space
    assert (rewards.shape, rewards.dtype) == ((2,), np.float32)
    assert (terminations.shape, terminations.dtype) == ((2,), bool)
    assert (truncations.shape, truncations.dtype) == ((2,), bool)
    assert infos["x_velocity"].shape == (2,)
    assert infos["_x_velocity"].all()


# The observations of a robot have no bounds that its model would state.
@pytest.mark.filterwarnings("ignore:.*A Box observation space m..imum value is:UserWarning")
def test_gymnasiums_checker_passes(one_ant):
    env_checker.check_env(OneWorld(one_ant), skip_render_check=True, skip_close_check=True)


def test_the_checks_that_take_batches_pass(ants):
    for check in (
        env_checker.check_reset_return_type,
        env_checker.check_reset_seed_determinism,
        env_checker.check_reset_options,
    ):
        check(ants)
    env_checker.check_action_space(ants.action_space)
    env_checker.check_observation_space(ants.observation_space)


def test_it_steps_and_resets_as_gymnasiums_own_vector_environment_does(ledges):
    reference = SyncVectorEnv([NumpyLedge, NumpyLedge], autoreset_mode=AutoresetMode.NEXT_STEP)
    actions = np.array([RIGHT, STAY], np.float32)
    mask = np.array([False, True])

    def assert_same(ours, theirs):
        *ours, our_info = ours
        *theirs, their_info = theirs
        for our, their in zip(ours, theirs, strict=True):
            np.testing.assert_allclose(our, their, atol=1e-6)
        assert our_info.keys() == their_info.keys()
        for name, values in their_info.items():
            shown = their_info[f"_{name.lstrip('_')}"]
            np.testing.assert_allclose(our_info[name][shown], values[shown], atol=1e-6)

    assert_same(ledges.reset(seed=0), reference.reset(seed=0))
    for _ in range(8):
        assert_same(ledges.step(actions), reference.step(actions))
    assert_same(
        ledges.reset(options={"reset_mask": mask}), reference.reset(options={"reset_mask": mask})
    )
    for _ in range(8):
        assert_same(ledges.step(actions), reference.step(actions))


def test_a_finished_world_shows_its_true_last_observation_and_restarts_one_step_later(ledges):
    ledges.reset(seed=0)
    for _ in range(3):
        last, rewards, terminations, *_ = ledges.step([RIGHT, STAY])
    assert terminations.tolist() == [True, False]
    np.testing.assert_allclose(last[0], [0.3, 0.0], atol=1e-6)
    assert rewards[0] < 0
    first, rewards, terminations, truncations, _ = ledges.step([RIGHT, STAY])
    np.testing.assert_array_equal(first[0], [0.0, 0.0])
    assert rewards[0] == 0
    assert not (terminations | truncations).any()
    second, *_ = ledges.step([RIGHT, STAY])
    np.testing.assert_allclose(second[0], [0.1, 0.0], atol=1e-6)


def test_terminations_and_truncations_are_told_apart(ledges):
    ledges.reset(seed=0)
    ends = np.array([ledges.step([RIGHT, STAY])[2:4] for _ in range(EPISODE_LENGTH)])
    np.testing.assert_array_equal(np.argwhere(ends[:, 0]), [[2, 0]])
    np.testing.assert_array_equal(np.argwhere(ends[:, 1]), [[4, 1]])


def test_a_seed_decides_everything_that_follows(ants):
    def follow(seed):
        observations, _ = ants.reset(seed=seed)
        steps = [ants.step(np.full((2, 8), 0.3)) for _ in range(EPISODE_LENGTH + 2)]
        again, _ = ants.reset()
        return np.stack([observations, *(step[0] for step in steps), again])

    seven = follow(7)
    np.testing.assert_array_equal(seven, follow(7))
    assert (seven[0] != follow(8)[0]).all(axis=1).all()


def test_worlds_and_episodes_start_differently(ants):
    observations, _ = ants.reset(seed=0)
    again, _ = ants.reset()
    for _ in range(EPISODE_LENGTH + 1):
        automatic, *_ = ants.step(np.zeros((2, 8)))
    starts = np.concatenate([observations, again, automatic])
    assert len(np.unique(starts, axis=0)) == 6


def test_the_mask_resets_some_worlds_and_leaves_the_others(ledges):
    ledges.reset(seed=0)
    ledges.step([RIGHT, RIGHT])
    options = {"reset_mask": np.array([True, False])}
    observations, infos = ledges.reset(options=options)
    np.testing.assert_allclose(observations, [[0.0, 0.0], [0.1, 0.0]], atol=1e-6)
    np.testing.assert_array_equal(infos["_distance"], [True, False])
    assert "reset_mask" in options
    observations, *_ = ledges.step([RIGHT, RIGHT])
    np.testing.assert_allclose(observations, [[0.1, 0.0], [0.2, 0.0]], atol=1e-6)


def test_each_episode_draws_its_own_context():
    def sample_context(key):
        return Context(reward={"goal": jax.random.uniform(key, (2,))})

    envs = VectorEnv(PointMass(episode_length=1), 2, sample_context)
    _, infos = envs.reset(seed=0)
    distances = [*infos["distance"]]
    for _ in range(2):
        # The first step ends the episode, the second begins the next one.
        *_, infos = envs.step(np.zeros((2, 2)))
    distances += [*infos["distance"]]
    assert len(set(distances)) == 4


def test_it_agrees_with_the_environment_itself():
    env = PointMass()
    actions = np.random.default_rng(0).uniform(-1.5, 1.5, (4, 1, 2)).astype(np.float32)
    envs = VectorEnv(env, 1)
    envs.reset(seed=0)
    state = env.reset(jax.random.key(0), env.nominal_context())
    for action in actions:
        observations, rewards, *_, infos = envs.step(action)
        state = env.step(state, jnp.asarray(action[0]))
        np.testing.assert_allclose(observations[0], state.obs["state"], atol=1e-6)
        np.testing.assert_allclose(rewards[0], state.reward, atol=1e-6)
        np.testing.assert_allclose(infos["distance"][0], state.metrics["distance"], atol=1e-6)


def test_gymnasiums_wrappers_understand_it(ledges):
    envs = DictInfoToList(RecordEpisodeStatistics(NormalizeObservation(ledges)))
    envs.reset(seed=0)
    infos = [envs.step(np.array([RIGHT, STAY], np.float32))[-1] for _ in range(8)]
    lengths = [
        [info[world]["episode"]["l"] for info in infos if "episode" in info[world]]
        for world in range(2)
    ]
    # The step that resets is in no episode: the second fall is in step 3 + 1 + 3.
    assert lengths == [[3, 3], [5]]


def test_what_it_returns_is_the_callers_to_overwrite(ledges):
    observations, infos = ledges.reset(seed=0)
    observations += 1
    infos["distance"] += 1
    observations, rewards, *_, infos = ledges.step([STAY, STAY])
    np.testing.assert_array_equal(observations, np.zeros((2, 2)))
    rewards += 1


def test_mistakes_are_named(ledges):
    ledges.reset(seed=0)
    with pytest.raises(UserError, match=r"shape \(2,\): give \(2, 2\)"):
        ledges.step(np.zeros(2))
    with pytest.raises(UserError, match="did you mean 'reset_mask'"):
        ledges.reset(options={"reset_masks": np.ones(2, bool)})
    with pytest.raises(UserError, match="2 booleans"):
        ledges.reset(options={"reset_mask": np.ones(3, bool)})
    with pytest.raises(UserError, match="at least one world"):
        VectorEnv(PointMass(), 0)
    with pytest.raises(gymnasium.error.ResetNeeded):
        VectorEnv(PointMass(), 1).step(np.zeros((1, 2)))


def test_a_closed_environment_refuses_to_go_on():
    envs = VectorEnv(PointMass(), 1)
    envs.close()
    envs.close()
    with pytest.raises(gymnasium.error.ClosedEnvironmentError):
        envs.reset()
    with pytest.raises(gymnasium.error.ClosedEnvironmentError):
        envs.step(np.zeros((1, 2)))


def test_without_gymnasium_the_import_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "gymnasium", None)
    monkeypatch.delitem(sys.modules, "metaskill.envs.interop.gymnasium")
    with pytest.raises(UserError, match=r"pip install 'metaskill\[gymnasium\]'"):
        importlib.import_module("metaskill.envs.interop.gymnasium")


def info_of(infos, world):
    """Return the entries that speak of a world."""
    return {
        name: info_of(values, world) if isinstance(values, dict) else values[world]
        for name, values in infos.items()
        if not name.startswith("_") and infos[f"_{name}"][world]
    }


def assert_same_info(ours, theirs):
    assert ours.keys() == theirs.keys()
    for name, value in theirs.items():
        if isinstance(value, dict):
            assert_same_info(ours[name], value)
        else:
            np.testing.assert_allclose(ours[name], value, atol=1e-6)


@pytest.mark.fault(28)
@pytest.mark.parametrize("mode", [*AutoresetMode, "SameStep"])
def test_in_every_mode_it_does_as_gymnasiums_own_vector_environment(mode):
    ours = VectorEnv(Ledge(episode_length=EPISODE_LENGTH), 2, autoreset_mode=mode)
    theirs = SyncVectorEnv([NumpyLedge, NumpyLedge], autoreset_mode=mode)
    assert ours.metadata["autoreset_mode"] is theirs.metadata["autoreset_mode"]
    ours.reset(seed=0), theirs.reset(seed=0)
    for _ in range(12):
        our, their = (envs.step(np.array([RIGHT, STAY], np.float32)) for envs in (ours, theirs))
        for mine, reference in zip(our[:-1], their[:-1], strict=True):
            np.testing.assert_allclose(mine, reference, atol=1e-6)
        for world in range(2):
            assert_same_info(info_of(our[-1], world), info_of(their[-1], world))
        ended = their[2] | their[3]
        if ours.metadata["autoreset_mode"] is AutoresetMode.DISABLED and ended.any():
            with pytest.raises(UserError, match="call reset"):
                ours.step(np.zeros((2, 2)))
            our, their = (
                envs.reset(options={"reset_mask": ended.copy()}) for envs in (ours, theirs)
            )
            np.testing.assert_allclose(our[0], their[0], atol=1e-6)


@pytest.mark.fault(28)
def test_final_observations_and_metrics_come_with_the_same_step():
    envs = VectorEnv(Ledge(episode_length=EPISODE_LENGTH), 2, autoreset_mode="SameStep")
    envs.reset(seed=0)
    for _ in range(3):
        observations, _, terminations, _, infos = envs.step([RIGHT, STAY])
    assert terminations.tolist() == [True, False]
    np.testing.assert_array_equal(observations[0], [0.0, 0.0])
    np.testing.assert_allclose(infos["final_obs"][0], [0.3, 0.0], atol=1e-6)
    assert infos["final_obs"][1] is None
    assert infos["_final_obs"].tolist() == infos["_final_info"].tolist() == [True, False]
    assert infos["final_info"]["distance"][0] == pytest.approx(np.hypot(0.2, 0.5))
    assert infos["distance"][0] == pytest.approx(np.hypot(0.5, 0.5))


@pytest.mark.fault(28)
def test_worlds_have_seeds_of_their_own(ants):
    together, _ = ants.reset(seed=3)
    listed, _ = ants.reset(seed=[3, 4])
    np.testing.assert_array_equal(together, listed)
    swapped, _ = ants.reset(seed=[4, 3])
    np.testing.assert_array_equal(swapped, listed[::-1])
    half, _ = ants.reset(seed=[3, None])
    np.testing.assert_array_equal(half[0], listed[0])
    assert (half[1] != listed[1]).any()
    with pytest.raises(UserError, match="3 seeds for 2 worlds"):
        ants.reset(seed=[1, 2, 3])


@pytest.mark.fault(28)
@pytest.mark.filterwarnings("ignore:.*A Box observation space m..imum value is:UserWarning")
@pytest.mark.filterwarnings("ignore:.*Not able to test alternative render modes:UserWarning")
def test_a_single_world_is_a_gymnasium_environment(one_ant):
    env = SingleEnv(make("ant", engine="native", episode_length=EPISODE_LENGTH))
    env_checker.check_env(env, skip_close_check=True)
    assert isinstance(env, gymnasium.Env)
    alone, _ = env.reset(seed=5)
    among, _ = one_ant.reset(seed=5)
    np.testing.assert_array_equal(alone, among[0])
    for _ in range(EPISODE_LENGTH):
        observation, reward, terminated, truncated, _ = env.step(np.zeros(8))
        observations, rewards, *_ = one_ant.step(np.zeros((1, 8)))
        np.testing.assert_array_equal(observation, observations[0])
        assert reward == rewards[0]
    assert (terminated, truncated) == (False, True)
    with pytest.raises(gymnasium.error.ResetNeeded, match="over"):
        env.step(np.zeros(8))
    with pytest.raises(UserError, match="no option 'reset_mask'"):
        env.reset(options={"reset_mask": True})


@pytest.mark.fault(28)
def test_worlds_are_drawn():
    ant = make("ant", engine="native", episode_length=EPISODE_LENGTH)
    envs, env = VectorEnv(ant, 2, render_mode="rgb_array"), SingleEnv(ant, render_mode="rgb_array")
    envs.reset(seed=0), env.reset(seed=0)
    frames = envs.render()
    assert [(frame.shape, frame.dtype) for frame in frames] == [((320, 480, 3), np.uint8)] * 2
    np.testing.assert_array_equal(env.render(), frames[0])
    env.close(), envs.close()
    assert SingleEnv(ant).render() is None
    with pytest.raises(UserError, match="no MuJoCo model"):
        SingleEnv(PointMass(), render_mode="rgb_array")
    with pytest.raises(UserError, match="render_mode 'human' does not exist"):
        VectorEnv(ant, 1, render_mode="human")
    with pytest.raises(UserError, match="no autoreset mode is called 'Never'"):
        VectorEnv(ant, 1, autoreset_mode="Never")


@pytest.mark.fault(10)
@pytest.mark.parametrize("mode", [AutoresetMode.NEXT_STEP, AutoresetMode.SAME_STEP])
def test_a_world_that_leaves_the_finite_numbers_ends_and_begins_anew(mode):
    envs = VectorEnv(PointMass(episode_length=10), 2, autoreset_mode=mode)
    envs.reset(seed=0)
    observations, rewards, terminations, _, infos = envs.step([[np.nan, 0], STAY])
    assert terminations.tolist() == [True, False]
    assert rewards[0] == 0
    ended = infos["final_info"] if mode is AutoresetMode.SAME_STEP else infos
    assert ended["failed"].tolist() == [1, 0]
    for _ in range(3):
        assert np.isfinite(observations).all()
        observations, rewards, terminations, _, infos = envs.step([RIGHT, STAY])
        assert np.isfinite(rewards).all()
        assert not terminations.any()
    assert infos["failed"].tolist() == [0, 0]
