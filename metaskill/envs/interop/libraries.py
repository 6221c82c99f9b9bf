"""Environments of other libraries by name, with what those libraries call them."""

import subprocess
from collections.abc import Mapping
from typing import Any

from metaskill.envs.interop.brax import BraxEnv
from metaskill.errors import UserError, nearest


def from_brax(
    name: str,
    engine: str = "auto",
    episode_length: int = 1000,
    backend: str | None = None,
    control_timestep: float | None = None,
) -> BraxEnv:
    """Make one of brax's environments, such as `ant` or `fast`.

    Args:
        name: What brax calls the environment.
        engine: `auto`: brax simulates it.
        episode_length: Control steps until truncation.
        backend: brax's pipeline (`generalized`, `mjx`, `positional`, `spring`); by default
            the environment's own choice.
        control_timestep: Seconds between two actions, where brax does not say.

    Raises:
        UserError: If the environment or the backend does not exist, an engine is asked for, or
            nobody says the control timestep.
    """
    import brax.envs

    if engine != "auto":
        raise UserError(
            f"brax:{name} has no engine {engine!r}: leave it, and set the option backend."
        )
    names = brax.envs._envs  # brax says nowhere else which there are.
    if name not in names:
        raise UserError(f"brax has no environment {name!r}: {nearest(name, names)}")
    options = {} if backend is None else {"backend": backend}
    try:
        env = names[name](**options)
    except (KeyError, TypeError, ValueError) as error:
        raise UserError(
            f"brax:{name} cannot be made with the backend {backend!r}: {error}"
        ) from error
    return BraxEnv(env, episode_length, f"brax:{name}", control_timestep)


def from_playground(
    name: str,
    engine: str = "auto",
    episode_length: int | None = None,
    config: Mapping[str, Any] | None = None,
) -> BraxEnv:
    """Make one of MuJoCo Playground's environments, such as `CartpoleBalance`.

    Args:
        name: What Playground calls the environment.
        engine: `auto` or `mjx` for MJX's JAX implementation, `warp` for MuJoCo Warp.
        episode_length: Control steps until truncation; by default Playground's.
        config: Entries of Playground's configuration of the environment to override.

    Raises:
        UserError: If Playground, the environment, the engine, an entry or the robot's model does
            not exist.
    """
    try:
        from mujoco_playground import registry
    except ModuleNotFoundError as error:
        raise UserError(
            f"playground:{name} needs MuJoCo Playground ({error}): pip install playground."
        ) from error
    if name not in registry.ALL_ENVS:
        raise UserError(
            f"Playground has no environment {name!r}: {nearest(name, registry.ALL_ENVS)}"
        )
    implementations = {"auto": "jax", "mjx": "jax", "warp": "warp"}
    if engine not in implementations:
        raise UserError(f"playground:{name} has no engine {engine!r}: choose auto, mjx or warp.")
    defaults = registry.get_default_config(name)
    overrides = dict(config or {})
    if "impl" in defaults:
        overrides.setdefault("impl", implementations[engine])
    try:
        env = registry.load(name, config_overrides=overrides)
    except (subprocess.CalledProcessError, OSError) as error:
        raise UserError(
            f"the models of playground:{name} are not here, and Playground could not download "
            f"mujoco_menagerie ({error}): clone it where Playground looks for it, or choose one "
            "of the DeepMind Control Suite."
        ) from error
    except (KeyError, TypeError) as error:
        raise UserError(
            f"Playground does not take that configuration of {name}: {error}"
        ) from error
    length = defaults.get("episode_length", 1000) if episode_length is None else episode_length
    return BraxEnv(env, int(length), f"playground:{name}")
