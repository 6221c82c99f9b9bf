"""Values against annotations: types down to their contents, and ranges."""

import dataclasses
import math
from typing import Annotated, Any

import jax
import jax.numpy as jnp
import pytest
from jaxtyping import Array

from metaskill.checking import Checked, checked_arguments, describe, read
from metaskill.cli.experiments import experiment_names, find_baselines, find_experiment
from metaskill.configuration import places
from metaskill.envs.point_mass import PointMass
from metaskill.envs.registry import environment_names, make
from metaskill.errors import UserError
from metaskill.meta.problems import make_problem
from metaskill.meta.supervised_config import SupervisedHparams
from metaskill.offline.learner import FittingConfig
from metaskill.ranges import Above, AtLeast, Between, Count, HalfOpen, NotEmpty, OneOf, Sizes
from metaskill.rl.ppo_config import PPOConfig, PPOHparams
from metaskill.rl.sac_config import SACHparams
from metaskill.skills.discovery import DiscoveryConfig, DiscoveryHparams
from metaskill.skills.planner import PlannerConfig
from metaskill.training.experiment import TrainerConfig
from metaskill.training.task_distribution import EnvConfig


@pytest.mark.parametrize(
    ("value", "hint", "expected"),
    [
        (3, int, 3),
        (3, float, 3.0),
        (1, Annotated[float | Array, Between(0, 1)], 1.0),
        ([64, 64], Sizes, (64, 64)),
        ((), Sizes, ()),
        ([1, "a"], tuple[int, str], (1, "a")),
        (None, Count | None, None),
        (2, Count | None, 2),
        ({"a": 1}, dict[str, float], {"a": 1.0}),
        ({"a": [1, [2.5, None]]}, dict[str, Any], {"a": (1, (2.5, None))}),
        (math.inf, Annotated[float, Between(0, math.inf)], math.inf),
        ("relu", Annotated[str, OneOf(("relu", "tanh"))], "relu"),
    ],
)
def test_what_is_allowed_is_returned_as_its_annotation_says(
    value: Any, hint: Any, expected: Any
) -> None:
    found = read(value, hint, "field")
    assert found == expected
    assert type(found) is type(expected)


@pytest.mark.fault(16)
@pytest.mark.parametrize(
    ("value", "hint", "message"),
    [
        ("3", int, "field must be int, not '3'"),
        (True, int, "field must be int, not True"),
        (2.5, int, "field must be int, not 2.5"),
        ("64", Sizes, "field must be tuple, not '64'"),
        (("64",), Sizes, r"field\[0\] must be int, not '64'"),
        ((64, -1), Sizes, r"field\[1\] is -1: it must be at least 1"),
        ((64, 2.5), Sizes, r"field\[1\] must be int, not 2.5"),
        ((64, (64,)), Sizes, r"field\[1\] must be int, not \(64,\)"),
        ((1,), tuple[int, str], "field must hold 2 values"),
        ((), Annotated[Sizes, NotEmpty()], "must not be empty"),
        ({"a": "b"}, dict[str, float], "field.a must be float, not 'b'"),
        ({1: 2}, dict[str, Any], "a name in field must be str, not 1"),
        ({"a": {"b": {3}}}, dict[str, Any], r"field.a.b must be a number, a word"),
        (((), (1j,)), Any, r"field\[1\]\[0\] must be a number, a word"),
        (0, Count | None, "field is 0: it must be at least 1"),
        ("a", Count | None, "field must be int or None"),
        (1.5, Annotated[float, Between(0, 1)], "field is 1.5: it must be between 0 and 1"),
        (1.0, Annotated[float, HalfOpen(0, 1)], "less than 1"),
        (0.0, Annotated[float, Above(0)], "field is 0.0: it must be above 0"),
        (math.nan, float, "field is nan: it must be finite"),
        (math.inf, float, "field is inf: it must be finite"),
        (math.nan, Annotated[float, Between(0, math.inf)], "field is nan"),
        (math.inf, Annotated[float, AtLeast(0)], "field is inf: it must be at least 0"),
        (math.nan, Any, "field is nan: it must be finite"),
        ("reul", Annotated[str, OneOf(("relu", "tanh"))], "no field is called 'reul'.*'relu'"),
        (10**400, float, "no count is that large"),
        (1e39, float | Array, "no count is that large"),
        (2**31, int | Array, "no count is that large"),
    ],
)
def test_what_is_not_allowed_is_refused_in_one_sentence(
    value: Any, hint: Any, message: str
) -> None:
    with pytest.raises(UserError, match=message):
        read(value, hint, "field")


def test_numbers_that_python_does_not_write_are_refused_like_others() -> None:
    with pytest.raises(UserError, match="a number of thousands of digits"):
        read(16**5000, int, "field")


@pytest.mark.fault(16)
@pytest.mark.parametrize(
    ("config", "values", "message"),
    [
        (PPOHparams, {"discount": 1.5}, r"PPOHparams.discount is 1.5: .* between 0 and 1"),
        (PPOHparams, {"learning_rate": math.nan}, "PPOHparams.learning_rate is nan"),
        (SACHparams, {"target_rate": -0.1}, "SACHparams.target_rate is -0.1"),
        (SupervisedHparams, {"num_tasks": 0}, "SupervisedHparams.num_tasks is 0"),
        (PPOConfig, {"num_eval_episodes": 0}, "PPOConfig.num_eval_episodes is 0"),
        (PPOConfig, {"policy_hidden": ("64",)}, r"PPOConfig.policy_hidden\[0\]"),
        (PPOConfig, {"activation": "rleu"}, "did you mean 'relu'"),
        (DiscoveryConfig, {"num_eval_skills": 0}, "at least 1"),
        (DiscoveryHparams, {"model_learning_rate": -1.0}, "at least 0"),
        (FittingConfig, {"batch_size": 0}, "at least 1"),
        (PlannerConfig, {"std": 0.0}, "above 0"),
        (TrainerConfig, {"env_steps": 2.0}, "must be int"),
        (EnvConfig, {"name": "ant", "options": {"a": {1}}}, "EnvConfig.options.a"),
    ],
)
def test_configurations_check_themselves_in_python_too(
    config: Any, values: dict, message: str
) -> None:
    with pytest.raises(UserError, match=message):
        config(**values)


def test_what_jax_puts_into_hyperparameters_is_let_through() -> None:
    hparams = PPOHparams(discount=jnp.array([0.9, 2.0]))
    assert jax.tree.map(lambda _: None, hparams).clip is None
    axes = dataclasses.replace(jax.tree.map(lambda _: None, PPOHparams()), discount=0)
    doubled = jax.jit(jax.vmap(lambda h: 2 * h.discount, in_axes=(axes,)))(hparams)
    assert doubled.shape == (2,)
    assert jax.grad(lambda h: h.discount**2)(PPOHparams(discount=0.5)).discount == 1.0
    assert jax.eval_shape(PPOHparams).clip.shape == ()


def test_a_subclass_checks_what_it_adds() -> None:
    @dataclasses.dataclass(frozen=True)
    class Named(Checked):
        count: Count = 1

    @dataclasses.dataclass(frozen=True)
    class Child(Named):
        share: Annotated[float, Between(0, 1)] = 0.5

    assert Child(share=1).share == 1
    for wrong in ({"share": 2.0}, {"count": 0}):
        with pytest.raises(UserError, match=r"Child\."):
            Child(**wrong)


def test_arguments_are_checked_like_fields() -> None:
    @checked_arguments
    def make_layers(sizes: Sizes, *, scale: Annotated[float, Above(0)] = 1.0) -> tuple:
        return sizes, scale

    assert make_layers([8, 8], scale=2) == ((8, 8), 2.0)
    with pytest.raises(UserError, match=r"sizes\[1\] is 0"):
        make_layers((8, 0))
    with pytest.raises(UserError, match="scale is -1"):
        make_layers((), scale=-1.0)


@pytest.mark.fault(16)
@pytest.mark.parametrize("length", [0, -5, 2.5, "long", 2**31, None, (5,)])
def test_no_environment_has_episodes_of_such_a_length(length: Any) -> None:
    for name in environment_names():
        # None is the arm's own default.
        if length is not None or not name.startswith("arm"):
            with pytest.raises(UserError, match="episode_length"):
                make(name, episode_length=length)


@pytest.mark.fault(16)
def test_options_of_environments_and_problems_are_checked() -> None:
    with pytest.raises(UserError, match=r"goal_radius is -0\.1"):
        PointMass(goal_radius=-0.1)
    with pytest.raises(UserError, match="layout is -1"):
        make("maze", layout=-1)
    with pytest.raises(UserError, match=r"hidden\[0\] must be int"):
        make_problem("sinusoid", hidden=("40",))
    with pytest.raises(UserError, match="test_shots is"):
        make_problem("sinusoid", test_shots=())
    with pytest.raises(UserError, match="ways is 1"):
        make_problem("glyphs", ways=1)


def test_descriptions_of_annotations() -> None:
    assert describe(Count) == "int, at least 1"
    assert describe(Count | None) == "int, at least 1 or None"
    assert describe(Annotated[float | Array, Between(0, 1)]) == "float, between 0 and 1"
    assert describe(Sizes) == "tuple of int, at least 1"
    assert describe(Annotated[str, OneOf(("a", "b"))]) == "str, one of a, b"
    assert describe(Any) == "any value"


def test_every_field_of_every_experiment_holds_what_its_annotation_says() -> None:
    for name in experiment_names():
        for config in (find_experiment(name), *find_baselines(name).values()):
            for place in places(config):
                assert read(place.value, place.hint, name) is not place


def test_axes_of_vmap_are_no_values() -> None:
    """`jax.vmap` takes a dataclass of axes in which None stands for what is not batched."""
    axes = dict.fromkeys(field.name for field in dataclasses.fields(PPOHparams))
    assert PPOHparams(**axes | {"reward_scale": 0}).reward_scale == 0
    with pytest.raises(UserError, match=r"reward_scale is 0\.0: it must be above 0"):
        PPOHparams(reward_scale=0)
