"""The hyperparameters of experiments that leave it open which core learns."""

import dataclasses

from metaskill.errors import UserError, nearest
from metaskill.rl.ppo_config import PPOHparams
from metaskill.rl.sac_config import SACHparams

CORES = ("ppo", "sac")


@dataclasses.dataclass(frozen=True)
class CoreHparams:
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


def require_core(name: str) -> None:
    """Refuse what is no core.

    Raises:
        UserError: If none is called so.
    """
    if name not in CORES:
        raise UserError(f"no core is called {name!r}: {nearest(name, CORES)}")
