"""Pictures of every kind that PNG and JPEG have show the same ink."""

import io
import pathlib
import struct
import zipfile
import zlib
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image

from metaskill.data.mini_imagenet import mini_imagenet
from metaskill.data.omniglot import ARCHIVES, omniglot
from metaskill.data.pictures import decode
from metaskill.errors import UserError

SIZE = 40
INK = np.zeros((SIZE, SIZE), bool)
INK[10:20, 5:35] = True
GREY = np.where(INK, 0, 255).astype(np.uint8)


def png(picture: Image.Image, **options: object) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, "PNG", **options)
    return buffer.getvalue()


def with_alpha(mode: str) -> bytes:
    """Black ink on a transparent ground, whose colour, which nobody sees, is black too."""
    picture = Image.new(mode, (SIZE, SIZE), 0)
    picture.putalpha(Image.fromarray(255 - GREY))
    return png(picture)


def palette(**options: object) -> bytes:
    picture = Image.fromarray(INK.astype(np.uint8), mode=None)
    picture.putpalette([255, 255, 255, 0, 0, 0] if not options else [9, 9, 9, 0, 0, 0])
    return png(picture, **options)


def sixteen_bits(values: np.ndarray, colour_type: int) -> bytes:
    """Write a PNG of 16-bit samples; Pillow writes few of the kinds that it reads."""
    rows = values.reshape(SIZE, -1)
    raw = b"".join(b"\0" + row.astype(">u2").tobytes() for row in rows)

    def part(name: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        )

    header = struct.pack(">IIBBBBB", SIZE, SIZE, 16, colour_type, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + part(b"IHDR", header)
        + part(b"IDAT", zlib.compress(raw))
        + part(b"IEND", b"")
    )


BRIGHT = np.where(INK, 600, 65535)  # 600 of 65535 is nearly black.
CLEAR = np.where(INK, 65535, 0)
KINDS: dict[str, Callable[[], bytes]] = {
    "grey": lambda: png(Image.fromarray(GREY)),
    "one bit": lambda: png(Image.fromarray(GREY).convert("1")),
    "colours": lambda: png(Image.fromarray(GREY).convert("RGB")),
    "opaque": lambda: png(Image.fromarray(GREY).convert("RGBA")),
    "RGBA": lambda: with_alpha("RGB"),
    "LA": lambda: with_alpha("L"),
    "palette": palette,
    "palette with a transparent colour": lambda: palette(transparency=0),
    "palette with alphas": lambda: palette(transparency=bytes([0, 255])),
    "grey with a transparent shade": lambda: png(
        Image.fromarray(np.where(INK, 0, 7).astype(np.uint8)), transparency=7
    ),
    "16 bits": lambda: sixteen_bits(BRIGHT, 0),
    "16 bits with a transparent shade": lambda: png(
        Image.fromarray(np.where(INK, 600, 7).astype(np.uint16)), transparency=7
    ),
    "16 bits with alpha": lambda: sixteen_bits(np.stack([0 * CLEAR, CLEAR], -1), 4),
    "16 bits of colours": lambda: sixteen_bits(np.stack([BRIGHT] * 3, -1), 2),
}


@pytest.mark.fault(21)
@pytest.mark.parametrize("kind", KINDS)
def test_ink_is_black_on_white_whatever_the_kind_of_file(kind: str) -> None:
    picture = decode(io.BytesIO(KINDS[kind]()))
    assert picture.mode in ("L", "RGB")
    np.testing.assert_allclose(np.asarray(picture.convert("L")), GREY, atol=3)


@pytest.mark.fault(21)
def test_omniglot_of_transparent_pictures_has_the_ink_of_white_ones(
    tmp_path: pathlib.Path,
) -> None:
    shares = []
    for kind in ("grey", "RGBA", "LA", "palette with a transparent colour", "16 bits"):
        for name in ARCHIVES:
            with zipfile.ZipFile(tmp_path / name, "w") as archive:
                archive.writestr("images/Latin/character01/1.png", KINDS[kind]())
        train, test = omniglot(str(tmp_path))
        shares.append(float((train.images > 127).mean()))
        np.testing.assert_array_equal(train.images, test.images)
    assert shares[0] == pytest.approx(INK.mean(), abs=0.02)
    assert shares == [shares[0]] * len(shares)


@pytest.fixture
def classes(tmp_path: pathlib.Path) -> pathlib.Path:
    """A folder in miniImageNet's layout, without pictures."""
    for part in ("train", "test"):
        (tmp_path / part / "n1").mkdir(parents=True)
    return tmp_path


@pytest.mark.fault(21)
def test_mini_imagenet_takes_photographs_of_every_kind(classes: pathlib.Path) -> None:
    upright = Image.fromarray(GREY).convert("RGB")
    exif = Image.Exif()
    exif[0x0112] = 6  # To be turned clockwise by 90 degrees.
    for part in ("train", "test"):
        folder = classes / part / "n1"
        upright.save(folder / "1_upright.jpg", quality=95)
        upright.rotate(90, expand=True).save(folder / "2_turned.jpg", exif=exif, quality=95)
        upright.convert("CMYK").save(folder / "3_cmyk.jpg", quality=95)
        upright.convert("L").save(folder / "4_grey.jpg", quality=95)
        (folder / "5_clear.png").write_bytes(KINDS["RGBA"]())
        (folder / "6_deep.png").write_bytes(KINDS["16 bits"]())
    train, _ = mini_imagenet(str(classes))
    first, *others = train.images[0].astype(int)
    for other in others:
        assert abs(other - first).mean() < 5.0


@pytest.mark.parametrize("content", ["gif", "eps", "bomb", "cut"])
def test_what_is_no_picture_for_us_is_refused_in_a_line(
    content: str, classes: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = classes / "train" / "n1" / "1.png"
    if content == "gif":
        Image.fromarray(GREY).save(path, "GIF")
    elif content == "eps":
        Image.fromarray(GREY).save(path, "EPS")
    elif content == "cut":
        path.write_bytes(KINDS["grey"]()[:-30])
    else:
        monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", SIZE * SIZE - 1)
        path.write_bytes(KINDS["grey"]())
    with pytest.raises(UserError, match=r"1\.png is damaged"):
        mini_imagenet(str(classes))
