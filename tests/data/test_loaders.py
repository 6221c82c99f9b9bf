"""Loaders of data sets that users bring: tiny archives, damaged ones, hostile ones."""

import io
import pathlib
import zipfile

import numpy as np
import pytest
from PIL import Image

from metaskill.data.mini_imagenet import mini_imagenet
from metaskill.data.omniglot import ARCHIVES, omniglot
from metaskill.errors import UserError


def png(value: int, size: int = 105) -> bytes:
    buffer = io.BytesIO()
    picture = np.full((size, size), 255, np.uint8)
    picture[: size // 2, : size // 2] = value  # A corner with ink.
    Image.fromarray(picture).save(buffer, "png")
    return buffer.getvalue()


@pytest.fixture
def folder(tmp_path: pathlib.Path) -> pathlib.Path:
    for archive, part in zip(ARCHIVES, ("background", "evaluation"), strict=True):
        with zipfile.ZipFile(tmp_path / archive, "w", zipfile.ZIP_DEFLATED) as file:
            for character in (1, 2):
                for drawer in range(3):
                    inside = f"images_{part}/Greek/character{character:02}/{drawer}.png"
                    file.writestr(inside, png(0))
    return tmp_path


def test_omniglot_has_a_class_for_every_character_and_quarter_turn(folder: pathlib.Path) -> None:
    train, test = omniglot(str(folder))
    assert train.images.shape == (8, 3, 28, 28, 1)
    assert train.names[:2] == ("Greek/character01/0", "Greek/character01/180")
    assert test.names == train.names
    drawing = train.images[train.names.index("Greek/character01/0"), 0, :, :, 0]
    assert (drawing[0, 0], drawing[-1, -1]) == (255, 0)
    turned = train.images[train.names.index("Greek/character01/180"), 0, :, :, 0]
    assert (turned[0, 0], turned[-1, -1]) == (0, 255)


def test_a_truncated_archive_is_refused(folder: pathlib.Path) -> None:
    path = folder / ARCHIVES[0]
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(UserError, match=r"is damaged .*: download it again"):
        omniglot(str(folder))


def test_a_flipped_byte_is_noticed(folder: pathlib.Path) -> None:
    path = folder / ARCHIVES[0]
    content = bytearray(path.read_bytes())
    content[150] ^= 255
    path.write_bytes(content)
    with pytest.raises(UserError, match="is damaged"):
        omniglot(str(folder))


@pytest.mark.parametrize(
    "inside", ["../out.png", "/etc/out.png", "a\\..\\..\\out.png", "C:/out.png"]
)
def test_paths_that_lead_out_are_refused(folder: pathlib.Path, inside: str) -> None:
    with zipfile.ZipFile(folder / ARCHIVES[1], "a") as file:
        file.writestr(inside, png(0))
    with pytest.raises(UserError, match="leads out of the archive"):
        omniglot(str(folder))


def test_what_is_no_picture_is_refused(folder: pathlib.Path) -> None:
    with zipfile.ZipFile(folder / ARCHIVES[1], "a") as file:
        file.writestr("images_evaluation/Greek/character01/zzz.png", b"no picture")
    with pytest.raises(UserError, match="is damaged"):
        omniglot(str(folder))


def test_a_picture_that_unpacks_to_too_much_is_refused(folder: pathlib.Path) -> None:
    with zipfile.ZipFile(folder / ARCHIVES[1], "a", zipfile.ZIP_DEFLATED) as file:
        file.writestr("images_evaluation/Greek/character01/zzz.png", bytes(2**23))
    with pytest.raises(UserError, match="too large"):
        omniglot(str(folder))


def test_a_missing_or_empty_archive_is_named(tmp_path: pathlib.Path) -> None:
    with pytest.raises(UserError, match=r"images_background.zip does not exist"):
        omniglot(str(tmp_path))
    zipfile.ZipFile(tmp_path / ARCHIVES[0], "w").close()
    with pytest.raises(UserError, match="holds no images"):
        omniglot(str(tmp_path))


def test_mini_imagenet_reads_folders(tmp_path: pathlib.Path) -> None:
    with pytest.raises(UserError, match="does not exist"):
        mini_imagenet(str(tmp_path))
    for part, counts in (("train", (3, 2)), ("test", (2, 2))):
        for i, count in enumerate(counts):
            path = tmp_path / part / f"n{i}"
            path.mkdir(parents=True)
            for j in range(count):
                Image.new("RGB", (100, 90), (10 * j, 0, 255)).save(path / f"{j}.jpg")
    train, test = mini_imagenet(str(tmp_path))
    assert train.images.shape == (2, 2, 84, 84, 3)  # As many as the smallest class has.
    assert test.names == ("test/n0", "test/n1")
    (tmp_path / "test" / "n0" / "0.jpg").write_bytes(b"no picture")
    with pytest.raises(UserError, match="is damaged"):
        mini_imagenet(str(tmp_path))
