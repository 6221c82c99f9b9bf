"""What the prior does on an arm without any learning: how many subtasks it comes to do."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray

from metaskill.envs.arm.env import ArmEnv
from metaskill.envs.env import State
from metaskill.results.figure import Figure, measured
from metaskill.results.findings import TrainedRun
from metaskill.skills.exploration import (
    Choose,
    draw_from_prior,
    draw_standard,
    draw_uniformly,
    roll_out,
)
from metaskill.skills.guided_options import GuidedOptions
from metaskill.skills.option_env import OptionEnv, OptionState
from metaskill.training.prepared import PreparedLearner

_SEED = 1000  # No training's.
_FEWEST = 1.0  # Subtasks in all episodes together that a ratio is taken over.


def subtasks_reached(
    env: OptionEnv[GuidedOptions], choose: Choose, n_episodes: int
) -> Float[np.ndarray, " episode"]:
    """Return how many different subtasks are ever done in each of some episodes.

    Those that are done where an episode starts count in none.
    """
    arm = env.env
    assert isinstance(arm, ArmEnv)

    def look(state: State) -> Array:
        assert isinstance(state, OptionState)
        return arm.statuses(state.inner).done

    def count(key: PRNGKeyArray) -> Array:
        context_key, roll_key = jax.random.split(key)
        context = env.sample_context(context_key)
        start = arm.reset(jax.random.split(roll_key)[0], context)
        done = roll_out(env, roll_key, context, choose, look)
        return jnp.sum(jnp.any(done, axis=0) & ~arm.statuses(start).done)

    keys = jax.random.split(jax.random.key(_SEED), n_episodes)
    return np.asarray(jax.jit(jax.vmap(count))(keys), np.float64)


def coverage_figures(run: TrainedRun, n_episodes: int = 64) -> dict[str, Figure]:
    """Hold roll-outs of the prior against those of skills that are drawn without looking.

    Args:
        run: A guided run; nothing that it learned is used, only what guides its first member.
        n_episodes: Episodes of each.
    """
    assert isinstance(run.learner, PreparedLearner)
    env: Any = run.learner.env
    assert isinstance(env, OptionEnv)
    draws = {"prior": draw_from_prior, "uniform": draw_uniformly, "standard": draw_standard}
    counts = {name: subtasks_reached(env, draw(env), n_episodes) for name, draw in draws.items()}
    meaning = f"different subtasks done in an episode, mean of {n_episodes}, without learning"
    figures = {
        f"coverage_{name}_subtasks": measured(np.mean(count), f"{meaning}; no bar")
        for name, count in counts.items()
    }

    def ratio(name: str) -> float:
        return float(np.sum(counts["prior"]) / max(np.sum(counts[name]), _FEWEST))

    figures["prior_coverage_ratio"] = measured(
        ratio("uniform"), f"{meaning}: the prior's over uniform z's", required=3.0
    )
    figures["prior_coverage_over_standard"] = measured(
        ratio("standard"), f"{meaning}: the prior's over those of z ~ N(0, I); no bar"
    )
    return figures
