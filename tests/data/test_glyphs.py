"""Rendered characters: the same every time, and none on both sides of the split."""

import pathlib

import numpy as np
import pytest

from metaskill.data import glyphs as module
from metaskill.data.alphabets import META_TEST, META_TRAIN, Alphabet
from metaskill.data.glyphs import SAME_SHAPE, glyphs, make_glyphs
from metaskill.data.rendering import Style, fonts_with, render

LATIN = Alphabet("latin", ((0x41, 0x45),))
GREEK = Alphabet("greek", ((0x391, 0x396),))


def test_no_character_is_in_two_alphabets() -> None:
    characters = [c for alphabet in (*META_TRAIN, *META_TEST) for c in alphabet.characters]
    assert len(characters) == len(set(characters))


def test_capitals_that_look_alike_are_in_one_part_only() -> None:
    train, test = make_glyphs((LATIN,), (GREEK,), examples=2)
    assert train.names == tuple(f"latin/{code:04x}" for code in range(0x41, 0x46))
    # Alpha, Beta and Epsilon are A, B and E; Gamma, Delta and Zeta are new.
    assert test.names == ("greek/0393", "greek/0394", "greek/0396")


def test_no_held_out_shape_is_one_of_meta_training() -> None:
    train, test = make_glyphs((LATIN,), (GREEK,), examples=1)
    shapes = [
        np.stack([module._shape(chr(int(name.split("/")[1], 16))) for name in part.names])
        for part in (train, test)
    ]
    assert np.max(shapes[0] @ shapes[1].T) <= SAME_SHAPE


def test_pictures_are_the_same_every_time_and_differ_among_themselves() -> None:
    (first, _), (second, _) = (make_glyphs((LATIN,), (GREEK,), examples=4) for _ in range(2))
    np.testing.assert_array_equal(first.images, second.images)
    assert first.images.shape == (5, 4, 28, 28, 1)
    assert len({picture.tobytes() for picture in first.images[0]}) == 4


def test_styles_turn_and_shear() -> None:
    bar, font = "|", fonts_with("|")[0]
    upright = render(bar, font)
    turned = render(bar, font, Style(rotation=90.0))
    assert upright is not None
    assert turned is not None
    # The bar is 20 pixels long, in the middle.
    assert np.ptp(np.nonzero(upright.sum(1))[0]) == pytest.approx(19, abs=1)
    np.testing.assert_allclose(np.rot90(upright).astype(int), turned, atol=40)


def test_what_no_font_has_is_left_out() -> None:
    assert fonts_with("\U0001f9ff") == []
    assert render(" ", fonts_with(" ")[0]) is None


@pytest.fixture
def small_cache(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> pathlib.Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(module, "META_TRAIN", (LATIN,))
    monkeypatch.setattr(module, "META_TEST", (GREEK,))
    glyphs.cache_clear()
    yield tmp_path
    glyphs.cache_clear()


def test_the_cache_gives_back_what_was_rendered_and_damage_is_noticed(
    small_cache: pathlib.Path, monkeypatch: pytest.MonkeyPatch, caplog
) -> None:
    made = glyphs()
    (file,) = small_cache.glob("metaskill/*.npz")
    with monkeypatch.context() as patch:
        patch.setattr(module, "make_glyphs", None)  # Must not be needed.
        glyphs.cache_clear()
        kept = glyphs()
    for a, b in zip(made, kept, strict=True):
        assert a.names == b.names
        np.testing.assert_array_equal(a.images, b.images)
    file.write_bytes(file.read_bytes()[:100])
    glyphs.cache_clear()
    assert glyphs()[0].names == made[0].names
    assert "is damaged" in caplog.text
