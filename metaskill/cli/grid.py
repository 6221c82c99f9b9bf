"""Robust evaluation from the command line: axes from flags, a run's policies on their grid."""

import contextlib
import dataclasses
import pathlib
from typing import Any

import jax
import numpy as np

from metaskill.cli.experiments import open_run
from metaskill.envs.env import Env
from metaskill.envs.interface import Interface, InterfaceEnv
from metaskill.errors import UserError
from metaskill.learner import acts
from metaskill.report.robustness import plot_grid
from metaskill.rl.grid_returns import GridReturns, survey
from metaskill.rl.robustness import summarize
from metaskill.tasks.context_grid import Axis, grid_contexts
from metaskill.tasks.randomizations import RANDOMIZATIONS, find_randomization
from metaskill.training.run_folder import write_json
from metaskill.training.task_distribution import EnvConfig
from metaskill.training.trainer import restore


@dataclasses.dataclass(frozen=True)
class GridOptions:
    """What was asked for.

    Attributes:
        axes: The axes of the grid.
        randomization: Whose parameters the environment gets; None for the default.
        threshold: The return below which a policy counts as broken; None for the default.
        episodes: Episodes of each cell.
        seed: Seed of the episodes.
        best: Whether to take the best checkpoint instead of the last.
        output: Folder to write to; None for the run's.
    """

    axes: tuple[Axis, ...]
    randomization: str | None
    threshold: float | None
    episodes: int
    seed: int
    best: bool
    output: str | None


def parse_axis(text: str) -> Axis:
    """Read `NAME=LOW:HIGH:COUNT`, `NAME=log:LOW:HIGH:COUNT` or `NAME=VALUE,VALUE,...`.

    Raises:
        UserError: If it is none of these.
    """
    name, equals, values = text.partition("=")
    logarithmic = values.startswith("log:")
    parts = values.removeprefix("log:").split(":")
    try:
        if not (name and equals and values):
            raise ValueError("nothing to read")
        if len(parts) == 1 and not logarithmic:
            return Axis(name, tuple(float(value) for value in values.split(",")))
        low, high, count = float(parts[0]), float(parts[1]), int(parts[2])
        if len(parts) > 3:
            raise ValueError("too many parts")
    except UserError:
        raise
    except (ValueError, IndexError) as error:
        raise UserError(
            f"--grid={text} cannot be read: write NAME=LOW:HIGH:COUNT, NAME=log:LOW:HIGH:COUNT "
            "or NAME=VALUE,VALUE,..."
        ) from error
    if count < 2 or not (low < high and np.isfinite(high - low)):
        raise UserError(
            f"--grid={text} is no range: it goes from a lower to a higher value in at least 2 "
            f"values (a single value is --grid={name}=VALUE)."
        )
    if logarithmic and low <= 0:
        raise UserError(f"--grid={text} is logarithmic: its ends must be positive.")
    space = np.geomspace if logarithmic else np.linspace
    # Rounded so that a range through the nominal value meets it, and labels stay short.
    return Axis(name, tuple(float(f"{value:.7g}") for value in space(low, high, count)))


def evaluate_on_grid(path: str, options: GridOptions) -> dict[str, Any]:
    """Evaluate a run's policies on a grid, and write `grid.json` and `grid.png`.

    Returns:
        What `grid.json` holds, without the returns themselves.

    Raises:
        UserError: If the run, the environment and the axes do not go together.
    """
    folder, experiment, config = open_run(path)
    trained = getattr(config, "env", None)
    if not isinstance(trained, EnvConfig):
        raise UserError(f"{experiment} has no environment, so there is no grid of contexts.")
    randomization = _choose(options, trained)
    env = _make_env(randomization, trained)
    _require_possible(env, options.axes)
    output = _make_folder(options.output or str(folder.path))
    learner, population, iteration = restore(config, folder, options.best)
    if acts(learner) and _sees_more(learner.env, env):
        raise UserError(
            f"what {experiment} learned sees more than {env.name} shows, such as a skill, so it "
            "cannot act on a grid: name a run that acts on the environment itself."
        )
    returns = survey(
        env, learner, population, options.axes, jax.random.key(options.seed), options.episodes
    )
    statistics = [
        summarize(returns, member, options.threshold) for member in range(len(returns.cells))
    ]
    record = {
        "experiment": experiment,
        "iteration": iteration,
        "randomization": randomization,
        "seed": options.seed,
        "episodes": options.episodes,
        "axes": {axis.name: list(axis.values) for axis in options.axes},
        "statistics": _rounded([dataclasses.asdict(member) for member in statistics]),
        "failed_worlds": np.asarray(returns.failed_worlds).tolist(),
    }
    try:
        write_json(output / "grid.json", record | _returns_record(returns))
        (output / "grid.png").write_bytes(
            plot_grid(returns, [member.threshold for member in statistics])
        )
    except OSError as error:
        raise _cannot_write(output, error) from error
    return record


def _choose(options: GridOptions, trained: EnvConfig) -> str:
    """Return the name of the randomization whose parameters the environment gets."""
    if options.randomization is not None:
        return options.randomization
    physical = any(not axis.name.startswith("reward.") for axis in options.axes)
    return "locomotion" if trained.randomization == "none" and physical else trained.randomization


def _make_env(randomization: str, trained: EnvConfig) -> Env:
    found = find_randomization(randomization)
    try:
        return found.make_env(
            trained.name, False, trained.context, engine=trained.engine, **trained.options
        )
    except UserError as error:
        raise UserError(
            f"{trained.name} cannot have the parameters of the randomization {randomization!r}, "
            f"choose another with --randomization: {error}"
        ) from error


def _require_possible(env: Env, axes: tuple[Axis, ...]) -> None:
    """Refuse at once what would be found out, or pass unnoticed, only later."""
    interface = env.interface if isinstance(env, InterfaceEnv) else Interface()
    for axis in axes:
        if axis.name.startswith("interface.") and interface.is_transparent:
            raise UserError(f"there is no {axis.name} without an interface: {_with_interface(env)}")
        delays = axis.name.rstrip(".0123456789") == "interface.action_delay"
        if delays and axis.values[-1] > interface.max_delay:
            raise UserError(
                f"{axis.name} reaches {axis.values[-1]:g}: this randomization's "
                f"largest delay is {interface.max_delay}."
            )
    grid_contexts(env.nominal_context(), axes)


def _sees_more(learned_in: Env, env: Env) -> bool:
    """Tell whether an environment lacks observations, privileged ones aside, of another."""
    return any(
        env.observation_sizes.get(name) != size
        for name, size in learned_in.observation_sizes.items()
        if name != "privileged_state"
    )


def _with_interface(env: Env) -> str:
    """Propose the randomizations that give an environment an interface."""
    found = []
    for name in RANDOMIZATIONS:
        with contextlib.suppress(UserError):
            if isinstance(find_randomization(name).make_env(env.name), InterfaceEnv):
                found.append(f"--randomization={name}")
    if not found:
        return f"no randomization gives {env.name} one."
    return f"choose a randomization that has one: {' or '.join(found)}."


def _make_folder(path: str) -> pathlib.Path:
    folder = pathlib.Path(path)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _cannot_write(folder, error) from error
    return folder


def _cannot_write(folder: pathlib.Path, error: OSError) -> UserError:
    return UserError(f"cannot write to {folder} ({error.strerror}): choose another --output.")


def _returns_record(returns: GridReturns) -> dict[str, Any]:
    """Return all the returns: of the grid a row a member, cells in C order."""
    names = [axis.name for axis in returns.axes]
    return _rounded(
        {
            "nominal_values": dict(zip(names, returns.nominal_values, strict=True)),
            "returns": returns.cells.tolist(),
            "cuts": {name: cut.tolist() for name, cut in zip(names, returns.cuts, strict=True)},
        }
    )


def _rounded(value: Any) -> Any:
    """Shorten every number in a record: digits that mean nothing are not worth their space."""
    if isinstance(value, dict):
        return {key: _rounded(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [_rounded(entry) for entry in value]
    return float(f"{value:.6g}") if isinstance(value, float) else value
