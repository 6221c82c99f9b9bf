"""What a run needs until it is good enough."""

import numpy as np
import pytest

from metaskill.results.effort import effort_until

STEPS = np.array([100.0, 200.0, 300.0])


@pytest.mark.parametrize(("goal", "expected"), [(0.0, 100.0), (4.5, 300.0), (9.0, 300.0)])
def test_the_effort_is_that_of_the_first_evaluation_that_shows_it(
    goal: float, expected: float
) -> None:
    assert effort_until(goal, STEPS, np.array([1.0, 4.0, 5.0])) == expected
