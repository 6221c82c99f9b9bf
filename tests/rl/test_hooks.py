"""The hooks of the cores: without strength they change nothing, with it what they say."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jaxtyping import Array, Float

from metaskill.envs.env import Env
from metaskill.rl.hooks import Hooks
from metaskill.rl.ppo import PPO
from metaskill.rl.ppo_config import PPOConfig, PPOHparams
from metaskill.rl.sac import SAC
from metaskill.rl.sac_config import SACConfig, SACHparams

SMALL_PPO = PPOConfig(
    num_envs=16,
    rollout_length=5,
    num_epochs=2,
    num_minibatches=2,
    policy_hidden=(8,),
    value_hidden=(8,),
    num_eval_episodes=2,
)
SMALL_SAC = SACConfig(
    num_envs=16,
    rollout_length=5,
    updates_per_iteration=2,
    batch_size=16,
    replay_capacity=400,
    warm_up_steps=0,
    policy_hidden=(8,),
    critic_hidden=(8,),
    num_eval_episodes=2,
)


Strength = float | Float[Array, ""]


class Scaled:
    """A reward transform with a model that counts its updates."""

    def __init__(self, strength: Strength):
        self.strength = strength

    def init(self, key):
        return {"updates": jnp.zeros(())}

    def update(self, model, experience, key):
        updates = model["updates"] + 1.0
        return {"updates": updates}, {"model_updates": updates}

    def reward(self, model, experience, key):
        bonus = model["updates"] * jax.random.normal(key, experience.reward.shape)
        return experience.reward + self.strength * bonus


def weights(strength: Strength):
    return lambda experience: 1.0 + strength * experience.obs["state"][:, 0]


def pull(strength: Strength):
    def auxiliary_loss(params, batch, key):
        parts = [jnp.sum(jnp.square(leaf - 1.0)) for leaf in jax.tree.leaves(params["policy"])]
        loss = strength * jnp.sum(jnp.stack(parts))
        return loss, {"pull": loss}

    return auxiliary_loss


def hooks(strength: Strength) -> dict[str, Hooks]:
    def mostly_the_core(of_core, of_auxiliary):
        return jax.tree.map(lambda a, b: a + strength * b, of_core, of_auxiliary)

    return {
        "intrinsic": Hooks(intrinsic=Scaled(strength)),
        "sample_weight": Hooks(sample_weight=weights(strength)),
        "auxiliary_loss": Hooks(auxiliary_loss=pull(strength)),
        "combine_gradients": Hooks(
            auxiliary_loss=pull(strength), combine_gradients=mostly_the_core
        ),
    }


HOOKS = tuple(hooks(0.0))


def trained(core: str, env: Env, hooks: Hooks):
    if core == "ppo":
        learner, hparams = PPO(env, SMALL_PPO, hooks=hooks), PPOHparams(learning_rate=1e-2)
    else:
        learner, hparams = SAC(env, SMALL_SAC, hooks=hooks), SACHparams(policy_learning_rate=1e-2)
    state = learner.init(jax.random.key(0), hparams)
    return jax.lax.scan(lambda state, _: learner.step(state), state, None, length=3)


@functools.cache
def training(core: str, env: Env, name: str):
    """Compile once for every strength of a hook."""
    return jax.jit(lambda strength: trained(core, env, hooks(strength)[name]))


def learned(state) -> list[np.ndarray]:
    parts = state.networks if hasattr(state, "networks") else (state.params, state.optimizer)
    return [np.asarray(leaf) for leaf in jax.tree.leaves(parts)]


def policy(state) -> np.ndarray:
    params = state.networks.params if hasattr(state, "networks") else state.params
    return np.concatenate([np.ravel(leaf) for leaf in jax.tree.leaves(params["policy"])])


@pytest.fixture(scope="module", params=["ppo", "sac"])
def core(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(scope="module")
def plain(core: str, point_mass: Env):
    return jax.jit(lambda: trained(core, point_mass, Hooks()))()


@pytest.mark.parametrize("name", HOOKS)
def test_a_hook_of_zero_strength_gives_exactly_the_core(
    core: str, point_mass: Env, plain, name: str
) -> None:
    state, metrics = training(core, point_mass, name)(0.0)
    for one, other in zip(learned(plain[0]), learned(state), strict=True):
        np.testing.assert_array_equal(one, other)
    for metric, values in plain[1].items():
        # Means that are only reported may be summed in another order.
        tolerance = 1e-6 if metric.startswith("loss/") else 0.0
        np.testing.assert_allclose(values, metrics[metric], rtol=tolerance, err_msg=metric)


@pytest.mark.parametrize("name", HOOKS)
def test_a_hook_with_strength_changes_what_is_learned(
    core: str, point_mass: Env, plain, name: str
) -> None:
    state, metrics = training(core, point_mass, name)(1.0)
    assert not np.array_equal(policy(state), policy(plain[0]))
    if name == "intrinsic":
        np.testing.assert_array_equal(metrics["model_updates"], [1.0, 2.0, 3.0])
        assert "intrinsic_reward" in metrics
    if name == "auxiliary_loss":
        assert np.mean(policy(state)) > np.mean(policy(plain[0]))
        assert float(metrics["loss/pull"][0]) > 0.0


def test_a_model_that_is_no_number_is_not_kept(core: str, point_mass: Env) -> None:
    class Breaking(Scaled):
        def update(self, model, experience, key):
            return {"updates": jnp.full((), jnp.nan)}, {}

    breaking = Hooks(intrinsic=Breaking(1.0))
    state, metrics = jax.jit(lambda: trained(core, point_mass, breaking))()
    assert float(state.intrinsic["updates"]) == 0.0
    assert np.all(np.isfinite(metrics["intrinsic_reward"]))
