"""Pictures of characters, drawn with the fonts that matplotlib ships."""

import dataclasses
import functools
import pathlib
import string

import matplotlib
import numpy as np
from jaxtyping import UInt8
from matplotlib.ft2font import FT2Font
from PIL import Image, ImageDraw, ImageFont

SIZE = 28
_INK = 20  # The longer side of a character's box, in pixels of the 28.
_FINE = 4  # Drawn so many times finer, then reduced.
_POINTS = 80
# Fonts whose code points past letters and digits are TeX's, not Unicode's.
_TEX = ("cmr10", "cmb10", "cmss10", "cmti10", "cmtt10")
_TEX_CHARACTERS = frozenset(string.ascii_letters + string.digits)

Glyph = UInt8[np.ndarray, "28 28"]


@dataclasses.dataclass(frozen=True)
class Style:
    """How one picture of a character differs from others.

    Attributes:
        rotation: Degrees, counter-clockwise.
        shear: Horizontal shift for every pixel upwards.
        scale: Of the character's box.
        offset: Pixels to the right and downwards.
        stroke: Pixels by which strokes are made thicker, of a font of 80.
    """

    rotation: float = 0.0
    shear: float = 0.0
    scale: float = 1.0
    offset: tuple[float, float] = (0.0, 0.0)
    stroke: int = 0


def draw_style(generator: np.random.Generator) -> Style:
    """Draw a style at random."""
    return Style(
        rotation=float(generator.uniform(-20.0, 20.0)),
        shear=float(generator.uniform(-0.3, 0.3)),
        scale=float(generator.uniform(0.75, 1.1)),
        offset=(float(generator.uniform(-2.5, 2.5)), float(generator.uniform(-2.5, 2.5))),
        stroke=int(generator.integers(0, 4)),
    )


@functools.cache
def fonts() -> tuple[pathlib.Path, ...]:
    """List the fonts that have letters, plainest first."""
    folder = pathlib.Path(matplotlib.get_data_path(), "fonts", "ttf")
    names = [path.stem for path in folder.glob("*.ttf")]
    wanted = [
        name
        for name in names
        if name.startswith(("DejaVuSans", "DejaVuSerif", "STIXGeneral")) or name in _TEX
    ]
    ordered = sorted(wanted, key=lambda name: (not name.startswith("DejaVuSans"), len(name), name))
    return tuple(folder / f"{name}.ttf" for name in ordered)


@functools.cache
def _characters_of(font: pathlib.Path) -> frozenset[str]:
    characters = frozenset(map(chr, FT2Font(str(font)).get_charmap()))
    return characters & _TEX_CHARACTERS if font.stem in _TEX else characters


def fonts_with(character: str) -> list[pathlib.Path]:
    """List the fonts that have a character, plainest first."""
    return [font for font in fonts() if character in _characters_of(font)]


@functools.cache
def _open(font: pathlib.Path) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(str(font), _POINTS, layout_engine=ImageFont.Layout.BASIC)


def render(character: str, font: pathlib.Path, style: Style | None = None) -> Glyph | None:
    """Draw a character, its box scaled to 20 pixels and in the middle.

    Args:
        character: The character.
        font: The font's file.
        style: How to draw it; upright and plain by default.

    Returns:
        The picture, 255 where there is ink; None where the font draws nothing.
    """
    style = style or Style()
    opened = _open(font)
    left, top, right, bottom = opened.getbbox(character, stroke_width=style.stroke)
    if right <= left or bottom <= top:
        return None
    drawn = Image.new("L", (int(right - left) + 2, int(bottom - top) + 2))
    ImageDraw.Draw(drawn).text(
        (1 - left, 1 - top), character, fill=255, font=opened, stroke_width=style.stroke
    )
    box = drawn.getbbox()
    if box is None:
        return None
    drawn = drawn.crop(box)
    side = SIZE * _FINE
    # From a pixel of the result back to one of the drawn character.
    angle = np.radians(style.rotation)
    rotate = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    shear = np.array([[1.0, style.shear], [0.0, 1.0]])
    back = rotate @ shear * max(drawn.size) / (_INK * _FINE * style.scale)
    middle = side / 2 + _FINE * np.array(style.offset)
    origin = np.array(drawn.size) / 2 - back @ middle
    affine = (*back[0], origin[0], *back[1], origin[1])
    fine = drawn.transform((side, side), Image.Transform.AFFINE, affine, Image.Resampling.BILINEAR)
    return np.asarray(fine.resize((SIZE, SIZE), Image.Resampling.BOX))
