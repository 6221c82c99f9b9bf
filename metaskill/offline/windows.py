"""Windows of episodes, kept on the device and drawn there."""

import dataclasses
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, PRNGKeyArray

from metaskill.errors import UserError
from metaskill.networks.normalizer import RunningStatistics
from metaskill.offline.episodes import Episodes

_SMALLEST_STD = 1e-3
_MOST_ROWS = 2**31 - 1


class Window(NamedTuple):
    """Some consecutive steps of one episode.

    Attributes:
        observations: What was seen before each step, and after the last.
        actions: What was done.
    """

    observations: Float[Array, "*batch state obs"]
    actions: Float[Array, "*batch time action"]


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Windows:
    """All windows of some length that lie within an episode.

    Attributes:
        observations: The observations of all episodes, each once.
        actions: Their actions.
        first_state: Row of the first observation of each window.
        first_step: Row of its first action.
        length: Steps of a window, H.
    """

    observations: Float[Array, "state obs"]
    actions: Float[Array, "step action"]
    first_state: Int[Array, " window"]
    first_step: Int[Array, " window"]
    length: int = dataclasses.field(metadata={"static": True})

    @property
    def count(self) -> int:
        """How many windows there are."""
        return self.first_step.shape[0]


def load_windows(episodes: Episodes, length: int) -> Windows:
    """Put episodes on the device and list their windows.

    Args:
        episodes: The episodes; those of fewer steps than a window have none.
        length: Steps of a window.

    Raises:
        UserError: If there is no window, or there are too many.
    """
    if length < 1:
        raise UserError(f"a window of {length} steps holds nothing: choose at least 1.")
    per_episode = np.maximum(episodes.lengths - length + 1, 0)
    n_windows = int(np.sum(per_episode))
    if not n_windows:
        raise UserError(
            f"no episode has {length} steps (the longest has {np.max(episodes.lengths)}): "
            "choose shorter windows."
        )
    if len(episodes.observations) > _MOST_ROWS:
        raise UserError("more than 2^31 observations cannot be sampled from: leave some out.")
    within = np.arange(n_windows) - np.repeat(np.cumsum(per_episode) - per_episode, per_episode)

    def rows(first: np.ndarray) -> Array:
        return jnp.asarray((np.repeat(first, per_episode) + within).astype(np.int32))

    return Windows(
        observations=jnp.asarray(episodes.observations),
        actions=jnp.asarray(episodes.actions),
        first_state=rows(episodes.first_states),
        first_step=rows(episodes.first_steps),
        length=length,
    )


def sample_window(windows: Windows, key: PRNGKeyArray) -> Window:
    """Draw a window, all as likely; `vmap` over keys for a batch."""
    return window_at(windows, jax.random.randint(key, (), 0, windows.count))


def window_at(windows: Windows, index: Int[Array, ""]) -> Window:
    """Return the window of a number below `count`."""
    length = windows.length
    return Window(
        jax.lax.dynamic_slice_in_dim(windows.observations, windows.first_state[index], length + 1),
        jax.lax.dynamic_slice_in_dim(windows.actions, windows.first_step[index], length),
    )


def split(episodes: Episodes, every: int) -> tuple[Episodes, Episodes]:
    """Hold out every so manyth episode.

    Returns:
        The others, and those held out; where there are fewer, the last is held out.

    Raises:
        UserError: If there are not two episodes to divide.
    """
    if len(episodes) < 2:
        raise UserError("one episode cannot be divided: collect at least two.")
    held_out = np.arange(len(episodes)) % every == every - 1
    held_out[-1] |= not np.any(held_out)
    return episodes.select(~held_out), episodes.select(held_out)


def observation_statistics(episodes: Episodes) -> RunningStatistics:
    """Return the moments of all observations, to normalize by.

    What hardly moves in the data gets a standard deviation of 0.001: dividing by less would
    make a measurement error look like news.
    """
    observations = episodes.observations.astype(np.float64)
    count = float(len(observations))
    variance = np.maximum(np.var(observations, axis=0), _SMALLEST_STD**2)
    return RunningStatistics(
        count=jnp.float32(count),
        mean=jnp.asarray(np.mean(observations, axis=0), jnp.float32),
        sum_of_squares=jnp.asarray(count * variance, jnp.float32),
    )
