"""Pictures of every kind, as a viewer would show them on white paper."""

import io
import pathlib

import numpy as np
import pytest
from PIL import Image

from metaskill.data.archives import as_bytes, decode

pytestmark = pytest.mark.fault(21)

SIZE = 20


def drawing(mode: str) -> Image.Image:
    """Black ink in the upper half, on white or transparent paper."""
    if mode == "P":
        return drawing("RGB").quantize(2)
    transparent = {"RGBA": (0, 0, 0, 0), "LA": (0, 0)}
    picture = Image.new(mode, (SIZE, SIZE), transparent.get(mode, "white"))
    ink = {"RGBA": (0, 0, 0, 255), "LA": (0, 255)}
    picture.paste(ink.get(mode, "black"), (0, 0, SIZE, SIZE // 2))
    return picture


def as_file(picture: Image.Image, kind: str = "PNG", **options: object) -> io.BytesIO:
    file = io.BytesIO()
    picture.save(file, kind, **options)
    file.seek(0)
    return file


def ink(file: io.BytesIO | pathlib.Path) -> np.ndarray:
    return 255 - as_bytes(decode(file), SIZE, "L")[..., 0]


@pytest.mark.parametrize("mode", ["1", "L", "LA", "RGB", "RGBA", "P"])
def test_paper_is_white_in_every_mode(mode: str) -> None:
    expected = np.zeros((SIZE, SIZE))
    expected[: SIZE // 2] = 255
    np.testing.assert_array_equal(ink(as_file(drawing(mode))), expected)


def test_a_palette_may_have_a_transparent_colour() -> None:
    picture = drawing("RGB").quantize(2)
    paper = picture.getpixel((0, SIZE - 1))
    assert np.mean(ink(as_file(picture, transparency=paper))) == 127.5
    # A colour that is transparent shows the paper, whichever it is.
    black = picture.getpixel((0, 0))
    assert np.mean(ink(as_file(picture, transparency=black))) == 0


def test_half_transparent_ink_is_grey() -> None:
    picture = Image.new("RGBA", (SIZE, SIZE), (0, 0, 0, 128))
    assert np.mean(ink(as_file(picture))) == 128


def test_grey_of_sixteen_bits() -> None:
    values = np.linspace(0, 65535, SIZE * SIZE).reshape(SIZE, SIZE).astype(np.uint16)
    seen = np.asarray(decode(as_file(Image.fromarray(values))))
    np.testing.assert_allclose(seen, values // 257, atol=1)


def test_colours_for_print() -> None:
    seen = np.asarray(decode(as_file(drawing("RGB").convert("CMYK"), "JPEG", quality=95)))
    assert seen.shape == (SIZE, SIZE, 3)
    assert seen[2].mean() < 60
    assert seen[-2].mean() > 200


def test_a_turned_photograph_is_upright() -> None:
    exif = Image.Exif()
    exif[0x0112] = 3  # Taken upside down.
    seen = np.asarray(decode(as_file(drawing("L"), "JPEG", exif=exif)))
    assert seen[2].mean() > 200
    assert seen[-2].mean() < 60


def test_values_without_a_meaning_are_refused(tmp_path: pathlib.Path) -> None:
    Image.fromarray(np.full((4, 4), 0.5, np.float32)).save(tmp_path / "fractions.tiff")
    with pytest.raises(OSError, match="fractions"):
        decode(tmp_path / "fractions.tiff")
    Image.fromarray(np.full((4, 4), 10**6, np.int32)).save(tmp_path / "large.tiff")
    with pytest.raises(OSError, match="reach from 1000000"):
        decode(tmp_path / "large.tiff")
