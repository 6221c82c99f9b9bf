"""The sampler of few-shot tasks, and the baselines they are compared with."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from metaskill.data.image_classes import ImageClasses
from metaskill.errors import UserError
from metaskill.meta.few_shot import (
    accuracy,
    classification,
    few_shot_tasks,
    nearest_neighbour_accuracy,
    pixels,
)
from metaskill.meta.problem import Examples, Task
from metaskill.networks.cnn import CNN4

N_CLASSES, N_EXAMPLES = 7, 6
# Every picture says of which class and example it is.
CODES = np.arange(N_CLASSES)[:, None] * 16 + np.arange(N_EXAMPLES)
CLASSES = ImageClasses(
    np.broadcast_to(CODES[..., None, None, None], (N_CLASSES, N_EXAMPLES, 8, 8, 1)).astype(
        np.uint8
    ),
    tuple(f"digits/{i}" for i in range(N_CLASSES)),
)


def codes(examples: Examples) -> np.ndarray:
    return np.asarray(jnp.round(examples.inputs[:, 0, 0, 0] * 255)).astype(int)


def test_a_task_has_other_pictures_of_the_same_classes() -> None:
    sample = jax.jit(few_shot_tasks(CLASSES, ways=3, shots=2, queries=4))
    seen = set()
    for seed in range(60):
        task = sample(jax.random.key(seed))
        support, query = codes(task.support), codes(task.query)
        np.testing.assert_array_equal(task.support.targets, np.repeat(np.arange(3), 2))
        np.testing.assert_array_equal(task.query.targets, np.repeat(np.arange(3), 4))
        classes = support[::2] // 16
        assert len(set(classes)) == 3
        np.testing.assert_array_equal(support // 16, np.repeat(classes, 2))
        np.testing.assert_array_equal(query // 16, np.repeat(classes, 4))
        assert len({*support, *query}) == 18
        seen.update(zip(classes.tolist(), range(3), strict=True))
    assert len(seen) == N_CLASSES * 3  # A class has no label of its own.


def test_too_few_classes_or_examples_are_refused() -> None:
    with pytest.raises(UserError, match="there are 7 classes of 6"):
        few_shot_tasks(CLASSES, ways=8, shots=1, queries=1)
    with pytest.raises(UserError, match="there are 7 classes of 6"):
        few_shot_tasks(CLASSES, ways=2, shots=3, queries=4)


def test_the_nearest_neighbour_is_the_one_in_the_same_direction() -> None:
    support = Examples(jnp.array([[1.0, 0.0], [0.0, 1.0]]), jnp.array([0, 1]))
    query = Examples(jnp.array([[5.0, 1.0], [0.1, 0.2], [0.0, 3.0]]), jnp.array([0, 1, 0]))
    found = nearest_neighbour_accuracy(pixels, Task(support, query))
    assert float(found) == pytest.approx(200 / 3)
    assert float(accuracy(query.inputs, query.targets)) == pytest.approx(200 / 3)


def test_the_heads_parameters_are_known_by_their_path() -> None:
    problem = classification("x", CLASSES, CLASSES, 2, 1, 1, 1, CNN4(2, filters=2))
    params = problem.network.init(jax.random.key(0), jnp.zeros((1, 8, 8, 1)))
    paths = [
        jax.tree_util.keystr(path, simple=True, separator=".")
        for path, _ in jax.tree_util.tree_leaves_with_path(params)
    ]
    assert {p for p in paths if problem.is_head(p)} == {"params.head.kernel", "params.head.bias"}
