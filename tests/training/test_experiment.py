"""Configurations: overriding, checking, and the round trip through JSON."""

import jax
import pytest

from metaskill.configuration import with_values
from metaskill.errors import UserError
from metaskill.training.experiment import PPOExperiment, TrainerConfig
from metaskill.training.run_folder import as_json
from metaskill.training.task_distribution import EnvConfig

CONFIG = PPOExperiment(EnvConfig("ant"), TrainerConfig(env_steps=1000))


def test_values_replace_nested_fields_and_leave_the_rest() -> None:
    changed = with_values(CONFIG, {"ppo": {"policy_hidden": [8, 8]}, "hparams": {"clip": 1}})
    assert changed.ppo.policy_hidden == (8, 8)
    assert changed.hparams.clip == 1.0
    assert isinstance(changed.hparams.clip, float)
    assert changed.ppo.num_envs == CONFIG.ppo.num_envs
    assert CONFIG.hparams.clip == 0.2


def test_json_round_trip() -> None:
    assert with_values(CONFIG, as_json(CONFIG)) == CONFIG


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"ppoo": {}}, "config has no field 'ppoo': did you mean 'ppo'"),
        ({"ppo": {"num_env": 3}}, "config.ppo has no field 'num_env': did you mean 'num_envs'"),
        ({"ppo": {"num_envs": 3.5}}, "config.ppo.num_envs must be int, not 3.5"),
        ({"ppo": {"num_envs": True}}, "must be int, not True"),
        ({"ppo": 3}, "config.ppo is a group of fields"),
        ({"env": {"name": 7}}, "config.env.name must be str, not 7"),
        ({"trainer": {"env_steps": 0}}, "config.trainer.env_steps is 0"),
        ({"trainer": {"env_steps": 10**19}}, "no count is that large"),
    ],
)
def test_mistakes_are_named(values: dict, message: str) -> None:
    with pytest.raises(UserError, match=message):
        with_values(CONFIG, values)


def test_a_value_function_may_know_what_the_policy_may_not() -> None:
    env, sample_context = EnvConfig("point_mass", privileged=True).make()
    state = env.reset(jax.random.key(0), sample_context(jax.random.key(1)))
    assert state.obs["privileged_state"].size == env.observation_sizes["privileged_state"]
    assert env.observation_sizes["privileged_state"] > env.observation_sizes["state"]
