"""MAML, ProMP and E-MAML: their gradients against each other's and against plain ones."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from metaskill.envs.env import Env
from metaskill.envs.interface import Interface, make_interface
from metaskill.envs.point_mass import PointMass
from metaskill.errors import UserError
from metaskill.meta.latents import better_noise
from metaskill.meta.maml_rl import MAMLRL
from metaskill.meta.maml_rl_config import MAMLRLConfig, MAMLRLHparams
from metaskill.meta.maml_rl_state import MAMLRLState, TaskExperience, experience_of_tasks
from metaskill.meta.policy_gradient import Experience, exploration_loss, surrogate_loss
from metaskill.meta.surrogates import log_prob, lvc
from metaskill.meta.trpo import hessian_product
from metaskill.tasks.families import make_family

SMALL = MAMLRLConfig(num_tasks=3, num_episodes=4, hidden=(8,), activation="tanh", num_eval_tasks=2)
HPARAMS = jax.tree.map(jnp.float32, MAMLRLHparams(inner_lr=0.5))


def learner_of(env: Env, **changes) -> MAMLRL:
    return MAMLRL(env, dataclasses.replace(SMALL, **changes), make_family("navigation", env))


def experience(learner: MAMLRL, state: MAMLRLState) -> TaskExperience:
    keys = jax.random.split(jax.random.key(1), (2, SMALL.num_tasks))
    tasks = jax.vmap(learner.family.sample)(keys[0])
    return jax.jit(learner.experience)(state, tasks, keys[1])


def cut(part: Experience) -> Experience:
    """End each task's first episode after six steps."""
    valid = part.episodes.valid.at[..., 0, 6:].set(False)
    episodes = dataclasses.replace(part.episodes, valid=valid)
    return dataclasses.replace(
        part, episodes=episodes, advantage=jnp.where(valid, part.advantage, 0.0)
    )


@pytest.fixture(scope="module")
def trpo(point_mass: Env) -> MAMLRL:
    return learner_of(point_mass)


@pytest.fixture(scope="module")
def promp(point_mass: Env) -> MAMLRL:
    return learner_of(point_mass, outer="promp")


@pytest.fixture(scope="module")
def state(trpo: MAMLRL) -> MAMLRLState:
    return trpo.init(jax.random.key(0), HPARAMS)


@pytest.fixture(scope="module")
def played(trpo: MAMLRL, state: MAMLRLState) -> TaskExperience:
    return experience(trpo, state)


@pytest.fixture(scope="module")
def batch(played: TaskExperience) -> TaskExperience:
    return experience_of_tasks(cut(played.before), cut(played.after))


@pytest.fixture(scope="module")
def gradient_of(trpo: MAMLRL):
    return jax.jit(jax.grad(trpo.objective.loss))


@pytest.fixture(scope="module")
def trpo_step(trpo: MAMLRL):
    return jax.jit(trpo.step)


def assert_trees_close(actual, expected, **tolerances) -> None:
    jax.tree.map(lambda a, e: np.testing.assert_allclose(a, e, **tolerances), actual, expected)


def test_the_first_gradient_of_promp_is_that_of_lvc(promp, state, batch, gradient_of) -> None:
    """At the behaviour's parameters no ratio is clipped, and the KL penalty is flat."""
    proximal = jax.grad(promp.objective.loss)(state.params, batch, HPARAMS)
    assert_trees_close(proximal, gradient_of(state.params, batch, HPARAMS), rtol=1e-4, atol=1e-6)


def test_without_inner_steps_it_is_the_plain_policy_gradient(point_mass: Env) -> None:
    learner = learner_of(point_mass, inner_steps=0)
    state = learner.init(jax.random.key(0), HPARAMS)
    batch = experience(learner, state)

    def reinforce(params):
        losses = jax.vmap(lambda e: surrogate_loss(log_prob, learner.network, params, e))
        return jnp.mean(losses(batch.after))

    actual = jax.grad(learner.objective.loss)(state.params, batch, HPARAMS)
    assert_trees_close(
        actual["policy"], jax.grad(reinforce)(state.params["policy"]), rtol=1e-4, atol=1e-6
    )


def test_who_acts_after_an_inner_step_is_who_the_outer_loss_adapts(trpo, state, played) -> None:
    """theta + alpha grad J, from the episodes of the very task, by hand."""
    before, after = jax.tree.map(lambda leaf: leaf[1], (played.before, played.after))
    first = jax.tree.map(lambda leaf: leaf[0], before)
    policy = state.params["policy"]
    grads = jax.grad(lambda p: surrogate_loss(log_prob, trpo.network, p, first))(policy)
    moved = jax.tree.map(lambda p, g: p - 0.5 * g, policy, grads)
    acted = trpo.network.apply(moved, after.episodes.obs)
    np.testing.assert_allclose(after.episodes.mean, acted.mean, atol=1e-5)
    adapted = trpo.objective.adapt(state.params, before, HPARAMS)
    assert_trees_close(adapted.params, moved, atol=1e-5)
    assert float(adapted.kl) == pytest.approx(0.0, abs=1e-6)


def test_the_order_of_tasks_does_not_matter(state, batch, gradient_of) -> None:
    turned = jax.tree.map(lambda leaf: jnp.roll(leaf, 1, axis=0), batch)
    assert_trees_close(
        gradient_of(state.params, turned, HPARAMS),
        gradient_of(state.params, batch, HPARAMS),
        rtol=1e-4,
        atol=1e-6,
    )


def test_what_follows_a_termination_has_no_influence(state, batch, gradient_of) -> None:
    def spoil(part):
        episodes = part.episodes
        over = ~episodes.valid
        spoilt = dataclasses.replace(
            episodes,
            obs=jnp.where(over[..., None], 5.0, episodes.obs),
            raw_action=jnp.where(over[..., None], -9.0, episodes.raw_action),
            log_prob=jnp.where(over, 3.0, episodes.log_prob),
            mean=jnp.where(over[..., None], 9.0, episodes.mean),
        )
        return dataclasses.replace(part, episodes=spoilt)

    spoilt = experience_of_tasks(spoil(batch.before), spoil(batch.after))
    assert_trees_close(
        gradient_of(state.params, spoilt, HPARAMS),
        gradient_of(state.params, batch, HPARAMS),
        rtol=1e-5,
        atol=1e-7,
    )


def test_emaml_credits_what_was_sampled_with_the_return_after(
    trpo, state, batch, gradient_of
) -> None:
    weighted = dataclasses.replace(HPARAMS, exploration=jnp.float32(2.0))
    with_credit = gradient_of(state.params, batch, weighted)
    plain = gradient_of(state.params, batch, HPARAMS)
    returns = np.asarray(batch.after.episodes.total_return).mean(axis=-1)
    credit = (returns - returns.mean()) / returns.std()

    def log_likelihood(params, task):
        before = jax.tree.map(lambda leaf: leaf[task, 0], batch.before)
        ones = dataclasses.replace(before, advantage=jnp.ones_like(before.advantage))
        return -surrogate_loss(log_prob, trpo.network, params, ones)

    policy = state.params["policy"]
    grads = [jax.grad(log_likelihood)(policy, task) for task in range(SMALL.num_tasks)]
    expected = jax.tree.map(
        lambda *g: -2.0 * sum(c * x for c, x in zip(credit, g, strict=True)) / len(g), *grads
    )
    difference = jax.tree.map(jnp.subtract, with_credit["policy"], plain["policy"])
    assert_trees_close(difference, expected, rtol=1e-3, atol=1e-5)
    before = jax.tree.map(lambda leaf: leaf[0, 0], batch.before)
    assert float(exploration_loss(trpo.network, policy, before)) == pytest.approx(-1.0, rel=1e-5)


@pytest.mark.parametrize("tasks_at_once", [1, 3])
def test_the_gradient_taken_in_parts_is_the_gradient(
    point_mass, state, batch, gradient_of, tasks_at_once: int
) -> None:
    """E-MAML's credit too, which compares tasks with each other."""
    learner = learner_of(point_mass, tasks_at_once=tasks_at_once)
    hparams = dataclasses.replace(HPARAMS, exploration=jnp.float32(2.0))
    _, gradient = jax.jit(learner.objective.value_and_grad)(state.params, batch, hparams)
    expected = gradient_of(state.params, batch, hparams)
    assert_trees_close(gradient, expected, rtol=1e-3, atol=1e-6)


def test_the_curvature_is_the_hessian_of_the_divergence(trpo, state, played) -> None:
    """At the parameters that acted: only there is the divergence 0."""

    @jax.jit
    def products(x: dict) -> tuple[dict, dict]:
        exact = hessian_product(
            lambda p: trpo.objective.divergence(p, played, HPARAMS), state.params
        )
        return trpo.objective.curvature(state.params, played, HPARAMS)(x), exact(x)

    actual, exact = products(jax.tree.map(jnp.ones_like, state.params))
    largest = max(float(jnp.max(jnp.abs(leaf))) for leaf in jax.tree.leaves(exact))
    assert_trees_close(actual, exact, rtol=1e-2, atol=1e-3 * largest)


def test_a_trust_region_step_improves_within_its_region(trpo, state, batch) -> None:
    params, _, losses = jax.jit(trpo.outer_step)(state, batch)
    assert float(losses["accepted"]) == 1.0
    divergence = float(trpo.objective.divergence(params, batch, HPARAMS))
    assert 0.0 < divergence <= 0.01
    assert float(losses["kl"]) == pytest.approx(divergence, rel=1e-2)
    gained = trpo.objective.loss(state.params, batch, HPARAMS) - trpo.objective.loss(
        params, batch, HPARAMS
    )
    assert float(losses["improvement"]) == pytest.approx(float(gained), rel=1e-2, abs=1e-5)
    assert float(gained) > 0.0


def test_promp_takes_a_step_of_adam_on_each_minibatch_in_turn(point_mass: Env, batch) -> None:
    """Here on a task each, two times over."""
    learner = learner_of(point_mass, outer="promp", num_minibatches=3, num_epochs=2)
    start = learner.init(jax.random.key(0), HPARAMS)
    found, _, metrics = jax.jit(learner.outer_step)(start, batch)
    adam = optax.adam(1e-3)
    value_and_grad = jax.jit(learner.objective.value_and_grad)
    params, moments, losses = start.params, adam.init(start.params), []
    for task in [0, 1, 2] * 2:
        alone = jax.tree.map(lambda leaf, task=task: leaf[task : task + 1], batch)
        loss, gradient = value_and_grad(params, alone, HPARAMS)
        losses.append(float(loss))
        with jax.numpy_dtype_promotion("standard"):
            updates, moments = adam.update(gradient, moments, params)
        params = optax.apply_updates(params, updates)
    assert_trees_close(found, params, rtol=1e-4, atol=1e-6)
    assert float(metrics["outer"]) == pytest.approx(np.mean(losses[-3:]), rel=1e-3, abs=1e-6)


def test_one_trace_serves_all_hyperparameters(trpo, trpo_step) -> None:
    for inner_lr in (0.1, 0.2):
        state = trpo.init(jax.random.key(0), MAMLRLHparams(inner_lr=inner_lr))
        for _ in range(2):
            state, metrics = trpo_step(state)
    assert trpo_step._cache_size() == 1
    assert int(state.iteration) == 2
    assert metrics["episode_return"] == metrics["return_1"] != metrics["return_0"]


def test_members_of_a_population_do_not_influence_each_other(promp: MAMLRL) -> None:
    step = jax.jit(jax.vmap(promp.step))
    keys = jax.random.split(jax.random.key(0))
    rates = MAMLRLHparams(learning_rate=jnp.array([1e-3, 1e-1]))
    axes = dataclasses.replace(jax.tree.map(lambda _: None, rates), learning_rate=0)
    states = jax.vmap(promp.init, in_axes=(0, axes))(keys, rates)
    swapped = jax.tree.map(lambda leaf: leaf[::-1], states)
    assert_trees_close(
        jax.tree.map(lambda leaf: leaf[::-1], step(swapped)[0].params),
        step(states)[0].params,
        rtol=1e-3,
        atol=1e-5,
    )


def test_only_the_head_adapts_where_it_is_told_to(point_mass: Env, state, batch) -> None:
    learner = learner_of(point_mass, order="head_only")
    before = jax.tree.map(lambda leaf: leaf[0], batch.before)
    adapted = learner.objective.adapt(state.params, before, HPARAMS).params["params"]
    original = state.params["policy"]["params"]
    head, body = adapted["MLP_0"].pop("Dense_1"), adapted["MLP_0"]["Dense_0"]
    assert_trees_close(body, original["MLP_0"]["Dense_0"])
    assert_trees_close(adapted["log_std"], original["log_std"])
    assert float(jnp.abs(head["bias"] - original["MLP_0"]["Dense_1"]["bias"]).min()) > 0.0


def test_latents_go_to_what_was_better_before_the_first_step(point_mass: Env) -> None:
    """Where only they adapt; what each episode had of them lasts for all of it."""
    learner = learner_of(point_mass, order="head_only", num_latents=2, inner_steps=2)
    state = learner.init(jax.random.key(0), HPARAMS)
    batch = experience(learner, state)
    own = jax.tree.map(lambda leaf: leaf[0], batch)
    noise = own.before.episodes.obs[0, :, :, -2:]
    np.testing.assert_array_equal(noise, jnp.broadcast_to(noise[:, :1], noise.shape))
    assert len(np.unique(noise[:, 0])) == noise[:, 0].size
    np.testing.assert_array_equal(own.before.episodes.obs[1, :, :, -2:], 0.0)
    np.testing.assert_array_equal(own.after.episodes.obs[..., -2:], 0.0)

    first = jax.tree.map(lambda leaf: leaf[0], own.before)
    policy = state.params["policy"]["params"]
    adapted = learner.objective.inner_step(state.params["policy"], first, 0.5)["params"]
    temperature = HPARAMS.latent_temperature
    expected = better_noise(noise[:, 0], first.episodes.total_return, temperature)
    grads = jax.grad(lambda p: surrogate_loss(log_prob, learner.network, {"params": p}, first))
    expected -= 0.5 * grads(policy)["latents"]
    np.testing.assert_allclose(adapted.pop("latents"), expected, rtol=1e-4)
    assert_trees_close(adapted, {name: policy[name] for name in adapted})
    assert float(jnp.abs(expected).min()) > 0.0


def test_noise_narrows_from_step_to_step_and_ends_with_the_last(point_mass: Env) -> None:
    learner = learner_of(point_mass, order="head_only", num_latents=1, inner_steps=3)
    hparams = dataclasses.replace(HPARAMS, latent_std=2.0, later_noise=0.1)
    batch = experience(learner, learner.init(jax.random.key(0), hparams))
    noise = batch.before.episodes.obs[..., 0, -1]  # Axes: task, inner step, episode.
    # Spread evenly over so few episodes it is not quite as wide, and for each task by chance.
    widths = noise.std(axis=-1).mean(axis=0)
    np.testing.assert_allclose(widths, [2.0, 0.2, 0.02], rtol=0.3)
    np.testing.assert_array_equal(batch.after.episodes.obs[..., -1], 0.0)


def test_noise_that_narrows_finds_a_goal_that_one_step_finds_roughly(point_mass: Env) -> None:
    """With a policy that goes where its latents say; only they adapt, to whole episodes alone."""
    learner = learner_of(
        point_mass, order="head_only", num_latents=2, num_episodes=20, hidden=(), initial_std=0.1
    )
    hparams = MAMLRLHparams(inner_lr=0.0, latent_std=0.5, latent_temperature=0.3)
    policy = learner.init(jax.random.key(0), hparams).params["policy"]["params"]
    policy["MLP_0"]["Dense_0"]["kernel"] = jnp.concatenate([-5.0 * jnp.eye(2), 5.0 * jnp.eye(2)])
    tasks = jax.vmap(learner.family.sample)(jax.random.split(jax.random.key(1), 30))
    keys = jax.random.split(jax.random.key(2), 30)

    @jax.jit
    def errors_and_returns(later_noise: float) -> tuple[jax.Array, jax.Array]:
        """Mean distances of the latents from the goal, and mean returns (axis: step)."""
        own = dataclasses.replace(hparams, later_noise=later_noise)
        state = learner.init(jax.random.key(0), own)
        state = dataclasses.replace(state, params={"policy": {"params": policy}})
        adapt = jax.vmap(lambda task, key: learner.adapt_to(state, task, key, 3))
        policies, returns = adapt(tasks, keys)
        away = policies["params"]["latents"] - tasks.reward["goal"][:, None]
        return jnp.linalg.norm(away, axis=-1).mean(axis=0), returns.mean(axis=(0, 2))

    (once, quiet), (narrowing, noisy) = errors_and_returns(0.0), errors_and_returns(0.2)
    np.testing.assert_array_equal(once[1:], once[1])
    assert float(once[1]) == pytest.approx(float(narrowing[1]))
    assert float(once[1]) < 0.6 * float(once[0])
    assert float(narrowing[3]) < 0.4 * float(narrowing[1])
    # Returns are those of the policies, not of their exploration.
    np.testing.assert_allclose(noisy[:2], quiet[:2], rtol=1e-5)
    assert float(noisy[3]) > float(noisy[1])


def test_later_steps_of_latents_follow_the_gradient_of_single_actions(point_mass: Env) -> None:
    learner = learner_of(point_mass, order="head_only", num_latents=2, inner_steps=2)
    state = learner.init(jax.random.key(0), HPARAMS)
    second = jax.tree.map(lambda leaf: leaf[0, 1], experience(learner, state).before)
    policy = state.params["policy"]
    grads = jax.grad(lambda p: surrogate_loss(lvc, learner.network, p, second))(policy)
    adapted = learner.objective.inner_step(policy, second, 0.5)
    np.testing.assert_allclose(
        adapted["params"]["latents"], -0.5 * grads["params"]["latents"], rtol=1e-4
    )


def test_a_policy_with_latents_learns_and_acts(point_mass: Env) -> None:
    learner = learner_of(point_mass, num_latents=1, outer="promp", normalize_obs=True)
    state, _ = jax.jit(learner.step)(learner.init(jax.random.key(0), HPARAMS))
    assert float(jnp.abs(state.params["policy"]["params"]["latents"]).max()) > 0.0
    assert state.scale.mean.shape == (2,)
    action = learner.policy(state).choose({"state": jnp.zeros(2)})
    still = jnp.append(-state.scale.mean / state.scale.std, 0.0)
    expected = learner.network.apply(state.params["policy"], still).mean
    np.testing.assert_allclose(action, expected, atol=1e-6)


def test_step_sizes_can_be_learned_with_promp(point_mass: Env) -> None:
    learner = learner_of(point_mass, order="learned_alpha", outer="promp", inner_steps=2)
    state = learner.init(jax.random.key(0), HPARAMS)
    state, metrics = jax.jit(learner.step)(state)
    assert {"return_0", "return_1", "return_2"} < metrics.keys()
    for size in jax.tree.leaves(state.params["inner_lr"]):
        assert 0.0 < float(jnp.abs(size - 0.5).max()) < 0.01


def test_without_inner_steps_promp_learns_what_is_best_on_average(point_mass: Env) -> None:
    learner = learner_of(point_mass, outer="promp", inner_steps=0, num_minibatches=3)
    state = learner.init(jax.random.key(0), HPARAMS)
    after, metrics = jax.jit(learner.step)(state)
    assert metrics["episode_return"] == metrics["return_0"]
    moved = jax.tree.map(lambda a, b: jnp.abs(a - b).max(), after.params, state.params)
    assert 0.0 < float(moved["policy"]["params"]["log_std"]) < 0.1


def test_observations_are_normalized_by_the_untrained_policys_and_stay_so(
    point_mass: Env,
) -> None:
    """Of the plane's positions, whose deviations are a fraction of a metre."""
    learner = learner_of(point_mass, normalize_obs=True)
    state = jax.jit(learner.init)(jax.random.key(0), HPARAMS)
    batch = experience(learner, state)
    seen = batch.before.episodes.obs.reshape(-1, 2)
    np.testing.assert_allclose(seen.mean(axis=0), 0.0, atol=0.6)
    np.testing.assert_allclose(seen.std(axis=0), 1.0, atol=0.4)
    # What is differentiated is what acted: no observation is normalized twice, or not at all.
    first = jax.tree.map(lambda leaf: leaf[0, 0], batch.before).episodes
    acted = learner.network.apply(state.params["policy"], first.obs)
    np.testing.assert_allclose(acted.mean, first.mean, atol=1e-6)
    trained, _ = jax.jit(learner.step)(state)
    assert_trees_close(trained.scale, state.scale)
    obs = {"state": jnp.array([0.3, -0.1])}
    scaled = (obs["state"] - state.scale.mean) / state.scale.std
    expected = learner.network.apply(state.params["policy"], scaled).mean
    np.testing.assert_allclose(learner.policy(state).choose(obs), expected, atol=1e-6)


def test_all_evaluations_have_the_same_tasks(point_mass: Env) -> None:
    """Without noise nothing else differs between two of them."""
    learner = learner_of(point_mass, initial_std=1e-6)
    state = learner.init(jax.random.key(0), HPARAMS)
    evaluate = jax.jit(learner.evaluate)
    first, second = (evaluate(state, jax.random.key(seed)) for seed in (1, 2))
    np.testing.assert_allclose(first["eval/return_0"], second["eval/return_0"], rtol=1e-4)


def test_the_oracle_sees_the_task_and_is_judged_by_the_same_curve() -> None:
    env = make_interface(PointMass(episode_length=5), Interface(privileged=True))
    learner = learner_of(env, policy_obs=("privileged_state",), inner_steps=0)
    state = learner.init(jax.random.key(0), HPARAMS)
    metrics = jax.jit(learner.evaluate)(state, jax.random.key(1))
    assert {f"eval/return_{i}" for i in range(4)} < metrics.keys()
    assert metrics["eval/return"] == metrics["eval/return_1"]
    obs = {"state": jnp.zeros(2), "privileged_state": jnp.ones(4)}
    assert learner.policy(state).choose(obs).shape == (2,)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"num_tasks": 0}, "at least 1"),
        ({"inner_steps": -1}, "at least 0"),
        ({"order": "frist"}, "did you mean 'first'"),
        ({"outer": "ppo"}, "no outer is called 'ppo'"),
        ({"surrogate": "lcv"}, "did you mean 'lvc'"),
        ({"activation": "tahn"}, "did you mean 'tanh'"),
        ({"num_minibatches": 2}, "must divide num_tasks, which is 3"),
        ({"tasks_at_once": 2}, "must divide num_tasks / num_minibatches, which is 3"),
    ],
)
def test_impossible_configurations_are_refused(changes: dict, message: str) -> None:
    with pytest.raises(UserError, match=message):
        dataclasses.replace(SMALL, **changes)


def test_an_observation_that_the_environment_lacks_is_refused(point_mass: Env) -> None:
    with pytest.raises(UserError, match="no observation 'privileged_state'"):
        learner_of(point_mass, policy_obs=("privileged_state",))
