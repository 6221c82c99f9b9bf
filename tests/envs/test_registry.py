"""Environments by name."""

import pytest

from metaskill.envs.registry import make
from metaskill.errors import UserError


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("antt", {}, "did you mean 'ant'"),
        ("ant", {"engine": "mjxx"}, "did you mean 'mjx'"),
        ("ant", {"episode_lenght": 3}, "did you mean 'episode_length'"),
        ("ant", {"objective": "frward"}, "did you mean 'forward'"),
    ],
)
def test_mistakes_name_what_was_meant(name: str, options: dict, message: str) -> None:
    with pytest.raises(UserError, match=message):
        make(name, **options)
