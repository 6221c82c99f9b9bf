"""Environments cross the border to brax and back without a change to their MDP."""

import dataclasses
import warnings

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from metaskill.envs.auto_reset import auto_reset
from metaskill.envs.env import Context
from metaskill.envs.point_mass import PointMass
from metaskill.envs.registry import make
from metaskill.errors import UserError

with warnings.catch_warnings():
    # jaxopt, which brax imports, is no longer maintained, and says so when imported.
    warnings.filterwarnings("ignore", "JAXopt is no longer maintained", DeprecationWarning)
    import brax.envs
    from brax.envs.fast import Fast, ObservationMode
    from brax.envs.wrappers import training

    from metaskill.envs.interop.brax import BraxEnv, BraxState, BraxView

# Said by brax's simulations, of brax itself and of its way to read MuJoCo's data.
pytestmark = [
    pytest.mark.filterwarnings("ignore:Brax System, piplines and environments:UserWarning"),
    pytest.mark.filterwarnings("ignore:Accessing `.*` directly from `Data`:DeprecationWarning"),
]

EPISODE_LENGTH = 5
EDGE = 0.25
RIGHT, STAY = [1.0, 0.0], [0.0, 0.0]


class Ledge(PointMass):
    """Ours: falls off the edge at x = 0.25, and observes more than the robot."""

    def __init__(self):
        super().__init__(episode_length=EPISODE_LENGTH)
        self.observation_sizes = {"state": 2, "privileged_state": 4}

    def reset(self, key, context):
        return self._with_more(super().reset(key, context))

    def step(self, state, action):
        return self._with_more(super().step(state, action))

    def _with_more(self, state):
        fell = state.physics.qpos[0] > EDGE
        more = jnp.concatenate([state.physics.qpos, state.physics.qvel])
        return dataclasses.replace(
            state,
            obs={**state.obs, "privileged_state": more},
            terminated=fell,
            truncated=state.truncated & ~fell,
        )


class Slope(brax.envs.Env):
    """Brax's: x rises by the action; it shows the liberties that brax environments take."""

    observation_size, action_size, backend, dt = 1, 1, "none", 0.5

    def reset(self, rng):
        assert rng.dtype == jnp.uint32
        x = jax.random.uniform(rng, (1,))
        zero = jnp.zeros(())
        return brax.envs.State(None, x, zero, zero, {"x": zero}, {"rng": rng})

    def step(self, state, action):
        x = state.obs + action
        state.metrics.update(x=x[0])
        done = jnp.where(x[0] > 2.0, 1.0, 0.0)
        return state.replace(obs=jnp.where(x > 9.0, jnp.nan, x), reward=1.0, done=done)


@pytest.fixture(scope="module")
def pendulum():
    """A simulation of brax's, by the pipeline that compiles fastest."""
    return brax.envs.get_environment("inverted_pendulum", backend="spring")


@pytest.fixture(scope="module")
def braxed_pendulum(pendulum):
    env = BraxEnv(pendulum, episode_length=EPISODE_LENGTH)
    return env, jax.jit(env.reset), jax.jit(env.step)


@pytest.fixture(scope="module")
def slope():
    env = BraxEnv(Slope(), episode_length=EPISODE_LENGTH)
    return env, jax.jit(env.reset), jax.jit(env.step)


@pytest.fixture(scope="module")
def training_view():
    """Two worlds of ours in the wrappers that brax's trainers put around every environment."""
    env = training.wrap(BraxView(Ledge()), episode_length=EPISODE_LENGTH)
    # The wrappers compare integers with floats.
    with jax.numpy_dtype_promotion("standard"):
        state = jax.jit(env.reset)(jax.random.split(jax.random.PRNGKey(0), 2))
        step = jax.jit(env.step).lower(state, jnp.zeros((2, 2))).compile()
    return state, step


def assert_same_trees(ours, theirs):
    jax.tree.map(np.testing.assert_array_equal, ours, theirs)


class TestOursAsBraxs:
    @pytest.mark.parametrize("name", ["point_mass", "ant"])
    def test_the_trajectory_is_the_environments_own(self, name):
        env = make(name, engine="native")
        view = BraxView(env)
        assert isinstance(view, brax.envs.Env)
        assert view.observation_size == env.observation_sizes["state"]
        assert view.action_size == env.action_size
        key = jax.random.key(3)
        reset_key, _ = jax.random.split(key)
        state = jax.jit(env.reset)(reset_key, env.nominal_context())
        viewed = jax.jit(view.reset)(key)
        step, view_step = jax.jit(env.step), jax.jit(view.step)
        actions = np.random.default_rng(0).uniform(-1.5, 1.5, (4, env.action_size))
        for action in actions.astype(np.float32):
            state, viewed = step(state, action), view_step(viewed, action)
            np.testing.assert_array_equal(viewed.obs, state.obs["state"])
            np.testing.assert_array_equal(viewed.reward, state.reward)
            np.testing.assert_array_equal(viewed.done, state.terminated)
            assert_same_trees(viewed.metrics, state.metrics)

    def test_keys_of_both_kinds_start_the_same_episode(self):
        view = BraxView(make("ant", engine="native"))
        legacy, typed = view.reset(jax.random.PRNGKey(5)), view.reset(jax.random.key(5))
        np.testing.assert_array_equal(legacy.obs, typed.obs)

    def test_all_observations_can_be_shown(self):
        view = BraxView(Ledge(), as_dict=True)
        state = view.reset(jax.random.PRNGKey(0))
        assert view.observation_size == {"state": (2,), "privileged_state": (4,)}
        assert {name: obs.shape for name, obs in state.obs.items()} == view.observation_size

    def test_each_reset_draws_a_context(self):
        def sample_context(key):
            return Context(reward={"goal": jax.random.uniform(key, (2,))})

        view = BraxView(PointMass(), sample_context)
        states = jax.vmap(view.reset)(jax.random.split(jax.random.PRNGKey(0), 2))
        assert states.metrics["distance"][0] != states.metrics["distance"][1]

    def test_in_braxs_wrappers_terminations_and_truncations_are_told_apart(self, training_view):
        state, step = training_view
        ends = []
        for _ in range(EPISODE_LENGTH):
            state = step(state, jnp.array([RIGHT, STAY]))
            ends.append((state.done, state.info["truncation"]))
        done, truncation = np.array(ends).swapaxes(0, 1)
        np.testing.assert_array_equal(np.argwhere(done), [[2, 0], [4, 1]])
        np.testing.assert_array_equal(np.argwhere(truncation), [[4, 1]])

    def test_in_braxs_wrappers_a_finished_world_begins_its_first_episode_again(self, training_view):
        first, step = training_view
        state = first
        for _ in range(3):
            state = step(state, jnp.array([RIGHT, STAY]))
        np.testing.assert_array_equal(state.obs[0], first.obs[0])
        np.testing.assert_array_equal(state.pipeline_state.step, [0, 3])
        for _ in range(3):
            state = step(state, jnp.array([RIGHT, STAY]))
        np.testing.assert_array_equal(state.done, [1.0, 0.0])

    def test_without_braxs_wrappers_the_time_limit_shows_in_info(self):
        view = BraxView(Ledge())
        state, step = view.reset(jax.random.PRNGKey(0)), jax.jit(view.step)
        for _ in range(EPISODE_LENGTH):
            assert state.info["truncation"] == 0
            state = step(state, jnp.array(STAY))
        assert (state.done, state.info["truncation"]) == (0, 1)


class TestBraxsAsOurs:
    def test_the_trajectory_is_braxs_own(self, pendulum, braxed_pendulum):
        _, reset, step = braxed_pendulum
        state = reset(jax.random.key(3), Context())
        reference = state.brax_state
        with jax.numpy_dtype_promotion("standard"):
            reference_step = jax.jit(pendulum.step).lower(reference, jnp.zeros(1)).compile()
        for action in ([0.5], [-1.0], [0.2]):
            state = step(state, jnp.array(action))
            reference = reference_step(reference, jnp.array(action))
            for ours, theirs in (
                (state.obs["state"], reference.obs),
                (state.physics.qpos, reference.pipeline_state.q),
                (state.physics.qvel, reference.pipeline_state.qd),
                (state.reward, reference.reward),
                (state.terminated, reference.done),
            ):
                np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-6)

    def test_a_reset_is_braxs_own(self, slope):
        _, reset, _ = slope
        key = jax.random.key(3)
        brax_key, _ = jax.random.split(key)
        reference = Slope().reset(jax.random.key_data(brax_key))
        np.testing.assert_array_equal(reset(key, Context()).obs["state"], reference.obs)

    def test_it_satisfies_the_contract(self, pendulum, braxed_pendulum):
        env, *_ = braxed_pendulum
        assert env.name == "InvertedPendulum"
        assert env.observation_sizes == {"state": 4}
        assert env.action_size == 1
        assert env.control_timestep == pytest.approx(float(pendulum.dt))
        assert env.nominal_context() == Context()

    def test_resets_in_a_scan_begin_new_episodes(self, slope):
        env, reset, _ = slope
        step = auto_reset(env, lambda _: env.nominal_context())

        @jax.jit
        def follow(state, actions):
            return jax.lax.scan(step, state, actions)

        start = reset(jax.random.key(0), Context())
        end, outcomes = follow(start, jnp.zeros((2 * EPISODE_LENGTH, 1)))
        assert isinstance(end, BraxState)
        np.testing.assert_array_equal(np.flatnonzero(outcomes.truncated), [4, 9])
        np.testing.assert_array_equal(outcomes.step, [1, 2, 3, 4, 5, 1, 2, 3, 4, 5])
        starts = outcomes.obs["state"][::EPISODE_LENGTH, 0]
        assert starts[0] != starts[1]
        assert not outcomes.terminated.any()

    def test_done_terminates_even_in_the_last_step(self, slope):
        _, reset, step = slope
        state = reset(jax.random.key(0), Context())
        for _ in range(EPISODE_LENGTH - 1):
            state = step(state, jnp.zeros(1))
            assert not state.done
        still, falls = step(state, jnp.zeros(1)), step(step(state, jnp.ones(1)), jnp.ones(1))
        assert (still.terminated, still.truncated) == (False, True)
        assert (falls.terminated, falls.truncated) == (True, False)

    def test_actions_are_clipped(self, slope):
        _, reset, step = slope
        state = reset(jax.random.key(0), Context())
        far, near = step(state, jnp.array([7.0])), step(state, jnp.array([1.0]))
        np.testing.assert_array_equal(far.obs["state"], near.obs["state"])

    def test_a_step_leaves_the_state_it_was_given_as_it_was(self, slope):
        env, *_ = slope
        state = env.reset(jax.random.key(0), Context())
        after = env.step(state, jnp.ones(1))
        assert state.metrics["x"] == state.brax_state.metrics["x"] == 0
        assert after.metrics["x"] > 0

    def test_a_simulation_without_numbers_fails_alone_and_poisons_nothing(self, slope):
        _, reset, step = slope
        state = reset(jax.random.key(0), Context())
        for _ in range(8):
            state = step(state, jnp.ones(1))
        assert not state.physics.failed
        after = step(step(state, jnp.ones(1)), jnp.ones(1))
        assert after.physics.failed
        assert (after.terminated, after.truncated) == (True, False)
        assert (after.reward, after.metrics["failed"]) == (0, 1)
        assert np.isfinite(after.obs["state"]).all()

    def test_observations_by_name_keep_their_names(self):
        asymmetric = Fast(asymmetric_obs=True, obs_mode=ObservationMode.DICT_STATE)
        env = BraxEnv(asymmetric, control_timestep=0.02)
        assert env.observation_sizes == {"state": 2, "privileged_state": 4}
        assert env.reset(jax.random.key(0), Context()).obs["privileged_state"].shape == (4,)

    def test_mistakes_are_named(self, slope):
        env, *_ = slope
        with pytest.raises(UserError, match="no context but the nominal one"):
            env.reset(jax.random.key(0), Context(reward={"goal": jnp.zeros(2)}))
        with pytest.raises(UserError, match="AutoResetWrapper"):
            BraxEnv(brax.envs.create("fast"), control_timestep=0.02)
        with pytest.raises(UserError, match="pass control_timestep"):
            BraxEnv(Fast())
        with pytest.raises(UserError, match="no 'state'"):
            BraxEnv(Fast(obs_mode=ObservationMode.DICT_PIXELS), control_timestep=0.02)
        with pytest.raises(UserError, match="only vectors"):
            BraxEnv(Fast(obs_mode=ObservationMode.DICT_PIXELS_STATE), control_timestep=0.02)


def test_there_and_back_again_is_the_same_environment():
    env = Ledge()
    back = BraxEnv(BraxView(env, as_dict=True), EPISODE_LENGTH)
    assert back.observation_sizes == env.observation_sizes
    assert back.control_timestep == env.control_timestep
    state = env.reset(jax.random.key(0), env.nominal_context())
    returned = back.reset(jax.random.key(0), back.nominal_context())
    step, back_step = jax.jit(env.step), jax.jit(back.step)
    for action in [STAY, STAY, RIGHT, STAY, RIGHT]:
        for name in ("obs", "reward", "terminated", "truncated", "step", "metrics"):
            assert_same_trees(getattr(returned, name), getattr(state, name))
        state, returned = step(state, jnp.array(action)), back_step(returned, jnp.array(action))
    assert returned.truncated
    assert state.truncated


@pytest.mark.fault(10)
def test_brax_sees_the_end_of_a_world_that_leaves_the_finite_numbers():
    view = BraxView(PointMass(episode_length=10))
    step = jax.jit(view.step)
    state = step(view.reset(jax.random.key(0)), jnp.array(RIGHT))
    after = step(state, jnp.array([jnp.nan, 0.0]))
    assert (after.done, after.reward, after.metrics["failed"]) == (1, 0, 1)
    np.testing.assert_array_equal(after.obs, state.obs)
    np.testing.assert_array_equal(after.pipeline_state.physics.qpos, state.obs)


@pytest.mark.slow
@pytest.mark.fault(29)
@pytest.mark.filterwarnings("ignore")  # brax's trainers say many things of jax and of themselves.
def test_braxs_own_trainer_learns_through_the_view(monkeypatch):
    """On jax without `device_put_replicated`, with the line that docs/environments.md gives."""
    from brax.training.agents.ppo import train as ppo

    monkeypatch.setattr(
        jax,
        "device_put_replicated",
        lambda tree, devices: jax.tree.map(lambda leaf: jnp.stack([leaf] * len(devices)), tree),
        raising=False,
    )
    returns = []
    with jax.numpy_dtype_promotion("standard"):  # brax mixes dtypes.
        ppo.train(
            environment=BraxView(PointMass(episode_length=20)),
            max_devices_per_host=1,
            num_timesteps=40_000,
            episode_length=20,
            num_envs=64,
            num_evals=2,
            num_eval_envs=64,
            unroll_length=20,
            batch_size=64,
            num_minibatches=2,
            num_updates_per_batch=4,
            learning_rate=3e-3,
            discounting=0.95,
            progress_fn=lambda _, metrics: returns.append(float(metrics["eval/episode_reward"])),
        )
    assert returns[-1] > returns[0] + 5.0


@pytest.mark.slow
@pytest.mark.fault(29)
@pytest.mark.filterwarnings("ignore")  # rejax says that it copies environments.
def test_rejax_learns_through_the_view():
    """Where rejax is installed, with gymnax before 1.0: rejax's door to brax is written for it."""
    rejax = pytest.importorskip("rejax")
    from importlib.metadata import version

    if not version("gymnax").startswith("0."):
        pytest.skip("rejax 0.1.3 calls what gymnax 1.0 renamed")
    from rejax.compat.brax2gymnax import Brax2GymnaxEnv

    env = Brax2GymnaxEnv(training.EpisodeWrapper(BraxView(PointMass(episode_length=20)), 20, 1))
    env.max_steps_in_episode = 20
    with jax.numpy_dtype_promotion("standard"):
        algorithm = rejax.PPO.create(
            env=env,
            env_params=env.default_params,
            total_timesteps=20_000,
            eval_freq=20_000,
            num_envs=64,
            num_steps=20,
            num_epochs=4,
            num_minibatches=4,
            learning_rate=3e-3,
            gamma=0.95,
            max_grad_norm=0.5,
            agent_kwargs={"activation": "tanh"},
        )
        _, (_, returns) = jax.jit(algorithm.train)(jax.random.PRNGKey(0))
    before, *_, after = np.asarray(returns).mean(axis=1)
    assert after > before + 5.0
