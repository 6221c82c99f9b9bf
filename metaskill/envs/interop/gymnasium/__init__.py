"""Worlds of an environment, as Gymnasium's users step them: many at once, or a single one."""

from metaskill.errors import UserError

try:
    import gymnasium  # noqa: F401 - whether it is there
except ModuleNotFoundError as error:
    # A module that gymnasium itself misses is not mended by installing gymnasium.
    if error.name != "gymnasium":
        raise
    raise UserError("gymnasium is not installed: pip install 'metaskill[gymnasium]'.") from error

from metaskill.envs.interop.gymnasium.single import SingleEnv
from metaskill.envs.interop.gymnasium.vector import VectorEnv

__all__ = ["SingleEnv", "VectorEnv"]
