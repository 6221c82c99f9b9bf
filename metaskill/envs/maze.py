"""A point robot in a maze, in closed form."""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, PRNGKeyArray

from metaskill.checking import checked_arguments
from metaskill.envs.env import Context, EpisodeLength, State
from metaskill.envs.maze_layout import draw_free_cells, make_maze
from metaskill.physics.state import PhysicsState
from metaskill.ranges import Count, Whole


class Maze:
    """A round robot that is pushed through a maze and looks for a goal (as SPiRL's).

        v' = (1 - c) v + s a,    x' = x + v' where no wall is in the way

    Distances are in cells. Each coordinate moves on its own, up to the wall: the robot slides
    along walls, and loses the speed with which it ran into them. The reward is 1 when the
    goal is reached, which ends the episode, and 0 before.

    Walls are part of the context, so one program serves any number of mazes of a size; start
    and goal too. There is no simulation and no MJCF: `engine` is accepted, and ignored.
    """

    name = "maze"
    action_size = 2
    control_timestep = 0.1
    push = 0.1
    drag = 0.4
    radius = 0.2
    goal_radius = 0.5
    view = 9
    view_spacing = 0.5

    @checked_arguments
    def __init__(
        self,
        engine: str = "auto",
        episode_length: EpisodeLength = 2000,
        size: int = 10,
        layout: Whole = 0,
        loops: float = 0.1,
        layouts: Count = 1,
        across: bool = False,
    ):
        """Make the environment.

        Args:
            engine: Ignored.
            episode_length: Steps until truncation.
            size: Rooms along each side of the maze.
            layout: Seed of the maze of the nominal context.
            loops: See `make_maze`.
            layouts: How many mazes there are to draw from, those of the seeds from `layout` on.
            across: Whether episodes lead from one corner to the opposite one, or start and
                goal are drawn.

        Raises:
            UserError: If there is no such maze.
        """
        del engine
        self.episode_length = episode_length
        self.layouts = np.stack([make_maze(size, layout + i, loops) for i in range(layouts)])
        self.walls = self.layouts[0]
        self.across = across
        self.observation_sizes = {"state": 6 + self.view**2}

    def nominal_context(self) -> Context:
        """Return the maze with start and goal in opposite corners."""
        end = self.walls.shape[0] - 1.5
        return Context(
            physics={"walls": jnp.asarray(self.walls, jnp.float32)},
            reward={"start": jnp.full(2, 1.5), "goal": jnp.full(2, end)},
        )

    def sample_context(self, key: PRNGKeyArray) -> Context:
        """Draw the maze; and start and goal, two of its free cells, or a place in the first room.

        That place keeps the robot off the walls.
        """
        layout_key, key = jax.random.split(key)
        walls = jnp.asarray(self.layouts)[jax.random.randint(layout_key, (), 0, len(self.layouts))]
        if self.across:
            reach = 0.5 - self.radius
            noise = jax.random.uniform(key, (2,), minval=-reach, maxval=reach)
            reward = self.nominal_context().reward
            reward = {**reward, "start": reward["start"] + noise}
        else:
            start, goal = draw_free_cells(walls, key, 2)
            reward = {"start": start, "goal": goal}
        return Context(physics={"walls": walls.astype(jnp.float32)}, reward=reward)

    def reset(self, key: PRNGKeyArray, context: Context) -> State:
        """Stand still at the start."""
        start = context.reward["start"]
        return self._state(start, jnp.zeros(2), context, jnp.zeros((), jnp.int32), key)

    def step(self, state: State, action: Float[Array, "2"]) -> State:
        """Accelerate, and move where that is possible."""
        walls = state.context.physics["walls"] > 0.5
        velocity = (1 - self.drag) * state.physics.qvel + self.push * jnp.clip(action, -1.0, 1.0)
        position = state.physics.qpos
        for axis in range(2):
            moved = position.at[axis].add(velocity[axis])
            blocked = self._touches(walls, moved)
            position = jnp.where(blocked, position, moved)
            velocity = velocity.at[axis].set(jnp.where(blocked, 0.0, velocity[axis]))
        return self._state(position, velocity, state.context, state.step + 1, state.key)

    def position(self, physics: PhysicsState) -> Float[Array, "2"]:
        """The robot's middle."""
        return physics.qpos

    def _touches(self, walls: Bool[Array, "rows columns"], middle: Array) -> Bool[Array, ""]:
        """Tell whether the robot's bounding square at a place overlaps a wall."""
        corners = middle + self.radius * jnp.array(
            [[1.0, 1.0], [1.0, -1.0], [-1.0, 1.0], [-1.0, -1.0]]
        )
        return jnp.any(_is_wall(walls, corners))

    def _state(
        self,
        position: Float[Array, "2"],
        velocity: Float[Array, "2"],
        context: Context,
        step: Array,
        key: PRNGKeyArray,
    ) -> State:
        goal = context.reward["goal"]
        distance = jnp.linalg.norm(position - goal)
        reached = (step > 0) & (distance < self.goal_radius)
        return State(
            physics=PhysicsState(
                qpos=position,
                qvel=velocity,
                act=jnp.zeros(0),
                qacc_warmstart=jnp.zeros(2),
                time=self.control_timestep * step.astype(jnp.float32),
                derived={},
                failed=jnp.zeros((), bool),
            ),
            obs={"state": self._observe(position, velocity, context)},
            reward=reached.astype(jnp.float32),
            terminated=reached,
            truncated=~reached & (step >= self.episode_length),
            context=context,
            step=step,
            key=key,
            metrics={
                "success": reached.astype(jnp.float32),
                "distance": distance,
                "failed": jnp.zeros(()),
            },
        )

    def _observe(
        self, position: Float[Array, "2"], velocity: Float[Array, "2"], context: Context
    ) -> Float[Array, " size"]:
        """Position and goal from the middle of the maze, velocity, and the walls around.

        The walls are seen as from above, at 9 x 9 points half a cell apart, row by row: what
        a skill prior can use in a maze that it never saw.
        """
        walls = context.physics["walls"] > 0.5
        middle = walls.shape[0] / 2
        reach = self.view_spacing * (self.view // 2)
        offsets = jnp.linspace(-reach, reach, self.view)
        around = jnp.stack(jnp.meshgrid(offsets, offsets), axis=-1).reshape(-1, 2)
        seen = _is_wall(walls, position + around).astype(jnp.float32)
        goal = context.reward["goal"]
        return jnp.concatenate(
            [(position - middle) / middle, (goal - middle) / middle, velocity / self.push, seen]
        )


def _is_wall(
    walls: Bool[Array, "rows columns"], points: Float[Array, "point 2"]
) -> Bool[Array, " point"]:
    """Tell which points are in a wall; all is wall outside the maze."""
    cells = jnp.floor(points).astype(jnp.int32)
    return walls.at[cells[:, 1], cells[:, 0]].get(mode="fill", fill_value=True)
