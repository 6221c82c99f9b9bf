"""Environments across the border to brax, in both directions; MuJoCo Playground's to us."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import brax.envs
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, PRNGKeyArray, UInt32

from metaskill.checking import read
from metaskill.envs.auto_reset import SampleContext
from metaskill.envs.containment import contained_step
from metaskill.envs.env import Context, Env, EpisodeLength, Observation, State
from metaskill.errors import UserError
from metaskill.physics.state import PhysicsState


class BraxView(brax.envs.Env):
    """One of our environments, as brax's wrappers and trainers expect one.

    `pipeline_state` holds our whole `State`, so that brax's `AutoResetWrapper`, which
    puts back the first `pipeline_state` of a world, also rewinds our step counter.

    The time limit is left to brax's `EpisodeWrapper`, as brax's own environments
    leave it: `done` says `terminated` alone. Did it say `truncated` too, the wrapper,
    which overwrites `info["truncation"]`, would take every time limit for a
    termination. Unwrapped, `info["truncation"]` says `truncated`.

    A world that leaves the finite numbers is `done` with reward 0, in the last observation that
    was finite, and its metric `failed` is 1.
    """

    def __init__(
        self, env: Env, sample_context: SampleContext | None = None, as_dict: bool = False
    ):
        """Make the view.

        Args:
            env: The environment to present.
            sample_context: Draws the context of each reset; by default the nominal
                one. brax's `AutoResetWrapper` resets once and keeps that context.
            as_dict: Whether to observe everything, by name, instead of `state` alone.
        """
        self._env = env
        self._step = contained_step(env)
        self._sample_context = sample_context or (lambda _: env.nominal_context())
        self._as_dict = as_dict

    def reset(self, rng: PRNGKeyArray | UInt32[Array, " words"]) -> brax.envs.State:
        """Draw a context and an initial state from a key, typed or of the legacy kind."""
        if not jnp.issubdtype(rng.dtype, jax.dtypes.prng_key):
            rng = jax.random.wrap_key_data(rng)
        reset_key, context_key = jax.random.split(rng)
        state = self._env.reset(reset_key, self._sample_context(context_key))
        return brax.envs.State(pipeline_state=state, **self._outcome(state))

    def step(self, state: brax.envs.State, action: Float[Array, " action"]) -> brax.envs.State:
        """Act for one control step, keeping what wrappers added to metrics and info."""
        after, _ = self._step(state.pipeline_state, action)
        outcome = self._outcome(after)
        outcome["metrics"] = {**state.metrics, **outcome["metrics"]}
        outcome["info"] = {**state.info, **outcome["info"]}
        return state.replace(pipeline_state=after, **outcome)

    @property
    def observation_size(self) -> int | dict[str, tuple[int]]:
        """Length of `state`, or the shape of each observation."""
        sizes = self._env.observation_sizes
        return {name: (size,) for name, size in sizes.items()} if self._as_dict else sizes["state"]

    @property
    def action_size(self) -> int:
        """Number of actuators."""
        return self._env.action_size

    @property
    def backend(self) -> str:
        """Not one of brax's pipelines: the environment chose its engine itself."""
        return "metaskill"

    @property
    def dt(self) -> float:
        """Seconds between two actions."""
        return self._env.control_timestep

    def _outcome(self, state: State) -> dict[str, Any]:
        return {
            "obs": dict(state.obs) if self._as_dict else state.obs["state"],
            "reward": state.reward,
            "done": state.terminated.astype(jnp.float32),
            "metrics": dict(state.metrics),
            "info": {"truncation": state.truncated.astype(jnp.float32)},
        }


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class BraxState(State):
    """A state of ours that carries brax's.

    Attributes:
        brax_state: What brax's environment returned, complete.
    """

    brax_state: brax.envs.State


class BraxEnv:
    """An environment of brax or MuJoCo Playground as one of ours, with their MDP unchanged.

    It has one context, the nominal one, because they keep their parameters in their code.
    `physics` shows the simulation's positions and velocities where it has any. A
    simulation that leaves the finite numbers terminates the episode with reward 0 in
    the state before the step.
    """

    def __init__(
        self,
        env: brax.envs.Env,
        episode_length: EpisodeLength = 1000,
        name: str | None = None,
        control_timestep: float | None = None,
    ):
        """Trace a reset to learn the sizes.

        Args:
            env: The brax environment, for one world and without automatic resets:
                `brax.envs.get_environment(...)`, not `brax.envs.create(...)`.
            episode_length: Control steps until truncation.
            name: What to call it; by default its class's name.
            control_timestep: Seconds between two actions; by default what brax says.

        Raises:
            UserError: If the environment batches or resets by itself, if an
                observation is not a vector, or if nobody says the control timestep.
        """
        _require_bare(env)
        self._env = env
        self.episode_length = read(episode_length, EpisodeLength, "episode_length")
        self.name = name or type(env.unwrapped).__name__
        timestep = getattr(env, "dt", None) if control_timestep is None else control_timestep
        if timestep is None:
            raise UserError(f"{self.name} does not say its timestep: pass control_timestep.")
        self.control_timestep = float(timestep)
        self.action_size = int(env.action_size)
        probe = jax.eval_shape(self.reset, jax.random.key(0), self.nominal_context())
        for name_, value in probe.obs.items():
            if value.ndim != 1:
                raise UserError(
                    f"{self.name} observes {name_!r} of shape {value.shape}: "
                    "only vectors can be observed."
                )
        self.observation_sizes = {name_: value.shape[0] for name_, value in probe.obs.items()}

    def nominal_context(self) -> Context:
        """Return the only context: nothing varies."""
        return Context()

    def sample_context(self, key: PRNGKeyArray) -> Context:
        """Return the only context."""
        del key
        return self.nominal_context()

    def reset(self, key: PRNGKeyArray, context: Context) -> BraxState:
        """Draw brax's initial state.

        Raises:
            UserError: If the context is not the nominal one.
        """
        if jax.tree.leaves(context):
            raise UserError(f"{self.name} is brax's and has no context but the nominal one.")
        brax_key, key = jax.random.split(key)
        # brax mixes dtypes, which strict promotion forbids; and its environments were
        # written for legacy keys, whose shape they may look at.
        with jax.numpy_dtype_promotion("standard"):
            state = self._env.reset(jax.random.key_data(brax_key))
        state = jax.tree.map(jnp.asarray, state)
        false = jnp.zeros((), bool)
        return self._state(state, false, jnp.zeros((), jnp.int32), context, key)

    def step(self, state: State, action: Float[Array, " action"]) -> BraxState:
        """Let brax act for one control step."""
        assert isinstance(state, BraxState)
        before = state.brax_state
        # brax's environments mutate the dictionaries of the state that they are given.
        own = jax.tree.map(lambda leaf: leaf, before)
        with jax.numpy_dtype_promotion("standard"):
            after = self._env.step(own, jnp.clip(action, -1.0, 1.0))
        failed = ~(_is_finite(after.obs) & _is_finite(after.reward))
        # A step may return Python scalars where a reset returned arrays.
        after = jax.tree.map(
            lambda old, new: jnp.where(failed, old, jnp.asarray(new, old.dtype)), before, after
        )
        return self._state(after, failed, state.step + 1, state.context, state.key)

    def _state(
        self,
        state: brax.envs.State,
        failed: Bool[Array, ""],
        step: Array,
        context: Context,
        key: PRNGKeyArray,
    ) -> BraxState:
        # Only a wrapper or a view of ours cuts episodes; brax then says so in `info`.
        cut = jnp.asarray(state.info.get("truncation", False)).astype(bool)
        terminated = failed | (state.done.astype(bool) & ~cut)
        reward = state.reward.astype(jnp.float32)
        return BraxState(
            physics=_physics(
                _simulation(state), step.astype(jnp.float32) * self.control_timestep, failed
            ),
            obs=_observation(state.obs),
            reward=jnp.where(failed | (step == 0), 0.0, reward),
            terminated=terminated,
            truncated=~terminated & (cut | (step >= self.episode_length)),
            context=context,
            step=step,
            key=key,
            metrics={**state.metrics, "failed": failed.astype(jnp.float32)},
            brax_state=state,
        )


def _require_bare(env: brax.envs.Env) -> None:
    wrapper = env
    # By their names, for Playground has wrappers of its own.
    while wrapper is not wrapper.unwrapped:
        name = type(wrapper).__name__
        if "AutoReset" in name or "Vmap" in name:
            raise UserError(
                f"the environment is inside {name}, which does what metaskill does itself: give "
                "brax.envs.get_environment(name), or Playground's registry.load(name)."
            )
        wrapper = wrapper.env


def _observation(obs: Array | Mapping[str, Array]) -> Observation:
    if not isinstance(obs, Mapping):
        return {"state": obs}
    if "state" not in obs:
        raise UserError(
            f"the environment observes {', '.join(sorted(obs))} but no 'state', "
            "which is what policies see."
        )
    return dict(obs)


def _simulation(state: Any) -> Any:
    """Return the simulation's part of a state, which brax and Playground call differently."""
    for field in ("pipeline_state", "data"):
        if hasattr(state, field):
            return getattr(state, field)
    raise UserError(
        f"the environment's state, a {type(state).__name__}, has neither brax's field "
        "'pipeline_state' nor MuJoCo Playground's 'data': only environments of these two "
        "can be wrapped."
    )


def _physics(simulation: Any, time: Float[Array, ""], failed: Bool[Array, ""]) -> PhysicsState:
    def first_of(*names: str) -> Array:
        found = [getattr(simulation, name) for name in names if hasattr(simulation, name)]
        return found[0] if found else jnp.zeros(0)

    velocity = first_of("qd", "qvel")
    return PhysicsState(
        qpos=first_of("q", "qpos"),
        qvel=velocity,
        act=jnp.zeros(0),
        qacc_warmstart=jnp.zeros_like(velocity),
        time=time,
        derived={},
        failed=failed,
    )


def _is_finite(tree: Any) -> Bool[Array, ""]:
    return jnp.all(jnp.stack([jnp.all(jnp.isfinite(leaf)) for leaf in jax.tree.leaves(tree)]))
