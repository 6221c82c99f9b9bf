"""The command line as tests call it: in this process."""

import pytest

from metaskill.cli.main import main

TINY_DEMO = [
    "--config.env.name=point_mass",
    "--config.env.options={'episode_length': 5}",
    "--config.ppo.num_envs=4",
    "--config.ppo.rollout_length=8",
    "--config.ppo.num_minibatches=2",
    "--config.ppo.policy_hidden=(8,)",
    "--config.ppo.value_hidden=(8,)",
    "--config.ppo.num_eval_episodes=2",
    "--config.trainer.env_steps=64",
    "--config.trainer.iterations_per_chunk=2",
]
"""Two chunks of the demo's PPO, on a point mass."""


def call(*arguments: str) -> int:
    """Run `metaskill ARGUMENTS` and return its exit code."""
    with pytest.raises(SystemExit) as exit_:
        main(list(arguments))
    return int(exit_.value.code or 0)
