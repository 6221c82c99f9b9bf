"""Omniglot (Lake et al. 2015), from the archives that its authors publish."""

import pathlib

import numpy as np

from metaskill.data.archives import pictures_in
from metaskill.data.image_classes import ImageClasses, stack_classes
from metaskill.data.pictures import as_bytes

ARCHIVES = ("images_background.zip", "images_evaluation.zip")
SIZE = 28


def omniglot(folder: str) -> tuple[ImageClasses, ImageClasses]:
    """Read the characters for meta-training and those of other alphabets for meta-testing.

    Every character turned by 90, 180 and 270 degrees is a class of its own, as in Santoro et
    al. 2016; ink is 255.

    Args:
        folder: Where `images_background.zip` and `images_evaluation.zip` are, from
            https://github.com/brendenlake/omniglot/tree/master/python.

    Raises:
        UserError: If an archive is missing or damaged.
    """
    train, test = (_read(pathlib.Path(folder, name)) for name in ARCHIVES)
    return train, test


def _read(path: pathlib.Path) -> ImageClasses:
    images: dict[str, list[np.ndarray]] = {}
    for inside, picture in pictures_in(path):
        drawing = 255 - as_bytes(picture, SIZE, "L")
        name = "/".join(inside.parts[-3:-1])  # Alphabet and character.
        for turns in range(4):
            images.setdefault(f"{name}/{90 * turns}", []).append(np.rot90(drawing, turns))
    return stack_classes(images, str(path))
