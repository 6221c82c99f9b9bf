"""Supervised problems by name."""

import inspect
from collections.abc import Callable
from typing import Any

from metaskill.errors import UserError, nearest
from metaskill.meta.few_shot import (
    glyph_classes,
    glyph_tasks,
    mini_imagenet_tasks,
    omniglot_tasks,
)
from metaskill.meta.problem import SupervisedProblem
from metaskill.meta.sinusoid import sinusoid

PROBLEMS: dict[str, Callable[..., SupervisedProblem]] = {
    "glyph_classes": glyph_classes,
    "glyphs": glyph_tasks,
    "mini_imagenet": mini_imagenet_tasks,
    "omniglot": omniglot_tasks,
    "sinusoid": sinusoid,
}


def make_problem(name: str, **options: Any) -> SupervisedProblem:
    """Make the problem called `name`.

    Args:
        name: One of `PROBLEMS`.
        **options: The problem's own, such as `shots`.

    Raises:
        UserError: If there is no such problem or option.
    """
    if name not in PROBLEMS:
        raise UserError(f"no supervised problem is called {name!r}: {nearest(name, PROBLEMS)}")
    accepted = inspect.signature(PROBLEMS[name]).parameters
    for option in options:
        if option not in accepted:
            raise UserError(
                f"the problem {name} has no option {option!r}: {nearest(option, accepted)}"
            )
    return PROBLEMS[name](**options)
