"""What a person watching a run sees."""

import math
import sys
from types import TracebackType
from typing import Protocol, Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn


class ProgressView(Protocol):
    """Told about the run between chunks."""

    def update(self, env_steps: int, steps_per_second: float, episode_return: float) -> None:
        """Show where the run is.

        Args:
            env_steps: Environment steps of each member so far.
            steps_per_second: Environment steps a second, all members together.
            episode_return: Mean return of the episodes that ended lately.
        """
        ...

    def say(self, message: str) -> None:
        """Tell one line that must not be missed."""
        ...


class NoProgress:
    """Nobody is watching."""

    def update(self, env_steps: int, steps_per_second: float, episode_return: float) -> None:
        """Show nothing."""

    def say(self, message: str) -> None:
        """Say nothing."""


class ProgressBar:
    """A bar on standard error; only what must not be missed where that is no terminal."""

    def __init__(self, total_steps: int, description: str):
        """Prepare the bar."""
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.fields[steps]} steps"),
            TextColumn("{task.fields[speed]}"),
            TextColumn("[bold]return {task.fields[reward]}"),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            console=Console(stderr=True),
            disable=not sys.stderr.isatty(),
        )
        self._task = self._bar.add_task(
            description, total=total_steps, steps="0", speed="compiling …", reward="–"
        )

    def __enter__(self) -> Self:
        """Show it."""
        self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Leave the last state on the screen."""
        self._bar.stop()

    def update(self, env_steps: int, steps_per_second: float, episode_return: float) -> None:
        """Move the bar."""
        self._bar.update(
            self._task,
            completed=env_steps,
            steps=f"{env_steps / 1e6:.2f}M",
            speed=f"{steps_per_second:,.0f}/s" if steps_per_second else "compiling …",
            reward=f"{episode_return:.0f}" if math.isfinite(episode_return) else "–",
        )

    def say(self, message: str) -> None:
        """Print a line above the bar."""
        self._bar.console.print(f"metaskill: {message}", markup=False, highlight=False)
