"""The task families of the meta-learning literature, for any environment that has them.

Ranges and weights are those of Finn et al. 2017 (section 5.3 and appendix A.2, and the
authors' code, cbfinn/maml_rl). On Ant and HalfCheetah the weights of the reward are theirs
too; other robots keep their own. The constants that the authors add to Ant's rewards are
part of `healthy_reward` here, so they miss in the one step in which Ant falls. Their penalty
on Ant's contact forces is left out: the environment does not compute them.

The paper tests on tasks of the training distribution. Here a fifth of every continuous
range is held out, in cells of one of its coordinates (`split_range`).
"""

import inspect
import math
from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
from jaxtyping import Array

from metaskill.checking import checked_arguments
from metaskill.envs.env import Context, Env
from metaskill.errors import UserError, nearest
from metaskill.tasks.distributions import Discrete, Product, Uniform
from metaskill.tasks.family import TaskFamily, context_of
from metaskill.tasks.split import split_range

_HALF_CHEETAH = {"healthy_reward": 0.0, "control_cost": 0.05}
_ANT_CONTROL_COST = 0.005
_ANT_SURVIVAL = 0.05
# By robot and by the reward's entry that sets its tasks.
_PAPER_WEIGHTS = {
    ("half_cheetah", "target_velocity"): _HALF_CHEETAH,
    ("half_cheetah", "direction"): _HALF_CHEETAH,
    ("ant", "direction"): {"healthy_reward": _ANT_SURVIVAL, "control_cost": _ANT_CONTROL_COST},
    ("ant", "target_velocity"): {
        "healthy_reward": _ANT_SURVIVAL + 1.0,
        "control_cost": _ANT_CONTROL_COST,
    },
    ("ant", "goal"): {
        "healthy_reward": _ANT_SURVIVAL + 4.0,
        "control_cost": _ANT_CONTROL_COST,
    },
}
_OBJECTIVE_OF = {"target_velocity": "velocity", "direction": "direction", "goal": "goal"}
_PLANAR = ("half_cheetah", "half_cheetah_hurdles", "hopper", "walker2d")
_FASTEST = {"half_cheetah": 2.0, "ant": 3.0}


@checked_arguments
def goal_velocity(env: Env, low: float = 0.0, high: float | None = None) -> TaskFamily:
    """Run at a given speed: g ~ U[low, high] m/s.

    Finn et al. 2017: HalfCheetah U[0, 2], Ant U[0, 3].

    Args:
        env: An environment with objective `velocity`.
        low: The slowest goal.
        high: The fastest goal; if not given the paper's, or 2 for other robots.

    Raises:
        UserError: If the environment has another objective, or the range is none.
    """
    nominal = _nominal_with(env, "target_velocity", "goal_velocity")
    if high is None:
        high = _FASTEST.get(env.name, 2.0)
    train, held_out = split_range(low, high)
    return TaskFamily(
        name="goal_velocity",
        nominal=nominal,
        train=Product({"target_velocity": train}),
        held_out=Product({"target_velocity": held_out}),
        held_out_is_disjoint=low < high,
    )


def direction(env: Env) -> TaskFamily:
    """Run forward or backward, with equal probabilities (Finn et al. 2017).

    There are two tasks, so none can be held out: both are for training and for testing.

    Args:
        env: An environment with objective `direction`.

    Raises:
        UserError: If the environment has another objective.
    """
    nominal = _nominal_with(env, "direction", "direction")
    both = Product({"direction": Discrete([[1.0, 0.0], [-1.0, 0.0]])})
    return TaskFamily("direction", nominal, both, both, held_out_is_disjoint=False)


def any_direction(env: Env) -> TaskFamily:
    """Run in any direction of the plane: its angle ~ U[-pi, pi).

    No task of Finn et al. 2017; the weights of the reward are those of `direction`.

    Args:
        env: An environment with objective `direction`, whose robot moves in the plane.

    Raises:
        UserError: If the environment has another objective, or its robot one direction.
    """
    nominal = _nominal_with(env, "direction", "any_direction")
    _refuse_planar(env, "any_direction", "use the family 'direction'")
    train, held_out = split_range(-math.pi, math.pi)
    return TaskFamily(
        name="any_direction",
        nominal=nominal,
        train=Product({"angle": train}),
        held_out=Product({"angle": held_out}),
        held_out_is_disjoint=True,
        to_reward=_unit_vector,
    )


@checked_arguments
def goal_position(env: Env, low: float = -3.0, high: float = 3.0) -> TaskFamily:
    """Go to a point of the plane: p ~ U[low, high]^2 metres.

    Finn et al. 2017: Ant U[-3, 3]^2. The held-out goals are stripes: cells of x, any y.

    Args:
        env: An environment with a goal: a robot with objective `goal`, or `point_mass`.
        low: The smallest coordinate.
        high: The largest coordinate.

    Raises:
        UserError: If the environment has no goal, its robot cannot move in the plane, or
            the range is none.
    """
    return _goals(env, "goal_position", low, high)


def navigation(env: Env) -> TaskFamily:
    """Go to a point nearby: p ~ U[-0.5, 0.5]^2 (Finn et al. 2017, for `point_mass`).

    The held-out goals are stripes: cells of x, any y.

    Args:
        env: `point_mass`, or another environment with a goal.

    Raises:
        UserError: If the environment has no goal, or its robot cannot move in the plane.
    """
    return _goals(env, "navigation", -0.5, 0.5)


def nominal(env: Env) -> TaskFamily:
    """Have one task only, the environment's own, for training and for testing."""
    one = Product({})
    return TaskFamily("nominal", env.nominal_context(), one, one, held_out_is_disjoint=False)


FAMILIES: dict[str, Callable[..., TaskFamily]] = {
    "any_direction": any_direction,
    "direction": direction,
    "goal_position": goal_position,
    "goal_velocity": goal_velocity,
    "navigation": navigation,
    "nominal": nominal,
}


def make_family(name: str, env: Env, /, **options: Any) -> TaskFamily:
    """Make the family called `name` for an environment.

    Args:
        name: One of `FAMILIES`.
        env: The environment.
        **options: The family's own, such as `low` and `high`.

    Raises:
        UserError: If there is no such family or option, or not for this environment.
    """
    if name not in FAMILIES:
        fitting = [family for family in FAMILIES if _fits(family, env)]
        raise UserError(f"no task family is called {name!r}: {nearest(name, fitting)}")
    accepted = [p for p in inspect.signature(FAMILIES[name]).parameters if p != "env"]
    for option in options:
        if option not in accepted:
            hint = nearest(option, accepted) if accepted else "it has none."
            raise UserError(f"the task family {name} has no option {option!r}: {hint}")
    return FAMILIES[name](env, **options)


def _fits(family: str, env: Env) -> bool:
    """Tell whether a family can be made for an environment."""
    try:
        FAMILIES[family](env)
    except UserError:
        return False
    return True


def _goals(env: Env, name: str, low: float, high: float) -> TaskFamily:
    nominal = _nominal_with(env, "goal", name)
    _refuse_planar(env, name, "use the family 'goal_velocity' with objective='velocity'")
    train, held_out = split_range(low, high)
    any_y = Uniform(low, high)
    return TaskFamily(
        name=name,
        nominal=nominal,
        train=Product({"goal_x": train, "goal_y": any_y}),
        held_out=Product({"goal_x": held_out, "goal_y": any_y}),
        held_out_is_disjoint=low < high,
        to_reward=_point,
    )


def _unit_vector(parameters: dict[str, Array]) -> dict[str, Array]:
    angle = parameters["angle"]
    return {"direction": jnp.stack([jnp.cos(angle), jnp.sin(angle)])}


def _point(parameters: dict[str, Array]) -> dict[str, Array]:
    return {"goal": jnp.stack([parameters["goal_x"], parameters["goal_y"]])}


def _nominal_with(env: Env, entry: str, family: str) -> Context:
    """Return the nominal context with the paper's weights, if its reward has the entry."""
    nominal = env.nominal_context()
    if entry not in nominal.reward:
        point_mass = "point_mass or " if entry == "goal" else ""
        raise UserError(
            f"the task family {family} sets the reward's {entry!r}, which this {env.name} does "
            f"not read: make {point_mass}a robot with objective={_OBJECTIVE_OF[entry]!r}."
        )
    return context_of(nominal, _PAPER_WEIGHTS.get((env.name, entry), {}))


def _refuse_planar(env: Env, family: str, remedy: str) -> None:
    if env.name in _PLANAR:
        raise UserError(f"{env.name} cannot leave the line, as {family} asks it to: {remedy}.")
