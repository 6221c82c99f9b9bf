"""Labelled images, as few-shot classification takes them: the same number from every class."""

import dataclasses

import numpy as np
from jaxtyping import UInt8

from metaskill.errors import UserError


@dataclasses.dataclass(frozen=True, eq=False)
class ImageClasses:
    """Classes of images.

    Attributes:
        images: The images, 255 where there is ink or light (axes: class, example, height,
            width, channel).
        names: The name of every class: its alphabet or group, a slash, and its own.
    """

    images: UInt8[np.ndarray, "class example height width channel"]
    names: tuple[str, ...]

    def __post_init__(self) -> None:
        """Refuse what samplers could not use."""
        if self.images.ndim != 5 or self.images.dtype != np.uint8 or not self.images.size:
            raise UserError(
                "images must be bytes with axes class, example, height, width, channel."
            )
        if len(self.names) != len(self.images):
            raise UserError(
                f"{len(self.images)} classes need as many names, not {len(self.names)}."
            )


def stack_classes(images: dict[str, list[np.ndarray]], where: str) -> ImageClasses:
    """Make classes of lists of images; classes with more examples than the smallest lose some.

    Args:
        images: Images by the name of their class.
        where: What to call their origin in errors.

    Raises:
        UserError: If there are no images.
    """
    if not images:
        raise UserError(f"{where} holds no images where they are expected: see docs/maml.md.")
    names = tuple(sorted(images))
    count = min(len(examples) for examples in images.values())
    return ImageClasses(np.stack([np.stack(images[name][:count]) for name in names]), names)
