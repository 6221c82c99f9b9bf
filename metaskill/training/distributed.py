"""Many processes that train one run: who they are, who writes, and what they agree on."""

import jax
import numpy as np
from jax.experimental import multihost_utils

from metaskill.errors import UserError


def start(text: str) -> None:
    """Join the other processes of this run; nothing of JAX may have been used before.

    Args:
        text: `auto`, where Slurm or Open MPI (or a TPU pod, Kubernetes) has started the
            processes and says who they are; or `ADDRESS:PORT,COUNT,INDEX`: where process 0
            listens, how many there are, and which this is.

    Raises:
        UserError: If it cannot be read, nobody says who the processes are, or the others
            cannot be reached.
    """
    try:
        if text == "auto":
            jax.distributed.initialize()
        else:
            address, count, index = text.split(",")
            if ":" not in address or not 0 <= int(index) < int(count):
                raise ValueError(text)
            jax.distributed.initialize(address, int(count), int(index))
    except (ValueError, RuntimeError) as error:
        reason = str(error).splitlines()[0][:200]
        raise UserError(
            f"--distributed={text} did not work ({reason}): write auto under Slurm or Open MPI, "
            "or ADDRESS:PORT,COUNT,INDEX."
        ) from error


def is_writer() -> bool:
    """Say whether this process writes: exactly one does."""
    return jax.process_index() == 0


def wait_for_all(reason: str) -> None:
    """Wait until all processes are here."""
    if jax.process_count() > 1:
        multihost_utils.sync_global_devices(reason)


def any_of_all(flag: bool) -> bool:
    """Say whether a flag is set in any process; all must ask at the same time."""
    if jax.process_count() == 1:
        return flag
    return bool(np.any(multihost_utils.process_allgather(np.array(flag))))


def gathered(leaf: jax.Array) -> np.ndarray:
    """Copy an array to the host, whole; all processes must ask at the same time."""
    if not getattr(leaf, "is_fully_addressable", True):
        return np.array(multihost_utils.process_allgather(leaf, tiled=True))
    # A real copy: on CPU `np.asarray` would be a view of buffers that the next chunk
    # overwrites.
    return np.array(leaf, copy=True)
