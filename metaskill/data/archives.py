"""Read pictures out of zip archives that came from somewhere, without unpacking them."""

import io
import pathlib
import zipfile
import zlib
from collections.abc import Iterator

import numpy as np
from PIL import Image, ImageOps

from metaskill.errors import UserError

_LARGEST_16_BIT = 2**16 - 1
_LARGEST = 2**22  # Bytes of one picture; a small archive can hold enormous files.
_SUFFIXES = (".png", ".jpg", ".jpeg")


def pictures_in(path: pathlib.Path) -> Iterator[tuple[pathlib.PurePosixPath, Image.Image]]:
    """Yield every picture of a zip archive with its path inside, in the order of the paths.

    Raises:
        UserError: If the archive is missing or damaged, or holds what no data set would: paths
            that lead out of it, or pictures of megabytes.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            for info in sorted(archive.infolist(), key=lambda info: info.filename):
                inside = pathlib.PurePosixPath(info.filename.replace("\\", "/"))
                if inside.is_absolute() or ".." in inside.parts or ":" in inside.parts[0]:
                    raise UserError(
                        f"{path} holds {info.filename!r}, which leads out of the archive: get it "
                        "from its authors again."
                    )
                if inside.suffix.lower() not in _SUFFIXES or info.is_dir():
                    continue
                if info.file_size > _LARGEST:
                    raise UserError(f"{path} holds {info.filename!r}, too large for a picture.")
                yield inside, decode(io.BytesIO(archive.read(info)))
    except FileNotFoundError as error:
        raise UserError(f"{path} does not exist: download it there, see docs/maml.md.") from error
    except (
        zipfile.BadZipFile,
        zlib.error,
        OSError,
        EOFError,
        NotImplementedError,  # An unknown compression.
        RuntimeError,  # A password.
    ) as error:
        raise UserError(f"{path} is damaged ({error}): download it again.") from error


def decode(file: io.BytesIO | pathlib.Path) -> Image.Image:
    """Read a picture to its end, so that a damaged one is noticed here.

    Returns:
        The picture as a viewer shows it on white paper: upright, opaque, in grey (`L`) or colours
        (`RGB`) of 8 bits.

    Raises:
        OSError: If the picture is damaged, or its values have no meaning as light.
    """
    try:
        with Image.open(file) as picture:
            picture.load()
            return _as_seen(ImageOps.exif_transpose(picture))
    except (SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise OSError(f"a picture cannot be read: {error}") from error


def _as_seen(picture: Image.Image) -> Image.Image:
    if picture.mode.startswith("I"):  # Grey of 16 bits, which Pillow may hold in 32.
        values = np.asarray(picture).astype(np.int64)
        if values.min() < 0 or values.max() > _LARGEST_16_BIT:
            raise OSError(f"its values reach from {values.min()} to {values.max()}")
        return Image.fromarray((values // 257).astype(np.uint8))
    if picture.mode == "F":
        raise OSError("its values are fractions, of which none is known to be white")
    if picture.has_transparency_data:
        seen = picture.convert("RGBA")
        paper = Image.new("RGBA", seen.size, "white")
        return Image.alpha_composite(paper, seen).convert("RGB")
    return picture.convert("L" if picture.mode in ("1", "L") else "RGB")


def as_bytes(picture: Image.Image, size: int, mode: str) -> np.ndarray:
    """Return a picture as a square of bytes (axes: height, width, channel)."""
    array = np.asarray(picture.convert(mode).resize((size, size), Image.Resampling.BOX))
    return array[..., None] if array.ndim == 2 else array
