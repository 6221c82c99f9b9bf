"""SPiRL does four subtasks in an order that no episode of its data has, for a reward of one each.

Pertsch et al. 2020 (section 4). Every method makes an update in 20 control steps, fewer than the
paper's, on two cores; batches and networks are smaller too.
"""

import dataclasses

from experiments import kitchen_cloning, kitchen_skills
from metaskill.results.coverage import with_coverage
from metaskill.results.exploration import with_exploration
from metaskill.results.guided import guided_findings
from metaskill.rl.sac_config import SACConfig
from metaskill.skills.spirl import GuidedHparams
from metaskill.training.experiment import EnvConfig, TrainerConfig
from metaskill.training.guided_experiment import GuidedExperiment, ablations_of
from metaskill.training.source import Source

_LENGTH = 10  # Control steps of a skill.

# 320 control steps and 16 updates in an iteration.
_SKILLS = SACConfig(
    num_envs=32,
    rollout_length=1,
    updates_per_iteration=16,
    batch_size=128,
    replay_capacity=120_000,
    warm_up_steps=2000,
    policy_hidden=(128, 128, 128),
    critic_hidden=(128, 128),
    num_eval_episodes=16,
)
_ACTIONS = dataclasses.replace(
    _SKILLS,
    rollout_length=_LENGTH,
    replay_capacity=500_000,
    warm_up_steps=_LENGTH * _SKILLS.warm_up_steps,
)

_HPARAMS = GuidedHparams(
    policy_learning_rate=1e-3,
    critic_learning_rate=1e-3,
    entropy_learning_rate=3e-3,
    entropy_weight=0.1,
    target_divergence=5.0,
)
_FLAT_DISCOUNT = 0.999  # As far ahead in time as .99 a skill.

# The last of the subtasks ends an episode: no value is made up of what nobody does after it.
CONFIG = GuidedExperiment(
    env=EnvConfig(
        "arm_kitchen", options={"subtasks": list(kitchen_skills.ASKED), "ends_when_done": True}
    ),
    source=Source("kitchen_skills", kitchen_skills.CONFIG),
    trainer=TrainerConfig(
        env_steps=1_000_000, population=3, iterations_per_chunk=50, chunks_per_evaluation=5
    ),
    sac=_SKILLS,
    hparams=_HPARAMS,
)

BASELINES = ablations_of(
    CONFIG, Source("kitchen_cloning", kitchen_cloning.CONFIG), _ACTIONS, _FLAT_DISCOUNT
)

findings = with_coverage(
    with_exploration(
        guided_findings(
            "kitchen",
            "subtasks",
            required=2.5,
            limits={"sac": 0.5},
            source="Pertsch et al. 2020, figure 4: 2.6, and 1.1, .9 and .2 for baselines; "
            "deterministic policy, of four subtasks in an order that was left out of the data",
        )
    ),
    required=3.0,
)
