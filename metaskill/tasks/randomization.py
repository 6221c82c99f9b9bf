"""Domain randomizations: parameters, and distributions over their values."""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, PRNGKeyArray

from metaskill.envs.auto_reset import SampleContext
from metaskill.envs.env import Context, Env
from metaskill.envs.given_context import GivenContext, Values
from metaskill.envs.interface import Interface, make_interface
from metaskill.envs.registry import make
from metaskill.errors import UserError
from metaskill.physics.parameters import ParamSpec
from metaskill.tasks.contract import Distribution
from metaskill.tasks.distributions import Product


@dataclasses.dataclass(frozen=True, eq=False)
class Randomization:
    """What varies, and how: physics by named parameters, and the interface.

    Attributes:
        name: What to call it.
        physics: Each parameter with the distribution of its values.
        interface: The interface's effects.
        strengths: Distributions of the entries of `context.interface`.
        per_actuator: The strengths of which each actuator has a draw of its own.
    """

    name: str
    physics: tuple[tuple[ParamSpec, Distribution], ...] = ()
    interface: Interface = dataclasses.field(default_factory=Interface)
    strengths: dict[str, Distribution] = dataclasses.field(default_factory=dict)
    per_actuator: frozenset[str] = frozenset()

    def make_env(
        self, name: str, privileged: bool = False, context: Values | None = None, /, **options: Any
    ) -> Env:
        """Make a registered environment that has the parameters and the interface.

        Args:
            name: Its name.
            privileged: Whether it also observes `privileged_state`, which holds the context.
            context: Entries of its nominal context that are given.
            options: The environment's own.

        Raises:
            UserError: If the environment does not exist, or a parameter could have no
                effect on it.
        """
        specs = tuple(spec for spec, _ in self.physics)
        if specs:
            options["parameters"] = specs
        env = make(name, **options)
        if context:
            env = GivenContext(env, context)
        zeros = {entry: jnp.zeros(env.action_size) for entry in self.per_actuator}
        nominal = dataclasses.replace(env.nominal_context(), interface=zeros)
        interface = dataclasses.replace(
            self.interface, privileged=privileged or self.interface.privileged
        )
        return make_interface(env, interface, nominal)

    def sampler(self, env: Env) -> SampleContext:
        """Return the sampler of this randomization's contexts.

        What it does not randomize is as the environment's own `sample_context` has it: nominal,
        or drawn (goals and starts of the arm's tasks).

        Args:
            env: What `make_env` returned.

        Raises:
            UserError: If the environment was made otherwise.
        """
        nominal = env.nominal_context()
        physics = Product({spec.name: distribution for spec, distribution in self.physics})

        def draw_strengths(key: PRNGKeyArray) -> dict[str, Array]:
            keys = jax.random.split(key, len(self.strengths))
            return {
                entry: jax.vmap(distribution.sample)(jax.random.split(keys[i], env.action_size))
                if entry in self.per_actuator
                else distribution.sample(keys[i])
                for i, (entry, distribution) in enumerate(self.strengths.items())
            }

        def sample(key: PRNGKeyArray) -> Context:
            physics_key, interface_key = jax.random.split(key)
            context = env.sample_context(jax.random.fold_in(key, 0))
            return Context(
                physics={**context.physics, **physics.sample(physics_key)},
                reward=context.reward,
                interface=draw_strengths(interface_key) if self.strengths else {},
            )

        drawn = jax.eval_shape(sample, jax.random.key(0))
        if jax.tree.map(jnp.shape, nominal) != jax.tree.map(jnp.shape, drawn):
            raise UserError(
                f"{env.name} was not made for the randomization {self.name}: use its make_env."
            )
        return sample
