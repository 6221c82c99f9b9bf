"""One world as pure functions, with Gymnasium's orders of step and reset, and its picture."""

import contextlib
from typing import Any

import jax
import numpy as np
from jaxtyping import Array, Bool, Float, PRNGKeyArray

from metaskill.envs.auto_reset import SampleContext
from metaskill.envs.containment import contained_step
from metaskill.envs.drawing import Draw, drawing, require_model
from metaskill.envs.env import Env, State
from metaskill.envs.interop.gymnasium.conventions import RENDER_MODES
from metaskill.envs.pose import pose_of
from metaskill.envs.where_needed import where_needed
from metaskill.errors import UserError, nearest

_WIDTH, _HEIGHT = 480, 320


class World:
    """One world whose episodes draw their own contexts.

    A world that leaves the finite numbers terminates with reward 0 in the last observation that
    was finite, and its metric `failed` is 1.
    """

    def __init__(self, env: Env, sample_context: SampleContext | None):
        """Take an environment.

        Args:
            env: The environment.
            sample_context: Draws the context of each episode; by default the nominal one.
        """
        self._env = env
        self._act = contained_step(env)
        self._sample_context = sample_context or (lambda _: env.nominal_context())

    def start(self, key: PRNGKeyArray) -> State:
        """Begin an episode."""
        reset_key, context_key = jax.random.split(key)
        return self._env.reset(reset_key, self._sample_context(context_key))

    def restart(self, key: PRNGKeyArray, where: Bool[Array, ""], state: State) -> State:
        """Begin an episode where it is asked for."""
        return where_needed(self.start, where, key, otherwise=state)

    def step(self, state: State, action: Float[Array, " action"]) -> tuple[State, State]:
        """Act, and leave it at that.

        Returns:
            Where to act from next and what the step came to, as the other two orders do: here
            these are the same.
        """
        outcome, _ = self._act(state, action)
        return outcome, outcome

    def step_or_reset(self, state: State, action: Float[Array, " action"]) -> tuple[State, State]:
        """Act; or, where the episode was over, begin the next one instead."""
        moved, _ = self._act(state, action)
        after = self.restart(jax.random.fold_in(state.key, 1), state.done, moved)
        return after, after

    def step_and_reset(self, state: State, action: Float[Array, " action"]) -> tuple[State, State]:
        """Act; and where that ended the episode, begin the next one at once."""
        outcome, _ = self._act(state, action)
        key = jax.random.fold_in(outcome.key, 1)
        return self.restart(key, outcome.done, outcome), outcome


class Canvas:
    """Draws worlds for `render`, with a renderer that stays open between calls."""

    def __init__(self, env: Env, render_mode: str | None):
        """Check that the environment can be drawn; nothing is opened yet.

        Args:
            env: The environment.
            render_mode: `rgb_array`, or None for no pictures.

        Raises:
            UserError: If there is no such mode, or nothing to draw.
        """
        if render_mode is not None and render_mode not in RENDER_MODES:
            raise UserError(
                f"render_mode {render_mode!r} does not exist: {nearest(render_mode, RENDER_MODES)}"
            )
        if render_mode is not None:
            require_model(env)
        self._env = env
        self._opened = contextlib.ExitStack()
        self._draw: Draw | None = None

    def draw(self, state: State) -> np.ndarray:
        """Draw one world, as `height x width x 3` bytes."""
        if self._draw is None:
            self._draw = self._opened.enter_context(drawing(self._env, _WIDTH, _HEIGHT))
        return self._draw(to_numpy(pose_of(state)))

    def close(self) -> None:
        """Let go of the renderer."""
        self._opened.close()
        self._draw = None


def to_numpy(tree: Any) -> Any:
    """Copy arrays to the host, since callers overwrite what they get."""
    return jax.tree.map(np.array, jax.device_get(tree))


def draw_key_seed(generator: np.random.Generator) -> int:
    """Draw the seed of a JAX key."""
    return int(generator.integers(2**31))
