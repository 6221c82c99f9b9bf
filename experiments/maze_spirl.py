"""SPiRL finds the far corner of a maze that it never saw; what lacks a part of it does not.

Pertsch et al. 2020 (section 4): skills from ways through many small mazes, a sparse reward in a
larger one. On two cores every method makes an update in 20 control steps, where the paper has
one in 10 of SPiRL's and one in each of flat methods'; batches and networks are smaller too.
"""

import dataclasses

from experiments import maze_cloning, maze_skills
from metaskill.results.exploration import with_exploration
from metaskill.results.guided import guided_findings
from metaskill.rl.sac_config import SACConfig
from metaskill.skills.spirl import GuidedHparams
from metaskill.training.experiment import TrainerConfig
from metaskill.training.guided_experiment import GuidedExperiment, ablations_of
from metaskill.training.source import Source
from metaskill.training.task_distribution import EnvConfig

_LENGTH = 10  # Control steps of a skill.

# 160 control steps and 8 updates in an iteration.
_SKILLS = SACConfig(
    num_envs=16,
    rollout_length=1,
    updates_per_iteration=8,
    batch_size=128,
    replay_capacity=50_000,
    warm_up_steps=2000,
    policy_hidden=(128, 128, 128),
    critic_hidden=(128, 128),
    num_eval_episodes=16,
)
_ACTIONS = dataclasses.replace(
    _SKILLS,
    rollout_length=_LENGTH,
    replay_capacity=450_000,
    warm_up_steps=_LENGTH * _SKILLS.warm_up_steps,
)

# The discount is .99 a skill. Flat methods look as far ahead in time, or a goal some hundred
# steps away would be worth nothing to them.
_HPARAMS = GuidedHparams(
    policy_learning_rate=1e-3,
    critic_learning_rate=1e-3,
    entropy_learning_rate=3e-3,
    entropy_weight=0.1,
    target_divergence=1.0,
)
_FLAT_DISCOUNT = 0.999

# Reaching the goal terminates an episode: no value is made up of states beyond it.
CONFIG = GuidedExperiment(
    env=EnvConfig("maze", options={"size": 8, "layout": 0, "across": True}),
    source=Source("maze_skills", maze_skills.CONFIG),
    trainer=TrainerConfig(
        env_steps=400_000, population=3, iterations_per_chunk=50, chunks_per_evaluation=5
    ),
    sac=_SKILLS,
    hparams=_HPARAMS,
)

BASELINES = ablations_of(
    CONFIG, Source("maze_cloning", maze_cloning.CONFIG), _ACTIONS, _FLAT_DISCOUNT
)

findings = with_exploration(
    guided_findings(
        "maze",
        "success",
        required=0.95,
        limits=dict.fromkeys(BASELINES, 0.3),
        source="Pertsch et al. 2020, figure 4: .97 to .99, and 0 for all baselines; deterministic "
        "policy, from one corner to the opposite one",
    )
)
