"""SPiRL does four subtasks in an order that no episode of its data has, for a reward of one each.

Pertsch et al. 2020 (section 4). Every method makes an update in 20 control steps, fewer than the
paper's, on two cores; batches and networks are smaller too. What is not said is as in the maze.
"""

import dataclasses

from experiments import kitchen_cloning, kitchen_skills, maze_spirl
from metaskill.results.coverage import with_coverage
from metaskill.results.exploration import with_exploration
from metaskill.results.guided import guided_findings
from metaskill.training.guided_experiment import ablations_of
from metaskill.training.source import Source
from metaskill.training.task_distribution import EnvConfig

# The last of the subtasks ends an episode: no value is made up of what nobody does after it.
# There are 320 control steps and 16 updates in an iteration.
CONFIG = dataclasses.replace(
    maze_spirl.CONFIG,
    env=EnvConfig(
        "arm_kitchen", options={"subtasks": list(kitchen_skills.ASKED), "ends_when_done": True}
    ),
    source=Source("kitchen_skills", kitchen_skills.CONFIG),
    trainer=dataclasses.replace(maze_spirl.CONFIG.trainer, env_steps=1_008_000),
    sac=dataclasses.replace(
        maze_spirl.CONFIG.sac, num_envs=32, updates_per_iteration=16, replay_capacity=120_000
    ),
    hparams=dataclasses.replace(maze_spirl.CONFIG.hparams, target_divergence=5.0),
)

_flat = maze_spirl.BASELINES["sac"]
BASELINES = ablations_of(
    CONFIG,
    Source("kitchen_cloning", kitchen_cloning.CONFIG),
    dataclasses.replace(_flat.sac, num_envs=32, updates_per_iteration=16, replay_capacity=500_000),
    float(_flat.hparams.discount),
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
