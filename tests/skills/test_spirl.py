"""SAC that begins as the prior and is kept near it."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from guides import LARGEST, LENGTH, STATISTICS, shaken, skill_guide

from metaskill.envs.point_mass import PointMass
from metaskill.errors import UserError
from metaskill.networks.distributions import TanhGaussian
from metaskill.rl.sac_config import SACConfig
from metaskill.skills.cloning import BehaviorCloning, CloningConfig
from metaskill.skills.guide import guide_by_actions
from metaskill.skills.guided_options import GuidedOptions
from metaskill.skills.option_env import OptionEnv
from metaskill.skills.spirl import GuidanceConfig, GuidedHparams, GuidedSAC, near_prior

SAC = SACConfig(
    num_envs=4,
    updates_per_iteration=2,
    batch_size=16,
    replay_capacity=256,
    warm_up_steps=8,
    critic_hidden=(8,),
    num_eval_episodes=2,
)


@pytest.fixture(scope="module")
def env() -> OptionEnv:
    return OptionEnv(GuidedOptions(PointMass(episode_length=10), skill_guide("open_loop")[2]))


@pytest.fixture(scope="module")
def learner(env: OptionEnv) -> GuidedSAC:
    return GuidedSAC(env, SAC, GuidanceConfig())


def test_small_skills_are_executed_as_the_prior_draws_them() -> None:
    """The slope at 0 of what turns the policy's Gaussian into z is 1, and z stays bounded."""
    drawn = TanhGaussian(jnp.zeros(3), jnp.zeros(3), LARGEST)
    raw = jnp.array([0.01, -0.1, 1.0])
    np.testing.assert_allclose(LARGEST * drawn.to_action(raw), raw, rtol=0.03)
    slope = jax.vmap(jax.grad(lambda u: LARGEST * drawn.to_action(u)))(jnp.zeros(1))
    assert float(slope[0]) == pytest.approx(1.0)
    assert float(LARGEST * drawn.to_action(jnp.float32(1e3))) == LARGEST


def test_the_density_of_squashed_actions_integrates_to_one() -> None:
    distribution = TanhGaussian(jnp.array([0.3]), jnp.array([-0.2]), LARGEST)
    action = np.linspace(-0.9999, 0.9999, 20_001)
    raw = jnp.asarray(LARGEST * np.arctanh(action), jnp.float32)[:, None]
    density = np.exp(np.asarray(distribution.log_prob(raw)))
    assert np.trapezoid(density, action) == pytest.approx(1.0, abs=1e-3)


def test_the_divergence_is_exact(env: OptionEnv) -> None:
    """Against a mean over samples of log pi - log p_a, in the actions' own densities."""
    obs = jnp.array([[0.4, -1.0]])
    prior = env.options.guide.propose(obs)
    policy = TanhGaussian(prior.mean + 0.4, prior.log_std - 0.3, LARGEST)
    exact = near_prior(env.options.guide).cost(policy, policy.sample(jax.random.key(0)), obs)
    samples = jax.vmap(policy.sample)(jax.random.split(jax.random.key(1), 20_000))
    differences = policy.log_prob(samples) - prior.log_prob(samples)
    spread = float(jnp.std(differences)) / 20_000**0.5
    assert float(jnp.mean(differences)) == pytest.approx(float(exact[0]), abs=4 * spread)
    assert float(near_prior(env.options.guide).cost(prior, samples[0], obs)[0]) == 0.0


def test_the_policy_is_the_prior_at_the_start(env: OptionEnv, learner: GuidedSAC) -> None:
    state = jax.jit(learner.init)(jax.random.key(0), GuidedHparams())
    obs = jax.random.normal(jax.random.key(1), (7, 2))
    policy = learner.core.network.apply(state.networks.params["policy"], obs)
    prior = env.options.guide.propose(obs)
    np.testing.assert_array_equal(policy.mean, prior.mean)
    np.testing.assert_array_equal(policy.log_std, prior.log_std)
    assert policy.scale == prior.scale == LARGEST
    untrained = GuidedSAC(env, SAC, GuidanceConfig("standard", start_at_prior=False))
    params = jax.jit(untrained.init)(jax.random.key(0), GuidedHparams()).networks.params["policy"]
    assert bool(jnp.any(untrained.core.network.apply(params, obs).mean != prior.mean))


def test_it_warms_up_with_the_prior_and_then_learns(env: OptionEnv, learner: GuidedSAC) -> None:
    assert learner.steps_per_iteration == 4 * LENGTH
    step = jax.jit(learner.step)
    state = jax.jit(learner.init)(jax.random.key(0), GuidedHparams())
    for _ in range(2):
        state, metrics = step(state)
        assert metrics["update_to_data"] == 0.0
    assert not learner.core.config.random_warm_up
    actions = np.asarray(state.replay.steps["choice"]["action"])[np.asarray(state.replay.starts)]
    proposed = env.options.guide.propose(state.replay.obs["state"][state.replay.starts])
    drawn = (np.arctanh(actions) * LARGEST - proposed.mean) * np.exp(-proposed.log_std)
    assert np.mean(drawn**2) == pytest.approx(1.0, abs=0.8)  # 24 squares of standard normals.
    state, metrics = step(state)
    assert metrics["update_to_data"] == 2 / (4 * LENGTH)
    # The first update is the prior still.
    assert 0.0 <= float(metrics["divergence"]) < 0.1
    assert float(metrics["divergence_over_target"]) == pytest.approx(
        float(metrics["divergence"]) / 5.0
    )
    assert np.asarray(state.statistics["state"].count) == 0.0


@pytest.mark.parametrize(("target", "grows"), [(0.0, True), (50.0, False)])
def test_alpha_grows_while_the_divergence_is_above_its_target(
    env: OptionEnv, target: float, grows: bool
) -> None:
    learner = GuidedSAC(env, SAC, GuidanceConfig(start_at_prior=False))
    step = jax.jit(learner.step)
    state = jax.jit(learner.init)(jax.random.key(0), GuidedHparams(target_divergence=target))
    for _ in range(4):
        state, metrics = step(state)
    assert 0.0 < float(metrics["divergence"]) < 50.0
    log_alpha = float(state.networks.params["log_entropy_weight"])
    assert (log_alpha > 0.0) == grows
    assert log_alpha != 0.0


def test_single_actions_are_the_flat_prior(key) -> None:
    model = BehaviorCloning(CloningConfig(hidden=(8,)), 2, 2)
    params = shaken(model.init(jax.random.key(0)))
    guide = guide_by_actions(model, params, STATISTICS)
    env = OptionEnv(GuidedOptions(PointMass(episode_length=10), guide))
    cloned = GuidedSAC(env, SAC, GuidanceConfig("entropy"))
    state = jax.jit(cloned.init)(jax.random.key(0), GuidedHparams())
    obs = env.reset(key, env.nominal_context()).obs
    np.testing.assert_allclose(
        cloned.policy(state).choose(obs), model.propose(params, obs["state"]).mode(), atol=1e-6
    )
    assert "divergence" not in jax.eval_shape(cloned.step, state)[1]


def test_guidance_that_there_is_not_is_refused() -> None:
    with pytest.raises(UserError, match="did you mean 'prior'"):
        GuidanceConfig("priors")
    with pytest.raises(UserError, match="must be above 0"):
        GuidanceConfig(largest_skill=0.0)
