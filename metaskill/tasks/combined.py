"""Distributions made of distributions: one of several, or several by name."""

import dataclasses
import zlib
from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax.scipy.special import logsumexp
from jaxtyping import Array, Float, PRNGKeyArray

from metaskill.errors import UserError
from metaskill.tasks.contract import Bounds, Distribution, Draw, ListLike, as_pytree
from metaskill.tasks.discrete import choose, settle_probabilities


@as_pytree
@dataclasses.dataclass(frozen=True, eq=False)
class Mixture:
    """One of several distributions, chosen by weight, then a draw from it."""

    components: tuple[Distribution, ...]
    weights: ListLike

    def __post_init__(self) -> None:
        object.__setattr__(self, "components", tuple(self.components))
        if not self.components:
            raise UserError("Mixture needs at least one component.")
        shapes = [component.shape for component in self.components]
        if len(set(shapes)) > 1:
            raise UserError(f"Mixture needs components of one shape, not {shapes}.")
        settle_probabilities(self, "Mixture", "weights", len(self.components))

    @property
    def shape(self) -> tuple[int, ...]:
        """The components' common shape."""
        return self.components[0].shape

    @property
    def is_discrete(self) -> bool:
        """Whether all components are."""
        return all(component.is_discrete for component in self.components)

    def sample(self, key: PRNGKeyArray) -> Draw:
        """Draw from a component chosen by weight."""
        choice_key, draw_key = jax.random.split(key)
        keys = jax.random.split(draw_key, len(self.components))
        draws = [c.sample(k) for c, k in zip(self.components, keys, strict=True)]
        return jnp.stack(draws)[choose(choice_key, self.weights)]

    def log_prob(self, value: Draw) -> Float[Array, ""]:
        """Return the log of the weighted sum of densities.

        Raises:
            UserError: If some components are discrete and others not: such a mixture has
                neither a density nor a probability function.
        """
        if len({component.is_discrete for component in self.components}) > 1:
            raise UserError("a Mixture of discrete and continuous components has no log_prob.")
        terms = jnp.stack([component.log_prob(value) for component in self.components])
        return logsumexp(jnp.log(jnp.asarray(self.weights)) + terms)

    def bounds(self) -> Bounds:
        """Return the bounds of all components together, whatever their weights."""
        lows, highs = zip(*(component.bounds() for component in self.components), strict=True)
        return jnp.min(jnp.stack(lows), axis=0), jnp.max(jnp.stack(highs), axis=0)


@as_pytree
@dataclasses.dataclass(frozen=True, eq=False)
class Product:
    """Independent parameters by name.

    Each parameter's key is folded in from a hash of its name, so that adding, removing or
    reordering parameters changes no other parameter's draws.
    """

    parameters: dict[str, Distribution]

    def __post_init__(self) -> None:
        object.__setattr__(self, "parameters", dict(self.parameters))
        if len({_stable_hash(name) for name in self.parameters}) < len(self.parameters):
            raise UserError("two names in a Product have the same hash: rename a parameter.")

    def sample(self, key: PRNGKeyArray) -> dict[str, Array]:
        """Draw every parameter."""
        return self._each(lambda name, d: d.sample(jax.random.fold_in(key, _stable_hash(name))))

    def log_prob(self, values: dict[str, Array]) -> Float[Array, ""]:
        """Return the sum of the parameters' log densities.

        Raises:
            UserError: If the names are not those of this product.
        """
        if set(values) != set(self.parameters):
            wanted, given = sorted(self.parameters), sorted(values)
            raise UserError(f"this Product has the parameters {wanted}, not {given}.")
        terms = self._each(lambda name, d: d.log_prob(values[name]))
        return sum(terms.values(), start=jnp.zeros(()))

    def bounds(self) -> tuple[dict[str, Array], dict[str, Array]]:
        """Return the smallest and the largest values, by name."""
        return self._each(lambda _, d: d.bounds()[0]), self._each(lambda _, d: d.bounds()[1])

    def _each(self, do: Callable[[str, Distribution], Array]) -> dict[str, Array]:
        return {name: do(name, distribution) for name, distribution in self.parameters.items()}


def _stable_hash(name: str) -> int:
    # Python's own hash of a string differs between processes.
    return zlib.crc32(name.encode())
