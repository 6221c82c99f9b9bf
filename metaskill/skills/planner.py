"""Planning with skills: model-predictive control in skill space, without any training."""

import dataclasses
from collections.abc import Callable
from typing import Annotated

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from metaskill.checking import Checked
from metaskill.ranges import Above, AtLeast, Count, HalfOpen
from metaskill.skills.space import Skill, SkillSpace

World = tuple[Float[Array, "2"], Float[Array, " body"]]
"""What the skill dynamics knows of a world: x-y position, and `state`."""

Predict = Callable[[World, Skill], World]
"""Where a control step under a skill leads."""

PlanReward = Callable[[Float[Array, "2"]], Float[Array, ""]]
"""The reward of being at a position after a control step."""

Plan = Float[Array, "slot skill"]
"""The mean skill of each slot to come."""


@dataclasses.dataclass(frozen=True)
class PlannerConfig(Checked):
    """Model-predictive path integral control over skills (Sharma et al. 2020, algorithm 2).

    Attributes:
        slots: Skills that are planned ahead (H_P).
        steps_per_slot: Control steps that each is executed for (H_Z).
        refinements: Times that a plan is sampled around and averaged (R).
        samples: Plans sampled in each refinement (K).
        temperature: How much better plans count more, per unit of return (gamma).
        std: Standard deviation of samples around the plan.
        smoothing: How much of each slot's noise is that of the slot before.
    """

    slots: Count = 1
    steps_per_slot: Count = 10
    refinements: Count = 10
    samples: Count = 50
    temperature: Annotated[float, AtLeast(0)] = 10.0
    std: Annotated[float, Above(0)] = 1.0
    smoothing: Annotated[float, HalfOpen(0, 1)] = 0.0


DENSE = PlannerConfig()
"""For rewards that tell everywhere which way is better."""

SPARSE = PlannerConfig(slots=4, steps_per_slot=25, samples=200, smoothing=0.9)
"""For rewards that are 0 except near the goal."""


def new_plan(space: SkillSpace, config: PlannerConfig) -> Plan:
    """Return the plan of someone who knows nothing: slots begin at N(0, I)."""
    return jnp.zeros((config.slots, space.size))


def refine(
    plan: Plan,
    world: World,
    predict: Predict,
    reward: PlanReward,
    space: SkillSpace,
    config: PlannerConfig,
    key: PRNGKeyArray,
) -> tuple[Plan, Float[Array, ""]]:
    """Improve a plan against the skill dynamics.

        z_k ~ N(mu, std^2),   mu = sum_k softmax(temperature R_k) z_k

    where R_k is the return of executing z_k in the model. Samples are moved to the nearest
    skills there are (into [-1, 1] in a box) before they are tried, and averaged as such.

    Args:
        plan: The plan so far.
        world: Where the world is.
        predict: The skill dynamics.
        reward: What to plan for.
        space: What skills there are.
        config: How to plan.
        key: Draws the samples.

    Returns:
        The plan, and the predicted return of its last samples, weighted likewise.
    """

    def evaluate(plan: Plan) -> Float[Array, ""]:
        def control_step(world: World, skill: Skill) -> tuple[World, Float[Array, ""]]:
            world = predict(world, skill)
            return world, reward(world[0])

        skills = jnp.repeat(plan, config.steps_per_slot, axis=0)
        _, rewards = jax.lax.scan(control_step, world, skills)
        return jnp.sum(rewards)

    def improve(plan: Plan, key: PRNGKeyArray) -> tuple[Plan, Float[Array, ""]]:
        noise = jax.random.normal(key, (config.samples, *plan.shape))
        samples = plan + config.std * _smooth(noise, config.smoothing)
        samples = jax.vmap(jax.vmap(space.nearest))(samples)
        returns = jax.vmap(evaluate)(samples)
        weights = jax.nn.softmax(config.temperature * returns)
        plan = jnp.einsum("k,ksd->sd", weights, samples)
        return plan, jnp.sum(weights * returns)

    plan, returns = jax.lax.scan(improve, plan, jax.random.split(key, config.refinements))
    return plan, returns[-1]


def shift(plan: Plan) -> Plan:
    """Drop the slot that was executed; the new last one begins at N(0, I)."""
    return jnp.roll(plan, -1, axis=0).at[-1].set(0.0)


def _smooth(noise: Float[Array, "sample slot skill"], smoothing: float) -> Array:
    """Correlate the noise of successive slots, keeping its variance."""
    if not smoothing:
        return noise
    fresh = jnp.sqrt(1.0 - smoothing**2)

    def step(last: Array, new: Array) -> tuple[Array, Array]:
        mixed = smoothing * last + fresh * new
        return mixed, mixed

    slots = jnp.moveaxis(noise, 1, 0)
    _, later = jax.lax.scan(step, slots[0], slots[1:])
    return jnp.moveaxis(jnp.concatenate([slots[:1], later]), 0, 1)
