"""A data set for few-shot classification that needs no download: characters as pictures.

A class is a character. Alphabets are either for meta-training or for meta-testing, and no
character of one looks like a character of the other: the capitals of Greek and Cyrillic
that are Latin letters too are left out, as are repetitions inside an alphabet.
"""

import functools
import logging
import os
import pathlib
import zipfile
from typing import Any

import matplotlib
import numpy as np
import PIL
from jaxtyping import Float
from PIL import Image, ImageFilter

from metaskill.cache import cache_folder
from metaskill.data.alphabets import META_TEST, META_TRAIN, Alphabet
from metaskill.data.image_classes import ImageClasses
from metaskill.data.rendering import draw_style, fonts_with, render

EXAMPLES = 20
# Cosine of two blurred pictures, above which they show the same shape to the eye: what lies
# between 0.94 and 0.96 is partly so, what lies below is not.
SAME_SHAPE = 0.94
_VERSION = 1
_FILE = f"glyphs-{_VERSION}-matplotlib-{matplotlib.__version__}-pillow-{PIL.__version__}.npz"
_logger = logging.getLogger(__name__)


@functools.cache
def glyphs() -> tuple[ImageClasses, ImageClasses]:
    """Return the classes for meta-training and those for meta-testing.

    They are rendered once, which takes about a minute, and kept in the user's cache folder.
    """
    folder = cache_folder()
    if folder is None:
        _logger.warning("the glyphs are rendered at every start: there is no folder to keep them.")
        return make_glyphs(META_TRAIN, META_TEST)
    path = folder / _FILE
    kept = _read(path)
    if kept is not None:
        return kept
    made = make_glyphs(META_TRAIN, META_TEST)
    _write(path, made)
    return made


def make_glyphs(
    train: tuple[Alphabet, ...], test: tuple[Alphabet, ...], examples: int = EXAMPLES
) -> tuple[ImageClasses, ImageClasses]:
    """Render alphabets; the same pictures every time, with the same fonts.

    Args:
        train: Alphabets for meta-training.
        test: Alphabets for meta-testing.
        examples: Pictures of each character.
    """
    shapes: list[np.ndarray] = []
    return _classes(train, shapes, examples), _classes(test, shapes, examples)


def _classes(
    alphabets: tuple[Alphabet, ...], shapes: list[np.ndarray], examples: int
) -> ImageClasses:
    """Render the characters whose shape is not among `shapes`, and add theirs to it."""
    images, names = [], []
    for alphabet in alphabets:
        for character in alphabet.characters:
            shape = _shape(character)
            if shape is None or (shapes and float(np.max(np.stack(shapes) @ shape)) > SAME_SHAPE):
                continue
            shapes.append(shape)
            images.append(_examples(character, examples))
            names.append(f"{alphabet.name}/{ord(character):04x}")
    return ImageClasses(np.stack(images), tuple(names))


def _shape(character: str) -> Float[np.ndarray, " pixel"] | None:
    """Return the character's plain picture as a unit vector; None where no font has it."""
    available = fonts_with(character)
    picture = render(character, available[0]) if available else None
    if picture is None:
        return None
    # Blurred, so that strokes beside each other are alike.
    blurred = Image.fromarray(picture).filter(ImageFilter.GaussianBlur(1.5))
    vector = np.ravel(np.asarray(blurred, np.float32))
    return vector / np.linalg.norm(vector)


def _examples(character: str, count: int) -> np.ndarray:
    """Draw pictures of a character, from randomness that depends on it alone."""
    generator = np.random.default_rng(ord(character))
    available = fonts_with(character)
    pictures: list[np.ndarray] = []
    while len(pictures) < count:
        font = available[generator.integers(len(available))]
        picture = render(character, font, draw_style(generator))
        if picture is not None:
            pictures.append(picture)
    return np.stack(pictures)[..., None]


def _read(path: pathlib.Path) -> tuple[ImageClasses, ImageClasses] | None:
    """Return what `_write` wrote; None where that is missing or damaged."""
    try:
        with path.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
            train, test = (
                ImageClasses(file[f"{part}_images"], tuple(file[f"{part}_names"].tolist()))
                for part in ("train", "test")
            )
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        _logger.warning("%s is damaged: rendering the glyphs again.", path)
        return None
    return train, test


def _write(path: pathlib.Path, classes: tuple[ImageClasses, ImageClasses]) -> None:
    """Keep the classes for the next time; a cache that cannot be written is done without."""
    arrays: dict[str, Any] = {}
    for part, some in zip(("train", "test"), classes, strict=True):
        arrays[f"{part}_images"] = some.images
        arrays[f"{part}_names"] = np.array(some.names)
    temporary = path.with_name(f"{os.getpid()}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("wb") as file:
            np.savez_compressed(file, **arrays)
        os.replace(temporary, path)
    except OSError as error:
        _logger.warning("cannot keep the glyphs in %s (%s).", path.parent, error.strerror)
