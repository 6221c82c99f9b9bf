"""skrl, which trains on Gymnasium's vector environments, trains on ours."""

import numpy as np
import pytest

from metaskill.envs.interop.gymnasium import VectorEnv
from metaskill.envs.point_mass import PointMass

pytestmark = [pytest.mark.slow, pytest.mark.fault(29)]

EPISODE_LENGTH = 20


@pytest.mark.filterwarnings("ignore")  # skrl says many things of its own dependencies.
def test_skrls_ppo_learns() -> None:
    """Where skrl is installed: from -14 to -1.5 with these settings."""
    pytest.importorskip("skrl")
    import flax.linen as nn
    import jax
    import jax.numpy as jnp
    from skrl.agents.jax.ppo import PPO, PPO_CFG
    from skrl.envs.wrappers.jax import wrap_env
    from skrl.memories.jax import RandomMemory
    from skrl.models.jax import DeterministicMixin, GaussianMixin, Model
    from skrl.trainers.jax import SequentialTrainer

    class Policy(GaussianMixin, Model):
        def __init__(self, observation_space, action_space, **kwargs):
            Model.__init__(
                self, observation_space=observation_space, action_space=action_space, **kwargs
            )
            GaussianMixin.__init__(self)

        @nn.compact
        def __call__(self, inputs, role):
            hidden = nn.tanh(nn.Dense(32)(inputs["observations"]))
            log_std = self.param("log_std", lambda _: jnp.zeros(self.num_actions))
            return nn.Dense(self.num_actions)(hidden), {"log_std": log_std}

    class Value(DeterministicMixin, Model):
        def __init__(self, observation_space, action_space, **kwargs):
            Model.__init__(
                self, observation_space=observation_space, action_space=action_space, **kwargs
            )
            DeterministicMixin.__init__(self)

        @nn.compact
        def __call__(self, inputs, role):
            return nn.Dense(1)(nn.tanh(nn.Dense(32)(inputs["observations"]))), {}

    def mean_return() -> float:
        observations, _ = env.reset()
        total = 0.0
        for _ in range(EPISODE_LENGTH):
            _, report = policy.act({"observations": observations}, role="policy")
            observations, rewards, *_ = env.step(report["mean_actions"])
            total += float(np.mean(rewards))
        return total

    with jax.numpy_dtype_promotion("standard"):  # skrl mixes dtypes.
        env = wrap_env(VectorEnv(PointMass(episode_length=EPISODE_LENGTH), 16))
        policy = Policy(env.observation_space, env.action_space)
        value = Value(env.observation_space, env.action_space)
        for role, model in (("policy", policy), ("value", value)):
            model.init_state_dict(role=role)
        config = PPO_CFG(
            rollouts=20,
            learning_epochs=4,
            mini_batches=4,
            learning_rate=3e-3,
            discount_factor=0.95,
        )
        config.experiment.write_interval = config.experiment.checkpoint_interval = 0
        agent = PPO(
            models={"policy": policy, "value": value},
            memory=RandomMemory(memory_size=20, num_envs=16),
            cfg=config,
            observation_space=env.observation_space,
            action_space=env.action_space,
        )
        before = mean_return()
        settings = {"timesteps": 1600, "disable_progressbar": True, "headless": True}
        SequentialTrainer(env=env, agents=agent, cfg=settings).train()
        # The trainer closes what it trained on.
        env = wrap_env(VectorEnv(PointMass(episode_length=EPISODE_LENGTH), 16))
        assert mean_return() > before + 5.0
