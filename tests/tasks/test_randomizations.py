"""Ready-made randomizations on the robots that they are for."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from benchmarks.randomization import degenerate_difference
from metaskill.envs.auto_reset import auto_reset
from metaskill.errors import UserError
from metaskill.tasks.randomizations import find_randomization


@pytest.mark.parametrize(
    ("name", "robot"),
    [
        ("none", "ant"),
        ("locomotion", "ant"),
        ("locomotion", "walker2d"),
        ("dactyl", "half_cheetah"),
        ("epopt_hopper", "hopper"),
    ],
)
def test_worlds_differ_and_stay_sound(name: str, robot: str) -> None:
    randomization = find_randomization(name)
    env = randomization.make_env(robot, engine="native", episode_length=3)
    sample = randomization.sampler(env)
    step = jax.jit(jax.vmap(auto_reset(env, sample)))
    keys = jax.random.split(jax.random.key(0), 8)
    contexts = jax.vmap(sample)(keys)
    for spec, distribution in randomization.physics:
        low, high = distribution.bounds()
        assert jnp.all((contexts.physics[spec.name] >= low) & (contexts.physics[spec.name] <= high))
        assert len(set(contexts.physics[spec.name].tolist())) == 8
    states = jax.jit(jax.vmap(env.reset))(keys, contexts)
    for _ in range(4):
        states, outcome = step(states, jnp.full((8, env.action_size), 0.3))
        assert not outcome.metrics["failed"].any()
        assert jnp.all(jnp.isfinite(outcome.obs["state"]))


def test_each_actuator_has_its_own_delay() -> None:
    randomization = find_randomization("dactyl")
    env = randomization.make_env("hopper", engine="native")
    contexts = jax.vmap(randomization.sampler(env))(jax.random.split(jax.random.key(0), 200))
    delays = contexts.interface["action_delay"]
    assert delays.shape == (200, 3)
    assert set(np.unique(delays)) == {0.0, 1.0}
    assert jnp.all(jnp.abs(delays.mean(0) - 0.5) < 0.1)
    assert jnp.any(delays.min(1) != delays.max(1))


@pytest.mark.parametrize(("name", "robot"), [("locomotion", "ant"), ("epopt_hopper", "hopper")])
def test_degenerate_ranges_are_the_run_without_randomization(name: str, robot: str) -> None:
    assert degenerate_difference(name, robot, "native", n_worlds=4, n_steps=40) == 0.0


def test_mistakes() -> None:
    with pytest.raises(UserError, match="did you mean 'dactyl'"):
        find_randomization("dactil")
    ant = find_randomization("none").make_env("ant", engine="native")
    with pytest.raises(UserError, match="use its make_env"):
        find_randomization("locomotion").sampler(ant)
