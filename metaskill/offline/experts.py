"""Scripted experts: one small state machine that does any subtask of the arm.

It looks at nothing but where to act and where to go (`Status`), and at the subtask's manner; it
is a pure function of one world, so `vmap` makes thousands of experts, each in a phase of its
own. What went wrong is tried again from the beginning.
"""

import dataclasses
import enum
import itertools
from typing import Protocol

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from metaskill.envs.arm.control import GripperControl
from metaskill.envs.arm.env import ArmEnv
from metaskill.envs.arm.kinematics import GripperPose, forward
from metaskill.envs.arm.subtask import Manner, Status
from metaskill.envs.env import State
from metaskill.errors import UserError

TRAVEL_HEIGHT = 0.25
"""Where the gripper crosses the table, above everything on it, metres."""

LIFT = 0.10
"""How high a block is carried, above where it goes."""

PRESS_DEPTH = 0.045
"""How far below a button's top the setpoint goes."""

PATIENCE = 50
"""Control steps in one phase after which the expert begins anew."""

LOST = 0.05
"""Distance from the gripper at which what it held is lost, metres."""


class Phase(enum.IntEnum):
    """What the expert is doing."""

    RISE = 0
    HOVER = 1
    DESCEND = 2
    GRASP = 3
    LIFT = 4
    MOVE = 5
    LOWER = 6
    RELEASE = 7
    RETREAT = 8
    FINISHED = 9


# After which phases what comes next, by manner.
_FULL = (Phase.RISE, Phase.HOVER, Phase.DESCEND, Phase.GRASP, Phase.LIFT, Phase.MOVE, Phase.LOWER)
_PLANS = {
    Manner.TOUCH: (Phase.MOVE,),
    Manner.DRAG: (*_FULL[:4], Phase.MOVE, Phase.RELEASE, Phase.RETREAT),
    Manner.HOLD: (*_FULL[:4], Phase.MOVE),
    Manner.CARRY: (*_FULL, Phase.RELEASE, Phase.RETREAT),
    Manner.OPERATE: (*_FULL[:4], Phase.MOVE, Phase.RELEASE, Phase.RETREAT),
    Manner.PRESS: (*_FULL[:3], Phase.MOVE, Phase.RETREAT),
}
_MANNERS = tuple(Manner)
_WAIT = {Phase.GRASP: 6, Phase.RELEASE: 4}


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class ExpertState:
    """What an expert remembers.

    Attributes:
        subtask: What it is doing: an index into the environment's `subtask_names`.
        phase: How far it is.
        ticks: Control steps in this phase.
    """

    subtask: Int[Array, ""]
    phase: Int[Array, ""]
    ticks: Int[Array, ""]


class Expert(Protocol):
    """A policy that remembers: `(expert state, state) -> (action, expert state)`."""

    def __call__(
        self, expert: ExpertState, state: State
    ) -> tuple[Float[Array, " action"], ExpertState]:
        """Act once."""
        ...


def begin(subtask: Int[Array, ""]) -> ExpertState:
    """Return an expert that is about to do a subtask."""
    zero = jnp.zeros((), jnp.int32)
    return ExpertState(jnp.asarray(subtask, jnp.int32), zero, zero)


def make_expert(env: ArmEnv, gain: float = 0.8) -> Expert:
    """Make the expert for an arm environment.

    Args:
        env: The environment, controlled by its gripper.
        gain: What part of the way to where it wants to be an action covers.

    Raises:
        UserError: If the arm is controlled by its joints.
    """
    control = env.control
    if not isinstance(control, GripperControl):
        raise UserError("experts lead the gripper: make the environment with control='gripper'.")
    manners = jnp.array([_MANNERS.index(subtask.manner) for subtask in env.task.subtasks])
    followers = jnp.array([_followers(manner) for manner in _MANNERS])

    def act(expert: ExpertState, state: State) -> tuple[Float[Array, "5"], ExpertState]:
        manner = manners[expert.subtask]
        status = jax.tree.map(lambda leaf: leaf[expert.subtask], env.statuses(state))
        gripper = env.scenery(state).gripper
        # A subtask that begins skips what its manner does not need.
        phase = jnp.where(
            (manner == _MANNERS.index(Manner.TOUCH)) & (expert.phase < Phase.MOVE),
            Phase.MOVE,
            expert.phase,
        )
        wanted, wanted_yaw = _aim(phase, manner, status, gripper)
        held = forward(state.physics.act)
        position = gain * (wanted - held.position) / control.largest_step
        # As fast as possible, in a straight line.
        position = position / jnp.maximum(1.0, jnp.max(jnp.abs(position)))
        yaw = gain * (wanted_yaw - held.yaw) / control.largest_turn
        fingers = jnp.where(_is_closed(phase, manner), 1.0, -1.0)
        action = jnp.concatenate([position, yaw[None], fingers[None]])
        ticks = expert.ticks + 1
        arrived = _arrived(phase, manner, status, gripper, ticks)
        is_lost = (phase >= Phase.GRASP) & (phase <= Phase.LOWER) & (status.reach_error > LOST)
        is_lost &= (manner != _MANNERS.index(Manner.TOUCH)) & ~arrived
        is_stuck = (ticks > PATIENCE) & (phase < Phase.FINISHED) & ~status.done
        following = jnp.where(arrived, followers[manner, phase], phase)
        following = jnp.where((is_lost | is_stuck) & ~arrived, Phase.RISE, following)
        ticks = jnp.where(following == phase, ticks, 0)
        after = ExpertState(expert.subtask, following.astype(jnp.int32), ticks)
        return jnp.clip(action, -1.0, 1.0), after

    return act


def take_turns(env: ArmEnv, expert: ExpertState, state: State) -> ExpertState:
    """Let an expert that has finished begin with the subtask whose turn it is."""
    following = begin(env.turn(state))
    moves_on = (expert.phase == Phase.FINISHED) & (state.metrics["success"] == 0)
    return jax.tree.map(lambda new, old: jnp.where(moves_on, new, old), following, expert)


def _followers(manner: Manner) -> list[int]:
    """Return the phase after each phase, of a manner."""
    plan = (*_PLANS[manner], Phase.FINISHED)
    after = {int(phase): int(following) for phase, following in itertools.pairwise(plan)}
    return [after.get(phase, int(Phase.FINISHED)) for phase in Phase]


def _aim(
    phase: Array, manner: Array, status: Status, gripper: GripperPose
) -> tuple[Float[Array, "3"], Float[Array, ""]]:
    """Return where the gripper shall be."""
    here, point = gripper.position, status.point
    high = jnp.float32(TRAVEL_HEIGHT)
    carry_height = status.target[2] + LIFT
    # What it holds keeps its place in the hand.
    beside = here - point
    presses = manner == _MANNERS.index(Manner.PRESS)
    carries = manner == _MANNERS.index(Manner.CARRY)
    onwards = jnp.where(presses, point.at[2].add(-PRESS_DEPTH), status.target + beside)
    across = (status.target + beside).at[2].set(carry_height)
    aims = {
        Phase.RISE: here.at[2].set(high),
        Phase.HOVER: point.at[2].set(high),
        Phase.DESCEND: point,
        Phase.GRASP: here,
        Phase.LIFT: here.at[2].set(carry_height),
        Phase.MOVE: jnp.where(carries, across, onwards),
        Phase.LOWER: status.target + beside,
        Phase.RELEASE: here,
        Phase.RETREAT: here.at[2].set(high),
        Phase.FINISHED: here,
    }
    touches = manner == _MANNERS.index(Manner.TOUCH)
    wanted = jnp.stack([aims[each] for each in Phase])[phase]
    wanted = jnp.where(touches, point, wanted)
    before = phase < Phase.GRASP
    turned = gripper.yaw + status.target_yaw - status.yaw
    wanted_yaw = jnp.where(before, status.yaw, jnp.where(phase == Phase.MOVE, turned, gripper.yaw))
    return wanted, jnp.where(touches, gripper.yaw, wanted_yaw)


def _is_closed(phase: Array, manner: Array) -> Array:
    holds = (phase >= Phase.GRASP) & (phase <= Phase.LOWER)
    presses = manner == _MANNERS.index(Manner.PRESS)
    touches = manner == _MANNERS.index(Manner.TOUCH)
    return (holds | presses) & ~touches


def _arrived(
    phase: Array, manner: Array, status: Status, gripper: GripperPose, ticks: Array
) -> Array:
    """Tell whether the phase has reached what it is for."""
    here, point = gripper.position, status.point
    aside = jnp.linalg.norm(here[:2] - point[:2])
    is_high = here[2] > TRAVEL_HEIGHT - 0.03
    turned = jnp.abs(gripper.yaw - status.yaw) < 0.1
    at_target = jnp.linalg.norm(point[:2] - status.target[:2]) < 0.01
    carries = manner == _MANNERS.index(Manner.CARRY)
    # Nothing follows on being there, and staying.
    stays = (manner == _MANNERS.index(Manner.TOUCH)) | (manner == _MANNERS.index(Manner.HOLD))
    answers = {
        Phase.RISE: is_high,
        Phase.HOVER: (aside < 0.01) & turned,
        Phase.DESCEND: jnp.linalg.norm(here - point) < 0.012,
        Phase.GRASP: ticks >= _WAIT[Phase.GRASP],
        Phase.LIFT: here[2] > status.target[2] + LIFT - 0.03,
        Phase.MOVE: jnp.where(carries, at_target, ~stays & status.done),
        Phase.LOWER: at_target & (jnp.abs(point[2] - status.target[2]) < 0.008),
        Phase.RELEASE: ticks >= _WAIT[Phase.RELEASE],
        Phase.RETREAT: is_high,
        Phase.FINISHED: jnp.zeros((), bool),
    }
    return jnp.stack([jnp.asarray(answers[each]) for each in Phase])[phase]
