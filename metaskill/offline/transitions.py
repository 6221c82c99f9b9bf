"""Files with a row a step: where episodes end, and what their last steps led to."""

import dataclasses
from collections.abc import Mapping

import numpy as np
from jaxtyping import Bool

from metaskill.errors import UserError
from metaskill.offline.action_limits import ActionLimits
from metaskill.offline.episodes import Episodes
from metaskill.offline.extras import say_left_out

_SAME = 1e-5  # Relative and absolute: what is stored twice may have been rounded twice.
_PREFIX = "next_"


@dataclasses.dataclass(frozen=True)
class Transitions:
    """Steps of all episodes one after the other, as a file has them.

    Attributes:
        states: Arrays of what was before each step, by name: `observations`, and any others;
            `next_NAME` is what was after.
        actions: Actions in [-1, 1].
        rewards: Rewards of the steps.
        terminated: Whether there is no future after a step.
        ends: Whether the file marks a step as an episode's last.
        marks_cuts: Whether those marks are about all ends: else only about terminated ones.
        extras: Arrays of steps without another meaning.
        limits: The limits that the actions had.
    """

    states: Mapping[str, np.ndarray]
    actions: np.ndarray
    rewards: np.ndarray
    terminated: Bool[np.ndarray, " step"]
    ends: Bool[np.ndarray, " step"]
    marks_cuts: bool
    extras: Mapping[str, np.ndarray]
    limits: ActionLimits | None = None


def to_episodes(steps: Transitions, episode_length: int | None, where: str) -> Episodes:
    """Divide steps into episodes.

    An episode ends where the file says so, after `episode_length` steps, where the next
    observation is not the observation of the next row, and at the end of the file.

    What an episode's last step led to is its next observation. In a file without those it is
    not known: a step that terminated is kept, and its last observation stands for the one
    after it, of which nobody needs the value; a step at which the episode was cut is left out,
    and the episode counts as cut before it.

    Args:
        steps: The steps.
        episode_length: The most steps of an episode; None where the file marks all ends.
        where: What to call the file in errors.

    Raises:
        UserError: If nothing says where episodes end, or no episode has a whole step.
    """
    if episode_length is not None and episode_length < 1:
        raise UserError(f"an episode of {episode_length} steps holds nothing: choose at least 1.")
    for name, array in steps.states.items():
        after = steps.states.get(f"{_PREFIX}{name}", array)
        if after.shape != array.shape:
            raise UserError(
                f"{where}: {_PREFIX}{name} are of shape {after.shape}, and {name} of {array.shape}."
            )
    following = steps.states.get(f"{_PREFIX}observations")
    if following is None and not steps.marks_cuts and episode_length is None:
        raise UserError(
            f"{where} has neither timeouts nor next_observations, so where its episodes end is "
            "not known: give the most steps of an episode by episode_length=N "
            "(--episode_length=N), or a larger number if all end where terminals says so."
        )
    ends = _with_breaks(steps, following, where)
    if episode_length is not None:
        first = np.flatnonzero(np.concatenate([[True], ends[:-1]]))
        n_before = np.arange(len(ends)) - np.repeat(first, np.diff(first, append=len(ends)))
        ends = ends | (n_before % episode_length == episode_length - 1)
    ends[-1] = True
    return _with_next(steps, ends) if following is not None else _without_next(steps, ends, where)


def _with_breaks(steps: Transitions, following: np.ndarray | None, where: str) -> np.ndarray:
    """Return the marked ends, and those where the next row is no next observation."""
    if following is None:
        return steps.ends.copy()
    observations = steps.states["observations"]
    same = np.isclose(following[:-1], observations[1:], rtol=_SAME, atol=_SAME).all(axis=1)
    unmarked = ~steps.ends[:-1]
    n_broken, n_unmarked = int(np.sum(~same & unmarked)), int(np.sum(unmarked))
    if 2 * n_broken > n_unmarked:
        raise UserError(
            f"{where}: in {n_broken} of {n_unmarked} rows next_observations are not the "
            "observations of the next row, so the steps are not in order: bring them into the "
            "order of their episodes, or mark the ends in timeouts."
        )
    return steps.ends | np.concatenate([~same, [True]])


def _with_next(steps: Transitions, ends: np.ndarray) -> Episodes:
    """Make episodes of all steps: what their last ones led to is known."""
    lengths = np.diff(np.flatnonzero(ends), prepend=-1)
    complete = {
        name: _with_last(array, steps.states[f"{_PREFIX}{name}"], ends)
        for name, array in steps.states.items()
        if f"{_PREFIX}{name}" in steps.states
    }
    # Of positions the last one is not known, so they are no column of states.
    alone = {
        name: array
        for name, array in steps.states.items()
        if name not in complete and name.removeprefix(_PREFIX) not in complete
    }
    return _episodes(steps, np.ones(len(ends), bool), complete, lengths, ends, alone)


def _without_next(steps: Transitions, ends: np.ndarray, where: str) -> Episodes:
    """Make episodes of the steps after which an observation is known, and of terminated ones."""
    kept = ~ends | steps.terminated
    say_left_out(
        where,
        [f"the last step of each of {np.sum(~kept)} episodes"] if np.any(~kept) else [],
        "without next_observations it is not known what they led to",
    )
    if not np.any(kept):
        raise UserError(f"{where}: without next_observations no episode has a whole step.")
    # The number of each step's episode, counted from 0.
    episode = np.cumsum(np.concatenate([[0], ends[:-1]]))
    n_kept = np.bincount(episode, weights=kept).astype(np.int64)
    rows = np.repeat(n_kept > 0, np.bincount(episode))
    # A cut step's row is its episode's last state; behind a terminated one its own row stands in.
    repeats = (rows * (1 + (ends & steps.terminated))).astype(np.int64)
    unused = {
        name for name in steps.states if name.removeprefix(_PREFIX) in steps.states.keys() - {name}
    }
    say_left_out(where, unused, "of no use without next_observations")
    states = {
        name: np.repeat(array, repeats, axis=0)
        for name, array in steps.states.items()
        if name not in unused
    }
    return _episodes(steps, kept, states, n_kept[n_kept > 0], ends, {})


def _episodes(
    steps: Transitions,
    kept: np.ndarray,
    states: dict[str, np.ndarray],
    lengths: np.ndarray,
    ends: np.ndarray,
    alone: dict[str, np.ndarray],
) -> Episodes:
    terminated = (steps.terminated & ends)[kept]
    truncated = np.zeros(len(terminated), bool)
    truncated[np.cumsum(lengths) - 1] = True
    nothing = np.zeros((len(terminated) + len(lengths), 0), np.float32)
    # Positions without velocities, or the other way round, are no state of physics.
    physics = ("qpos", "qvel") if {"qpos", "qvel"} <= states.keys() else ()
    columns = {name: states.pop(name) for name in ("observations", *physics)}
    step_extras = {name: array[kept] for name, array in {**alone, **steps.extras}.items()}
    return Episodes(
        **{"qpos": nothing, "qvel": nothing, **columns},
        actions=steps.actions[kept],
        rewards=steps.rewards[kept],
        terminated=terminated,
        truncated=truncated & ~terminated,
        lengths=lengths.astype(np.int64),
        labels=({},) * len(lengths),
        action_limits=steps.limits,
        state_extras=states,
        step_extras=step_extras,
    )


def _with_last(before: np.ndarray, after: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """Put what each episode's last step led to behind what was before its steps."""
    starts = np.concatenate([[True], ends[:-1]])
    row = np.arange(len(before)) + np.cumsum(starts) - 1
    states = np.zeros((len(before) + int(np.sum(ends)), *before.shape[1:]), before.dtype)
    states[row] = before
    states[row[ends] + 1] = after[ends]
    return states
