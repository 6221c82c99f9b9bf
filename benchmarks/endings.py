"""Trying what hypothesis draws: each example in a folder of its own, and how that ended."""

import collections
import pathlib
import tempfile
from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from metaskill.results.figure import Figure, measured
from metaskill.results.file import write_results

RESULTS = pathlib.Path(__file__).parent / "results"


class Ending(Protocol):
    """How an example ended."""

    @property
    def is_right(self) -> bool:
        """Whether it ended as it has to."""
        ...

    @property
    def kind(self) -> str:
        """What it is counted under."""
        ...


Example = TypeVar("Example")
EndingT = TypeVar("EndingT", bound=Ending)


def try_drawn(
    drawn: st.SearchStrategy[Example],
    attempt: Callable[[Example, pathlib.Path], EndingT],
    count: int,
    chosen_seed: int = 0,
) -> list[EndingT]:
    """Draw examples and try them: the same ones for the same seed.

    Args:
        drawn: What is drawn.
        attempt: Tries an example in an empty folder.
        count: How many are drawn at most.
        chosen_seed: The seed.

    Returns:
        How each ended.
    """
    endings: list[EndingT] = []

    @seed(chosen_seed)
    @settings(
        max_examples=count,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(drawn)
    def try_one(example: Example) -> None:
        with tempfile.TemporaryDirectory() as folder:
            endings.append(attempt(example, pathlib.Path(folder)))

    try_one()
    return endings


def counted(endings: Sequence[Ending], drawn: str) -> tuple[Figure, dict[str, int]]:
    """Count how many examples ended as they have to: all of them must. Print the others.

    Args:
        endings: How each ended.
        drawn: What was drawn, and how it has to end.

    Returns:
        The count, and the counts by kind.
    """
    for ending in endings:
        if not ending.is_right:
            print(ending)
    figure = measured(
        sum(ending.is_right for ending in endings),
        f"of {len(endings)} drawn {drawn}",
        required=len(endings),
    )
    kinds = dict(sorted(collections.Counter(ending.kind for ending in endings).items()))
    print(f"{figure.value:.0f} of {len(endings)} drawn {drawn}: {kinds}")
    return figure, kinds


def write_endings(
    name: str, key: str, endings: Sequence[Ending], drawn: str, counted_by: str
) -> None:
    """Write how many examples ended as they have to.

    Args:
        name: The results file's.
        key: The figure's.
        endings: How each ended.
        drawn: What was drawn, and how it has to end.
        counted_by: What to call the counts by kind, in the results' settings.
    """
    figure, kinds = counted(endings, drawn)
    print(write_results(RESULTS, name, {key: figure}, {counted_by: kinds}))
