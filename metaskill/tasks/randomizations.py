"""Ready-made domain randomizations, with the ranges of their sources."""

from collections.abc import Callable

from metaskill.envs.interface import Interface
from metaskill.errors import UserError, nearest
from metaskill.physics.parameters import ParamSpec
from metaskill.tasks.distributions import (
    Discrete,
    Fixed,
    LogUniform,
    Normal,
    TruncatedNormal,
    Uniform,
)
from metaskill.tasks.randomization import Randomization

# Roots of the robots: their joints have neither damping nor limits.
_LIMBS = r"(?!root).*"


def none() -> Randomization:
    """Return the randomization of nothing."""
    return Randomization("none")


def locomotion() -> Randomization:
    """Return a modest randomization for robots that run: mass, friction, damping, strength."""
    return Randomization(
        "locomotion",
        physics=(
            (ParamSpec("mass", "body_mass", "scale"), Uniform(0.7, 1.3)),
            (ParamSpec("friction", "geom_friction", "scale", columns=(0,)), Uniform(0.5, 1.5)),
            (ParamSpec("damping", "dof_damping", "scale", _LIMBS), LogUniform(0.5, 2.0)),
            (ParamSpec("strength", "actuator_gear", "scale"), Uniform(0.8, 1.2)),
        ),
    )


def dactyl() -> Randomization:
    """Return Dactyl's table (OpenAI 2018, table 1) for robots with motors.

    Kept: the ranges of masses, friction, damping, gains (of motors: their gear), joint
    limits and gravity; noise on actions; for each actuator a delay of one control step with
    probability 1/2. N(0, x) is read as a standard deviation of x. Left
    out, because these robots have no counterpart: fingertips' and object's observation
    noise, dimensions of the object, the object's random force (here: rare pushes), and
    variable timing. Robots that move in a plane cannot feel `gravity_y`, which is reported.
    """
    return Randomization(
        "dactyl",
        physics=(
            (ParamSpec("mass", "body_mass", "scale"), Uniform(0.5, 1.5)),
            (ParamSpec("friction", "geom_friction", "scale", columns=(0,)), Uniform(0.7, 1.3)),
            (ParamSpec("damping", "dof_damping", "scale", _LIMBS), LogUniform(0.3, 3.0)),
            (ParamSpec("gain", "actuator_gear", "scale"), LogUniform(0.75, 1.5)),
            (ParamSpec("limits", "jnt_range", "add", _LIMBS), Normal(0.0, 0.15)),
            *(
                (ParamSpec(f"gravity_{axis}", "opt.gravity", "add", columns=(i,)), Normal(0.0, 0.4))
                for i, axis in enumerate("xyz")
            ),
        ),
        interface=Interface(
            effects=(
                "action_delay",
                "action_noise_additive",
                "action_noise_correlated",
                "action_noise_multiplicative",
                "push",
            ),
            max_delay=1,
        ),
        strengths={
            "action_delay": Discrete([0.0, 1.0]),
            "action_noise_additive": Fixed(0.05),
            "action_noise_correlated": Fixed(0.015),
            "action_noise_multiplicative": Fixed(0.015),
            "push_probability": LogUniform(0.001, 0.1),
            "push_speed": Fixed(0.1),
        },
        per_actuator=frozenset({"action_delay"}),
    )


def epopt_hopper() -> Randomization:
    """Return the Hopper of EPOpt (Rajeswaran et al. 2017, table 1).

    Its means are the nominal values of its own Hopper; they are kept as ratios: torso mass
    6 ± 1.5 in [3, 9], floor friction 2 ± 0.25 in [1.5, 2.5], joint damping 2.5 ± 1 in [1, 4],
    armature 1 ± 0.25 in [0.5, 1.5], truncated normals all.
    """
    return Randomization(
        "epopt_hopper",
        physics=(
            (
                ParamSpec("torso_mass", "body_mass", "scale", "torso"),
                TruncatedNormal(1.0, 0.25, 0.5, 1.5),
            ),
            (
                ParamSpec("friction", "geom_friction", "scale", "foot_geom", columns=(0,)),
                TruncatedNormal(1.0, 0.125, 0.75, 1.25),
            ),
            (
                ParamSpec("damping", "dof_damping", "scale", _LIMBS),
                TruncatedNormal(1.0, 0.4, 0.4, 1.6),
            ),
            (
                ParamSpec("armature", "dof_armature", "scale", _LIMBS),
                TruncatedNormal(1.0, 0.25, 0.5, 1.5),
            ),
        ),
    )


RANDOMIZATIONS: dict[str, Callable[[], Randomization]] = {
    "none": none,
    "locomotion": locomotion,
    "dactyl": dactyl,
    "epopt_hopper": epopt_hopper,
}


def find_randomization(name: str) -> Randomization:
    """Return the randomization called `name`.

    Raises:
        UserError: If there is none.
    """
    if name not in RANDOMIZATIONS:
        raise UserError(f"no randomization is called {name!r}: {nearest(name, RANDOMIZATIONS)}")
    return RANDOMIZATIONS[name]()
