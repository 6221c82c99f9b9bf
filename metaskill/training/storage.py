"""Named arrays on disk, never unpickled."""

import pathlib
import zlib

import jax
import numpy as np
import orbax.checkpoint as ocp


def write_arrays(folder: pathlib.Path, arrays: dict[str, np.ndarray]) -> None:
    """Write arrays into a folder that does not exist yet."""
    # Without compression, which takes processors that training wants.
    with _checkpointer(use_compression=False) as writer:
        writer.save(folder, args=ocp.args.PyTreeSave(arrays))


def read_arrays(folder: pathlib.Path) -> dict[str, np.ndarray]:
    """Read what `write_arrays` wrote."""
    with _checkpointer() as reader:
        restored = reader.restore(folder, args=ocp.args.PyTreeRestore())
    return {name: np.asarray(value) for name, value in restored.items()}


def checksum(arrays: dict[str, np.ndarray]) -> int:
    """Return a number that changes with any bit of any array."""
    total = 0
    for name in sorted(arrays):
        header = f"{name} {arrays[name].dtype} {arrays[name].shape}".encode()
        total = zlib.crc32(np.ascontiguousarray(arrays[name]).data, zlib.crc32(header, total))
    return total


def _checkpointer(use_compression: bool = True) -> ocp.Checkpointer:
    """Make orbax's reader and writer for this process alone.

    The arrays are whole and on the host. Left to itself, orbax would have all processes of a
    run take part, and wait for those that do not.
    """
    me = jax.process_index()
    alone = ocp.options.MultiprocessingOptions(
        primary_host=me, active_processes={me}, barrier_sync_key_prefix=f"process_{me}"
    )
    options = alone if jax.process_count() > 1 else ocp.options.MultiprocessingOptions()
    handler = ocp.PyTreeCheckpointHandler(
        use_compression=use_compression, multiprocessing_options=options
    )
    return ocp.Checkpointer(handler, multiprocessing_options=options)
