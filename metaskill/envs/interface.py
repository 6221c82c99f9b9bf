"""The interface between agent and world: any environment, with delays and noise."""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from metaskill.envs.disturbances import (
    EFFECTS,
    Memory,
    Strengths,
    disturb_action,
    disturb_observation,
    effect_keys,
    initial_memory,
    push,
    pushable_directions,
)
from metaskill.envs.env import Context, Env, Observation, State
from metaskill.envs.wrapper import Wrapper
from metaskill.errors import UserError, nearest
from metaskill.physics.state import PhysicsState


@dataclasses.dataclass(frozen=True)
class Interface:
    """Which effects there are: the static part, of which each choice is one program.

    How strong they are is in `context.interface`, by world and by episode. On the way
    to the world an action is clipped, delayed, made noisy, then held back by play:

        action_delay: Control steps, rounded and clipped to [0, max_delay]. What
            arrives before the first action is the zero action.
        action_delay_jitter: Probability, for each actuator and step, that what
            arrives is one step older.
        action_noise_multiplicative: Standard deviation of the step's relative noise.
        action_noise_additive: Standard deviation of the step's noise.
        action_noise_correlated: Standard deviation of the episode's constant offset.
        backlash: Width of the actuators' play: after a reversal the action must move
            by more than this before the applied action, which starts at 0 in the
            middle of the gap, follows it at half this distance.
        observation_noise: Standard deviation of the step's noise on `state`.
        observation_bias: Standard deviation of the episode's constant offset on it.
        push_probability, push_speed (effect `push`): How likely a control step begins
            with a push, and by how many m/s it changes the root's horizontal velocity
            at once, in a random direction. It leaves no force behind, and `derived`
            shows the velocities before it until the step ends.

    Those of actions are a scalar or one value an actuator, those of observations a
    scalar or one value a number observed; draws are independent either way.

    Attributes:
        effects: Names among those above, with `push` for its two.
        max_delay: The largest `action_delay`; the world remembers so many actions.
        privileged: Whether to observe `privileged_state` too: the true state (or the
            environment's own `privileged_state`) and all numbers of the context, in
            the order of `jax.tree.leaves`.

    Raises:
        UserError: If an effect does not exist or its delays make no sense.
    """

    effects: tuple[str, ...] = ()
    max_delay: int = 0
    privileged: bool = False

    def __post_init__(self) -> None:
        for effect in self.effects:
            if effect not in EFFECTS:
                raise UserError(
                    f"no interface effect is called {effect!r}: {nearest(effect, EFFECTS)}"
                )
        if self.max_delay < 0:
            raise UserError(f"max_delay counts control steps: {self.max_delay} is negative.")
        if ("action_delay" in self.effects) != (self.max_delay > 0):
            raise UserError(
                "give the effect 'action_delay' and a max_delay of at least 1 together: "
                f"the effects are {', '.join(self.effects) or 'none'}, "
                f"max_delay is {self.max_delay}."
            )

    @property
    def is_transparent(self) -> bool:
        """Whether agent and world see each other as if nothing were between them."""
        return not self.effects and not self.privileged


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class InterfaceState(State):
    """A state as the agent sees it, with what the interface and the world remember.

    Attributes:
        memory: What the effects remember.
        true_obs: The world's own observations, where the agent gets others.
        inner: The world's own state, emptied (None) of the fields that are here.
    """

    memory: Memory
    true_obs: Observation
    inner: State


_SHARED_FIELDS = tuple(field.name for field in dataclasses.fields(State))


def make_interface(env: Env, interface: Interface, nominal: Context | None = None) -> Env:
    """Put an interface before an environment: the environment itself if it is transparent.

    Args:
        env: The environment.
        interface: Which effects there are.
        nominal: See `InterfaceEnv`.

    Raises:
        UserError: If an effect cannot work on this environment.
    """
    return env if interface.is_transparent else InterfaceEnv(env, interface, nominal)


class InterfaceEnv(Wrapper):
    """An environment behind an interface; what is not its business it forwards.

    Reward, termination, metrics and `physics` are the true ones: only what is sent
    and observed is disturbed. The environment draws from its keys what it would draw
    alone, so with all strengths at 0 the episodes are the same: of simulated robots every
    position and velocity, bit for bit. (XLA may round products and sums once or twice
    depending on the program around them, and noise is such a program even at strength 0:
    rewards, and the states of closed-form environments, may differ in their last digit.)
    """

    def __init__(self, env: Env, interface: Interface, nominal: Context | None = None):
        """Check that the effects can work.

        Args:
            env: The environment, not behind an interface yet.
            interface: Which effects there are.
            nominal: A context to take instead of the environment's nominal one, whose
                entries and shapes those of all later contexts share. The privileged
                observation needs it if they hold more than the nominal one.

        Raises:
            UserError: If an effect cannot work on this environment.
        """
        super().__init__(env)
        self.interface = interface
        self.observation_sizes = dict(env.observation_sizes)
        self._pushed_directions = pushable_directions(getattr(env, "model", None))
        self._require_possible()
        alone = env.nominal_context()
        self._nominal = nominal or alone
        self._entries = {k: v for name in interface.effects for k, v in EFFECTS[name].items()}
        self._foreign_entries = alone.interface.keys() - self._entries.keys()
        context = self.nominal_context()
        self._require_strengths(context.interface)
        if interface.privileged:
            known = self.observation_sizes.get("privileged_state", self.observation_sizes["state"])
            drawn = sum(leaf.size for leaf in jax.tree.leaves(context))
            self.observation_sizes["privileged_state"] = known + drawn

    def nominal_context(self) -> Context:
        """Return the nominal context, with strength 0 for each effect."""
        zeros = {entry: jnp.zeros(()) for entry in self._entries}
        return dataclasses.replace(self._nominal, interface={**zeros, **self._nominal.interface})

    def sample_context(self, key: PRNGKeyArray) -> Context:
        """Draw a context as the environment inside does, with strength 0 for each effect."""
        interface = self.nominal_context().interface
        return dataclasses.replace(self.env.sample_context(key), interface=interface)

    def reset(self, key: PRNGKeyArray, context: Context) -> InterfaceState:
        """Draw the world's initial state and the episode's offsets.

        Raises:
            UserError: If the context's strengths are not those of the effects, or if
                they and the other parameters are not as many as the nominal ones
                although they are observed.
        """
        self._require_strengths(context.interface)
        inner = self.env.reset(key, self._inner_context(context))
        memory = initial_memory(
            context.interface,
            effect_keys(self.interface.effects, inner.key, inner.step),
            self.action_size,
            self.observation_sizes.get("state", 0),
            self.interface.max_delay,
        )
        return self._seen(inner, context, memory)

    def step(self, state: State, action: Float[Array, " action"]) -> InterfaceState:
        """Act, through the interface, for one control step."""
        assert isinstance(state, InterfaceState)
        strengths = state.context.interface
        keys = effect_keys(self.interface.effects, state.key, state.step)
        action, memory = disturb_action(action, strengths, state.memory, keys)
        physics = state.physics
        if "push" in self.interface.effects:
            qvel = push(physics.qvel, self._pushed_directions, strengths, keys)
            physics = dataclasses.replace(physics, qvel=qvel)
        after = self.env.step(self._behind(state, physics), action)
        return self._seen(after, state.context, memory)

    def _seen(self, inner: State, context: Context, memory: Memory) -> InterfaceState:
        obs = dict(inner.obs)
        if not {"observation_noise", "observation_bias"}.isdisjoint(self.interface.effects):
            obs["state"] = disturb_observation(
                obs["state"],
                context.interface,
                memory,
                effect_keys(self.interface.effects, inner.key, inner.step),
            )
        if self.interface.privileged:
            obs["privileged_state"] = self._privileged(inner.obs, context)
        shared = {name: getattr(inner, name) for name in _SHARED_FIELDS}
        emptied: dict[str, Any] = dict.fromkeys(_SHARED_FIELDS)
        return InterfaceState(
            **{**shared, "obs": obs, "context": context},
            memory=memory,
            true_obs={name: seen for name, seen in inner.obs.items() if obs[name] is not seen},
            inner=dataclasses.replace(inner, **emptied),
        )

    def _behind(self, state: InterfaceState, physics: PhysicsState) -> State:
        shared: dict[str, Any] = {name: getattr(state, name) for name in _SHARED_FIELDS}
        obs = {**state.obs, **state.true_obs}
        shared["obs"] = {name: obs[name] for name in self.env.observation_sizes}
        shared["context"] = self._inner_context(state.context)
        shared["physics"] = physics
        return dataclasses.replace(state.inner, **shared)

    def _inner_context(self, context: Context) -> Context:
        own = {name: context.interface[name] for name in self._foreign_entries}
        return dataclasses.replace(context, interface=own)

    def _privileged(self, obs: Observation, context: Context) -> Float[Array, " size"]:
        known = obs.get("privileged_state", obs["state"])
        drawn = [jnp.ravel(leaf).astype(jnp.float32) for leaf in jax.tree.leaves(context)]
        seen = jnp.concatenate([known, *drawn])
        expected = self.observation_sizes["privileged_state"]
        if seen.size != expected:
            raise UserError(
                f"privileged_state would have {seen.size} numbers and not {expected}, because the "
                "context is not like the nominal one: pass one like it as `nominal`."
            )
        return seen

    def _require_possible(self) -> None:
        if isinstance(self.env, InterfaceEnv):
            raise UserError(f"{self.name} has an interface: name all effects in that one.")
        needs_state = {"observation_noise", "observation_bias"}.intersection(self.interface.effects)
        if (needs_state or self.interface.privileged) and "state" not in self.observation_sizes:
            raise UserError(
                f"{self.name} observes no 'state', to which "
                f"{', '.join(sorted(needs_state)) or 'the privileged observation'} applies."
            )
        if "push" in self.interface.effects and not self._pushed_directions:
            raise UserError(
                f"{self.name} cannot be pushed: its first joint is neither free nor a slide "
                "along x on the ground; leave out the effect 'push'."
            )

    def _require_strengths(self, strengths: Strengths) -> None:
        if strengths.keys() != self._entries.keys() | self._foreign_entries:
            raise UserError(
                f"context.interface holds {', '.join(sorted(strengths)) or 'nothing'}, but the "
                f"effects read {', '.join(sorted(self._entries)) or 'nothing'}: "
                "start from nominal_context()."
            )
        sizes = {"action": self.action_size, "state": self.observation_sizes.get("state")}
        for entry, kind in self._entries.items():
            shape = strengths[entry].shape
            if shape not in {(), (sizes.get(kind),)}:
                raise UserError(
                    f"context.interface[{entry!r}] has shape {shape}: "
                    f"{'a scalar' if kind == 'scalar' else f'a scalar or ({sizes[kind]},)'} "
                    "is needed."
                )
