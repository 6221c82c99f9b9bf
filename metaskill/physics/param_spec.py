"""Physics parameters by name: which field of which objects, and what a value does to it."""

import dataclasses
from typing import Literal

Operation = Literal["scale", "add", "set", "turn"]


@dataclasses.dataclass(frozen=True)
class ParamSpec:
    """A named parameter of a model's physics.

    Attributes:
        name: What a context calls it.
        field: The MjModel field, such as `body_mass`, `geom_friction`, `opt.gravity`.
        operation: What a value does to the nominal field: multiply it, be added to it,
            take its place, or turn it about the vertical of the parent's frame, by so many
            radians (orientations only).
        selector: Regular expression that the names of the objects match in full; the
            objects of a `dof_` field are its joints. Ignored for options.
        columns: The columns of the field that change; all of them by default.
        per_object: One value for each selected object instead of one for all.
    """

    name: str
    field: str
    operation: Operation
    selector: str = ".*"
    columns: tuple[int, ...] | None = None
    per_object: bool = False
