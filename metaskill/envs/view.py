"""Where to look at an environment from."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class View:
    """A camera that stays where it is, for environments whose robot does.

    Attributes:
        target: What it looks at: x, y and z, metres.
        distance: How far from there it is, metres.
        azimuth: From which side, degrees.
        elevation: From which height, degrees; negative from above.
    """

    target: tuple[float, float, float]
    distance: float
    azimuth: float
    elevation: float
