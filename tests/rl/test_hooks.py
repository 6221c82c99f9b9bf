"""The hooks of the cores: without strength they change nothing, with it what they say."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from metaskill.envs.env import Env
from metaskill.rl.hooks import Hooks
from metaskill.rl.ppo import PPO
from metaskill.rl.ppo_config import PPOConfig, PPOHparams

SMALL = PPOConfig(
    num_envs=16,
    rollout_length=5,
    num_epochs=2,
    num_minibatches=2,
    policy_hidden=(8,),
    value_hidden=(8,),
    num_eval_episodes=2,
)


class Scaled:
    """A reward transform with a model that counts its updates."""

    def __init__(self, strength: float):
        self.strength = strength

    def init(self, key):
        return {"updates": jnp.zeros(())}

    def update(self, model, experience, key):
        updates = model["updates"] + 1.0
        return {"updates": updates}, {"model_updates": updates}

    def reward(self, model, experience, key):
        bonus = model["updates"] * jax.random.normal(key, experience.reward.shape)
        return experience.reward + self.strength * bonus


def weights(strength: float):
    return lambda experience: 1.0 + strength * experience.obs["state"][:, 0]


def pull(strength: float):
    def auxiliary_loss(params, batch, key):
        loss = strength * jnp.sum(jnp.square(params["policy"]["params"]["log_std"] - 1.0))
        return loss, {"pull": loss}

    return auxiliary_loss


def hooks(strength: float) -> dict[str, Hooks]:
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


def trained(env: Env, hooks: Hooks):
    ppo = PPO(env, SMALL, hooks=hooks)
    state = ppo.init(jax.random.key(0), PPOHparams(learning_rate=1e-2))
    run = jax.jit(lambda state: jax.lax.scan(lambda s, _: ppo.step(s), state, None, length=3))
    return run(state)


@pytest.fixture(scope="module")
def plain(point_mass: Env):
    return trained(point_mass, Hooks())


@pytest.mark.parametrize("name", hooks(0.0))
def test_a_hook_of_zero_strength_gives_exactly_the_core(point_mass: Env, plain, name: str) -> None:
    state, metrics = trained(point_mass, hooks(0.0)[name])
    for one, other in zip(
        jax.tree.leaves((plain[0].params, plain[0].optimizer)),
        jax.tree.leaves((state.params, state.optimizer)),
        strict=True,
    ):
        np.testing.assert_array_equal(one, other)
    for metric, values in plain[1].items():
        if metric != "loss/grad_norm":
            np.testing.assert_array_equal(values, metrics[metric], err_msg=metric)


@pytest.mark.parametrize("name", hooks(1.0))
def test_a_hook_with_strength_changes_what_is_learned(point_mass: Env, plain, name: str) -> None:
    state, metrics = trained(point_mass, hooks(1.0)[name])
    log_std = state.params["policy"]["params"]["log_std"]
    assert not np.array_equal(log_std, plain[0].params["policy"]["params"]["log_std"])
    if name == "intrinsic":
        np.testing.assert_array_equal(metrics["model_updates"], [1.0, 2.0, 3.0])
        assert "intrinsic_reward" in metrics
    if name == "auxiliary_loss":
        assert np.all(
            np.asarray(log_std) > np.asarray(plain[0].params["policy"]["params"]["log_std"])
        )
        assert float(metrics["loss/pull"][0]) > 0.0


def test_a_model_that_is_no_number_is_not_kept(point_mass: Env) -> None:
    class Breaking(Scaled):
        def update(self, model, experience, key):
            return {"updates": jnp.full((), jnp.nan)}, {}

    state, metrics = trained(point_mass, Hooks(intrinsic=Breaking(1.0)))
    assert float(state.intrinsic["updates"]) == 0.0
    assert np.all(np.isfinite(metrics["intrinsic_reward"]))
