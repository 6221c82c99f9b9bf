"""Episodes as they were seen, on the host, one after the other."""

import dataclasses
from collections.abc import Iterator, Sequence

import numpy as np
from jaxtyping import Bool, Float32, Int64

from metaskill.errors import UserError
from metaskill.offline.action_limits import ActionLimits
from metaskill.offline.extras import Extras, is_extra
from metaskill.offline.labels import Labels, check_labels

OF_STATES = ("observations", "qpos", "qvel")
"""Arrays with a row for each of an episode's T + 1 states."""

OF_STEPS = ("actions", "rewards", "terminated", "truncated")
"""Arrays with a row for each of its T steps."""

_ROUNDING = 1e-6


@dataclasses.dataclass(frozen=True, eq=False)
class Episodes:
    """Whole episodes, of whatever lengths.

    Rows of all episodes stand one after the other: an episode of T steps has T + 1 states, the
    true last among them, so that no next observation has to be stored.

    Attributes:
        observations: What a policy saw.
        qpos: Generalized positions; without columns where nobody recorded them.
        qvel: Generalized velocities.
        actions: Actions in [-1, 1].
        rewards: Rewards of the steps.
        terminated: Whether the episode ended there without a future: never but in a last step.
        truncated: Whether it was cut there.
        lengths: Steps of each episode, T.
        labels: What each episode was about, by name.
        action_limits: The box of actions where the episodes are from, in whose units they are
            written for others; None for [-1, 1].
        state_extras: Whatever else is known of states, an array with a row for each.
        step_extras: Whatever else is known of steps.
    """

    observations: Float32[np.ndarray, "state obs"]
    qpos: Float32[np.ndarray, "state nq"]
    qvel: Float32[np.ndarray, "state nv"]
    actions: Float32[np.ndarray, "step action"]
    rewards: Float32[np.ndarray, " step"]
    terminated: Bool[np.ndarray, " step"]
    truncated: Bool[np.ndarray, " step"]
    lengths: Int64[np.ndarray, " episode"]
    labels: tuple[Labels, ...]
    action_limits: ActionLimits | None = None
    state_extras: Extras = dataclasses.field(default_factory=dict)
    step_extras: Extras = dataclasses.field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.lengths)

    @property
    def first_steps(self) -> Int64[np.ndarray, " episode"]:
        """Row of each episode's first step."""
        return np.cumsum(self.lengths) - self.lengths

    @property
    def first_states(self) -> Int64[np.ndarray, " episode"]:
        """Row of each episode's first state."""
        return self.first_steps + np.arange(len(self))

    def select(self, chosen: Bool[np.ndarray, " episode"]) -> "Episodes":
        """Return some of the episodes, in their order."""
        steps, states = np.repeat(chosen, self.lengths), np.repeat(chosen, self.lengths + 1)
        rows = {**dict.fromkeys(OF_STEPS, steps), **dict.fromkeys(OF_STATES, states)}
        return dataclasses.replace(
            self,
            **{name: getattr(self, name)[kept] for name, kept in rows.items()},
            lengths=self.lengths[chosen],
            labels=tuple(label for label, kept in zip(self.labels, chosen, strict=True) if kept),
            state_extras={name: array[states] for name, array in self.state_extras.items()},
            step_extras={name: array[steps] for name, array in self.step_extras.items()},
        )

    def check(self, where: str) -> None:
        """Refuse what are no episodes.

        Args:
            where: What to call them in errors.

        Raises:
            UserError: If anything does not fit together, or is not finite.
        """
        problem = next(self._problems(), None)
        if problem:
            raise UserError(f"{where}: {problem}.")
        for label in self.labels:
            check_labels(label, where)

    def _problems(self) -> Iterator[str]:
        """Say in words what is wrong; what comes later relies on what came before."""
        if self.lengths.dtype != np.int64 or self.lengths.ndim != 1 or not len(self):
            yield "there are no episodes in it"
        if np.min(self.lengths) < 1:
            yield "an episode has no steps"
        if len(self.labels) != len(self):
            yield f"{len(self)} episodes have {len(self.labels)} sets of labels"
        n_steps = int(np.sum(self.lengths))
        for name in (*OF_STATES, *OF_STEPS):
            array = getattr(self, name)
            rows = n_steps + len(self) if name in OF_STATES else n_steps
            dtype = np.dtype(bool) if name in ("terminated", "truncated") else np.dtype(np.float32)
            n_axes = 2 if name in OF_STATES or name == "actions" else 1
            if array.dtype != dtype or array.ndim != n_axes or len(array) != rows:
                yield (
                    f"{name} are {array.dtype} of shape {array.shape}, where {dtype} with "
                    f"{n_axes} axes and {rows} rows were expected"
                )
            if array.dtype == np.float32 and not np.all(np.isfinite(array)):
                yield f"{name} hold numbers that are not finite"
        if not self.observations.shape[1] or not self.actions.shape[1]:
            yield "observations or actions have no columns"
        if np.max(np.abs(self.actions)) > 1.0 + _ROUNDING:
            yield (
                f"actions are as large as {np.max(np.abs(self.actions)):.6g}, and full actions are "
                "-1 and 1: scale them by the limits of their action space "
                "(metaskill.offline.action_limits.to_unit)"
            )
        if self.action_limits and len(self.action_limits.low) != self.actions.shape[1]:
            yield "there are not as many action limits as actions have columns"
        yield from self._problems_of_extras(n_steps)
        if np.any(self.terminated & self.truncated):
            yield "a step has both terminated and been truncated"
        ends = np.zeros(n_steps, bool)
        ends[np.cumsum(self.lengths) - 1] = True
        if np.any((self.terminated | self.truncated) != ends):
            yield "episodes do not end where their lengths say"

    def _problems_of_extras(self, n_steps: int) -> Iterator[str]:
        for extras, rows in (
            (self.state_extras, n_steps + len(self)),
            (self.step_extras, n_steps),
        ):
            for name, array in extras.items():
                if not is_extra(name, array) or len(array) != rows:
                    yield (
                        f"the extra column {name[:80]!r} is {array.dtype} of shape {array.shape}, "
                        f"where numbers with {rows} rows under a plain name were expected"
                    )


def concatenate(parts: Sequence[Episodes]) -> Episodes:
    """Return the episodes of all parts, of which there is at least one.

    Raises:
        UserError: If parts differ in their action limits or in their extra columns.
    """
    first = parts[0]
    if len(parts) == 1:
        return first
    if any(part.action_limits != first.action_limits for part in parts):
        raise UserError("episodes with different limits of actions cannot be put together.")
    names = (*OF_STATES, *OF_STEPS, "lengths")
    return Episodes(
        **{name: np.concatenate([getattr(part, name) for part in parts]) for name in names},
        labels=tuple(label for part in parts for label in part.labels),
        action_limits=first.action_limits,
        state_extras=_joined([part.state_extras for part in parts]),
        step_extras=_joined([part.step_extras for part in parts]),
    )


def _joined(parts: Sequence[Extras]) -> dict[str, np.ndarray]:
    kinds = [{n: (a.shape[1:], a.dtype) for n, a in part.items()} for part in parts]
    if any(kind != kinds[0] for kind in kinds):
        raise UserError("episodes with different extra columns cannot be put together.")
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
