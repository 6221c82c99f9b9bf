"""Many worlds of an environment, as Gymnasium's users step them."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import gymnasium
import jax
import numpy as np
from jaxtyping import Bool, Float, Float32, PRNGKeyArray

from metaskill.envs.auto_reset import SampleContext
from metaskill.envs.env import Env, State
from metaskill.envs.interop.gymnasium.conventions import (
    RENDER_MODES,
    Info,
    metadata_of,
    require_options,
    require_reset,
    spaces_of,
)
from metaskill.envs.interop.gymnasium.world import Canvas, World, draw_key_seed, to_numpy
from metaskill.errors import UserError, nearest

_AutoresetMode = gymnasium.vector.AutoresetMode


class VectorEnv(gymnasium.vector.VectorEnv):
    """Worlds of one environment, stepped together by one jitted program.

    What happens to a world whose episode ended is as in Gymnasium's own vector environments:

        NextStep   the next step ignores its action and returns the first observation of the
                   new episode with reward 0; it belongs to no episode
        SameStep   the same step returns that first observation; the episode's true last one and
                   its metrics are in the info, as `final_obs` and `final_info`
        Disabled   nothing: reset it, with `reset(options={"reset_mask": mask})`

    Each episode draws its own context. A world that leaves the finite numbers terminates, with
    reward 0 in the last observation that was finite; its metric `failed` is 1.
    """

    metadata: ClassVar[dict[str, Any]] = {
        "autoreset_mode": _AutoresetMode.NEXT_STEP,
        "render_modes": list(RENDER_MODES),
    }

    def __init__(
        self,
        env: Env,
        num_envs: int,
        sample_context: SampleContext | None = None,
        autoreset_mode: str | gymnasium.vector.AutoresetMode = _AutoresetMode.NEXT_STEP,
        render_mode: str | None = None,
    ):
        """Declare the spaces; programs are compiled when first used.

        Args:
            env: The environment, of which `state` is observed.
            num_envs: Number of worlds.
            sample_context: Draws the context of each episode; by default the nominal
                one.
            autoreset_mode: `NextStep`, `SameStep` or `Disabled`, or a member of Gymnasium's
                `AutoresetMode`.
            render_mode: `rgb_array` for pictures from `render`.

        Raises:
            UserError: If there is no world or no such mode, or nothing to draw.
        """
        if num_envs < 1:
            raise UserError(f"a vector environment needs at least one world, not {num_envs}.")
        self._mode = _find_mode(autoreset_mode)
        self.num_envs = num_envs
        self.render_mode = render_mode
        self.metadata = {**metadata_of(env), "autoreset_mode": self._mode}  # type: ignore[misc]
        self.single_observation_space, self.single_action_space = spaces_of(env)
        self.observation_space = gymnasium.vector.utils.batch_space(
            self.single_observation_space, num_envs
        )
        self.action_space = gymnasium.vector.utils.batch_space(self.single_action_space, num_envs)
        world = World(env, sample_context)
        step = {
            _AutoresetMode.NEXT_STEP: world.step_or_reset,
            _AutoresetMode.SAME_STEP: world.step_and_reset,
            _AutoresetMode.DISABLED: world.step,
        }[self._mode]
        self._start = jax.jit(jax.vmap(world.start))
        self._restart = jax.jit(jax.vmap(world.restart))
        self._step = jax.jit(jax.vmap(step))
        self._canvas = Canvas(env, render_mode)
        self._state: State | None = None
        self._generators = [gymnasium.utils.seeding.np_random()[0] for _ in range(num_envs)]

    def reset(
        self,
        *,
        seed: int | Sequence[int | None] | None = None,
        options: Mapping[str, Any] | None = None,
    ) -> tuple[Float32[np.ndarray, "world size"], Info]:
        """Begin new episodes.

        Args:
            seed: Seeds all that follows: one for each world, or the first world's, with the next
                numbers for the others; without it, randomness goes on from the last seed, or
                from the operating system's.
            options: `reset_mask`: which worlds to reset, as booleans; by default all.

        Returns:
            All worlds' observations, and the metrics of those that were reset.

        Raises:
            UserError: If an option does not exist, or mask or seeds do not fit.
            gymnasium.error.ResetNeeded: If a mask is given before any full reset.
            gymnasium.error.ClosedEnvironmentError: If the environment was closed.
        """
        self._require_open()
        mask = self._reset_mask(options or {})
        before = None if mask is None else require_reset(self._state)
        where = np.ones(self.num_envs, bool) if mask is None else mask
        keys = self._draw_keys(seed, where)
        self._state = self._start(keys) if before is None else self._restart(keys, where, before)
        return to_numpy(self._state.obs["state"]), _info(self._state, where)

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
            UserError: If the actions do not have the action space's shape, or an episode is
                over that nobody reset.
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
        before = require_reset(self._state)
        if self._mode is _AutoresetMode.DISABLED and np.any(over := np.asarray(before.done)):
            raise UserError(
                f"the episodes of worlds {np.flatnonzero(over).tolist()} are over and nothing "
                "resets them in this mode: call reset(options={'reset_mask': mask})."
            )
        self._state, outcome = self._step(before, actions)
        rewarded = to_numpy((outcome.reward, outcome.terminated, outcome.truncated))
        infos = _info(self._state, np.ones(self.num_envs, bool))
        if self._mode is _AutoresetMode.SAME_STEP:
            infos |= _final_infos(outcome)
        return to_numpy(self._state.obs["state"]), *rewarded, infos

    def render(self) -> tuple[np.ndarray, ...] | None:
        """Draw every world as `height x width x 3` bytes; None without a `render_mode`."""
        self._require_open()
        if self.render_mode is None:
            return None
        state = jax.device_get(require_reset(self._state))
        worlds = (jax.tree.map(lambda leaf, i=i: leaf[i], state) for i in range(self.num_envs))
        return tuple(self._canvas.draw(world) for world in worlds)

    def close_extras(self, **kwargs: Any) -> None:
        """Let go of the worlds."""
        del kwargs
        self._state = None
        self._canvas.close()

    def _draw_keys(
        self, seed: int | Sequence[int | None] | None, where: Bool[np.ndarray, " world"]
    ) -> PRNGKeyArray:
        """Draw a key for each world from its own generator, seeded anew where a seed is given."""
        if seed is None or isinstance(seed, int | np.integer):
            seeds = [None if seed is None else int(seed) + i for i in range(self.num_envs)]
        else:
            seeds = list(seed)
        if len(seeds) != self.num_envs:
            raise UserError(
                f"there are {len(seeds)} seeds for {self.num_envs} worlds: give one each, or "
                "a single number."
            )
        numbers = np.zeros(self.num_envs, np.uint32)
        for world in np.flatnonzero(where):
            if seeds[world] is not None:
                self._generators[world] = gymnasium.utils.seeding.np_random(seeds[world])[0]
            numbers[world] = draw_key_seed(self._generators[world])
        self._np_random = self._generators[0]
        if where[0] and seeds[0] is not None:
            self._np_random_seed = seeds[0]
        return jax.vmap(jax.random.key)(numbers)

    def _reset_mask(self, options: Mapping[str, Any]) -> Bool[np.ndarray, " world"] | None:
        require_options(options, ["reset_mask"])
        if "reset_mask" not in options:
            return None
        mask = np.asarray(options["reset_mask"])
        if mask.shape != (self.num_envs,) or mask.dtype != bool:
            raise UserError(
                f"reset_mask has shape {mask.shape} and type {mask.dtype}: "
                f"give {self.num_envs} booleans, one a world."
            )
        return mask

    def _require_open(self) -> None:
        if self.closed:
            raise gymnasium.error.ClosedEnvironmentError("the environment was closed.")


def _find_mode(mode: Any) -> gymnasium.vector.AutoresetMode:
    try:
        return _AutoresetMode(mode)
    except ValueError as error:
        names = [each.value for each in _AutoresetMode]
        raise UserError(
            f"no autoreset mode is called {mode!r}: {nearest(str(mode), names)}"
        ) from error


def _info(state: State, mask: Bool[np.ndarray, " world"]) -> Info:
    metrics = to_numpy(state.metrics)
    return metrics | {f"_{name}": mask.copy() for name in metrics}


def _final_infos(outcome: State) -> Info:
    """Return last observations and metrics of the worlds whose episodes ended in a step."""
    ended = np.array(outcome.done)
    if not ended.any():
        return {}
    seen = to_numpy(outcome.obs["state"])
    last = np.full(len(ended), None, dtype=object)
    for world in np.flatnonzero(ended):
        last[world] = seen[world]
    masked = {
        name: np.where(ended, values, np.zeros_like(values))
        for name, values in _info(outcome, ended).items()
    }
    return {
        "final_obs": last,
        "_final_obs": ended.copy(),
        "final_info": masked,
        "_final_info": ended.copy(),
    }
