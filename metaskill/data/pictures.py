"""Pictures as files hold them, and as networks take them: opaque, upright, of bytes."""

import io
import pathlib
import struct
import warnings

import numpy as np
from jaxtyping import UInt8
from PIL import Image, ImageOps

_FORMATS = ("PNG", "JPEG")  # Of others some would start programs, such as PostScript's.
_COLOURS = {"1": "L", "L": "L", "P": "RGB", "RGB": "RGB", "CMYK": "RGB"}


def decode(file: io.BytesIO | pathlib.Path) -> Image.Image:
    """Read a PNG or JPEG to its end, so that a damaged one is noticed here.

    What is transparent lies on white paper, 16 bits are rounded to 8, and a photograph is turned
    as its EXIF data say.

    Returns:
        A grey picture (mode `L`) or a coloured one (`RGB`).

    Raises:
        OSError: If it cannot be read, or is of another kind.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(file, formats=_FORMATS) as picture:
                picture.load()
                return _on_paper(ImageOps.exif_transpose(picture))
    except (
        SyntaxError,
        ValueError,
        TypeError,
        struct.error,  # Damaged EXIF data.
        Image.DecompressionBombWarning,
        Image.DecompressionBombError,
    ) as error:
        raise OSError(f"a picture cannot be read: {error}") from error


def as_bytes(picture: Image.Image, size: int, mode: str) -> UInt8[np.ndarray, "height width c"]:
    """Return a picture as a square of bytes.

    Args:
        picture: What `decode` returned.
        size: Height and width.
        mode: `L` for one channel, `RGB` for three.
    """
    array = np.asarray(picture.convert(mode).resize((size, size), Image.Resampling.BOX))
    return array[..., None] if array.ndim == 2 else array


def _on_paper(picture: Image.Image) -> Image.Image:
    if picture.mode.startswith("I"):  # Pillow would cut off all that is brighter than 255 of 65535.
        return _of_sixteen_bits(picture)
    if "A" in picture.getbands() or "transparency" in picture.info:
        drawn = picture.convert("RGBA")
        paper = Image.new("RGBA", drawn.size, "white")
        return Image.alpha_composite(paper, drawn).convert("RGB")
    if picture.mode not in _COLOURS:
        raise ValueError(f"its pixels are of the kind {picture.mode}")
    return picture.convert(_COLOURS[picture.mode])


def _of_sixteen_bits(picture: Image.Image) -> Image.Image:
    values = np.asarray(picture).astype(np.int64)
    shades = np.round(np.clip(values, 0, 65535) / 257.0).astype(np.uint8)
    if "transparency" in picture.info:
        shades[values == picture.info["transparency"]] = 255
    return Image.fromarray(shades)
