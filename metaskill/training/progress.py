"""What a person watching a run sees."""

import math
from types import TracebackType
from typing import Protocol, Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from metaskill.learner import RETURN, Headline


class ProgressView(Protocol):
    """Told about the run between chunks."""

    def update(self, env_steps: int, steps_per_second: float, headline: float) -> None:
        """Show where the run is.

        Args:
            env_steps: Steps of each member so far.
            steps_per_second: Steps a second, all members together.
            headline: What the learner is judged by, lately and on average.
        """
        ...

    def say(self, message: str) -> None:
        """Tell one line that must not be missed."""
        ...


class NoProgress:
    """Nobody is watching."""

    def update(self, env_steps: int, steps_per_second: float, headline: float) -> None:
        """Show nothing."""

    def say(self, message: str) -> None:
        """Say nothing."""


class _Console(Console):
    """A console that goes quiet where nobody reads it, instead of ending the run."""

    def on_broken_pipe(self) -> None:
        self.quiet = True


class ProgressBar:
    """A bar on standard error; only what must not be missed where that is no terminal."""

    def __init__(self, total_steps: int, description: str, headline: Headline = RETURN):
        """Prepare the bar."""
        self._headline = headline
        console = _Console(stderr=True)
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.fields[steps]} steps"),
            TextColumn("{task.fields[speed]}"),
            TextColumn(f"[bold]{headline.label} {{task.fields[headline]}}"),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            console=console,
            disable=not console.is_terminal,
        )
        self._task = self._bar.add_task(
            description, total=total_steps, steps="0", speed="compiling …", headline="–"
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

    def update(self, env_steps: int, steps_per_second: float, headline: float) -> None:
        """Move the bar."""
        self._bar.update(
            self._task,
            completed=env_steps,
            steps=_count(env_steps),
            speed=f"{steps_per_second:,.0f}/s" if steps_per_second else "compiling …",
            headline=self._headline.show(headline) if math.isfinite(headline) else "–",
        )

    def say(self, message: str) -> None:
        """Print a line above the bar."""
        self._bar.console.print(f"metaskill: {message}", markup=False, highlight=False)


def _count(steps: int) -> str:
    return f"{steps / 1e6:.2f}M" if steps >= 1e5 else f"{steps:,}"
