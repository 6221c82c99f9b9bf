"""The robots' MuJoCo models, from the MJCF files that brax installs."""

import importlib.util
import pathlib
from collections.abc import Callable
from xml.etree import ElementTree

import mujoco

from metaskill.errors import UserError


def load_brax_model(
    name: str, change: Callable[[ElementTree.Element], None] | None = None
) -> mujoco.MjModel:
    """Compile the MJCF model `name` (`ant`, `humanoid`, ...) of the installed brax.

    The file is found without importing brax, which would take seconds.

    Args:
        name: The file's name, without its ending.
        change: Changes the tree that the file holds before it is compiled.

    Raises:
        UserError: If brax or the file is missing.
    """
    spec = importlib.util.find_spec("brax")
    if spec is None or not spec.submodule_search_locations:
        raise UserError("brax is not installed: it holds the robots' models; pip install brax.")
    path = pathlib.Path(spec.submodule_search_locations[0], "envs", "assets", f"{name}.xml")
    if not path.is_file():
        raise UserError(f"the installed brax has no model {name!r}: install brax 0.14.")
    root = ElementTree.fromstring(path.read_text())
    total_mass = _pop_total_mass(root)
    if change is not None:
        change(root)
    model = mujoco.MjModel.from_xml_string(ElementTree.tostring(root, encoding="unicode"))
    if total_mass is not None:
        mujoco.mj_setTotalmass(model, total_mass)
        mujoco.mj_setConst(model, mujoco.MjData(model))
    return model


def _pop_total_mass(root: ElementTree.Element) -> float | None:
    """Remove the compiler's `settotalmass`, which MuJoCo 4 warns about, and return it."""
    for compiler in root.iter("compiler"):
        value = compiler.attrib.pop("settotalmass", None)
        if value is not None:
            return float(value)
    return None
