"""A family of supervised tasks: what to learn from, and what to be judged by."""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import flax.linen as nn
from jaxtyping import Array, Float, PRNGKeyArray

from metaskill.learner import Headline


class Examples(NamedTuple):
    """Some labelled data (axis: example)."""

    inputs: Float[Array, "example *input"]
    targets: Array


class Task(NamedTuple):
    """One task: what to adapt on, and what adaptation is judged on."""

    support: Examples
    query: Examples


SampleTask = Callable[[PRNGKeyArray], Task]
Measure = Callable[[Array, Array], Float[Array, ""]]
"""One number of predictions and targets."""


@dataclasses.dataclass(frozen=True, eq=False)
class SupervisedProblem:
    """A family of supervised tasks, with the network that is used on it.

    Attributes:
        name: What it is called.
        sample: Draws a meta-training task.
        held_out: Draw meta-test tasks, by the name of the set-up (such as `k5`).
        network: From inputs to predictions.
        loss: What to descend.
        measures: What evaluations report of predictions, by name.
        headline: Which of those metrics says at a glance how well it goes.
        is_head: Says whether the parameter of some path belongs to the network's head.
    """

    name: str
    sample: SampleTask
    held_out: Mapping[str, SampleTask]
    network: nn.Module
    loss: Measure
    measures: Mapping[str, Measure]
    headline: Headline
    is_head: Callable[[str], bool]

    def predict(self, params: Any, inputs: Array) -> Array:
        """Return the network's predictions."""
        return self.network.apply(params, inputs)

    def batch_loss(self, params: Any, examples: Examples) -> Float[Array, ""]:
        """Return the loss on some examples, as the inner loop takes it."""
        return self.loss(self.predict(params, examples.inputs), examples.targets)

    def measure(self, params: Any, examples: Examples) -> dict[str, Float[Array, ""]]:
        """Return every measure on some examples."""
        predictions = self.predict(params, examples.inputs)
        return {name: f(predictions, examples.targets) for name, f in self.measures.items()}
