"""Step sizes fall along half a cosine, and stay where no end is given."""

import jax.numpy as jnp
import numpy as np
import pytest

from metaskill.rl.annealing import annealed


def test_a_step_size_falls_along_half_a_cosine() -> None:
    sizes = [float(annealed(0.2, 100, jnp.int32(n))) for n in (0, 50, 75, 100, 1000)]
    at_three_quarters = 0.1 * (1.0 - 0.5**0.5)
    np.testing.assert_allclose(sizes, [0.2, 0.1, at_three_quarters, 0.0, 0.0], atol=1e-7)


def test_without_an_end_it_stays() -> None:
    assert float(annealed(0.2, 0.0, jnp.int32(10**6))) == pytest.approx(0.2)
