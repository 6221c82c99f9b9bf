"""What skills are: vectors z with a prior p(z), which learning never changes.

Learning p(z) would cut the effective number of skills about ten times (Eysenbach et al.
2019, section 4.2), so it stays as it is.
"""

import dataclasses
from collections.abc import Callable
from typing import Annotated

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from metaskill.checking import Checked
from metaskill.errors import UserError
from metaskill.ranges import Count, OneOf

Skill = Float[Array, " skill"]


def _one_hot(key: PRNGKeyArray, size: int) -> Skill:
    return jax.nn.one_hot(jax.random.randint(key, (), 0, size), size)


def _box(key: PRNGKeyArray, size: int) -> Skill:
    return jax.random.uniform(key, (size,), minval=-1.0, maxval=1.0)


def _gaussian(key: PRNGKeyArray, size: int) -> Skill:
    return jax.random.normal(key, (size,))


_KINDS: dict[str, Callable[[PRNGKeyArray, int], Skill]] = {
    "one_hot": _one_hot,
    "box": _box,
    "gaussian": _gaussian,
}


@dataclasses.dataclass(frozen=True)
class SkillSpace(Checked):
    """A set of skills with a prior.

    Attributes:
        kind: `one_hot` (that many skills, all as likely), `box` (uniform in [-1, 1]^size)
            or `gaussian` (standard normal).
        size: Length of z.
    """

    kind: Annotated[str, OneOf(_KINDS, "skill space")] = "box"
    size: Count = 2

    def __post_init__(self) -> None:
        """Refuse what is no space."""
        super().__post_init__()
        if self.is_discrete and self.size < 2:
            raise UserError(f"a skill space of kind {self.kind} has a size of at least 2.")

    @property
    def is_discrete(self) -> bool:
        """Whether there are finitely many skills."""
        return self.kind == "one_hot"

    def sample(self, key: PRNGKeyArray) -> Skill:
        """Draw z from the prior."""
        return _KINDS[self.kind](key, self.size)

    def examples(self, count: int) -> Float[Array, "count skill"]:
        """Return skills to look at, always the same: each in turn, or draws of the prior."""
        if self.is_discrete:
            return jax.nn.one_hot(jnp.arange(count) % self.size, self.size)
        return jax.vmap(self.sample)(jax.random.split(jax.random.key(0), count))

    def nearest(self, point: Float[Array, " skill"]) -> Skill:
        """Return the skill nearest to any vector: where a planner or controller may point."""
        if self.is_discrete:
            return jax.nn.one_hot(jnp.argmax(point), self.size)
        return jnp.clip(point, -1.0, 1.0) if self.kind == "box" else point
