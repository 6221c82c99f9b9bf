"""One world of an environment, for libraries that take a `gymnasium.Env`."""

from typing import Any, ClassVar

import gymnasium
import jax
import numpy as np
from jaxtyping import Float, Float32

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
from metaskill.errors import UserError


class SingleEnv(gymnasium.Env):
    """One world, for libraries that take a `gymnasium.Env`.

    With the same seed it is the first world of a `VectorEnv`. Where there are many worlds to
    step, that is faster by far: here every step is a call of a compiled program.
    """

    metadata: ClassVar[dict[str, Any]] = {"render_modes": list(RENDER_MODES)}

    def __init__(
        self,
        env: Env,
        sample_context: SampleContext | None = None,
        render_mode: str | None = None,
    ):
        """Declare the spaces; programs are compiled when first used.

        Args:
            env: The environment, of which `state` is observed.
            sample_context: Draws the context of each episode; by default the nominal
                one.
            render_mode: `rgb_array` for pictures from `render`.

        Raises:
            UserError: If there is no such mode, or nothing to draw.
        """
        self.render_mode = render_mode
        self.metadata = metadata_of(env)  # type: ignore[misc]
        self.observation_space, self.action_space = spaces_of(env)
        world = World(env, sample_context)
        self._start, self._step = jax.jit(world.start), jax.jit(world.step)
        self._canvas = Canvas(env, render_mode)
        self._state: State | None = None

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Float32[np.ndarray, " size"], Info]:
        """Begin an episode.

        Args:
            seed: Seeds all that follows; without it, randomness goes on from the last
                seed, or from the operating system's.
            options: There are none.

        Returns:
            Observation and metrics.

        Raises:
            UserError: If an option is given.
        """
        require_options(options or {}, [])
        super().reset(seed=seed)
        self._state = self._start(jax.random.key(draw_key_seed(self.np_random)))
        return to_numpy(self._state.obs["state"]), to_numpy(self._state.metrics)

    def step(
        self, action: Float[np.ndarray, " action"]
    ) -> tuple[Float32[np.ndarray, " size"], float, bool, bool, Info]:
        """Act for one control step.

        Returns:
            Observation, reward, termination, truncation and metrics.

        Raises:
            UserError: If the action does not have the action space's shape.
            gymnasium.error.ResetNeeded: If `reset` was never called, or the episode is over.
        """
        action = np.asarray(action, np.float32)
        if action.shape != self.action_space.shape:
            raise UserError(f"the action has shape {action.shape}: give {self.action_space.shape}.")
        before = require_reset(self._state)
        if before.done:
            raise gymnasium.error.ResetNeeded("the episode is over: call reset().")
        self._state, _ = self._step(before, action)
        seen, reward, terminated, truncated, metrics = to_numpy(
            (
                self._state.obs["state"],
                self._state.reward,
                self._state.terminated,
                self._state.truncated,
                self._state.metrics,
            )
        )
        return seen, float(reward), bool(terminated), bool(truncated), metrics

    def render(self) -> np.ndarray | None:
        """Draw the world as `height x width x 3` bytes; None without a `render_mode`."""
        if self.render_mode is None:
            return None
        return self._canvas.draw(require_reset(self._state))

    def close(self) -> None:
        """Let go of the world."""
        self._state = None
        self._canvas.close()
