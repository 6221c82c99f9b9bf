"""An environment whose nominal context is one's own: the first step of its task distribution."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, PRNGKeyArray

from metaskill.envs.auto_reset import SampleContext
from metaskill.envs.env import Context, Env, State
from metaskill.envs.wrapper import Wrapper
from metaskill.errors import UserError, nearest

Values = Mapping[str, Mapping[str, Any]]
"""Numbers by group (`physics`, `reward`, `interface`) and entry of a context."""

_GROUPS = tuple(field.name for field in dataclasses.fields(Context))


class GivenContext(Wrapper):
    """An environment with some entries of its nominal context given."""

    def __init__(self, env: Env, values: Values):
        """Check the values.

        Args:
            env: The environment.
            values: What is given.

        Raises:
            UserError: If an entry does not exist, has another shape, is not finite, or is drawn
                by the environment for each episode.
        """
        super().__init__(env)
        self._values = values
        for group, entry in drawn_entries(env.sample_context, env.nominal_context()):
            if entry in values.get(group, {}):
                raise UserError(
                    f"context.{group}.{entry} is given, and {env.name} draws it for each "
                    "episode: leave it out."
                )
        self._nominal = with_values(env.nominal_context(), values)

    def nominal_context(self) -> Context:
        """Return the nominal context of the environment inside, with the given entries."""
        return self._nominal

    def sample_context(self, key: PRNGKeyArray) -> Context:
        """Draw a context as the environment inside does, with the given entries."""
        return with_values(self.env.sample_context(key), self._values)

    def reset(self, key: PRNGKeyArray, context: Context) -> State:
        """Draw an initial state."""
        return self.env.reset(key, context)

    def step(self, state: State, action: Float[jax.Array, " action"]) -> State:
        """Act for one control step."""
        return self.env.step(state, action)


def with_values(context: Context, values: Values) -> Context:
    """Return a context with some entries replaced, of the same shapes and dtypes.

    Raises:
        UserError: If an entry does not exist, has another shape or is not finite.
    """
    groups = {group: dict(getattr(context, group)) for group in _GROUPS}
    for group, entries in values.items():
        if group not in groups:
            raise UserError(f"a context has no {group!r}: {nearest(group, _GROUPS)}")
        for name, value in entries.items():
            known = groups[group]
            where = f"context.{group}.{name}"
            if name not in known:
                hint = nearest(name, known) if known else f"there is no entry of {group}."
                raise UserError(f"{where} does not exist: {hint}")
            try:
                given = np.asarray(value, np.float64)
            except (TypeError, ValueError) as error:
                raise UserError(f"{where} is {value!r}, which is no number.") from error
            if given.shape != known[name].shape or not np.all(np.isfinite(given)):
                raise UserError(
                    f"{where} is {value!r}: give finite numbers of shape {known[name].shape}."
                )
            known[name] = jnp.asarray(given, known[name].dtype)
    return Context(**groups)


def drawn_entries(sample: SampleContext, nominal: Context) -> set[tuple[str, str]]:
    """Name the entries (group, name) that a distribution of contexts draws.

    An entry is drawn where it is not the nominal one, in one of a few draws.
    """
    contexts = jax.vmap(sample)(jax.random.split(jax.random.key(0), 4))
    return {
        (group, name)
        for group in _GROUPS
        for name, values in getattr(contexts, group).items()
        if name not in getattr(nominal, group)
        or np.any(np.asarray(values) != np.asarray(getattr(nominal, group)[name]))
    }
