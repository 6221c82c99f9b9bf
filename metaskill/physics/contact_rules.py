"""Which fields of contacts `mj_step` reads, and from which value on.

A contact of two geoms takes the friction of the one with the higher priority, else the
elementwise maximum of both; the same for `solref` and `solimp`, except that those are mixed. A
contact that the MJCF lists as a pair takes the pair's own fields.
"""

from collections.abc import Iterator

import mujoco
import numpy as np
from mujoco import mjtEnableBit

from metaskill.physics.change import Change, Unfelt
from metaskill.physics.possible_contacts import PossibleContacts, possible_contacts

_GEOM_FIELDS = {f"geom_{part}" for part in ("friction", "solref", "solimp", "solmix")}
_GEOM_FIELDS |= {"geom_margin", "geom_gap"}
_OVERRIDDEN = {"friction", "solref", "solimp", "solmix", "margin"}
# Columns of a friction that a contact of these dimensions reads.
_FRICTION_OF_GEOM = {1: 0, 3: 1, 4: 2, 6: 3}
_FRICTION_OF_PAIR = {1: 0, 3: 2, 4: 3, 6: 5}


def contact_rules(model: mujoco.MjModel, change: Change) -> Iterator[Unfelt]:
    """Yield what no contact can feel."""
    kind, _, part = change.field.partition("_")
    is_contact_field = change.field in _GEOM_FIELDS or kind == "pair"
    if not (is_contact_field or change.field == "opt.impratio") or model.nflex:
        return
    if model.opt.enableflags & int(mjtEnableBit.mjENBL_OVERRIDE) and part in _OVERRIDDEN:
        yield change.nowhere(
            'the model has <flag override="enable"/>, which gives all contacts one value; vary '
            f"opt.o_{part}"
        )
    contacts = possible_contacts(model)
    if change.field == "opt.impratio":
        if not np.any(contacts.condim > 1):
            yield change.nowhere("no contact has friction; give geoms a condim of 3 in the MJCF")
    elif kind == "pair":
        yield from _pair_rules(model, change, contacts)
    else:
        yield from _geom_rules(model, change, contacts)


def acts_beyond(model: mujoco.MjModel, change: Change) -> str | None:
    """Tell from which value on a friction acts, where it does nothing on one side of nominal.

    That is so where whatever the selected geoms touch has at least their friction, and the
    maximum of both is felt.
    """
    if change.field != "geom_friction" or model.nflex or change.field in change.varied:
        return None
    if change.operation not in ("scale", "add", "set"):
        return None
    contacts = possible_contacts(model)
    geom, other, condim = _from_both_sides(contacts)
    felt = np.isin(geom, change.rows) & (model.geom_priority[geom] >= model.geom_priority[other])
    alone = (model.geom_priority[geom] == model.geom_priority[other]) & ~np.isin(other, change.rows)
    thresholds, partners = [], []
    for column in change.columns:
        reads = felt & _reads_column(condim, column)
        if np.any(reads & ~alone):
            return None
        own = model.geom_friction[geom[reads], column]
        partner = model.geom_friction[other[reads], column]
        if change.operation == "scale":
            partner, own = partner[own > 0], own[own > 0]
            thresholds.append(partner / own)
        else:
            thresholds.append(partner - own)
        partners.append(partner)
    threshold, partner = np.concatenate(thresholds), np.concatenate(partners)
    neutral = 1.0 if change.operation == "scale" else 0.0
    if not len(threshold) or threshold.min() < neutral:
        return None
    start = partner.min() if change.operation == "set" else threshold.min()
    return (
        f"{change.name} acts only above {start:.6g}: a contact takes the larger friction of its "
        f"two geoms, and what the selected geoms touch has {partner.min():.6g}; select the geoms "
        "of both sides, or give the selected ones a higher priority in the MJCF."
    )


def _geom_rules(
    model: mujoco.MjModel, change: Change, contacts: PossibleContacts
) -> Iterator[Unfelt]:
    part = change.field.removeprefix("geom_")
    geom, other, condim = _from_both_sides(contacts)
    yield _unless(
        np.isin(change.rows, geom)
        | np.isin(change.rows, model.pair_geom1[contacts.pair[contacts.pair >= 0]])
        | np.isin(change.rows, model.pair_geom2[contacts.pair[contacts.pair >= 0]]),
        "the selected geoms touch nothing; select others, or give them a contype in the MJCF",
    )
    yield _unless(
        np.isin(change.rows, geom),
        "the contacts of the selected geoms are pairs of the MJCF, which have fields of their "
        f"own; vary pair_{part}",
    )
    if part in ("margin", "gap"):
        return
    wins = model.geom_priority[geom] >= model.geom_priority[other]
    yield _unless(
        np.isin(change.rows, geom[wins]),
        "the selected geoms touch only geoms of a higher priority, whose contact parameters win; "
        "select those",
    )
    if part == "friction":
        reads = [wins & _reads_column(condim, column) for column in change.columns]
        yield _unless(
            np.isin(change.rows, geom[np.any(reads, axis=0)]),
            "the contacts of the selected geoms have a condim that does not read these columns "
            "of friction; raise condim in the MJCF (3: sliding, 4: torsional, 6: rolling), or "
            "name other columns",
        )
    if part == "solmix" and not {"geom_solref", "geom_solimp"} & change.varied:
        equal = model.geom_priority[geom] == model.geom_priority[other]
        differ = np.any(model.geom_solref[geom] != model.geom_solref[other], axis=1)
        differ |= np.any(model.geom_solimp[geom] != model.geom_solimp[other], axis=1)
        yield _unless(
            np.isin(change.rows, geom[equal & differ]),
            "the selected geoms and what they touch have the same solref and solimp (or one has "
            "a higher priority), so that there is nothing to mix; vary those",
        )


def _pair_rules(
    model: mujoco.MjModel, change: Change, contacts: PossibleContacts
) -> Iterator[Unfelt]:
    yield _unless(
        np.isin(change.rows, contacts.pair),
        "no geom of the selected pairs can move, or contacts are disabled; select others",
    )
    condim = model.pair_dim[change.rows]
    if change.field == "pair_friction":
        n_read = np.array([_FRICTION_OF_PAIR[dim] for dim in condim], int)
        yield _unless(
            change.columns.min() < n_read,
            "the selected pairs have a condim that does not read these columns of friction; "
            "raise condim in the MJCF (3: sliding, 4: torsional, 6: rolling), or name other "
            "columns",
        )
    if change.field == "pair_solreffriction":
        yield _unless(condim > 1, "the selected pairs have no friction; raise condim in the MJCF")


def _from_both_sides(
    contacts: PossibleContacts,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """List each contact of geoms' own fields twice: a geom, what it touches, and the condim."""
    own = contacts.pair < 0
    geom1, geom2, condim = contacts.geom1[own], contacts.geom2[own], contacts.condim[own]
    return (
        np.concatenate([geom1, geom2]),
        np.concatenate([geom2, geom1]),
        np.concatenate([condim, condim]),
    )


def _reads_column(condim: np.ndarray, column: int) -> np.ndarray:
    n_read = np.zeros(7, int)
    n_read[list(_FRICTION_OF_GEOM)] = list(_FRICTION_OF_GEOM.values())
    return n_read[condim] > column


def _unless(felt: np.ndarray, reason: str) -> Unfelt:
    return Unfelt(~felt, reason)
