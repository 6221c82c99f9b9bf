"""SAC on one environment as an experiment."""

import dataclasses

from metaskill.checking import Checked
from metaskill.rl.sac import SAC
from metaskill.rl.sac_config import SACConfig, SACHparams
from metaskill.training.experiment import EnvConfig, TrainerConfig


@dataclasses.dataclass(frozen=True)
class SACExperiment(Checked):
    """SAC on one environment."""

    env: EnvConfig
    trainer: TrainerConfig
    sac: SACConfig = dataclasses.field(default_factory=SACConfig)
    hparams: SACHparams = dataclasses.field(default_factory=SACHparams)

    def make_learner(self) -> SAC:
        """Build the environment and SAC on it."""
        env, sample_context = self.env.make()
        return SAC(env, self.sac, sample_context)
