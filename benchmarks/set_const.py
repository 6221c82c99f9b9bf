"""How far `set_const` in float32 is from `mj_setConst` on models drawn at random.

python -m benchmarks.set_const writes benchmarks/results/set_const.json.
"""

import copy
import pathlib

import jax
import jax.numpy as jnp
import mujoco
import numpy as np

from benchmarks.contraption import CONTRAPTION
from metaskill.envs.mjcf import load_brax_model
from metaskill.physics.constants import derived_constants, set_const
from metaskill.physics.engine import ModelLeaves
from metaskill.results.figure import measured
from metaskill.results.file import write_results

# Their entries are coordinates, in which zero is a place like any other.
_COORDINATES = ("tendon_length0", "eq_data")


ROBOTS = ("ant", "half_cheetah", "humanoid", "hopper", "walker2d", "pusher", "reacher")
DRAWS = 100
RESULTS = pathlib.Path(__file__).parent / "results"


def main() -> None:
    """Measure and write."""
    models = {name: load_brax_model(name) for name in ROBOTS}
    models["contraption"] = mujoco.MjModel.from_xml_string(CONTRAPTION)
    errors = {name: set_const_errors(model, DRAWS, seed=0) for name, model in models.items()}
    worst = max(error for fields in errors.values() for error in fields.values())
    source = "mj_setConst, all derived fields of all models"
    figures = {"set_const_error": measured(worst, source, limit=1e-4)}
    settings = {"draws": DRAWS, "worst_relative_error": errors}
    print(write_results(RESULTS, "set_const", figures, settings))
    print(f"set_const_error {worst:.2g}")


def set_const_errors(model: mujoco.MjModel, draws: int, seed: int) -> dict[str, float]:
    """Compare `set_const` with `mj_setConst` on random variations of a model.

    Args:
        model: The model to vary.
        draws: Number of variations.
        seed: Of the variations.

    Returns:
        For every derived field the largest error of any draw and entry. It is relative to
        the entry (absolute where that is zero), or for fields of coordinates to the largest
        of the field.
    """
    rng = np.random.default_rng(seed)
    derive = jax.jit(lambda leaves: set_const(model, leaves))
    worst: dict[str, float] = {}
    for _ in range(draws):
        leaves = random_leaves(model, rng)
        ours, theirs = derive(leaves), recompiled(model, leaves)
        for name in derived_constants(model, leaves):
            error = relative_error(name, np.asarray(ours[name]), getattr(theirs, name))
            worst[name] = max(worst.get(name, 0.0), error)
    return worst


def random_leaves(model: mujoco.MjModel, rng: np.random.Generator) -> ModelLeaves:
    """Draw fields about their nominal values: factors in [0.5, 2], offsets of centimetres.

    Quaternions are drawn from all rotations.
    """

    def factors(*shape: int) -> np.ndarray:
        return np.exp(rng.uniform(-np.log(2), np.log(2), shape))

    def offsets(*shape: int) -> np.ndarray:
        return rng.normal(0, 0.02, shape)

    mass = factors(model.nbody)
    # A simple body's inertial frame is its body's: mj_setConst insists.
    is_free = (model.body_simple == 0)[:, None]
    qpos0 = model.qpos0 + rng.normal(0, 0.1, model.nq)
    for kind, adr in zip(model.jnt_type, model.jnt_qposadr, strict=True):
        if kind in {mujoco.mjtJoint.mjJNT_FREE, mujoco.mjtJoint.mjJNT_BALL}:
            first = adr + (3 if kind == mujoco.mjtJoint.mjJNT_FREE else 0)
            quat = rng.normal(size=4)
            qpos0[first : first + 4] = quat / np.linalg.norm(quat)
    leaves = {
        "body_mass": model.body_mass * mass,
        "body_inertia": model.body_inertia * mass[:, None],
        "body_ipos": model.body_ipos + offsets(model.nbody, 3) * is_free,
        "body_pos": model.body_pos
        + offsets(model.nbody, 3) * (np.arange(model.nbody) > 0)[:, None],
        "dof_armature": model.dof_armature * factors(model.nv),
        "qpos0": qpos0,
        "actuator_gear": model.actuator_gear * factors(model.nu, 1),
        "site_pos": model.site_pos + offsets(model.nsite, 3),
        "tendon_armature": model.tendon_armature * factors(model.ntendon),
        "geom_size": model.geom_size * factors(model.ngeom, 1),
    }
    return {name: jnp.asarray(value, jnp.float32) for name, value in leaves.items() if value.size}


def recompiled(model: mujoco.MjModel, leaves: ModelLeaves) -> mujoco.MjModel:
    """Write leaves into a copy of a model and let MuJoCo derive its constants."""
    model = copy.copy(model)
    for name, value in leaves.items():
        getattr(model, name)[...] = np.asarray(value).reshape(getattr(model, name).shape)
    mujoco.mj_setConst(model, mujoco.MjData(model))
    return model


def relative_error(name: str, ours: np.ndarray, theirs: np.ndarray) -> float:
    """Return the largest error of a field; see `set_const_errors`."""
    size = np.abs(theirs)
    if name in _COORDINATES:
        size = size.max()
    return float(np.max(np.abs(ours - theirs) / np.where(size > mujoco.mjMINVAL, size, 1.0)))


if __name__ == "__main__":
    main()
