"""What one world and many have in common for Gymnasium: spaces, metadata, refusals."""

from collections.abc import Mapping, Sequence
from typing import Any

import gymnasium
import numpy as np

from metaskill.envs.env import Env, State
from metaskill.errors import UserError, nearest

RENDER_MODES = ("rgb_array",)

Info = dict[str, Any]
"""Metrics by name; of many worlds, each with the mask `_name` of the worlds that it speaks of."""


def metadata_of(env: Env) -> dict[str, Any]:
    """Return what Gymnasium wants to know of an environment beside its spaces."""
    frames_per_second = max(1, round(1.0 / env.control_timestep))
    return {"render_modes": list(RENDER_MODES), "render_fps": frames_per_second}


def spaces_of(env: Env) -> tuple[gymnasium.spaces.Box, gymnasium.spaces.Box]:
    """Return the spaces of `state` and of actions."""
    size = env.observation_sizes["state"]
    return (
        gymnasium.spaces.Box(-np.inf, np.inf, (size,), np.float32),
        gymnasium.spaces.Box(-1.0, 1.0, (env.action_size,), np.float32),
    )


def require_options(options: Mapping[str, Any], known: Sequence[str]) -> None:
    """Check that a reset knows its options.

    Raises:
        UserError: If it does not.
    """
    for option in options:
        if option not in known:
            hint = nearest(option, known) if known else "it takes none."
            raise UserError(f"reset has no option {option!r}: {hint}")


def require_reset(state: State | None) -> State:
    """Return the state of what was reset.

    Raises:
        gymnasium.error.ResetNeeded: If nothing was.
    """
    if state is None:
        raise gymnasium.error.ResetNeeded("call reset() before anything else.")
    return state
