"""miniImageNet (Vinyals et al. 2016; split of Ravi and Larochelle 2017), from folders."""

import pathlib

import numpy as np

from metaskill.data.image_classes import ImageClasses, stack_classes
from metaskill.data.pictures import as_bytes, decode
from metaskill.errors import UserError

SIZE = 84


def mini_imagenet(folder: str) -> tuple[ImageClasses, ImageClasses]:
    """Read the classes for meta-training and for meta-testing: `train/CLASS/*.jpg`, `test/...`.

    Args:
        folder: Where the folders `train` and `test` are.

    Raises:
        UserError: If a folder is missing or a picture is damaged.
    """
    train, test = (_read(pathlib.Path(folder, part)) for part in ("train", "test"))
    return train, test


def _read(folder: pathlib.Path) -> ImageClasses:
    if not folder.is_dir():
        raise UserError(f"{folder} does not exist: it must hold a folder a class, of JPEG files.")
    images: dict[str, list[np.ndarray]] = {}
    for path in sorted(folder.glob("*/*")):
        if path.suffix.lower() not in (".jpg", ".jpeg", ".png"):
            continue
        try:
            picture = decode(path)
        except OSError as error:
            raise UserError(f"{path} is damaged ({error}): copy it again.") from error
        images.setdefault(f"{folder.name}/{path.parent.name}", []).append(
            as_bytes(picture, SIZE, "RGB")
        )
    return stack_classes(images, str(folder))
