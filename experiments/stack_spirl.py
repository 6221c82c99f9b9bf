"""SPiRL builds a tower of five blocks by skills from data in which only parts of it stood.

Pertsch et al. 2020 (section 4): skills from stacking some blocks, a reward for the height of a
tower of more than the data ever had. The paper's arm sees pictures and a larger scene with
eleven blocks; this one sees where each of its five blocks is, so the scene is the same and the
tower is what is new. All else is as in the kitchen.
"""

import dataclasses

from experiments import kitchen_spirl, stack_cloning, stack_skills
from metaskill.results.coverage import with_coverage
from metaskill.results.exploration import with_exploration
from metaskill.results.guided import guided_findings
from metaskill.training.guided_experiment import ablations_of
from metaskill.training.source import Source
from metaskill.training.task_distribution import EnvConfig

# The expert needs 370 steps for the tower. The last block ends an episode: no value is made up
# of what nobody does after it.
CONFIG = dataclasses.replace(
    kitchen_spirl.CONFIG,
    env=EnvConfig(
        "arm_stack",
        options={"blocks": stack_skills.BLOCKS, "episode_length": 450, "ends_when_done": True},
    ),
    source=Source("stack_skills", stack_skills.CONFIG),
)

_flat = kitchen_spirl.BASELINES["sac"]
BASELINES = ablations_of(
    CONFIG,
    Source("stack_cloning", stack_cloning.CONFIG),
    _flat.sac,
    float(_flat.hparams.discount),
)

findings = with_coverage(
    with_exploration(
        guided_findings(
            "stack",
            "blocks",
            required=None,
            limits={},
            source="Pertsch et al. 2020, figure 4, with eleven blocks: 3.4 to 3.6, and .6 to 1.8 "
            "(flat prior), .2 (skills without prior), .5 (SAC) for baselines; here of the four "
            "that go onto others, deterministic policy; no bar",
        )
    )
)
