"""The grammar of --vary."""

import pytest

from metaskill.cli.vary import parse_seeds, parse_vary
from metaskill.errors import UserError
from metaskill.training.variations import Choices, Interval


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("x=log:1e-3:1e0:4", [1e-3, 1e-2, 1e-1, 1.0]),
        ("x=linear:0:1:3", [0.0, 0.5, 1.0]),
        ("x=0.1,0.2", [0.1, 0.2]),
        ("x=3", [3]),
        ("x=1:4", [1, 2, 3]),
        ("x=tanh,relu", ["tanh", "relu"]),
        ("x=(64,64),(256,)", [(64, 64), (256,)]),
        ("x={'mass': 1.0},{}", [{"mass": 1.0}, {}]),
    ],
)
def test_values(text: str, values: list) -> None:
    assert parse_vary(text) == Choices(("x",), tuple((value,) for value in values))


def test_names_that_vary_together() -> None:
    assert parse_vary("x,y.z=(1,'a'),(2,'b')") == Choices(("x", "y.z"), ((1, "a"), (2, "b")))


def test_ranges_to_draw_from() -> None:
    assert parse_vary("x=log:1e-3:1") == Interval("x", 1e-3, 1.0, logarithmic=True)
    assert parse_vary("x=linear:-1:1") == Interval("x", -1.0, 1.0, logarithmic=False)


def test_seeds() -> None:
    assert parse_seeds("seed=0:4") == [0, 1, 2, 3]
    assert parse_seeds("seed=7") == [7]


@pytest.mark.parametrize(
    "text",
    ["x", "x=", "=1", "x=log:1", "x=log:0:1:3", "x=log:a:b:3", "x=linear:1:0:3", "x=4:1",
     "x=a:b", "x=log:1:2:3:4", "x=linear:0:1:1", "x=1,1", "x,y=1,2", "x,y=(1,2,3)", "x,=1"],
)  # fmt: skip
def test_what_cannot_be_read_is_said_in_a_sentence(text: str) -> None:
    with pytest.raises(UserError):
        parse_vary(text)


def test_words_in_brackets_need_quotes() -> None:
    with pytest.raises(UserError, match="words are quoted"):
        parse_vary("x,y=(1,relu),(2,relu)")


@pytest.mark.parametrize("text", ["seed=0.5", "seed=-1,2", "seed=log:1:4:3", "seed=a,b"])
def test_seeds_are_whole_numbers(text: str) -> None:
    with pytest.raises(UserError):
        parse_seeds(text)
