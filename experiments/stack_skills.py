"""Skills and their prior from an arm that stacks some of its blocks, and never all of them."""

import dataclasses

from experiments import kitchen_skills
from metaskill.results.findings import last_evaluation
from metaskill.training.collection import CollectionConfig
from metaskill.training.data_experiment import DataConfig
from metaskill.training.experiment import Required
from metaskill.training.task_distribution import EnvConfig

BLOCKS = 5

# An episode has the time for two or three of the four blocks that go onto others, whichever.
# Those in which the first three did, in any order, are left out: there may stand all but the
# top of the tower that is asked for later.
COLLECTION = CollectionConfig(
    env=EnvConfig("arm_stack", options={"blocks": BLOCKS, "episode_length": 250}),
    policy="play",
    episodes=5000,
)
DATA = DataConfig(
    "data/arm_stack-play-5000", excluding=("stack1", "stack2", "stack3"), in_order=False
)

# As in the kitchen: it is the same arm, and blocks slip too.
CONFIG = dataclasses.replace(kitchen_skills.CONFIG, data=DATA, collection=COLLECTION)

findings = last_evaluation(
    {"stack_skills_action_error": Required("eval/action_error", "held-out episodes; no bar")}
)
