"""Environments of brax and MuJoCo Playground, made by name."""

import dataclasses
import sys
import types
import warnings

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from metaskill.envs.env import Context
from metaskill.envs.registry import make
from metaskill.errors import UserError
from metaskill.training.task_distribution import EnvConfig

with warnings.catch_warnings():
    # jaxopt, which brax imports, is no longer maintained, and says so when imported.
    warnings.filterwarnings("ignore", "JAXopt is no longer maintained", DeprecationWarning)
    from metaskill.envs.interop.brax import BraxEnv

pytestmark = [
    pytest.mark.fault(26),
    # Said by brax's simulations, of brax itself and of its way to read MuJoCo's data.
    pytest.mark.filterwarnings("ignore:Brax System, piplines and environments:UserWarning"),
    pytest.mark.filterwarnings("ignore:Accessing `.*` directly from `Data`:DeprecationWarning"),
]


@jax.tree_util.register_dataclass
@dataclasses.dataclass
class Data:
    """The fields of MJX's data that are read."""

    qpos: jax.Array
    qvel: jax.Array


@jax.tree_util.register_dataclass
@dataclasses.dataclass
class PlaygroundState:
    """The fields of Playground's states: `data` is what brax calls `pipeline_state`."""

    data: Data
    obs: jax.Array
    reward: jax.Array
    done: jax.Array
    metrics: dict
    info: dict


class Slider:
    """A mass that is pushed, with the members of a Playground environment."""

    dt, action_size, observation_size = 0.5, 1, 2

    def __init__(self, config_overrides=None):
        self.config_overrides = config_overrides

    @property
    def unwrapped(self):
        return self

    def reset(self, rng):
        return self._state(jax.random.uniform(rng, (1,)), jnp.zeros(1))

    def step(self, state, action):
        velocity = state.data.qvel + self.dt * action
        return self._state(state.data.qpos + self.dt * velocity, velocity)

    def _state(self, place, velocity):
        obs = jnp.concatenate([place, velocity])
        zero = jnp.zeros(())
        return PlaygroundState(Data(place, velocity), obs, place[0], zero, {"place": place[0]}, {})


class AutoResetWrapper(Slider):
    """What Playground wraps around an environment for its own trainers."""

    env = Slider()

    @property
    def unwrapped(self):
        return self.env


@pytest.fixture
def playground(monkeypatch):
    """A package with Playground's registry, of which one environment needs what is not there."""

    def load(name, config_overrides):
        if name == "Humanoid":
            raise FileNotFoundError("git")
        if "mass" in config_overrides:
            raise KeyError("mass")
        return Slider(config_overrides)

    registry = types.SimpleNamespace(
        ALL_ENVS=("Slider", "Humanoid"),
        get_default_config=lambda _: {"episode_length": 40, "impl": "warp"},
        load=load,
    )
    package = types.ModuleType("mujoco_playground")
    package.registry = registry
    monkeypatch.setitem(sys.modules, "mujoco_playground", package)


def test_playgrounds_states_are_read() -> None:
    env = BraxEnv(Slider(), episode_length=3)
    state = env.reset(jax.random.key(0), Context())
    start = state.physics.qpos[0]
    for expected in (0.25, 0.75, 1.5):
        assert not state.done
        state = env.step(state, jnp.array([7.0]))  # It is clipped to 1.
        np.testing.assert_allclose(state.physics.qpos[0] - start, expected, atol=1e-6)
    assert (state.terminated, state.truncated) == (False, True)
    assert state.metrics["failed"] == 0
    assert state.metrics["place"] == state.physics.qpos[0]


@jax.tree_util.register_dataclass
@dataclasses.dataclass
class OtherState:
    obs: jax.Array
    reward: jax.Array
    done: jax.Array
    metrics: dict
    info: dict


class Other(Slider):
    """An environment whose states show their simulation under a name of its own."""

    def reset(self, rng):
        state = super().reset(rng)
        return OtherState(state.obs, state.reward, state.done, state.metrics, state.info)


def test_an_environment_of_neither_is_refused_in_a_sentence() -> None:
    with pytest.raises(UserError, match=r"OtherState, has neither .*'pipeline_state' nor .*'data'"):
        BraxEnv(Other())


def test_what_resets_by_itself_is_refused() -> None:
    with pytest.raises(UserError, match=r"inside AutoResetWrapper.*registry\.load"):
        BraxEnv(AutoResetWrapper())


def test_playgrounds_environments_have_names(playground) -> None:
    env = make("playground:Slider")
    assert (env.name, env.episode_length) == ("playground:Slider", 40)
    assert env._env.config_overrides == {"impl": "jax"}
    env = make("playground:Slider", engine="warp", episode_length=7, config={"sim_dt": 0.1})
    assert env.episode_length == 7
    assert env._env.config_overrides == {"impl": "warp", "sim_dt": 0.1}
    config = EnvConfig("playground:Slider", options={"episode_length": 9})
    env, sample_context = config.make()
    assert env.episode_length == 9
    assert sample_context(jax.random.key(0)) == Context()


def test_mistakes_about_playground_are_named(playground) -> None:
    for name, options, message in (
        ("playground:Slide", {}, "did you mean 'Slider'"),
        ("playground:Slider", {"engine": "native"}, "choose auto, mjx or warp"),
        ("playground:Slider", {"length": 3}, "no option 'length': did you mean 'episode_length'"),
        ("playground:Slider", {"config": {"mass": 1}}, "does not take that configuration"),
        ("playground:Humanoid", {}, "could not download mujoco_menagerie"),
    ):
        with pytest.raises(UserError, match=message):
            make(name, **options)


def test_without_playground_the_name_says_what_to_install(monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "mujoco_playground", None)
    with pytest.raises(UserError, match="pip install playground"):
        make("playground:CartpoleBalance")


def test_braxs_environments_have_names() -> None:
    env = make("brax:fast", episode_length=6, control_timestep=0.02)
    assert (env.name, env.episode_length, env.observation_sizes) == ("brax:fast", 6, {"state": 2})
    for name, options, message in (
        ("brax:fasd", {}, "did you mean 'fast'"),
        ("brax:fast", {}, "pass control_timestep"),
        ("brax:fast", {"engine": "mjx"}, "set the option backend"),
        ("brax:ant", {"backend": "magic"}, "cannot be made with the backend 'magic'"),
        ("gym:ant", {}, "no library is called 'gym': choose one of brax, playground"),
    ):
        with pytest.raises(UserError, match=message):
            make(name, **options)


@pytest.mark.slow
def test_ppo_learns_playgrounds_cartpole() -> None:
    """From 657 to over 900 of 1,000, where playground is installed."""
    pytest.importorskip("mujoco_playground")
    from metaskill.rl.ppo import PPO
    from metaskill.rl.ppo_config import PPOConfig, PPOHparams

    env = make("playground:CartpoleBalance")
    learner = PPO(
        env,
        PPOConfig(
            num_envs=64,
            rollout_length=32,
            num_minibatches=8,
            num_epochs=8,
            policy_hidden=(64, 64),
            value_hidden=(64, 64),
            num_eval_episodes=16,
        ),
    )
    evaluate = jax.jit(learner.evaluate)
    train = jax.jit(lambda state: jax.lax.scan(lambda s, _: learner.step(s), state, length=150)[0])
    state = jax.jit(learner.init)(jax.random.key(0), PPOHparams(discount=0.99))
    before = evaluate(state, jax.random.key(1))["eval/return"]
    after = evaluate(train(state), jax.random.key(1))["eval/return"]
    assert float(before) < 800
    assert float(after) > 900
