"""A short trial of what a simulation feels of a parameter, where no rule tells.

Some parameters are read by the simulation and change nothing all the same: the friction of a
geom that never comes near another, a spring in a joint that something else holds. A trial steps
the model from varied states with and without the change, on MuJoCo's own engine, and compares
bits. A trial proves nothing about states that it did not visit, so it only reports.
"""

import contextlib
import copy
import hashlib
import logging
import time
from collections.abc import Iterator, Sequence

import mujoco
import numpy as np
from mujoco import batch as mujoco_batch
from mujoco import mjtJoint

from metaskill.physics.change import Change
from metaskill.physics.constants import without_shortcuts
from metaskill.physics.reference import engine_copy

N_STATES = 16
CHUNKS = (1, 4, 15, 30, 50)
SIZES = (1, -6, 6)
_SETTLING = (1, 9, 40, 50, 100)
_TIME_LIMIT = 1.2  # s of the processor, so that what else runs does not cut a trial short
# Beyond this a world is exploding, and no longer worth its time.
_LARGEST_SANE_VALUE = 1e3
_STATE = ("qpos", "qvel", "act", "sensordata")

_logger = logging.getLogger(__name__)
_tried: set[tuple] = set()
_trials: dict[tuple, "Trial"] = {}

States = dict[str, np.ndarray]
"""Fields of MjData by name, a row a state."""


def report_unfelt(
    model: mujoco.MjModel, changes: Sequence[Change], everything: Sequence[Change] = ()
) -> None:
    """Log as a warning, once in a process, each change of which a short trial feels nothing.

    Args:
        model: The compiled model.
        changes: What is tried. Within a second it may not come to all; nothing is said of the
            rest.
        everything: What all parameters change, of which some may make others matter.
    """
    if not changes:
        return
    deadline = time.process_time() + _TIME_LIMIT
    fingerprint = _fingerprint(model)
    untried = {
        key: change for change in changes if (key := (fingerprint, *_content(change))) not in _tried
    }
    _tried.update(untried)
    if not untried:
        return
    key = fingerprint, changes[0].read
    if key not in _trials:
        _trials[key] = Trial(model, changes[0].read)
    trial = _trials[key]
    for change in untried.values():
        others = [other for other in everything if other is not change]
        if not trial.feels(change, others, deadline):
            _logger.warning(
                "%s: a trial of %d steps from %d states felt nothing of it; check what it selects "
                "of %s, and whether anything in the scene reads it (contacts, limits, sensors).",
                change.name,
                trial.n_steps,
                N_STATES,
                change.field,
            )


class Trial:
    """Runs of a model from varied states, with which runs of changed models are compared.

    Attributes:
        model: The model as engines step it.
        starts: The states from which the runs start: half of them drawn, half settled.
        controls: The controls of each chunk of steps.
        n_steps: Steps of each run; fewer where the model is slow.
    """

    def __init__(self, model: mujoco.MjModel, read: tuple[str, ...] = ()):
        """Prepare the states.

        Args:
            model: The compiled model.
            read: MjData fields that count beside state and sensors.
        """
        # Frames vary in engines without the shortcuts, which would make them felt too much.
        self.model = with_constants(engine_copy(without_shortcuts(model)))
        self._read = (*_STATE, *read)
        rng = np.random.default_rng(0)
        self.starts = varied_states(self.model, N_STATES, rng)
        self.controls = [varied_controls(model, N_STATES, rng) for _ in CHUNKS]
        begun = time.process_time()
        settled = self.starts
        for _, reached in self._run(self.model, self.starts, _SETTLING):
            settled = reached
            if time.process_time() - begun > _TIME_LIMIT / 4:
                break
        half = np.arange(N_STATES) % 2 == 1
        for name in self.starts:
            sane = np.all(np.abs(settled[name]) < _LARGEST_SANE_VALUE, axis=1)
            self.starts[name][half & sane] = settled[name][half & sane]
        self._nominal = []
        for run in self._run(self.model, self.starts, CHUNKS):
            self._nominal.append(run)
            if time.process_time() - begun > _TIME_LIMIT / 2:
                break
        self.n_steps = sum(CHUNKS[: len(self._nominal)])

    def feels(self, change: Change, others: Sequence[Change], deadline: float) -> bool:
        """Tell whether some run differs in a bit; true too where time or MuJoCo cuts it short.

        Args:
            change: What is tried.
            others: Changes that may make it matter: tried beside it where it alone does not.
            deadline: When to stop, by `time.process_time`.
        """
        if self._differs(self.model, self._nominal, change, deadline):
            return True
        if not others:
            return False
        beside = self.model
        for other in others:
            beside = perturbed(beside, other, 1) or beside
        runs = self._run(beside, self.starts, CHUNKS[: len(self._nominal)])
        return self._differs(beside, list(runs), change, deadline)

    def _differs(
        self,
        model: mujoco.MjModel,
        nominal: list[tuple[States, States]],
        change: Change,
        deadline: float,
    ) -> bool:
        for size in SIZES:
            changed = perturbed(model, change, size)
            if changed is None:
                return True
            runs = self._run(changed, self.starts, CHUNKS)
            for (expected, _), (found, _) in zip(nominal, runs, strict=False):
                if time.process_time() > deadline:
                    return True
                if any(expected[name].tobytes() != found[name].tobytes() for name in expected):
                    return True
        return False

    def _run(
        self, model: mujoco.MjModel, starts: States, chunks: tuple[int, ...]
    ) -> Iterator[tuple[States, States]]:
        """Yield after each chunk what counts, and the states from which one could go on."""
        batch = mujoco_batch.Batch(model, N_STATES)
        bound = {name: batch.bind(name) for name in dict.fromkeys((*self._read, *starts))}
        for name, values in starts.items():
            bound[name][...] = values
        ctrl, sane = batch.bind("ctrl"), np.ones(N_STATES, bool)
        for n_steps, controls in zip(chunks, self.controls, strict=False):
            ctrl[...] = controls
            try:
                with quietly():
                    batch.step(None if sane.all() else sane, nstep=n_steps)
            except mujoco_batch.SimulationError as error:
                sane[error.ids] = False
            for name in ("qpos", "qvel"):
                sane &= np.all(np.abs(bound[name]) < _LARGEST_SANE_VALUE, axis=1)
            yield (
                {name: np.array(bound[name]) for name in self._read},
                {name: np.array(bound[name]) for name in starts},
            )


def varied_states(model: mujoco.MjModel, n: int, rng: np.random.Generator) -> States:
    """Draw states near to and far from the reference configuration and the keyframes.

    Joints with limits are anywhere within them or a little beyond.
    """
    spread = np.resize([0.1, 0.5, 1.0, 1.0], n)[:, None]
    qpos = np.tile(model.qpos0, (n, 1))
    if model.nkey:
        keyed = np.arange(n) % 4 >= 2
        qpos[keyed] = model.key_qpos[rng.integers(model.nkey, size=keyed.sum())]
    for joint, adr in enumerate(model.jnt_qposadr):
        kind = mjtJoint(model.jnt_type[joint])
        if kind in (mjtJoint.mjJNT_HINGE, mjtJoint.mjJNT_SLIDE):
            width = 0.2 if kind == mjtJoint.mjJNT_SLIDE else 1.0
            target = qpos[:, adr] + width * rng.normal(size=n)
            if model.jnt_limited[joint]:
                low, high = model.jnt_range[joint]
                target = low + (high - low) * rng.uniform(-0.05, 1.05, n)
            qpos[:, adr] += spread[:, 0] * (target - qpos[:, adr])
            continue
        first = adr
        if kind == mjtJoint.mjJNT_FREE:
            qpos[:, adr : adr + 3] += 0.2 * spread * rng.normal(size=(n, 3))
            first = adr + 3
        quat = qpos[:, first : first + 4] + 0.5 * spread * rng.normal(size=(n, 4))
        qpos[:, first : first + 4] = quat / np.linalg.norm(quat, axis=1, keepdims=True)
    states = {"qpos": qpos, "qvel": spread * rng.normal(size=(n, model.nv))}
    if model.na:
        states["act"] = 0.5 * spread * rng.normal(size=(n, model.na))
    return states


def varied_controls(model: mujoco.MjModel, n: int, rng: np.random.Generator) -> np.ndarray:
    """Draw controls within their ranges, as environments choose them."""
    limited = np.asarray(model.actuator_ctrllimited, bool)
    low = np.where(limited, model.actuator_ctrlrange[:, 0], -1.0)
    high = np.where(limited, model.actuator_ctrlrange[:, 1], 1.0)
    return rng.uniform(low, high, (n, model.nu))


def perturbed(model: mujoco.MjModel, change: Change, size: int) -> mujoco.MjModel | None:
    """Copy a model with a change, and all that follows from it.

    Args:
        model: The model.
        change: What changes.
        size: How much: factors of 1.25, or quarters of the values, up or down.

    Returns:
        The copy; None where MuJoCo cannot derive its constants.
    """
    model = copy.copy(model)
    owner, name = (
        (model.opt, change.field[4:]) if change.field.startswith("opt.") else (model, change.field)
    )
    whole = np.array(getattr(owner, name), np.float64)
    field = whole.reshape(1, -1) if owner is model.opt else whole.reshape(len(whole), -1)
    before = field[np.ix_(change.rows, change.columns)]
    if change.operation == "turn":
        turn = np.array([np.cos(size / 8), 0.0, 0.0, np.sin(size / 8)])
        after = np.empty_like(before)
        for row, quat in enumerate(before):
            mujoco.mju_mulQuat(after[row], turn, quat)
    elif change.operation == "scale":
        after = before * 1.25**size
    else:
        after = before + size * (0.25 * np.abs(before) + 0.05)
        # Quantities keep their sign: a mass remains one.
        after = np.where(before * after < 0, 0.5 * before, after)
    field[np.ix_(change.rows, change.columns)] = after.astype(np.float32)
    if change.field == "body_mass":
        ratio = (after / np.where(before > 0, before, 1.0))[:, :1]
        model.body_inertia[change.rows] *= np.where(before > 0, ratio, 1.0)
    if isinstance(getattr(owner, name), np.ndarray):
        getattr(owner, name)[...] = whole
    else:
        setattr(owner, name, float(field[0, 0]))
    try:
        return with_constants(model)
    except mujoco.FatalError:
        return None


def with_constants(model: mujoco.MjModel) -> mujoco.MjModel:
    """Let MuJoCo derive the constants of a model anew, in place, and return the model."""
    mujoco.mj_setConst(model, mujoco.MjData(model))
    return model


@contextlib.contextmanager
def quietly() -> Iterator[None]:
    """Keep MuJoCo from warning, on the terminal and in a file, of states that explode."""
    before = mujoco.get_mju_user_warning()
    mujoco.set_mju_user_warning(lambda _: None)
    try:
        yield
    finally:
        mujoco.set_mju_user_warning(before)


def identity(model: mujoco.MjModel, change: Change) -> tuple:
    """Return what tells a change of a model from all others."""
    return (_fingerprint(model), *_content(change))


def _content(change: Change) -> tuple:
    return (
        change.name,
        change.field,
        change.operation,
        change.rows.tobytes(),
        change.columns.tobytes(),
        tuple(sorted(change.varied)),
        change.read,
    )


def _fingerprint(model: mujoco.MjModel) -> str:
    saved = np.empty(mujoco.mj_sizeModel(model), np.uint8)
    mujoco.mj_saveModel(model, None, saved)
    return hashlib.sha256(saved.tobytes()).hexdigest()
