"""Who touches whom: four kinds of geoms, as MuJoCo's bit masks.

Everything that is not of one of these kinds is there to be seen. Explicit pairs would have
frictions of their own; with masks, contexts that vary the friction of geoms vary contacts.
"""

_TABLE, _PADS, _BLOCKS = 1, 2, 4

TABLE = f'contype="{_TABLE}" conaffinity="0" friction=".8 .005 .0001"'
"""Holds up blocks, and stops finger tips."""

PAD = f'contype="{_PADS}" conaffinity="{_TABLE}" friction="1.5 .02 .0001"'
"""A finger tip: touches everything but finger tips."""

BLOCK = f'contype="{_BLOCKS}" conaffinity="{_TABLE | _PADS | _BLOCKS}" friction=".8 .005 .0001"'
"""Lies on the table and on other blocks."""

HANDLE = f'contype="0" conaffinity="{_PADS}" friction="1 .005 .0001"'
"""Part of a fixture: only finger tips touch it."""
