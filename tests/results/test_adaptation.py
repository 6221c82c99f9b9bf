"""The gap to the oracle, baselines' step sizes, and a judge on runs too small to learn."""

import dataclasses
import pathlib

import jax
import numpy as np
import pytest

from experiments import nav2d_maml
from metaskill.envs.env import Env
from metaskill.meta.maml_rl import MAMLRL
from metaskill.meta.maml_rl_config import MAMLRLConfig, MAMLRLHparams
from metaskill.meta.maml_rl_state import MAMLRLState
from metaskill.results.adaptation import gap_closed, with_inner_lr
from metaskill.results.findings import TrainedRun
from metaskill.tasks.families import make_family
from metaskill.training.meta_rl_experiment import MetaRLExperiment, baselines_of
from metaskill.training.progress import NoProgress
from metaskill.training.run_folder import RunFolder
from metaskill.training.trainer import train


def test_the_gap_is_measured_from_each_seeds_own_start() -> None:
    curve = np.array([[-40.0, -10.0], [-50.0, 0.0]])
    oracle = np.array([0.0, 0.0])
    np.testing.assert_allclose(gap_closed(curve, oracle, 1), [0.75, 1.0])
    np.testing.assert_allclose(gap_closed(curve, oracle, 0, before=-10.0), curve[:, 0] / 10.0 + 1.0)


def untrained(env: Env, order: str, inner_lr: float) -> MAMLRLState:
    learner = MAMLRL(env, MAMLRLConfig(hidden=(4,), order=order), make_family("navigation", env))
    return learner.init(jax.random.key(0), MAMLRLHparams(inner_lr=inner_lr))


@pytest.mark.parametrize("order", ["full", "learned_alpha"])
def test_another_step_size_is_as_if_training_had_begun_with_it(point_mass: Env, order: str) -> None:
    changed = with_inner_lr(untrained(point_mass, order, 0.1), 0.3)
    expected = untrained(point_mass, order, 0.3)
    assert changed.hparams == expected.hparams
    jax.tree.map(np.testing.assert_allclose, changed.params, expected.params)


def test_learned_step_sizes_keep_their_proportions(point_mass: Env) -> None:
    state = untrained(point_mass, "learned_alpha", 0.1)
    learned = jax.tree.map(
        lambda size: np.linspace(-1.0, 2.0, size.size, dtype=np.float32).reshape(size.shape),
        state.params["inner_lr"],
    )
    state = dataclasses.replace(state, params=state.params | {"inner_lr": learned})
    longer = with_inner_lr(state, 0.3).params["inner_lr"]
    jax.tree.map(
        lambda new, old: np.testing.assert_allclose(new, 3.0 * old, rtol=1e-6), longer, learned
    )


def test_baselines_take_no_steps_and_learn_no_step_sizes() -> None:
    meta = dataclasses.replace(nav2d_maml.CONFIG.meta, order="learned_alpha")
    for baseline in baselines_of(dataclasses.replace(nav2d_maml.CONFIG, meta=meta)).values():
        assert (baseline.meta.inner_steps, baseline.meta.order) == (0, "full")


def test_baselines_of_a_policy_with_latents_have_none_and_adapt_all_parameters() -> None:
    meta = dataclasses.replace(nav2d_maml.CONFIG.meta, order="head_only", num_latents=2)
    for baseline in baselines_of(dataclasses.replace(nav2d_maml.CONFIG, meta=meta)).values():
        assert (baseline.meta.num_latents, baseline.meta.order) == (0, "full")


def test_baselines_may_have_hyperparameters_of_their_own() -> None:
    own = dataclasses.replace(nav2d_maml.CONFIG.hparams, delta=0.5)
    for baseline in baselines_of(nav2d_maml.CONFIG, own).values():
        assert baseline.hparams == own


def tiny(config: MetaRLExperiment) -> MetaRLExperiment:
    return dataclasses.replace(
        config,
        env=dataclasses.replace(config.env, options={"episode_length": 3}),
        trainer=dataclasses.replace(
            config.trainer, env_steps=1, population=2, iterations_per_chunk=1
        ),
        meta=dataclasses.replace(
            config.meta, num_tasks=2, num_episodes=2, hidden=(4,), num_eval_tasks=2, outer="promp"
        ),
    )


@pytest.mark.slow
def test_the_experiment_runs_from_configuration_to_figures(tmp_path: pathlib.Path) -> None:
    runs = {}
    for name, config in {"main": nav2d_maml.CONFIG, **nav2d_maml.BASELINES}.items():
        small = tiny(config)
        folder = RunFolder(tmp_path / name)
        folder.create("nav2d_maml", small)
        outcome = train(small, folder, NoProgress())
        runs[name] = TrainedRun(small, small.make_learner(), folder, outcome)
    findings = nav2d_maml.findings(runs)
    expected = {f"nav2d_maml_{end}" for end in ("oracle", "gap_1", "gap_3", "scratch_return_3")}
    assert expected < findings.figures.keys()
    assert findings.figures["nav2d_maml_gap_1"].required == 0.75
    assert findings.figures["nav2d_maml_pretrained_gap_1"].required is None
    assert findings.figures["nav2d_maml_gap_1_over_pretrained"].required is None
    assert findings.picture.startswith(b"\x89PNG")
