"""Blocks of Unicode characters, split into those to learn from and those to be judged by."""

import dataclasses

from metaskill.errors import UserError


@dataclasses.dataclass(frozen=True)
class Alphabet:
    """Some characters that belong together.

    Attributes:
        name: What it is called.
        ranges: First and last code points, both included.
    """

    name: str
    ranges: tuple[tuple[int, int], ...]

    def __post_init__(self) -> None:
        """Refuse empty ranges."""
        if any(last < first for first, last in self.ranges):
            raise UserError(f"the alphabet {self.name} has a range that ends before it begins.")

    @property
    def characters(self) -> list[str]:
        """Every character, in order."""
        return [chr(code) for first, last in self.ranges for code in range(first, last + 1)]


META_TRAIN = (
    Alphabet("latin", ((0x41, 0x5A), (0x61, 0x7A))),
    Alphabet("digits", ((0x30, 0x39),)),
    Alphabet("phonetic", ((0x250, 0x2AF),)),
    Alphabet("cyrillic", ((0x402, 0x45F), (0x460, 0x481))),
    Alphabet("georgian", ((0x10D0, 0x10F0),)),
    Alphabet("arabic", ((0x621, 0x63A), (0x641, 0x64A), (0x671, 0x6D3))),
    Alphabet("syllabics", ((0x1401, 0x1676),)),
    Alphabet("letterlike", ((0x2100, 0x214F),)),
    Alphabet("arrows", ((0x2190, 0x21FF),)),
    Alphabet("operators", ((0x2200, 0x22FF),)),
    Alphabet("shapes", ((0x25A0, 0x25FF),)),
    Alphabet("symbols", ((0x2600, 0x26B1),)),
)
META_TEST = (
    Alphabet("greek", ((0x391, 0x3A9), (0x3B1, 0x3C9), (0x3D0, 0x3FF))),
    Alphabet("armenian", ((0x531, 0x556), (0x561, 0x587))),
    Alphabet("hebrew", ((0x5D0, 0x5EA),)),
    Alphabet("nko", ((0x7C0, 0x7EA),)),
    Alphabet("lao", ((0xE81, 0xEAE), (0xED0, 0xED9))),
    Alphabet("tifinagh", ((0x2D30, 0x2D65),)),
)
