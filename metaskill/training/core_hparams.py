"""The hyperparameters of experiments that leave it open which core learns."""

import dataclasses

from metaskill.checking import Checked
from metaskill.rl.ppo_config import PPOHparams
from metaskill.rl.sac_config import SACHparams

CORES = ("ppo", "sac")


@dataclasses.dataclass(frozen=True)
class CoreHparams(Checked):
    """The traced hyperparameters of either core.

    Attributes:
        ppo: Those of PPO, read where it is the core.
        sac: Those of SAC, read where that is.
    """

    ppo: PPOHparams = dataclasses.field(default_factory=PPOHparams)
    sac: SACHparams = dataclasses.field(default_factory=SACHparams)

    def of(self, core: str) -> PPOHparams | SACHparams:
        """Return those of a core."""
        return self.sac if core == "sac" else self.ppo
