"""How a data set is collected: a configuration, and what carries it out."""

import dataclasses
import pathlib
import time
from collections.abc import Iterator
from typing import Annotated, Any

import jax

from metaskill.checking import Checked
from metaskill.envs.auto_reset import SampleContext
from metaskill.envs.env import Env
from metaskill.errors import UserError
from metaskill.offline.collect import Batch, collect
from metaskill.offline.dataset import require_free, write_dataset
from metaskill.offline.episodes import Episodes
from metaskill.offline.manifest import FILE, Manifest, read_manifest
from metaskill.offline.policies import CollectingPolicy, make_policy
from metaskill.ranges import AtLeast, Count, Seed
from metaskill.training.provenance import provenance
from metaskill.training.run_folder import as_json
from metaskill.training.task_distribution import EnvConfig


@dataclasses.dataclass(frozen=True)
class CollectionConfig(Checked):
    """Who collects what: all that determines a data set.

    Attributes:
        env: Where.
        policy: Who acts: a name in `metaskill list`. Empty where nobody collects, because
            somebody else's data are there already.
        episodes: How many.
        worlds: Worlds side by side.
        observation: Which observation is kept.
        noise: Standard deviation of noise on the actions of a trained run.
        seed: Seed of everything.
    """

    env: EnvConfig
    policy: str
    episodes: Count = 1000
    worlds: Count = 256
    observation: str = "state"
    noise: Annotated[float, AtLeast(0)] = 0.0
    seed: Seed = 0


@dataclasses.dataclass(frozen=True)
class Actor:
    """Who acts in which world."""

    env: Env
    sample_context: SampleContext
    policy: CollectingPolicy


@dataclasses.dataclass
class Collected:
    """What came of it.

    Attributes:
        manifest: Of the data set.
        total_reward: Over all episodes.
        n_broken: Episodes that were left out because their simulation broke.
        seconds: How long it took.
    """

    manifest: Manifest
    total_reward: float
    n_broken: int
    seconds: float


def make_actor(config: CollectionConfig) -> Actor:
    """Make the policy of a name, and its environment.

    Raises:
        UserError: If there is no such policy or environment, or they do not go together.
    """
    env, sample_context = config.env.make()
    return Actor(env, sample_context, make_policy(config.policy, env))


def collect_into(folder: pathlib.Path, config: CollectionConfig, actor: Actor) -> Collected:
    """Collect episodes and write them as a data set.

    Args:
        folder: Where to; nothing may be there.
        config: How many, how, and what the manifest says of it.
        actor: Who acts.

    Raises:
        UserError: If the folder is not free, or nothing can be collected.
    """
    require_free(folder)
    batches = collect(
        actor.env,
        actor.sample_context,
        actor.policy,
        jax.random.key(config.seed),
        config.episodes,
        config.worlds,
        config.observation,
    )
    tally = _Tally()
    collected_by = {**as_json(config), "provenance": provenance()}
    clock = time.perf_counter()
    manifest = write_dataset(folder, config.env.name, tally.counting(batches), collected_by)
    seconds = time.perf_counter() - clock
    return Collected(manifest, tally.total_reward, tally.n_broken, seconds)


def collect_where_missing(folder: pathlib.Path, config: CollectionConfig) -> Collected | None:
    """Collect a data set, unless it is there already.

    Returns:
        What was collected; None where it was there.

    Raises:
        UserError: If a data set is there that was collected otherwise.
    """
    if not (folder / FILE).exists():
        return collect_into(folder, config, make_actor(config))
    found = read_manifest(folder).collected_by
    for name, value in as_json(config).items():
        if name not in found or found[name] != value:
            raise UserError(
                f"{folder} was not collected as this experiment says ({name} is not {value}): "
                "delete it, or name another by --config.data.folder=FOLDER; somebody else's data, "
                "as metaskill convert writes, are taken with --config.collection.policy=''."
            )
    return None


@dataclasses.dataclass
class _Tally:
    """What goes by on the way to the disk."""

    total_reward: float = 0.0
    n_broken: int = 0

    def counting(self, batches: Iterator[Batch]) -> Iterator[Episodes]:
        for batch in batches:
            self.total_reward += float(batch.episodes.rewards.sum())
            self.n_broken += batch.n_broken
            yield batch.episodes


NOBODY = CollectionConfig(EnvConfig(""), policy="")
"""Stands for data that somebody else collected."""


def prepare_data(experiment: Any) -> Collected | None:
    """Collect the data that an experiment says how to collect, where they are not there.

    Returns:
        What was collected; None where nothing had to be.
    """
    collection = getattr(experiment, "collection", NOBODY)
    if not collection.policy:
        return None
    return collect_where_missing(pathlib.Path(experiment.data.folder), collection)
