"""Supervised meta-learning as a learner."""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from metaskill.errors import UserError
from metaskill.meta.problems import make_problem
from metaskill.meta.sinusoid import sinusoid, sinusoid_tasks
from metaskill.meta.supervised import SupervisedLearner, SupervisedState
from metaskill.meta.supervised_config import SupervisedConfig, SupervisedHparams
from metaskill.training.experiment import TrainerConfig
from metaskill.training.supervised_experiment import ProblemConfig, SupervisedExperiment

SMALL = SupervisedConfig(
    tasks_per_update=4,
    updates_per_iteration=1,
    max_inner_steps=3,
    eval_steps=2,
    num_eval_tasks=64,
)
HPARAMS = SupervisedHparams(inner_lr=0.01, num_tasks=4)
PROBLEM = sinusoid(shots=5, test_shots=(5,), test_queries=10, hidden=(8,))

equal = functools.partial(jax.tree.map, functools.partial(np.testing.assert_allclose, rtol=1e-5))


def learner(**changes) -> SupervisedLearner:
    return SupervisedLearner(PROBLEM, dataclasses.replace(SMALL, **changes))


def updated(learner: SupervisedLearner, **hparams) -> SupervisedState:
    state = learner.init(jax.random.key(0), dataclasses.replace(HPARAMS, **hparams))
    return jax.jit(learner.step)(state)[0]


def test_waves_are_the_papers() -> None:
    tasks = jax.vmap(sinusoid_tasks(400, 1))(jax.random.split(jax.random.key(0), 500))
    x, y = (np.asarray(a)[..., 0] for a in tasks.support)
    assert (x.min(), x.max()) == pytest.approx((-5.0, 5.0), abs=1e-3)
    # y = A sin(x − φ) = (A cos φ) sin x − (A sin φ) cos x, exactly.
    for inputs, targets in zip(x[:100], y[:100], strict=True):
        basis = np.stack([np.sin(inputs), -np.cos(inputs)], axis=1)
        (c, s), residual, *_ = np.linalg.lstsq(basis, targets)
        assert residual < 1e-6 * len(inputs)
        assert 0.1 <= np.hypot(c, s) <= 5.0
        assert 0.0 <= np.arctan2(s, c) <= np.pi + 1e-3


def test_the_order_of_the_tasks_does_not_matter() -> None:
    maml = learner()
    state = maml.init(jax.random.key(0), HPARAMS)
    tasks = jax.vmap(PROBLEM.sample)(jax.random.split(jax.random.key(1), 4))
    other = jax.tree.map(lambda leaf: leaf[jnp.array([2, 0, 3, 1])], tasks)
    gradient = jax.jit(lambda tasks: maml.value_and_grad(state.params, tasks, HPARAMS)[1])
    equal(gradient(tasks), gradient(other))


def test_tasks_that_do_not_count_change_nothing() -> None:
    maml = learner()
    params = maml.init(jax.random.key(0), HPARAMS).params
    tasks = jax.vmap(PROBLEM.sample)(jax.random.split(jax.random.key(1), 4))
    first_two = jax.tree.map(lambda leaf: leaf[:2], tasks)
    of_two, _ = learner(tasks_per_update=2).value_and_grad(params, first_two, HPARAMS)
    masked, _ = maml.value_and_grad(params, tasks, dataclasses.replace(HPARAMS, num_tasks=2))
    assert float(masked) == pytest.approx(float(of_two), rel=1e-6)


def test_tasks_one_at_a_time_give_the_gradient_of_all_side_by_side() -> None:
    maml, in_parts = learner(), learner(tasks_at_once=1)
    params = maml.init(jax.random.key(0), HPARAMS).params
    tasks = jax.vmap(PROBLEM.sample)(jax.random.split(jax.random.key(1), 4))
    three = dataclasses.replace(HPARAMS, num_tasks=3)
    equal(
        jax.jit(in_parts.value_and_grad)(params, tasks, three)[1],
        jax.jit(maml.value_and_grad)(params, tasks, three)[1],
    )


def test_without_inner_steps_it_is_plain_learning() -> None:
    """The meta-gradient is that of the mean loss of all queries."""
    maml = learner()
    params = maml.init(jax.random.key(0), HPARAMS).params
    tasks = jax.vmap(PROBLEM.sample)(jax.random.split(jax.random.key(1), 4))
    plain = dataclasses.replace(HPARAMS, inner_steps=0)
    _, grads = jax.jit(maml.value_and_grad)(params, tasks, plain)
    together = jax.tree.map(lambda leaf: leaf.reshape(-1, 1), tasks.query)
    expected = jax.grad(PROBLEM.batch_loss)(params.initial, together)
    jax.tree.map(
        functools.partial(np.testing.assert_allclose, rtol=1e-4, atol=1e-5),
        grads.initial,
        expected,
    )


def test_learned_step_sizes_start_where_the_hyperparameter_says_and_move() -> None:
    meta_sgd = learner(order="learned_alpha")
    before = meta_sgd.init(jax.random.key(0), HPARAMS).params
    assert all(np.all(leaf == np.float32(0.01)) for leaf in jax.tree.leaves(before.inner_lr))
    after = updated(meta_sgd).params
    assert any(np.any(leaf != np.float32(0.01)) for leaf in jax.tree.leaves(after.inner_lr))
    # Its first update of the initial parameters is MAML's.
    equal(after.initial, updated(learner()).params.initial)


def test_annealing_ends_with_the_updates_it_was_given() -> None:
    """Its first update is a whole one, its last leaves everything as it was."""
    maml = learner()
    plain, annealing = updated(maml), updated(maml, annealing_updates=1.0)
    equal(annealing.params, plain.params)
    equal(jax.jit(maml.step)(annealing)[0].params, annealing.params)


def test_reptile_with_epsilon_1_and_one_task_becomes_the_adapted_parameters() -> None:
    reptile = learner(outer_rule="reptile", tasks_per_update=1)
    hparams = {"reptile_epsilon": 1.0, "num_tasks": 1}
    state = reptile.init(jax.random.key(0), dataclasses.replace(HPARAMS, **hparams))
    tasks_key, _ = jax.random.split(state.key)
    task = PROBLEM.sample(jax.random.split(tasks_key, 1)[0])
    step = jax.grad(PROBLEM.batch_loss)(state.params.initial, task.support)
    expected = jax.tree.map(lambda p, g: p - 0.01 * g, state.params.initial, step)
    after = updated(reptile, **hparams).params.initial
    jax.tree.map(functools.partial(np.testing.assert_allclose, atol=1e-6), after, expected)


def test_one_trace_serves_all_hyperparameters_and_a_population_equals_single_runs() -> None:
    maml = learner(updates_per_iteration=3)
    step = jax.jit(maml.step)
    alone = []
    for n in (1, 2, 3):
        hparams = dataclasses.replace(HPARAMS, inner_lr=0.01 * n, inner_steps=n, num_tasks=n)
        alone.append(step(maml.init(jax.random.key(n), hparams))[0].params)
    assert step._cache_size() == 1
    n = jnp.arange(1, 4)
    swept = dataclasses.replace(
        jax.tree.map(lambda leaf: jnp.full(3, leaf), HPARAMS),
        inner_lr=0.01 * n.astype(jnp.float32),
        inner_steps=n,
        num_tasks=n,
    )
    keys = jax.vmap(jax.random.key)(n)
    population, _ = jax.jit(jax.vmap(maml.step))(jax.vmap(maml.init)(keys, swept))
    together = jax.tree.map(lambda *leaves: jnp.stack(leaves), *alone)
    jax.tree.map(
        functools.partial(np.testing.assert_allclose, atol=1e-5), population.params, together
    )


def test_it_learns_to_adapt_and_plain_learning_does_not() -> None:
    problem = sinusoid(shots=10, test_shots=(10,))
    config = SupervisedConfig(
        updates_per_iteration=500, eval_steps=1, num_eval_tasks=200, eval_tasks_at_once=200
    )
    maml = SupervisedLearner(problem, config)
    step, evaluate = jax.jit(maml.step), jax.jit(maml.evaluate)
    after = {}
    for n_steps in (0, 1):
        hparams = SupervisedHparams(inner_lr=0.01, outer_lr=3e-3, inner_steps=n_steps)
        state, _ = step(maml.init(jax.random.key(0), hparams))
        after[n_steps] = evaluate(state, jax.random.key(1))
    assert set(after[0]) == {"eval/k10_diverged"} | {
        f"eval/k10_mse_{i}{suffix}" for i in (0, 1) for suffix in ("", "_median")
    }
    assert maml.headline.metric in after[0]
    assert float(after[1]["eval/k10_mse_0"]) > 2.5
    assert float(after[1]["eval/k10_mse_1"]) < 0.75 * float(after[0]["eval/k10_mse_1"])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"tasks_per_update": 0}, "at least 1"),
        ({"max_inner_steps": -1}, "at least 0"),
        ({"order": "ful"}, "did you mean 'full'"),
        ({"outer_rule": "reptle"}, "did you mean 'reptile'"),
        ({"inner_optimizer": "adma"}, "did you mean 'adam'"),
        ({"order": "learned_alpha", "outer_rule": "reptile"}, "no gradient"),
    ],
)
def test_impossible_configurations_are_refused(changes: dict, message: str) -> None:
    with pytest.raises(UserError, match=message):
        dataclasses.replace(SMALL, **changes)


@pytest.mark.parametrize(
    ("hparams", "message"),
    [({"inner_steps": 4}, "max_inner_steps=3"), ({"num_tasks": 5}, "tasks_per_update=4")],
)
def test_hyperparameters_beyond_the_program_are_refused(hparams: dict, message: str) -> None:
    experiment = SupervisedExperiment(
        ProblemConfig("sinusoid"),
        TrainerConfig(env_steps=1),
        SMALL,
        dataclasses.replace(HPARAMS, **hparams),
    )
    with pytest.raises(UserError, match=message):
        experiment.make_learner()


def test_unknown_problems_and_options_are_refused() -> None:
    with pytest.raises(UserError, match="did you mean 'sinusoid'"):
        make_problem("sinusiod")
    with pytest.raises(UserError, match="did you mean 'shots'"):
        make_problem("sinusoid", shot=5)
