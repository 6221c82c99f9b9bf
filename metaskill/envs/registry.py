"""Environments by name: those of this package, and others' by their library's name before it."""

import importlib
import inspect
from typing import Any

from metaskill.envs.env import Env
from metaskill.errors import UserError, nearest

# Factories by name, so that listing the environments imports none of them.
_FACTORIES = {
    "ant": ("metaskill.envs.ant", "Ant"),
    "arm_button": ("metaskill.envs.arm.tasks", "press_button"),
    "arm_door": ("metaskill.envs.arm.tasks", "open_door"),
    "arm_drawer": ("metaskill.envs.arm.tasks", "open_drawer"),
    "arm_kitchen": ("metaskill.envs.arm.tasks", "operate_kitchen"),
    "arm_l_wall": ("metaskill.envs.arm.tasks", "push_around_l_wall"),
    "arm_lever": ("metaskill.envs.arm.tasks", "switch_lever"),
    "arm_pick_place": ("metaskill.envs.arm.tasks", "pick_place"),
    "arm_push": ("metaskill.envs.arm.tasks", "push"),
    "arm_rail_push": ("metaskill.envs.arm.tasks", "push_along_rail"),
    "arm_reach": ("metaskill.envs.arm.tasks", "reach"),
    "arm_spring_wall": ("metaskill.envs.arm.tasks", "push_spring_wall"),
    "arm_stack": ("metaskill.envs.arm.tasks", "stack"),
    "half_cheetah": ("metaskill.envs.half_cheetah", "HalfCheetah"),
    "half_cheetah_hurdles": ("metaskill.envs.half_cheetah_hurdles", "HalfCheetahHurdles"),
    "hopper": ("metaskill.envs.hopper", "Hopper"),
    "humanoid": ("metaskill.envs.humanoid", "Humanoid"),
    "maze": ("metaskill.envs.maze", "Maze"),
    "point_mass": ("metaskill.envs.point_mass", "PointMass"),
    "walker2d": ("metaskill.envs.walker2d", "Walker2d"),
}

_LIBRARIES = {
    "brax": ("metaskill.envs.interop.libraries", "from_brax"),
    "playground": ("metaskill.envs.interop.libraries", "from_playground"),
}
"""Factories of other libraries' environments by the prefix of a name, such as `brax:ant`."""


def environment_names() -> list[str]:
    """List the names that `make` accepts."""
    return sorted(_FACTORIES)


def make(name: str, /, engine: str = "auto", **options: Any) -> Env:
    """Make the environment called `name`.

    Args:
        name: One of `environment_names()`; or `LIBRARY:NAME` for an environment of brax or MuJoCo
            Playground, such as `brax:ant` or `playground:CartpoleBalance`.
        engine: `auto`, `native` or `mjx`.
        **options: The environment's own, such as `episode_length` or `objective`.

    Raises:
        UserError: If the name, the engine or an option does not exist.
    """
    library, colon, own_name = name.partition(":")
    if colon and library not in _LIBRARIES:
        raise UserError(f"no library is called {library!r}: {nearest(library, _LIBRARIES)}")
    if not colon and name not in _FACTORIES:
        raise UserError(f"no environment is called {name!r}: {nearest(name, _FACTORIES)}")
    module, attribute = _LIBRARIES[library] if colon else _FACTORIES[name]
    factory = getattr(importlib.import_module(module), attribute)
    accepted = [p for p in inspect.signature(factory).parameters if p not in {"engine", "name"}]
    for option in options:
        if option not in accepted:
            raise UserError(f"{name} has no option {option!r}: {nearest(option, accepted)}")
    env: Env = factory(*([own_name] if colon else []), engine=engine, **options)
    return env
