"""Checkpoints of a whole training state: atomic, checked, never unpickled."""

import logging
import pathlib
import shutil
import zlib
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import orbax.checkpoint as ocp

from metaskill.errors import UserError
from metaskill.training.run_folder import cannot_write

_logger = logging.getLogger(__name__)


class Checkpoints:
    """The checkpoints of one run, newest last.

    A state is stored as a flat dictionary of arrays by their path in the pytree, with a
    checksum. PRNG keys are stored as their data.
    """

    def __init__(self, folder: pathlib.Path, kept: int = 3):
        """Open the folder, without creating it.

        Args:
            folder: Where they are.
            kept: How many stay when newer ones come.
        """
        self._folder = folder.absolute()
        self._kept = kept

    def save(self, iteration: int, state: Any, seconds: float) -> None:
        """Write a checkpoint; a reader sees all of it or nothing.

        Args:
            iteration: Iterations done.
            state: Any pytree of arrays.
            seconds: Training time so far.

        Raises:
            UserError: If it cannot be written; earlier checkpoints are still there.
        """
        # Copies, because the next chunk overwrites the donated buffers. Empty arrays
        # (the activations of a robot without any) are not worth storing.
        arrays = {
            name: np.array(_storable(leaf)) for name, leaf in _named_leaves(state) if leaf.size
        }
        description = {"seconds": seconds, "checksum": _checksum(arrays)}
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            _check_space(self._folder, sum(array.nbytes for array in arrays.values()))
            with self._manager() as manager:
                manager.save(
                    iteration,
                    args=ocp.args.Composite(
                        state=ocp.args.StandardSave(arrays),
                        description=ocp.args.JsonSave(description),
                    ),
                )
        except (OSError, ValueError) as error:
            # Orbax passes on the file system's refusals as either of them.
            raise cannot_write(self._folder, error) from error

    def iterations(self) -> list[int]:
        """List the iterations that have a checkpoint, oldest first."""
        if not self._folder.is_dir():
            return []
        return sorted(int(path.name) for path in self._folder.iterdir() if path.name.isdigit())

    def restore_latest(self, template: Any) -> tuple[Any, int, float] | None:
        """Return the newest state that is whole.

        A damaged checkpoint is named in a warning and moved aside, into
        `damaged_checkpoints` beside the folder.

        Args:
            template: A pytree of the state's structure; shapes and dtypes suffice.

        Returns:
            The state, its iteration and the training time until then; None where there
            is no checkpoint.

        Raises:
            UserError: If every checkpoint is damaged, or the newest is of another
                configuration.
        """
        iterations = self.iterations()
        for iteration in reversed(iterations):
            try:
                arrays, seconds = self._read(iteration)
            except Exception as error:
                reason = str(error).splitlines()[0] if str(error) else type(error).__name__
                _logger.warning(
                    "checkpoint %d is damaged (%s); going back to the one before.",
                    iteration,
                    reason[:200],
                )
                self._move_aside(iteration)
                continue
            return _rebuild(template, arrays), iteration, seconds
        if iterations:
            raise UserError(
                f"every checkpoint in {self._folder} is damaged: start the run again in "
                "another --workdir."
            )
        return None

    def _read(self, iteration: int) -> tuple[dict[str, np.ndarray], float]:
        with self._manager() as manager:
            restored = manager.restore(
                iteration,
                args=ocp.args.Composite(
                    state=ocp.args.StandardRestore(), description=ocp.args.JsonRestore()
                ),
            )
        arrays = {name: np.asarray(value) for name, value in restored["state"].items()}
        description = restored["description"]
        if _checksum(arrays) != description["checksum"]:
            raise ValueError("its contents do not match its checksum")
        return arrays, float(description["seconds"])

    def _move_aside(self, iteration: int) -> None:
        aside = self._folder.with_name("damaged_checkpoints")
        aside.mkdir(exist_ok=True)
        shutil.rmtree(aside / str(iteration), ignore_errors=True)
        shutil.move(self._folder / str(iteration), aside / str(iteration))

    def _manager(self) -> ocp.CheckpointManager:
        return ocp.CheckpointManager(
            self._folder,
            options=ocp.CheckpointManagerOptions(
                max_to_keep=self._kept, enable_async_checkpointing=False
            ),
        )


def _check_space(folder: pathlib.Path, n_bytes: int) -> None:
    """Refuse before orbax starts: its own failures print a page from every thread."""
    free = shutil.disk_usage(folder).free
    wanted = n_bytes + 2**20  # Metadata and the file system's blocks.
    if free < wanted:
        raise OSError(
            f"the disk has {free / 1e6:.1f} MB left, a checkpoint needs {wanted / 1e6:.1f}"
        )


def _named_leaves(tree: Any) -> list[tuple[str, Any]]:
    leaves = jax.tree_util.tree_leaves_with_path(tree)
    return [(jax.tree_util.keystr(path, simple=True, separator="."), leaf) for path, leaf in leaves]


def _is_key(leaf: Any) -> bool:
    return bool(jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key))


def _storable(leaf: Any) -> Any:
    return jax.random.key_data(leaf) if _is_key(leaf) else leaf


def _checksum(arrays: dict[str, np.ndarray]) -> int:
    checksum = 0
    for name in sorted(arrays):
        header = f"{name} {arrays[name].dtype} {arrays[name].shape}".encode()
        checksum = zlib.crc32(np.ascontiguousarray(arrays[name]).data, zlib.crc32(header, checksum))
    return checksum


def _rebuild(template: Any, arrays: dict[str, np.ndarray]) -> Any:
    def leaf_of(name: str, like: Any) -> Any:
        if not like.size:
            return jnp.zeros(like.shape, like.dtype)
        stored = arrays.get(name)
        wanted = jax.eval_shape(_storable, like)
        if stored is None or stored.shape != wanted.shape or stored.dtype != wanted.dtype:
            raise UserError(
                f"the checkpoint does not fit this configuration at {name!r}: use the run's own."
            )
        array = jnp.asarray(stored)
        return jax.random.wrap_key_data(array) if _is_key(like) else array

    leaves = [leaf_of(name, like) for name, like in _named_leaves(template)]
    return jax.tree.unflatten(jax.tree.structure(template), leaves)
