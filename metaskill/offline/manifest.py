"""The manifest of a data set: all that is known of it without reading an array."""

import dataclasses
import hashlib
import json
import pathlib
import re
from typing import Any

from metaskill.errors import UserError
from metaskill.offline.action_limits import ActionLimits, limits_of
from metaskill.offline.extras import is_plain_name
from metaskill.offline.labels import Labels, check_labels

FILE = "manifest.json"
FORMAT = "metaskill episodes"
VERSION = 2
"""The latest; version 1, without extra columns and limits of actions, is written without those."""

DTYPE = "float32"
_MOST = 2**40  # No count is larger: sums stay exact, and nobody has to hold them.


@dataclasses.dataclass(frozen=True)
class Sizes:
    """Numbers of columns.

    Attributes:
        observations: Length of an observation.
        qpos: Generalized positions; 0 where they are not known.
        qvel: Generalized velocities.
        actions: Length of an action.
    """

    observations: int
    qpos: int
    qvel: int
    actions: int


@dataclasses.dataclass(frozen=True)
class ExtraColumn:
    """An array of each shard beside those that all data sets have.

    Attributes:
        name: Its name.
        of_states: Whether it has a row a state; else a row a step.
        shape: The shape of a row.
        dtype: The type of its numbers, as NumPy writes it.
    """

    name: str
    of_states: bool
    shape: tuple[int, ...]
    dtype: str


@dataclasses.dataclass(frozen=True)
class Shard:
    """One file of arrays.

    Attributes:
        file: Its name, in the manifest's folder.
        sha256: The checksum of its bytes, hexadecimal.
        bytes: How many they are.
        episodes: How many episodes it holds, next in the manifest's list.
    """

    file: str
    sha256: str
    bytes: int
    episodes: int


@dataclasses.dataclass(frozen=True)
class Manifest:
    """What a data set says of itself.

    Attributes:
        env: The name of the environment.
        sizes: Numbers of columns.
        collected_by: Who or what acted, and how; for people, as JSON.
        lengths: Steps of every episode.
        labels: What every episode was about.
        shards: The files, in order.
        extras: Arrays of the shards beside those that all data sets have.
        action_limits: The limits that the actions had where they are from; None for [-1, 1].
    """

    env: str
    sizes: Sizes
    collected_by: dict[str, Any]
    lengths: tuple[int, ...]
    labels: tuple[Labels, ...]
    shards: tuple[Shard, ...]
    extras: tuple[ExtraColumn, ...] = ()
    action_limits: ActionLimits | None = None

    @property
    def steps(self) -> int:
        """Steps of all episodes together."""
        return sum(self.lengths)

    def as_json(self) -> dict[str, Any]:
        """Return the record that a file holds, with its own checksum."""
        limits = self.action_limits
        more = {
            "extras": [{**dataclasses.asdict(e), "shape": list(e.shape)} for e in self.extras],
            # As text, since JSON has no infinite numbers.
            "action_limits": limits and [list(map(repr, limits.low)), list(map(repr, limits.high))],
        }
        has_more = bool(self.extras or limits)
        record = {
            "format": FORMAT,
            "version": VERSION if has_more else 1,
            "env": self.env,
            "dtype": DTYPE,
            "sizes": dataclasses.asdict(self.sizes),
            "counts": {"episodes": len(self.lengths), "steps": self.steps},
            "collected_by": self.collected_by,
            "shards": [dataclasses.asdict(shard) for shard in self.shards],
            "episodes": [
                {"length": length, "labels": dict(labels)}
                for length, labels in zip(self.lengths, self.labels, strict=True)
            ],
            **(more if has_more else {}),
        }
        return {**record, "checksum": _checksum(record)}


def read_manifest(folder: str | pathlib.Path) -> Manifest:
    """Read and check the manifest of the data set in a folder.

    Raises:
        UserError: If there is none, or it is damaged, or of another version.
    """
    path = pathlib.Path(folder, FILE)
    if path.is_symlink() or not path.is_file():
        raise UserError(
            f"{folder} holds no data set (there is no {FILE} in it): `metaskill collect` makes "
            "one, and `metaskill convert` one of data in D4RL's, Minari's or OGBench's layout."
        )
    try:
        record = json.loads(path.read_bytes(), parse_constant=_refuse_constant)
        if record["format"] != FORMAT:
            raise ValueError(f"the format is not {FORMAT!r}")
        version = record["version"]
        if isinstance(version, int) and version > VERSION:
            raise UserError(
                f"{path} is of version {version} and this metaskill reads version {VERSION}: "
                "update metaskill."
            )
        return _parse(record)
    except UserError:
        raise
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, OSError) as error:
        what = f"there is no {error}" if isinstance(error, KeyError) else str(error)
        raise UserError(
            f"{path} is damaged ({' '.join(what.split())[:200]}): restore it from a copy."
        ) from error


def _parse(record: dict[str, Any]) -> Manifest:
    checksum = record.pop("checksum")
    if checksum != _checksum(record):
        raise ValueError("its checksum is another")
    version = _count(record["version"], "version", 1)
    if version > VERSION or record["dtype"] != DTYPE:
        raise ValueError(f"not version 1 to {VERSION} with {DTYPE}")
    manifest = Manifest(
        env=_text(record["env"], "env"),
        sizes=Sizes(**{name: _count(n, name, 0) for name, n in record["sizes"].items()}),
        collected_by=dict(record["collected_by"]),
        lengths=tuple(_count(e["length"], "length", 1) for e in record["episodes"]),
        labels=tuple(e["labels"] for e in record["episodes"]),
        shards=tuple(
            Shard(
                file=_file_name(shard["file"]),
                sha256=_text(shard["sha256"], "sha256"),
                bytes=_count(shard["bytes"], "bytes", 1),
                episodes=_count(shard["episodes"], "episodes", 1),
            )
            for shard in record["shards"]
        ),
        extras=tuple(map(_extra, record["extras"] if version > 1 else ())),
        action_limits=_limits(record["action_limits"] if version > 1 else None, record["sizes"]),
    )
    for labels in manifest.labels:
        check_labels(labels, FILE)
    counted = {"episodes": len(manifest.lengths), "steps": manifest.steps}
    if record["counts"] != counted or not manifest.lengths:
        raise ValueError(f"the counts are not {counted}")
    if sum(shard.episodes for shard in manifest.shards) != len(manifest.lengths):
        raise ValueError("the shards do not hold as many episodes as there are")
    if len({shard.file for shard in manifest.shards}) < len(manifest.shards):
        raise ValueError("a shard is listed twice")
    return manifest


def _file_name(name: Any) -> str:
    """Return the name of a shard, which must not lead out of the folder."""
    if not isinstance(name, str) or not re.fullmatch(r"[A-Za-z0-9_-]{1,80}\.npz", name):
        raise ValueError(f"{str(name)[:80]!r} is no name of a shard")
    return name


def _extra(record: dict[str, Any]) -> ExtraColumn:
    name, dtype = _text(record["name"], "name"), _text(record["dtype"], "dtype")
    if not is_plain_name(name) or not re.fullmatch(r"[<>|][fiub][1248]|[<>]f16", dtype):
        raise ValueError(f"{name[:80]!r} of type {dtype[:20]!r} is no extra column")
    if not isinstance(record["of_states"], bool):
        raise TypeError("of_states is neither true nor false")
    shape = tuple(_count(n, "shape", 0) for n in record["shape"])
    return ExtraColumn(name, record["of_states"], shape, dtype)


def _limits(record: Any, sizes: dict[str, int]) -> ActionLimits | None:
    if record is None:
        return None
    low, high = ([float(_text(number, "a limit")) for number in side] for side in record)
    return limits_of((low, high), sizes["actions"], FILE)


def _count(value: Any, name: str, least: int) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= _MOST:
        raise ValueError(f"{name} is {str(value)[:40]!r}, no count")
    return value


def _text(value: Any, name: str) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{name} is no text")
    return value


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no number")


def _checksum(record: dict[str, Any]) -> str:
    """Return the checksum of a record, however it is laid out in the file."""
    text = json.dumps(record, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
