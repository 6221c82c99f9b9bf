"""What `mj_step` feels of a change of a model: the judge of `benchmarks.felt`."""

from collections.abc import Iterator

import mujoco
import numpy as np

from metaskill.physics import trial
from metaskill.physics.change import Change

N_STATES = 8
_SETTLING_STEPS = 300
_CHUNKS = (20,) * 10
_SIZES = (1, -1, 6, -6)
_INTEGRATION = int(mujoco.mjtState.mjSTATE_INTEGRATION)
# The largest difference after one step, relative to the largest of the field, that rounding may
# make, the solver's termination included.
_ROUNDING = 1e-6


class Oracle:
    """Runs of `mj_step` from varied states: those of the trial at build time, and more."""

    def __init__(self, model: mujoco.MjModel, read: tuple[str, ...]):
        of_trial = trial.Trial(model, read)
        self._model = of_trial.model
        self._compiled = _content(self._model)
        self._read = ("qpos", "qvel", "act", "sensordata", *read)
        rng = np.random.default_rng(1)
        self._runs = [
            (start, list(zip(trial.CHUNKS, controls, strict=True)))
            for start, controls in zip(
                _rows(of_trial.starts), zip(*of_trial.controls, strict=True), strict=True
            )
        ]
        for index, start in enumerate(_rows(trial.varied_states(model, N_STATES, rng))):
            data = self._data(self._model, start)
            mujoco.mj_step(self._model, data, _SETTLING_STEPS * (index % 2))
            settled = {name: np.array(getattr(data, name)) for name in start}
            controls = trial.varied_controls(model, len(_CHUNKS), rng)
            self._runs.append((settled, list(zip(_CHUNKS, controls, strict=True))))
        self._nominal = [list(self._run(self._model, *run)) for run in self._runs]

    def feels(self, change: Change) -> bool:
        """Tell whether some run differs in a bit."""
        for changed in self._changed(change):
            for run, nominal in zip(self._runs, self._nominal, strict=True):
                for expected, found in zip(nominal, self._run(changed, *run), strict=True):
                    if expected.tobytes() != found.tobytes():
                        return True
        return False

    def feels_more_than_rounding(self, change: Change) -> bool:
        """Tell whether some step from a state of the unchanged model differs considerably."""
        for changed in self._changed(change):
            for start, chunks in self._runs:
                data = self._data(self._model, start)
                for n_steps, controls in chunks:
                    for _ in range(n_steps):
                        other = self._data(changed, {})
                        mujoco.mj_setState(changed, other, _state(self._model, data), _INTEGRATION)
                        data.ctrl[:] = other.ctrl[:] = controls
                        mujoco.mj_step(self._model, data)
                        mujoco.mj_step(changed, other)
                        for name in self._read:
                            one, two = getattr(data, name), getattr(other, name)
                            scale = np.max(np.abs(one), initial=1e-3)
                            if np.max(np.abs(one - two), initial=0.0) > _ROUNDING * scale:
                                return True
        return False

    def _changed(self, change: Change) -> Iterator[mujoco.MjModel]:
        for size in _SIZES:
            changed = trial.perturbed(self._model, change, size)
            # What MuJoCo overwrites, and zeros that are scaled, leave the model as it was.
            if changed is not None and _content(changed) != self._compiled:
                yield changed

    def _data(self, model: mujoco.MjModel, start: trial.States) -> mujoco.MjData:
        data = mujoco.MjData(model)
        for name, value in start.items():
            getattr(data, name)[:] = value
        return data

    def _run(
        self, model: mujoco.MjModel, start: trial.States, chunks: list[tuple[int, np.ndarray]]
    ) -> Iterator[np.ndarray]:
        data = self._data(model, start)
        for n_steps, controls in chunks:
            data.ctrl[:] = controls
            mujoco.mj_step(model, data, n_steps)
            yield np.concatenate([np.ravel(getattr(data, name)) for name in self._read])


def _content(model: mujoco.MjModel) -> bytes:
    saved = np.empty(mujoco.mj_sizeModel(model), np.uint8)
    mujoco.mj_saveModel(model, None, saved)
    return saved.tobytes()


def _rows(states: trial.States) -> list[trial.States]:
    n = len(next(iter(states.values())))
    return [{name: values[index] for name, values in states.items()} for index in range(n)]


def _state(model: mujoco.MjModel, data: mujoco.MjData) -> np.ndarray:
    state = np.empty(mujoco.mj_stateSize(model, _INTEGRATION))
    mujoco.mj_getState(model, data, state, _INTEGRATION)
    return state
