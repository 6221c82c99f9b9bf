"""Going to goals in the plane with skills that were learned without any."""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, PRNGKeyArray

from metaskill.envs.pose import Pose
from metaskill.envs.runner import Running, begin_in
from metaskill.errors import UserError
from metaskill.skills.dads import DADS
from metaskill.skills.discovery import SkillDiscovery
from metaskill.skills.option import record_position, run_option
from metaskill.skills.planner import DENSE, Plan, PlannerConfig, World, new_plan, refine, shift
from metaskill.skills.space import Skill

TEST_GOALS = ((10.0, 10.0), (10.0, -10.0), (-10.0, 10.0), (-10.0, -10.0), (0.0, -10.0), (5.0, 10.0))
"""Goals of the authors' code, metres."""

SUCCESS_DISTANCE = 1.5
"""Metres from a goal within which it counts as reached."""


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Journey:
    """One way to one goal (axis: time).

    Attributes:
        goal: Where to, metres.
        start: Where from.
        position: Where the robot was after each control step.
        pose: How the world stood, for drawing.
        skill: The skill that was executed.
        alive: False once the episode ended early; the robot then stays where it is.
    """

    goal: Float[Array, "*batch 2"]
    start: Float[Array, "*batch 2"]
    position: Float[Array, "*batch time 2"]
    pose: Pose
    skill: Float[Array, "*batch time skill"]
    alive: Bool[Array, "*batch time"]

    @property
    def distance(self) -> Float[Array, "*batch time"]:
        """Distance from the goal after each control step, metres."""
        return jnp.linalg.norm(self.position - self.goal[..., None, :], axis=-1)

    @property
    def delta(self) -> Float[Array, "*batch"]:
        """mean_t ||x_t - g|| / ||g|| (Sharma et al. 2020, section 6.3), from the start on.

        A straight line that arrives at the end scores .5; standing still scores 1.
        """
        length = jnp.linalg.norm(self.goal - self.start, axis=-1)
        return jnp.mean(self.distance, axis=-1) / length

    @property
    def reached(self) -> Bool[Array, "*batch"]:
        """Whether it was ever within `SUCCESS_DISTANCE` of the goal."""
        return jnp.min(self.distance, axis=-1) <= SUCCESS_DISTANCE

    @property
    def stayed(self) -> Bool[Array, "*batch"]:
        """Whether it was within `SUCCESS_DISTANCE` of the goal when time was out."""
        return self.distance[..., -1] <= SUCCESS_DISTANCE


def navigate(
    learner: SkillDiscovery,
    state: Any,
    goal: Float[Array, "2"],
    key: PRNGKeyArray,
    config: PlannerConfig = DENSE,
    sparse: bool = False,
) -> Journey:
    """Plan a way to a goal with a DADS run's skills, and go it; for one episode.

    Every `steps_per_slot` control steps the plan is refined against the skill dynamics and
    its first skill is executed by the deterministic policy. Nothing is trained.

    Args:
        learner: Skill discovery with DADS.
        state: Its trained state.
        goal: x and y, metres.
        key: Draws the initial state and the planner's samples.
        config: How to plan.
        sparse: Plan for being within `SUCCESS_DISTANCE`, instead of for being near.

    Raises:
        UserError: If the skills are not those of DADS.
    """
    dads = learner.reward
    if not isinstance(dads, DADS):
        raise UserError("planning needs skill dynamics: this run's skills are not those of DADS.")
    env = learner.env
    reset_key, context_key, plan_key = jax.random.split(key, 3)
    policy = learner.policy(state)
    start = begin_in(env.reset(reset_key, learner.sample_context(context_key)), policy, reset_key)

    def predict(world: World, skill: Skill) -> World:
        return dads.predict(state.intrinsic, *world, skill)

    def reward(position: Float[Array, "2"]) -> Float[Array, ""]:
        distance = jnp.linalg.norm(position - goal)
        return (distance <= SUCCESS_DISTANCE).astype(jnp.float32) if sparse else -distance

    def slot(
        carry: tuple[Running, Plan], key: PRNGKeyArray
    ) -> tuple[tuple[Running, Plan], Journey]:
        running, plan = carry
        here = (running.world.obs["position"], running.world.obs["state"])
        plan, _ = refine(plan, here, predict, reward, env.space, config, key)
        skill = env.space.nearest(plan[0])
        running, _, trace = run_option(
            env, policy, running, skill, config.steps_per_slot, record_position
        )
        executed = jnp.broadcast_to(skill, (config.steps_per_slot, *skill.shape))
        journey = Journey(goal, here[0], trace.position, trace.pose, executed, trace.alive)
        return (running, shift(plan)), journey

    n_slots = -(-env.episode_length // config.steps_per_slot)
    _, slots = jax.lax.scan(
        slot, (start, new_plan(env.space, config)), jax.random.split(plan_key, n_slots)
    )

    def in_time(leaf: Array) -> Array:
        return leaf.reshape(-1, *leaf.shape[2:])[: env.episode_length]

    return Journey(
        goal=goal,
        start=start.world.obs["position"],
        position=in_time(slots.position),
        pose=jax.tree.map(in_time, slots.pose),
        skill=in_time(slots.skill),
        alive=in_time(slots.alive),
    )
