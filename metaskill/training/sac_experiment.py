"""SAC on one environment as an experiment."""

import dataclasses

from metaskill.checking import Checked
from metaskill.rl.sac import SAC
from metaskill.rl.sac_config import SACConfig, SACHparams
from metaskill.training.experiment import TrainerConfig
from metaskill.training.task_distribution import NO_FAMILY, EnvConfig, FamilyConfig, make_world


@dataclasses.dataclass(frozen=True)
class SACExperiment(Checked):
    """SAC on one environment, and on a family of its tasks."""

    env: EnvConfig
    trainer: TrainerConfig
    sac: SACConfig = dataclasses.field(default_factory=SACConfig)
    hparams: SACHparams = dataclasses.field(default_factory=SACHparams)
    family: FamilyConfig = NO_FAMILY

    def make_learner(self) -> SAC:
        """Build the environment and SAC on it."""
        env, sample_context = make_world(self.env, self.family)
        return SAC(env, self.sac, sample_context)
