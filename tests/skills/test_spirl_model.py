"""SPiRL's embedding: its loss in plain numpy, and whom each part of it teaches."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from metaskill.errors import UserError
from metaskill.offline.windows import Window
from metaskill.skills.cloning import BehaviorCloning, CloningConfig
from metaskill.skills.spirl_model import EmbeddingConfig, EmbeddingHparams, SkillEmbedding

SMALL = EmbeddingConfig(
    size=3, length=4, lstm_size=8, decoder_hidden=(8,), prior_hidden=(8, 8), activation="tanh"
)
BATCH, OBS, ACTION = 6, 5, 2
KEY = jax.random.key(7)


@pytest.fixture(scope="module", params=["open_loop", "closed_loop"])
def model(request) -> SkillEmbedding:
    return SkillEmbedding(dataclasses.replace(SMALL, decoder=request.param), OBS, ACTION)


@pytest.fixture(scope="module")
def params(model: SkillEmbedding) -> dict:
    return model.init(jax.random.key(0))


@pytest.fixture(scope="module")
def batch() -> Window:
    keys = jax.random.split(jax.random.key(1))
    return Window(
        jax.random.normal(keys[0], (BATCH, 5, OBS)), jax.random.normal(keys[1], (BATCH, 4, ACTION))
    )


def kl(mean: np.ndarray, std: np.ndarray, other_mean: np.ndarray, other_std: np.ndarray):
    """Of diagonal Gaussians, in the textbook's form."""
    terms = np.log(other_std / std) + (std**2 + (mean - other_mean) ** 2) / (2 * other_std**2)
    return np.sum(terms - 0.5, axis=-1)


def test_the_loss_equals_a_plain_numpy_computation(
    model: SkillEmbedding, params: dict, batch: Window
) -> None:
    loss, parts = model.loss(params, batch, EmbeddingHparams(beta=0.25), KEY)
    posterior = model.embed(params, batch.actions)
    mean, std = np.float64(posterior.mean), np.exp(np.float64(posterior.log_std))
    skill = mean + std * np.float64(jax.random.normal(KEY, (BATCH, 3)))
    one_by_one = []
    for i in range(BATCH):
        z = jnp.asarray(skill[i], jnp.float32)
        if model.is_closed_loop:
            states = [model.react(params, batch.observations[i, t], z) for t in range(4)]
            one_by_one.append(np.stack(states))
        else:
            one_by_one.append(np.asarray(model.plan(params, z)))
    errors = np.stack(one_by_one).astype(np.float64) - np.float64(batch.actions)
    nll = np.mean(errors**2 / 2) + np.log(2 * np.pi) / 2
    proposed = model.propose(params, batch.observations[:, 0])
    prior_mean, prior_std = np.float64(proposed.mean), np.exp(np.float64(proposed.log_std))
    rate = np.mean(kl(mean, std, np.zeros(3), np.ones(3)))
    prior = np.mean(kl(mean, std, prior_mean, prior_std))
    assert float(parts["action_error"]) == pytest.approx(np.mean(errors**2), rel=1e-4)
    assert float(parts["nll"]) == pytest.approx(nll, rel=1e-4)
    assert float(parts["rate"]) == pytest.approx(rate, rel=1e-4)
    assert float(parts["prior"]) == pytest.approx(prior, rel=1e-4)
    assert float(loss) == pytest.approx(nll + 0.25 * rate + prior, rel=1e-4)


def test_the_priors_loss_has_no_gradient_into_the_embedding(
    model: SkillEmbedding, params: dict, batch: Window
) -> None:
    taught = {"nll": {"encoder", "decoder"}, "rate": {"encoder"}, "prior": {"prior"}}
    for name, owners in taught.items():
        grads = jax.grad(
            lambda p, name=name: model.loss(p, batch, EmbeddingHparams(), KEY)[1][name]
        )(params)
        moved = {
            part
            for part, grad in grads.items()
            if any(bool(jnp.any(leaf != 0)) for leaf in jax.tree.leaves(grad))
        }
        assert moved == owners, name


def test_an_open_loop_does_not_see_where_it_is_and_a_closed_loop_does(
    model: SkillEmbedding, params: dict, batch: Window
) -> None:
    z = jnp.ones((BATCH, 3))
    obs = batch.observations[:, :-1]
    here = model.reconstruct(params, obs, z)
    there = model.reconstruct(params, obs + 1.0, z)
    assert here.shape == (BATCH, 4, ACTION)
    assert bool(jnp.any(here != there)) == model.is_closed_loop


def test_cloning_maximizes_the_likelihood_of_actions() -> None:
    model = BehaviorCloning(CloningConfig(hidden=(8,)), OBS, ACTION)
    params = model.init(jax.random.key(0))
    obs = jax.random.normal(jax.random.key(1), (BATCH, 2, OBS))
    actions = jnp.tanh(jax.random.normal(jax.random.key(2), (BATCH, 1, ACTION)))
    loss, parts = model.loss(params, Window(obs, actions), EmbeddingHparams(), KEY)
    proposed = model.propose(params, obs[:, 0])
    a = np.float64(actions[:, 0])
    mean, std = np.float64(proposed.mean), np.exp(np.float64(proposed.log_std))
    normal = -0.5 * ((np.arctanh(a) - mean) / std) ** 2 - np.log(std) - 0.5 * np.log(2 * np.pi)
    nll = -np.mean(normal - np.log(1 - a**2))
    assert float(loss) == pytest.approx(nll, rel=1e-4)
    assert float(parts["action_error"]) == pytest.approx(
        np.mean((np.tanh(mean) - a) ** 2), rel=1e-4
    )
    extreme = jnp.ones((BATCH, 1, ACTION))
    assert np.isfinite(model.loss(params, Window(obs, extreme), EmbeddingHparams(), KEY)[0])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"size": 0}, "size is 0"),
        ({"length": 0}, "length is 0"),
        ({"decoder": "open-loop"}, "did you mean 'open_loop'"),
        ({"activation": "rely"}, "did you mean 'relu'"),
    ],
)
def test_what_is_no_embedding_is_refused(changes: dict, message: str) -> None:
    with pytest.raises(UserError, match=message):
        dataclasses.replace(SMALL, **changes)
