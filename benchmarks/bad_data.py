"""Damaged and malicious data sets: each is refused in a sentence, and does nothing.

python -m benchmarks.bad_data writes benchmarks/results/bad_data.json.
"""

import dataclasses
import hashlib
import io
import json
import os
import pathlib
import pickle
import zipfile
from collections.abc import Callable
from typing import Any

import numpy as np
from hypothesis import strategies as st

from benchmarks.endings import try_drawn, write_endings
from metaskill.errors import UserError
from metaskill.offline.dataset import read_dataset, write_dataset
from metaskill.offline.made_up import made_up_episodes
from metaskill.offline.manifest import FILE

EXAMPLES = 1000
SHARD = "episodes-00000.npz"
CANARY = "executed"
"""A file that malicious data would make, beside the data set, if anything in them ran."""


class Payload:
    """Makes the canary when it is unpickled."""

    def __init__(self, folder: pathlib.Path):
        """Name the folder that the canary would be in."""
        self.folder = folder

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.folder / CANARY),)


@dataclasses.dataclass(frozen=True)
class Damage:
    """What is done to a data set.

    Attributes:
        name: What kind of damage it is.
        apply: Does it to the data set in a folder.
    """

    name: str
    apply: Callable[[pathlib.Path], None]


@dataclasses.dataclass(frozen=True)
class Ending:
    """How reading a damaged data set ended.

    Attributes:
        kind: What had been done to it.
        error: The class of the exception; empty where it was read.
        message: What that said.
        left: What was there afterwards and had not been before, or had been and was not.
    """

    kind: str
    error: str
    message: str
    left: tuple[str, ...]

    @property
    def is_right(self) -> bool:
        """Whether it was refused in one sentence, and nothing was executed or written."""
        said = self.error == UserError.__name__ and "\n" not in self.message
        return said and self.message.endswith(".") and not self.left


def read_damaged(damage: Damage, folder: pathlib.Path) -> Ending:
    """Write a sound data set, damage it, and read it."""
    random = np.random.default_rng(0)
    parts = [made_up_episodes(random, lengths) for lengths in ((3, 1, 4), (2, 2))]
    write_dataset(folder / "set", "somewhere", parts, {"policy": "made up"})
    damage.apply(folder / "set")
    before = set(folder.rglob("*"))
    error, message = "", ""
    try:
        read_dataset(folder / "set")
    except Exception as caught:  # Any other than a UserError counts against it.
        error, message = type(caught).__name__, str(caught)
    left = tuple(str(path.relative_to(folder)) for path in before ^ set(folder.rglob("*")))
    return Ending(damage.name, error, message, left)


def damages() -> st.SearchStrategy[Damage]:
    """Draw ways to damage a data set."""
    return st.one_of(_bytes(), _of_files(), _manifests(), _arrays(), _archives())


_WHICH = st.sampled_from([FILE, SHARD, "episodes-00001.npz"])


@st.composite
def _bytes(draw: st.DrawFn) -> Damage:
    """Change the bytes of a file, as disks and networks do: its checksum is no longer its own."""
    file, at, how = (
        draw(_WHICH),
        draw(st.floats(0, 1)),
        draw(st.sampled_from(["cut", "flip", "add"])),
    )
    bit = draw(st.integers(0, 7))

    def apply(folder: pathlib.Path) -> None:
        content = bytearray((folder / file).read_bytes())
        # Behind a manifest stands a line feed, which means nothing.
        place = int(at * (len(content) - 2))
        if how == "cut":
            content = content[:place]
        elif how == "flip":
            content[place] ^= 1 << bit
        else:
            content[place:place] = b"\0x"
        (folder / file).write_bytes(content)

    return Damage(f"{how} bytes", apply)


@st.composite
def _of_files(draw: st.DrawFn) -> Damage:
    """Put something else in the place of a file."""
    file, how = draw(_WHICH), draw(st.sampled_from(["missing", "folder", "link", "pipe"]))

    def apply(folder: pathlib.Path) -> None:
        path = folder / file
        moved = folder.parent / "elsewhere"
        path.rename(moved)
        if how == "folder":
            path.mkdir()
        elif how == "link":
            path.symlink_to(moved)
        elif how == "pipe":
            os.mkfifo(path)

    return Damage(f"{how} for a file", apply)


def _resigned(folder: pathlib.Path, change: Callable[[dict[str, Any]], None]) -> None:
    """Change a manifest, with a checksum that fits: an enemy can compute it as well as we."""
    record = json.loads((folder / FILE).read_text())
    del record["checksum"]
    change(record)
    canonical = json.dumps(record, sort_keys=True, separators=(",", ":"))
    record["checksum"] = hashlib.sha256(canonical.encode()).hexdigest()
    (folder / FILE).write_text(json.dumps(record))


_NAMES = [
    "../elsewhere.npz", "/etc/passwd", "a/../../b.npz", "..", "", "C:\\x.npz", "x\0.npz", "~/x.npz",
    "sub/x.npz", "x.npz/", ".npz", "x.pkl", "\u202ex.npz", 100 * "x" + ".npz", None, 7, ["x.npz"],
]  # fmt: skip
_NUMBERS = [-1, 0, 1, 10**9, 10**18, 10**30, 1.5, True, None, "3", [3], float("nan"), float("inf")]


@st.composite
def _manifests(draw: st.DrawFn) -> Damage:
    """Make a manifest lie, with the right checksum."""
    kind = draw(st.sampled_from(["name", "number", "missing", "type", "label", "text"]))
    if kind == "name":
        name = draw(st.sampled_from(_NAMES))
        return _lie("a shard's name", lambda record: record["shards"][0].update(file=name))
    if kind == "number":
        path = draw(
            st.sampled_from(
                [("shards", 0, "bytes"), ("shards", 1, "episodes"), ("episodes", 0, "length"),
                 ("sizes", "actions"), ("sizes", "observations"), ("counts", "steps"), ("version",)]
            )
        )  # fmt: skip
        number = draw(st.sampled_from(_NUMBERS))
        # What the manifest says truly is no lie.
        return _lie("a number", lambda record: _put(record, path, number, other=6))
    if kind in ("missing", "type"):
        field = draw(
            st.sampled_from(
                ["format", "version", "dtype", "sizes", "counts", "shards", "episodes", "env"]
            )
        )
        if kind == "missing":
            return _lie("a missing field", lambda record: record.pop(field))
        junk: Any = draw(st.sampled_from([None, 7, 1.0, [], {}, [[]], [None], {"a": 1}]))
        return _lie("a field of another type", lambda record: record.update({field: junk}))
    if kind == "label":
        deep: Any = draw(st.sampled_from([{"a": {"b": 1}}, {"a": [[1]]}, {"a": None}, [], "goal"]))
        return _lie("a label", lambda record: record["episodes"][0].update(labels=deep))
    texts = ["", "null", "[]", "{}", "{", "[" * 10**5, "\xff", "9" * 10**4, '{"format": NaN}']
    text = draw(st.sampled_from(texts))
    return Damage("no manifest", lambda folder: _write(folder / FILE, text.encode("latin-1")))


def _write(path: pathlib.Path, content: bytes) -> None:
    path.write_bytes(content)


def _lie(name: str, change: Callable[[dict[str, Any]], Any]) -> Damage:
    return Damage(f"{name} in the manifest", lambda folder: _resigned(folder, change))


def _put(record: Any, path: tuple[Any, ...], value: Any, other: Any) -> None:
    for name in path[:-1]:
        record = record[name]
    is_true = type(record[path[-1]]) is type(value) and record[path[-1]] == value
    record[path[-1]] = other if is_true else value


def _with_shard(
    name: str, content: Callable[[dict[str, np.ndarray], pathlib.Path], bytes]
) -> Damage:
    """Replace the first shard, with checksum and size that fit."""

    def apply(folder: pathlib.Path) -> None:
        with np.load(folder / SHARD) as file:
            arrays = dict(file)
        data = content(arrays, folder.parent)
        (folder / SHARD).write_bytes(data)
        sealed = {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)}
        _resigned(folder, lambda record: record["shards"][0].update(sealed))

    return Damage(name, apply)


def _npz(arrays: dict[str, Any], compressed: bool = False) -> bytes:
    stream = io.BytesIO()
    (np.savez_compressed if compressed else np.savez)(stream, **arrays)
    return stream.getvalue()


_FLOATS = ["observations", "qpos", "qvel", "actions", "rewards"]


@st.composite
def _arrays(draw: st.DrawFn) -> Damage:
    """Put an array of another content, type or shape into a shard."""
    name = draw(st.sampled_from([*_FLOATS, "terminated", "truncated"]))
    kind = draw(st.sampled_from(["not finite", "shape", "type", "flags", "missing", "more"]))
    number = draw(st.sampled_from([np.nan, np.inf, -np.inf]))
    place = draw(st.integers(0, 10**6))
    shape = draw(st.sampled_from([(0,), (1,), (8,), (8, 7), (11, 4), (2, 2, 2), ()]))
    dtype = draw(
        st.sampled_from(["f8", "f2", ">f4", "i4", "S4", "U4", "c8", "M8[s]", "O", "i1,f4"])
    )

    def content(arrays: dict[str, np.ndarray], _: pathlib.Path) -> bytes:
        array = arrays[name].copy()
        if kind == "not finite" and name in _FLOATS:
            array.flat[place % array.size] = number
        elif kind == "shape" and shape != array.shape:
            array = np.zeros(shape, array.dtype)
        elif kind == "type":
            array = np.zeros(array.shape, dtype)
        elif kind == "missing":
            return _npz({key: value for key, value in arrays.items() if key != name})
        elif kind == "more":
            return _npz({**arrays, draw_name: array})
        else:
            flags = arrays["truncated"].copy()
            flags[place % flags.size] ^= True
            return _npz({**arrays, "truncated": flags})
        return _npz({**arrays, name: array})

    draw_name = draw(st.sampled_from(["extra", "../escape", "/tmp/escape"]))
    return _with_shard(f"an array: {kind}", content)


@st.composite
def _archives(draw: st.DrawFn) -> Damage:
    """Make an archive that no writer of arrays would."""
    name = draw(st.sampled_from([*_FLOATS, "terminated"]))
    kind = draw(
        st.sampled_from(
            ["pickle", "object array", "compressed", "bomb", "twice", "header", "no archive"]
        )
    )
    header = draw(
        st.sampled_from(
            ["{'descr': '<f4', 'fortran_order': False, 'shape': (10**12, 3), }",
             "{'descr': '<f4', 'fortran_order': False, 'shape': (1000000000000, 3), }",
             "{'descr': '|O', 'fortran_order': False, 'shape': (11, 3), }",
             "{'descr': '<f4', 'fortran_order': False, 'shape': (-1, 3), }",
             "{'descr': '<f4', 'fortran_order': True, 'shape': (11, 3), }",
             "__import__('os').mkdir('executed')", "[" * 5000, "{" + "'a': 1, " * 10000 + "}", ""]
        )
    )  # fmt: skip

    def content(arrays: dict[str, np.ndarray], folder: pathlib.Path) -> bytes:
        if kind == "no archive":
            return pickle.dumps(Payload(folder))
        if kind == "compressed":
            return _npz(arrays, compressed=True)
        if kind == "object array":
            objects = np.full(arrays[name].shape, None, object)
            objects.flat[0] = Payload(folder)
            return _npz({**arrays, name: objects})
        stream = io.BytesIO(_npz({key: v for key, v in arrays.items() if key != name}))
        compression = zipfile.ZIP_DEFLATED if kind == "bomb" else zipfile.ZIP_STORED
        with zipfile.ZipFile(stream, "a", compression) as archive:
            inside = f"{name}.npy"
            if kind == "pickle":
                archive.writestr(inside, pickle.dumps(Payload(folder)))
            elif kind == "bomb":
                archive.writestr(inside, bytes(2**24))
            elif kind == "header":
                text = header.encode() + b"\n"
                magic = b"\x93NUMPY\x02\x00" + len(text).to_bytes(4, "little")
                archive.writestr(inside, magic + text + arrays[name].tobytes())
            else:
                npy = io.BytesIO()
                np.save(npy, arrays[name])
                other = "qpos" if name != "qpos" else "qvel"
                archive.writestr(f"./{other}.npy", npy.getvalue())
        return stream.getvalue()

    return _with_shard(f"an archive: {kind}", content)


def check(examples: int, chosen_seed: int = 0) -> list[Ending]:
    """Draw damages, and return how reading what they leave ended."""
    return try_drawn(damages(), read_damaged, examples, chosen_seed)


def main() -> None:
    """Measure and write."""
    write_endings(
        "bad_data",
        "bad_data_refused",
        check(EXAMPLES),
        drawn="data sets: one sentence, nothing executed, nothing written",
        counted_by="damages_by_kind",
    )


if __name__ == "__main__":
    main()
