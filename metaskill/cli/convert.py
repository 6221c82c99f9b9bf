"""usage: metaskill convert PATH --output=FOLDER [flags]

Reads a data set of D4RL, Minari or OGBench, and writes it as one that `metaskill train` learns
from: --config.data.folder=FOLDER --config.collection.policy='' names it there.

  --output=FOLDER     where to; nothing may be there
  --layout=NAME       d4rl, minari or ogbench (default: a folder is Minari's, *.hdf5 is D4RL's,
                      *.npz is OGBench's, with its *-val.npz)
  --env=NAME          what the manifest calls the environment (default: the name of PATH)
  --observations=A,B  of Minari, where observations have parts: which are joined, in order, such
                      as --observations=observation,desired_goal
  --episode_length=N  of D4RL, in files with neither timeouts nor next_observations: the most
                      steps of an episode
  --action_low=X      the least action, for data that do not hold it; one number for all
                      dimensions, or one for each, such as --action_low=-2,-1
  --action_high=X     the largest action
  --clip_actions      move actions outside of their limits to them, as most environments do
  --take-over         write into a folder although a process on another machine, which has
                      ended, left its lock there
"""

import dataclasses
import pathlib
from collections.abc import Iterator
from typing import Any

from absl import flags

from metaskill.cli.flags import define_take_over, parse
from metaskill.errors import UserError
from metaskill.offline.action_limits import Given
from metaskill.offline.dataset import require_free, write_dataset
from metaskill.offline.episodes import Episodes
from metaskill.offline.foreign import ForeignData
from metaskill.training.lock import locked


def run(arguments: list[str]) -> None:
    """Read, write, and say what there is."""

    def define(values: flags.FlagValues) -> None:
        flags.DEFINE_string("output", None, "where to", flag_values=values)
        flags.DEFINE_string("layout", "", "d4rl, minari or ogbench", flag_values=values)
        flags.DEFINE_string("env", None, "of the manifest", flag_values=values)
        flags.DEFINE_list("observations", [], "parts of observations", flag_values=values)
        flags.DEFINE_integer("episode_length", None, "steps", lower_bound=1, flag_values=values)
        flags.DEFINE_list("action_low", [], "the least action", flag_values=values)
        flags.DEFINE_list("action_high", [], "the largest action", flag_values=values)
        flags.DEFINE_bool("clip_actions", False, "to the limits", flag_values=values)
        define_take_over(values)

    (path,), values = parse(arguments, ["PATH"], define)
    if not values.output:
        raise UserError("say where to by --output=FOLDER: nothing may be there.")
    data = ForeignData(
        path=path,
        layout=values.layout,
        observations=tuple(values.observations),
        episode_length=values.episode_length,
        action_limits=_limits(values.action_low, values.action_high),
        clip_actions=values.clip_actions,
    )
    folder = pathlib.Path(values.output)
    require_free(folder)
    parts = data.read()
    env = values.env or pathlib.Path(path).absolute().stem
    with locked(folder, values["take-over"].value):
        manifest = write_dataset(folder, env, _labelled(parts), dataclasses.asdict(data))
    print(f"{len(manifest.lengths)} episodes with {manifest.steps} steps")
    print(folder)


def _labelled(parts: dict[str, Episodes]) -> Iterator[Episodes]:
    """Label the episodes of several parts with the part that they are of."""
    for name, episodes in parts.items():
        if len(parts) == 1:
            yield episodes
        else:
            labels = tuple({**label, "part": name} for label in episodes.labels)
            yield dataclasses.replace(episodes, labels=labels)


def _limits(low: list[str], high: list[str]) -> Given | None:
    if bool(low) != bool(high):
        raise UserError("--action_low and --action_high belong together: give both.")
    return (_numbers("action_low", low), _numbers("action_high", high)) if low else None


def _numbers(flag: str, texts: list[str]) -> Any:
    try:
        return [float(text) for text in texts]
    except ValueError as error:
        raise UserError(
            f"--{flag}={','.join(texts)} is no number, and no list of such: write --{flag}=-2,-1."
        ) from error
