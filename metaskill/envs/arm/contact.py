"""Who touches whom: kinds of geoms, as MuJoCo's bit masks.

Everything that is not of one of these kinds is there to be seen. Explicit pairs would have
frictions of their own; with masks, contexts that vary the friction of geoms vary contacts.
"""

_TABLE, _PADS, _CORNERS, _PUCKS = 1, 2, 4, 8

TABLE = f'contype="{_TABLE}" conaffinity="0" friction=".8 .005 .0001"'
"""Holds up blocks, and stops finger tips."""

PAD = f'contype="{_PADS}" conaffinity="{_TABLE}" friction="1.5 .02 .0001"'
"""A finger tip: touches everything but finger tips."""

BLOCK = f'contype="0" conaffinity="{_TABLE | _PADS | _CORNERS}" friction=".8 .005 .0001"'
"""Lies on the table, and on other blocks by their corners."""

CORNER = f'contype="{_CORNERS}" conaffinity="0" friction=".8 .005 .0001"'
"""A round corner of a block, that stands on other blocks or bears them.

Two boxes would touch in up to eight points in MuJoCo, and in four of them in MJX: a sphere
touches a box in one point on both.
"""

HANDLE = f'contype="0" conaffinity="{_PADS}" friction="1 .005 .0001"'
"""Part of a fixture: only finger tips touch it."""

PUCK = f'contype="{_PUCKS}" conaffinity="{_PADS}" friction=".8 .005 .0001"'
"""Slides on joints instead of lying on the table: touches finger tips and walls."""

WALL = f'contype="0" conaffinity="{_PADS | _PUCKS}" friction=".3 .005 .0001"'
"""Stops finger tips and pucks."""
