"""Many devices: where the axes `population` and `env` of a training state lie."""

import dataclasses
from collections.abc import Callable
from typing import Any

import jax
import numpy as np
from jax.sharding import Mesh, NamedSharding
from jax.sharding import PartitionSpec as P

from metaskill.errors import UserError
from metaskill.learner import Learner, has_worlds
from metaskill.physics.native import NativeEngine

_MEMBERS = P("population")


@dataclasses.dataclass(frozen=True)
class MeshShape:
    """Over how many devices each axis is divided.

    Attributes:
        population: Parts of the population. They have nothing to say to each other.
        env: Parts of each member's worlds. They agree on every gradient.
    """

    population: int = 1
    env: int = 1

    @property
    def size(self) -> int:
        """Devices that it takes."""
        return self.population * self.env

    def holding(self, n_members: int) -> "MeshShape":
        """Return the largest shape, up to this one, that divides a population equally."""
        parts = max(d for d in range(1, self.population + 1) if n_members % d == 0)
        if jax.process_count() > 1 and parts != self.population:
            raise UserError(
                f"{n_members} members cannot be divided over population={self.population} parts: "
                "choose a multiple."
            )
        return dataclasses.replace(self, population=parts)

    def make(self) -> Mesh:
        """Return the mesh: devices of one process next to each other along `env`.

        Raises:
            UserError: If there are not that many devices.
        """
        require_devices(self)
        # An axis of one device would count as divided automatically, and rule out engines
        # that call the host.
        shape = (self.population, self.env) if self.env > 1 else (self.population,)
        names = ("population", "env")[: len(shape)]
        return Mesh(np.array(jax.devices()[: self.size]).reshape(shape), names)


def parse_mesh(text: str) -> MeshShape:
    """Read `population=2,env=4`; an axis that is left out is 1.

    Raises:
        UserError: If it cannot be read.
    """
    shape: dict[str, int] = {}
    for part in text.split(","):
        name, _, count = part.partition("=")
        if name not in ("population", "env") or name in shape or not count.isdecimal():
            raise UserError(f"--mesh={text} cannot be read: write population=2,env=4.")
        shape[name] = int(count)
    if 0 in shape.values():
        raise UserError(f"--mesh={text}: every axis has at least one device.")
    return MeshShape(**shape)


def require_devices(shape: MeshShape) -> None:
    """Refuse a mesh that these devices cannot make.

    Raises:
        UserError: If there are too few devices, or those of some process would have no part.
    """
    n_devices = len(jax.devices())
    if shape.size > n_devices:
        raise UserError(
            f"a mesh of population={shape.population},env={shape.env} takes {shape.size} "
            f"devices, and there are {n_devices}."
        )
    if jax.process_count() > 1 and shape.size != n_devices:
        raise UserError(
            f"{jax.process_count()} processes have {n_devices} devices: choose a --mesh of as many."
        )


def over_population(
    function: Callable[..., Any], mesh: Mesh, out_specs: Any, in_specs: Any = _MEMBERS
) -> Callable[..., Any]:
    """Let every part of a mesh apply a function to its own members.

    Along `population` the division is explicit (`shard_map`): nothing crosses it, and a
    call of the host is made for each part. Along `env` it is XLA's: the learner is
    written for all worlds, and the compiler adds the communication.
    """
    return jax.shard_map(
        function,
        mesh=mesh,
        in_specs=in_specs,
        out_specs=out_specs,
        axis_names={"population"},
        check_vma=False,
    )


def state_shardings(learner: Learner, template: Any, mesh: Mesh) -> Any:
    """Return where each leaf of a state lies (axes: population, and env where there is one).

    Raises:
        UserError: If the learner has no worlds to divide, or not equally many for each part, or
            its engine steps all worlds of a member at once.
    """
    parts = mesh.shape.get("env", 1)
    plain = NamedSharding(mesh, P("population"))
    if parts == 1:
        return jax.tree.map(lambda _: plain, template)
    if not has_worlds(learner):
        raise UserError("this learner keeps no worlds, so there is nothing to divide by env=.")
    if isinstance(getattr(learner.env, "engine", None), NativeEngine):
        raise UserError(
            "the native engine calls the host, so worlds of one member cannot be divided over "
            "devices: choose --engine=mjx, or divide by population= alone."
        )
    divided = NamedSharding(mesh, P("population", "env"))

    def place(path: tuple[Any, ...], leaf: Any) -> NamedSharding:
        if getattr(path[0], "name", None) not in learner.env_fields:
            return plain
        if leaf.shape[1] % parts:
            raise UserError(f"{leaf.shape[1]} worlds cannot be divided into env={parts} parts.")
        return divided

    return jax.tree_util.tree_map_with_path(place, template)


def place(state: Any, shardings: Any) -> Any:
    """Put a state that every process has whole on the devices of a mesh."""

    def put(leaf: jax.Array, sharding: NamedSharding) -> jax.Array:
        if sharding.is_fully_addressable:
            return jax.device_put(leaf, sharding)
        if jax.numpy.issubdtype(leaf.dtype, jax.dtypes.prng_key):
            return jax.random.wrap_key_data(put(jax.random.key_data(leaf), sharding))
        array = np.asarray(leaf)
        return jax.make_array_from_callback(array.shape, sharding, lambda index: array[index])

    return jax.tree.map(put, state, shardings)
