"""Data sets in the layouts of others, by one configuration."""

import dataclasses
import pathlib
from collections.abc import Sequence

from metaskill.errors import UserError, nearest
from metaskill.offline.action_limits import Given
from metaskill.offline.d4rl import read_d4rl
from metaskill.offline.episodes import Episodes
from metaskill.offline.minari import read_minari
from metaskill.offline.ogbench import read_ogbench

LAYOUTS = ("d4rl", "minari", "ogbench")
_BY_SUFFIX = {".hdf5": "d4rl", ".h5": "d4rl", ".npz": "ogbench"}


@dataclasses.dataclass(frozen=True)
class ForeignData:
    """A data set in another layout, and what its files do not say.

    Attributes:
        path: The file, or the folder of Minari.
        layout: `d4rl`, `minari` or `ogbench`; by default a folder is Minari's, and a file is
            of the layout that its name ends like.
        observations: Of Minari: the parts of observations that are joined, in order.
        episode_length: Of D4RL: the most steps of an episode.
        action_limits: The least and the largest action; None for those in the files.
        clip_actions: Whether actions outside of the limits are moved to them.
    """

    path: str
    layout: str = ""
    observations: Sequence[str] = ()
    episode_length: int | None = None
    action_limits: Given | None = None
    clip_actions: bool = False

    def read(self) -> dict[str, Episodes]:
        """Read the data set.

        Returns:
            Its episodes by the name of their part: `train`, and `validation` where OGBench has a
            file for that.

        Raises:
            UserError: If it cannot be read, or something was given that its layout has no use for.
        """
        path = pathlib.Path(self.path)
        layout = self.layout or self._guess(path)
        if layout not in LAYOUTS:
            raise UserError(f"no layout is called {layout!r}: {nearest(layout, LAYOUTS)}")
        if self.observations and layout != "minari":
            raise UserError(
                f"observations of {layout} are one array, without parts to choose: leave "
                "--observations out."
            )
        if self.episode_length is not None and layout != "d4rl":
            raise UserError(
                f"{layout} says where its episodes end: leave --episode_length out, which is for "
                "d4rl."
            )
        if layout == "d4rl":
            read = read_d4rl(path, self.episode_length, self.action_limits, self.clip_actions)
            return {"train": read}
        if layout == "minari":
            read = read_minari(path, self.observations, self.action_limits, self.clip_actions)
            return {"train": read}
        train, validation = read_ogbench(path, self.action_limits, self.clip_actions)
        return {"train": train, **({"validation": validation} if validation else {})}

    def _guess(self, path: pathlib.Path) -> str:
        layout = "minari" if path.is_dir() else _BY_SUFFIX.get(path.suffix)
        if layout is None:
            raise UserError(
                f"{path} is no folder and ends in none of {', '.join(_BY_SUFFIX)}: say by "
                f"--layout=NAME which of {', '.join(LAYOUTS)} it is."
            )
        return layout
