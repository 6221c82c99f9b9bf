"""Imitating an expert with skills: which of them would have led through its states?"""

from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from metaskill.envs.env import Observation
from metaskill.skills.diayn import DIAYN
from metaskill.skills.space import Skill


def infer_skill(
    diayn: DIAYN, model: Any, observed: Observation
) -> tuple[Skill, Float[Array, " skill"]]:
    """Return the skill that an expert's states tell of (Eysenbach et al. 2019, section 4.2.2).

        z = argmax_z prod_t q(z | s_t)

    over the states after the first: the discriminator is told transitions, of which it may see
    no more than where they lead.

    Only states are needed, no actions: executing the skill is the imitation.

    Args:
        diayn: The algorithm.
        model: Its trained discriminator.
        observed: The expert's observations (axis: time) in an environment with skills, of
            which `skill` means nothing.

    Returns:
        The skill, and the log likelihood of each, nats a state. The expert is beyond what
        the skills can do where that of the best is far below 0.
    """
    before = jax.tree.map(lambda leaf: leaf[:-1], observed)
    after = jax.tree.map(lambda leaf: leaf[1:], observed)
    log_likelihood = jnp.mean(diayn.infer(model, before, after), axis=0)
    return diayn.space.nearest(log_likelihood), log_likelihood
