"""Configurations as trees: single entries, several at once, and what a name means."""

import dataclasses
from typing import Any

import pytest

from metaskill.cli.experiments import find_experiment
from metaskill.configuration import Assignment, assign, find_place, places, with_values
from metaskill.errors import UserError

MAZE = find_experiment("maze_spirl")
OPTIONS = {"size": 8, "layout": 0, "across": True}


def setting(path: str, value: Any, given_by: str = "") -> Assignment:
    return Assignment(given_by or f"--config.{path}", tuple(path.split(".")), value)


@pytest.mark.fault(1)
def test_an_entry_is_set_and_the_others_stay() -> None:
    changed = assign(MAZE, [setting("env.options.size", 5)])
    assert changed.env.options == {**OPTIONS, "size": 5}
    assert MAZE.env.options == OPTIONS
    added = assign(MAZE, [setting("env.options.episode_length", 500)])
    assert added.env.options == {**OPTIONS, "episode_length": 500}


@pytest.mark.fault(1)
def test_several_entries_are_set_at_once() -> None:
    changed = assign(
        MAZE,
        [
            setting("env.options.size", 5),
            setting("env.options.across", False),
            setting("source.config.collection.env.options.size", 4),
        ],
    )
    assert changed.env.options == {"size": 5, "layout": 0, "across": False}
    theirs = MAZE.source.config.collection.env.options
    assert changed.source.config.collection.env.options == {**theirs, "size": 4}


@pytest.mark.fault(1)
def test_entries_of_dictionaries_in_dictionaries() -> None:
    nested = assign(MAZE, [setting("env.options", {"a": {"b": 1, "c": 2}, "d": 3})])
    assert nested.env.options == {"a": {"b": 1, "c": 2}, "d": 3}
    changed = assign(nested, [setting("env.options.a.b", 4), setting("env.options.e.f", [5])])
    assert changed.env.options == {"a": {"b": 4, "c": 2}, "d": 3, "e": {"f": (5,)}}
    with pytest.raises(UserError, match=r"config\.env\.options\.d is 3, which has no part 'x'"):
        assign(nested, [setting("env.options.d.x", 1)])


def test_a_record_replaces_dictionaries_whole() -> None:
    assert with_values(MAZE, {"env": {"options": {"size": 3}}}).env.options == {"size": 3}


def test_a_group_takes_a_dictionary_of_its_fields() -> None:
    changed = assign(MAZE, [setting("env", {"engine": "mjx"})])
    assert changed.env == dataclasses.replace(MAZE.env, engine="mjx")


@pytest.mark.fault(12)
@pytest.mark.parametrize(
    ("one", "other", "message"),
    [
        (("hparams.discount", "--vary discount"), ("hparams.discount", ""), "both set config.hpar"),
        (("env.options", ""), ("env.options.size", ""), "config.env.options, which is set as a wh"),
        (("env.options.a", ""), ("env.options.a.b", ""), "a part of config.env.options.a"),
        (("hparams", ""), ("hparams.discount", ""), "a part of config.hparams"),
    ],
)
def test_a_place_is_set_in_one_way(one: tuple, other: tuple, message: str) -> None:
    first, second = (
        setting(path, {} if i == 0 else 0.5, given_by)
        for i, (path, given_by) in enumerate((one, other))
    )
    for order in ([first, second], [second, first]):
        with pytest.raises(UserError, match=message):
            assign(MAZE, order)


def test_of_one_flag_given_twice_the_last_counts() -> None:
    twice = [setting("hparams.discount", value) for value in (0.5, 0.9)]
    assert assign(MAZE, twice).hparams.discount == 0.9


@pytest.mark.fault(12)
@pytest.mark.parametrize(
    ("experiment", "name", "place"),
    [
        ("demo", "learning_rate", "hparams.learning_rate"),
        ("demo", "hparams.learning_rate", "hparams.learning_rate"),
        ("demo", "num_epochs", "ppo.num_epochs"),
        ("demo", "env.options", "env.options"),
        ("demo", "env.options.episode_length", "env.options.episode_length"),
        ("point_diayn", "core", "core"),
        ("point_diayn", "ppo.discount", "hparams.ppo.discount"),
        ("point_diayn", "ppo.num_epochs", "ppo.num_epochs"),
        ("maze_spirl", "target_divergence", "hparams.target_divergence"),
        ("maze_spirl", "across", "env.options.across"),
        ("maze_spirl", "env.options.size", "env.options.size"),
        ("maze_spirl", "trainer.env_steps", "trainer.env_steps"),
    ],
)
def test_a_name_means_the_one_place_that_it_ends(experiment: str, name: str, place: str) -> None:
    assert find_place(find_experiment(experiment), name) == tuple(place.split("."))


@pytest.mark.fault(12)
def test_a_name_of_several_places_is_refused_with_their_paths() -> None:
    with pytest.raises(UserError, match=r"hparams\.ppo\.discount or hparams\.sac\.discount"):
        find_place(find_experiment("point_diayn"), "discount")
    with pytest.raises(UserError, match="did you mean 'discount'"):
        find_place(MAZE, "discont")


def test_places_are_values_and_dictionaries_with_their_entries() -> None:
    found = {".".join(place.path): place.value for place in places(MAZE)}
    assert found["env.options"] == OPTIONS
    assert found["env.options.size"] == 8
    assert found["hparams.discount"] == MAZE.hparams.discount
    assert "hparams" not in found
