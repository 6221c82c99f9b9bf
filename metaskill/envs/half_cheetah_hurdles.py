"""HalfCheetah on a track with hurdles, rewarded for each that it passes."""

from xml.etree import ElementTree

import jax.numpy as jnp
import mujoco

from metaskill.envs.counted_on import refuse_what_is_counted_on
from metaskill.envs.env import EpisodeLength, Observation
from metaskill.envs.half_cheetah import HalfCheetah
from metaskill.envs.mjcf import load_brax_model
from metaskill.physics.parameters import ParamSpec
from metaskill.physics.state import PhysicsState

SPACING = 3.0
"""Metres from one hurdle to the next, and from the start to the first."""

HEIGHT = 0.25
"""Metres, a third of what the torso stands above the floor."""

_RADIUS = 0.05
_N_HURDLES = 20


class HalfCheetahHurdles(HalfCheetah):
    """HalfCheetah, with hurdles across its track.

    In the manner of Eysenbach et al. 2019 (section 4.2.3), who do not say how high theirs are.
    What touches the floor touches hurdles: head, thighs and feet. The reward is sparse: 1 when
    the torso comes past a hurdle (objective `milestones`), and nothing for control.

    It observes `state` as HalfCheetah does, so that what was learned there acts here; and
    `task_state`: that, and how far ahead the next hurdle is.
    """

    control_cost = 0.0

    def __init__(
        self,
        engine: str = "auto",
        objective: str = "milestones",
        episode_length: EpisodeLength = 1000,
        parameters: tuple[ParamSpec, ...] = (),
    ):
        """Compile the model and build its engine, as `Locomotion` does.

        Raises:
            UserError: As `Locomotion`; or if a parameter moves hurdles along the track.
        """
        super().__init__(engine, objective, episode_length, parameters)
        self.name = "half_cheetah_hurdles"  # The model's is the robot's.
        refuse_what_is_counted_on(
            self.model,
            parameters,
            _moves_along_the_track,
            f"reward and observation take hurdles to stand every {SPACING:g} m; vary other "
            "columns, such as their height (2), or geom_size.",
        )

    def load_model(self) -> mujoco.MjModel:
        """Compile HalfCheetah's model with the hurdles."""
        return load_brax_model(self.model_name, _put_hurdles)

    def observe(self, physics: PhysicsState) -> Observation:
        """What HalfCheetah sees; and with it the distance to the next hurdle, 0 to `SPACING`."""
        own = super().observe(physics)
        ahead = SPACING - jnp.mod(self.position(physics)[:1], SPACING)
        return {**own, "task_state": jnp.concatenate([own["state"], ahead])}


def _moves_along_the_track(spec: ParamSpec, name: str) -> bool:
    return (
        name.startswith("hurdle_")
        and spec.field == "geom_pos"
        and (spec.columns is None or 0 in spec.columns)
    )


def _put_hurdles(root: ElementTree.Element) -> None:
    """Lay bars across the track, each with its top at `HEIGHT`."""
    world = root.find("worldbody")
    assert world is not None
    for number in range(1, _N_HURDLES + 1):
        x, z = number * SPACING, HEIGHT - _RADIUS
        ElementTree.SubElement(
            world,
            "geom",
            name=f"hurdle_{number}",
            type="capsule",
            fromto=f"{x} -0.5 {z} {x} 0.5 {z}",
            size=f"{_RADIUS}",
            conaffinity="1",
            rgba="0.8 0.3 0.2 1",
        )
