"""Many worlds of an environment, as Gymnasium's users step them."""

from collections.abc import Mapping
from typing import Any, ClassVar

import jax
import numpy as np
from jaxtyping import Array, Bool, Float, Float32, PRNGKeyArray

from metaskill.envs.auto_reset import SampleContext
from metaskill.envs.env import Env, State
from metaskill.envs.where_needed import where_needed
from metaskill.errors import UserError, nearest

try:
    import gymnasium
except ModuleNotFoundError as error:
    # A module that gymnasium itself misses is not mended by installing gymnasium.
    if error.name != "gymnasium":
        raise
    raise UserError("gymnasium is not installed: pip install 'metaskill[gymnasium]'.") from error

Info = dict[str, np.ndarray]
"""Metrics by name, each with the mask `_name` of the worlds that it speaks of."""


class VectorEnv(gymnasium.vector.VectorEnv):
    """Worlds of one environment, stepped together by one jitted program.

    A world whose episode ended is reset by the *next* step, which ignores its action
    and returns the first observation of the new episode with reward 0. Hence the
    observation that comes with a termination or truncation is the episode's true last
    one, and that one step in between belongs to no episode. Each episode draws its own
    context.

    `reset(options={"reset_mask": mask})` resets some of the worlds.
    """

    metadata: ClassVar[dict[str, Any]] = {
        "autoreset_mode": gymnasium.vector.AutoresetMode.NEXT_STEP,
        "render_modes": [],
    }

    def __init__(self, env: Env, num_envs: int, sample_context: SampleContext | None = None):
        """Declare the spaces; programs are compiled when first used.

        Args:
            env: The environment, of which `state` is observed.
            num_envs: Number of worlds.
            sample_context: Draws the context of each episode; by default the nominal
                one.

        Raises:
            UserError: If there is no world.
        """
        if num_envs < 1:
            raise UserError(f"a vector environment needs at least one world, not {num_envs}.")
        self.num_envs = num_envs
        self.single_observation_space = gymnasium.spaces.Box(
            -np.inf, np.inf, (env.observation_sizes["state"],), np.float32
        )
        self.single_action_space = gymnasium.spaces.Box(-1.0, 1.0, (env.action_size,), np.float32)
        self.observation_space = gymnasium.vector.utils.batch_space(
            self.single_observation_space, num_envs
        )
        self.action_space = gymnasium.vector.utils.batch_space(self.single_action_space, num_envs)
        world = _World(env, sample_context or (lambda _: env.nominal_context()))
        self._start = jax.jit(jax.vmap(world.start))
        self._restart = jax.jit(jax.vmap(world.restart))
        self._step = jax.jit(jax.vmap(world.step))
        self._state: State | None = None

    def reset(
        self, *, seed: int | None = None, options: Mapping[str, Any] | None = None
    ) -> tuple[Float32[np.ndarray, "world size"], Info]:
        """Begin new episodes.

        Args:
            seed: Seeds all that follows; without it, randomness goes on from the last
                seed, or from the operating system's.
            options: `reset_mask`: which worlds to reset, as booleans; by default all.

        Returns:
            All worlds' observations, and the metrics of those that were reset.

        Raises:
            UserError: If an option does not exist or the mask does not fit.
            gymnasium.error.ResetNeeded: If a mask is given before any full reset.
            gymnasium.error.ClosedEnvironmentError: If the environment was closed.
        """
        self._require_open()
        mask = self._reset_mask(options or {})
        super().reset(seed=seed)
        key = jax.random.key(int(self.np_random.integers(2**31)))
        keys = jax.random.split(key, self.num_envs)
        if mask is None:
            self._state = self._start(keys)
            mask = np.ones(self.num_envs, bool)
        else:
            self._state = self._restart(keys, mask, self._current_state())
        return _to_numpy(self._state.obs["state"]), _info(self._state, mask)

    def step(
        self, actions: Float[np.ndarray, "world action"]
    ) -> tuple[
        Float32[np.ndarray, "world size"],
        Float32[np.ndarray, " world"],
        Bool[np.ndarray, " world"],
        Bool[np.ndarray, " world"],
        Info,
    ]:
        """Act in all worlds for one control step.

        Returns:
            Observations, rewards, terminations, truncations and metrics.

        Raises:
            UserError: If the actions do not have the action space's shape.
            gymnasium.error.ResetNeeded: If `reset` was never called.
            gymnasium.error.ClosedEnvironmentError: If the environment was closed.
        """
        self._require_open()
        actions = np.asarray(actions, np.float32)
        if actions.shape != self.action_space.shape:
            raise UserError(
                f"actions have shape {actions.shape}: give {self.action_space.shape}, "
                "one row a world."
            )
        state = self._state = self._step(self._current_state(), actions)
        outcome = (state.obs["state"], state.reward, state.terminated, state.truncated)
        return *_to_numpy(outcome), _info(state, np.ones(self.num_envs, bool))

    def close_extras(self, **kwargs: Any) -> None:
        """Let go of the worlds."""
        del kwargs
        self._state = None

    def _reset_mask(self, options: Mapping[str, Any]) -> Bool[np.ndarray, " world"] | None:
        for option in options:
            if option != "reset_mask":
                raise UserError(
                    f"reset has no option {option!r}: {nearest(option, ['reset_mask'])}"
                )
        if "reset_mask" not in options:
            return None
        mask = np.asarray(options["reset_mask"])
        if mask.shape != (self.num_envs,) or mask.dtype != bool:
            raise UserError(
                f"reset_mask has shape {mask.shape} and type {mask.dtype}: "
                f"give {self.num_envs} booleans, one a world."
            )
        return mask

    def _current_state(self) -> State:
        if self._state is None:
            raise gymnasium.error.ResetNeeded("call reset() before anything else.")
        return self._state

    def _require_open(self) -> None:
        if self.closed:
            raise gymnasium.error.ClosedEnvironmentError("the environment was closed.")


class _World:
    """One world as pure functions, with Gymnasium's order of step and reset."""

    def __init__(self, env: Env, sample_context: SampleContext):
        self._env = env
        self._sample_context = sample_context

    def start(self, key: PRNGKeyArray) -> State:
        reset_key, context_key = jax.random.split(key)
        return self._env.reset(reset_key, self._sample_context(context_key))

    def restart(self, key: PRNGKeyArray, where: Bool[Array, ""], state: State) -> State:
        return where_needed(self.start, where, key, otherwise=state)

    def step(self, state: State, action: Float[Array, " action"]) -> State:
        moved = self._env.step(state, action)
        return self.restart(jax.random.fold_in(state.key, 1), state.done, moved)


def _info(state: State, mask: Bool[np.ndarray, " world"]) -> Info:
    metrics = _to_numpy(state.metrics)
    return metrics | {f"_{name}": mask.copy() for name in metrics}


def _to_numpy(tree: Any) -> Any:
    # A copy, because callers keep and overwrite what they get, and NumPy's view of a
    # JAX array is read-only.
    return jax.tree.map(np.array, jax.device_get(tree))
