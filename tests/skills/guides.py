"""A tiny guide in the plane, for tests of what stands on one."""

import jax
import jax.numpy as jnp

from metaskill.networks.normalizer import init_statistics, update_statistics
from metaskill.skills.guide import Guide, guide_by_skills
from metaskill.skills.spirl_model import EmbeddingConfig, SkillEmbedding

LENGTH, LARGEST = 4, 4.0
STATISTICS = update_statistics(init_statistics(2), jnp.array([[0.0, -1.0], [2.0, 3.0]]))


def shaken(params: dict) -> dict:
    """An untrained network hardly depends on what it sees."""
    flat, unflatten = jax.flatten_util.ravel_pytree(params)
    return unflatten(flat + 0.3 * jax.random.normal(jax.random.key(5), flat.shape))


def skill_guide(decoder: str) -> tuple[SkillEmbedding, dict, Guide]:
    config = EmbeddingConfig(3, LENGTH, decoder, 8, (8,), (8, 8))
    model = SkillEmbedding(config, 2, 2)
    params = shaken(model.init(jax.random.key(0)))
    return model, params, guide_by_skills(model, params, STATISTICS, LARGEST)
