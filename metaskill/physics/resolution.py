"""From a parameter's spec to the part of a model that it changes, or the reason why not."""

import dataclasses
import logging
import re
from collections.abc import Sequence
from typing import Any, get_args

import mujoco
import numpy as np

from metaskill.errors import UserError, nearest
from metaskill.physics.actuator_rules import acts_within
from metaskill.physics.change import Change
from metaskill.physics.constants import derived_constants
from metaskill.physics.contact_rules import acts_beyond
from metaskill.physics.param_spec import Operation, ParamSpec
from metaskill.physics.parameter_checks import refusal
from metaskill.physics.selection import (
    field_values,
    kind_of,
    object_names,
    rows_of,
    variable_fields,
)
from metaskill.physics.trial import identity

_logger = logging.getLogger(__name__)
_reported: set[tuple] = set()


def resolve(
    model: mujoco.MjModel,
    spec: ParamSpec,
    specs: Sequence[ParamSpec],
    derived_fields: tuple[str, ...],
) -> Change:
    """Find what a parameter changes.

    Args:
        model: The compiled model.
        spec: The parameter.
        specs: All parameters, in the order in which they act.
        derived_fields: MjData fields that the environment reads beside the state.

    Raises:
        UserError: If a field does not exist, nothing is selected, or the parameter could have
            no effect; with the reason and what to do.
    """
    name, field = spec.name, spec.field
    operations = get_args(Operation)
    if spec.operation not in operations:
        raise UserError(f"{name} cannot {spec.operation!r}: {nearest(spec.operation, operations)}")
    try:
        re.compile(spec.selector)
    except re.error as error:
        raise UserError(
            f"the selector {spec.selector!r} of {name} is no regular expression ({error})."
        ) from error

    def accepted(**changes: Any) -> bool:
        other = dataclasses.replace(spec, **changes)
        others = [other if one is spec else one for one in specs]
        try:
            resolve(model, other, others, derived_fields)
        except UserError:
            return False
        return True

    fields = variable_fields(model)
    if field not in fields:
        raise UserError(
            f"{name} varies {field!r}, which is not a quantity that can differ between worlds: "
            + _proposed(field, [other for other in fields if accepted(field=other)])
        )
    # The switch of gravity compensation is the engine model's, as `_heeding` sets it.
    if field != "body_gravcomp":
        derived_constants(model, [field])
    rows = rows_of(model, field, spec.selector)
    if not len(rows):
        kind = kind_of(field)
        names = [re.escape(n) if not re.fullmatch(n, n) else n for n in object_names(model, kind)]
        raise UserError(
            f"{name} selects {spec.selector!r}, which matches no {kind} of the model: "
            + _proposed(spec.selector, [other for other in names if accepted(selector=other)])
        )
    width = int(np.prod(field_values(model, field).shape[1:]))
    columns = tuple(range(width)) if spec.columns is None else spec.columns
    if not columns or not all(-width <= column < width for column in columns):
        raise UserError(f"{field} has {width} columns: {name} names {columns}.")
    if spec.operation == "turn" and (spec.columns or not field.endswith("_quat")):
        quats = [other for other in fields if other.endswith("_quat")]
        turnable = [other for other in quats if accepted(field=other, columns=None)]
        raise UserError(
            f"{name} cannot turn {field} {spec.columns or ''}: choose an orientation and all of "
            f"its columns; {_proposed(field, turnable)}"
        )
    change = Change(
        name,
        field,
        spec.operation,
        rows,
        np.arange(width)[list(columns)],
        frozenset(other.field for other in specs if other is not spec),
        derived_fields,
    )
    if reason := refusal(model, change):
        raise UserError(reason)
    return change


def refuse_overwritten(changes: Sequence[Change]) -> None:
    """Refuse a parameter whose values a later one replaces.

    Raises:
        UserError: With both names.
    """
    for index, change in enumerate(changes):
        for later in changes[index + 1 :]:
            if (
                later.operation == "set"
                and later.field == change.field
                and np.isin(change.rows, later.rows).all()
                and np.isin(change.columns, later.columns).all()
            ):
                raise UserError(
                    f"{change.name} would do nothing: {later.name} acts after it and sets the same "
                    f"values of {change.field}; leave one out, or list {later.name} first."
                )


def report_partly_felt(model: mujoco.MjModel, changes: Sequence[Change]) -> list[Change]:
    """Log as a warning, once in a process, from which value on a change acts.

    Returns:
        The changes about which there was nothing to say.
    """
    fully_felt = []
    for change in changes:
        report = acts_beyond(model, change) or acts_within(model, change)
        if not report:
            fully_felt.append(change)
        elif (key := identity(model, change)) not in _reported:
            _reported.add(key)
            _logger.warning("%s", report)
    return fully_felt


def _proposed(given: str, accepted: list[str]) -> str:
    return nearest(given, accepted) if accepted else "the model has none that would do."
