"""Read pictures out of zip archives that came from somewhere, without unpacking them."""

import io
import pathlib
import zipfile
import zlib
from collections.abc import Iterator

from PIL import Image

from metaskill.data.pictures import decode
from metaskill.errors import UserError

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
