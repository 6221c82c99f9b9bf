"""An arm's play in a kitchen, cloned: what skills are compared with."""

import dataclasses

from experiments import kitchen_skills
from metaskill.results.findings import last_evaluation
from metaskill.skills.cloning import CloningConfig
from metaskill.training.experiment import Required

CONFIG = dataclasses.replace(
    kitchen_skills.CONFIG, model="cloning", cloning=CloningConfig(hidden=(256, 256, 256))
)

findings = last_evaluation(
    {"kitchen_cloning_action_error": Required("eval/action_error", "held-out episodes; no bar")}
)
