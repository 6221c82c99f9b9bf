"""An arm that stacks some of its blocks, cloned: what skills are compared with."""

import dataclasses

from experiments import kitchen_cloning, stack_skills
from metaskill.results.findings import last_evaluation
from metaskill.training.experiment import Required

CONFIG = dataclasses.replace(
    kitchen_cloning.CONFIG, data=stack_skills.DATA, collection=stack_skills.COLLECTION
)

findings = last_evaluation(
    {"stack_cloning_action_error": Required("eval/action_error", "held-out episodes; no bar")}
)
