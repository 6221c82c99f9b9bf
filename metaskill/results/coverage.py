"""What the prior does on an arm without any learning: which subtasks it comes to do."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, PRNGKeyArray

from metaskill.envs.arm.env import ArmEnv
from metaskill.envs.env import State
from metaskill.envs.pose import Pose, pose_of
from metaskill.report.exploration import one_below_the_other, plot_coverage, plot_strips
from metaskill.results.figure import Figure, measured
from metaskill.results.findings import Findings, Judge, TrainedRun
from metaskill.skills.exploration import Choose, for_every_draw, is_guided, roll_out
from metaskill.skills.guided_options import GuidedOptions
from metaskill.skills.option_env import OptionEnv
from metaskill.training.prepared import PreparedLearner

_SEED = 1000  # No training's.
_FEWEST = 1.0  # Subtasks in all episodes together that a ratio is taken over.


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Coverage:
    """What came of episodes without learning.

    Attributes:
        reached: Which subtasks were ever done in an episode, but not where it started.
        pose: How the world stood after each control step, for drawing (axes: episode, time).
    """

    reached: Bool[Array, "episode subtask"]
    pose: Pose


def cover(env: OptionEnv[GuidedOptions], n_episodes: int) -> dict[str, Coverage]:
    """Act for some episodes by each of `DRAWS`, and look at the subtasks in every control step."""
    arm = env.env
    assert isinstance(arm, ArmEnv)

    def look(state: State) -> tuple[Array, Pose]:
        return arm.statuses(state).done, pose_of(state)

    def act(choose: Choose, key: PRNGKeyArray) -> Coverage:
        context_key, roll_key = jax.random.split(key)
        context = env.sample_context(context_key)
        start = arm.reset(jax.random.split(roll_key)[0], context)
        done, pose = roll_out(env, roll_key, context, choose, look)
        return Coverage(jnp.any(done, axis=0) & ~arm.statuses(start).done, pose)

    def act_by_every_draw(keys: PRNGKeyArray) -> dict[str, Coverage]:
        return for_every_draw(env, lambda choose: jax.vmap(lambda key: act(choose, key))(keys))

    keys = jax.random.split(jax.random.key(_SEED), n_episodes)
    covered: dict[str, Coverage] = jax.jit(act_by_every_draw)(keys)
    return jax.tree.map(np.asarray, covered)


def with_coverage(judge: Judge, required: float | None = None, n_episodes: int = 64) -> Judge:
    """Add to a judge roll-outs of the prior, against skills that are drawn without looking.

    Nothing that the main run learned is used for that, only what guides its first member.

    Args:
        judge: Measures what was learned.
        required: How many times as many subtasks as uniform z's the prior has to do.
        n_episodes: Episodes of each way to draw skills.
    """

    def judged(runs: dict[str, TrainedRun]) -> Findings:
        found = judge(runs)
        learner = runs["main"].learner
        assert isinstance(learner, PreparedLearner)
        env = learner.env
        assert is_guided(env)
        covered = cover(env, n_episodes)
        reached = {name: np.asarray(coverage.reached) for name, coverage in covered.items()}
        first = {
            name: jax.tree.map(lambda leaf: leaf[0], coverage.pose)
            for name, coverage in covered.items()
        }
        picture = one_below_the_other(
            [
                found.picture,
                plot_coverage(reached, env.subtask_names),
                plot_strips(env.env, first),
            ]
        )
        figures = {**found.figures, **coverage_figures(reached, required)}
        return dataclasses.replace(found, figures=figures, picture=picture)

    return judged


def coverage_figures(
    reached: dict[str, Bool[np.ndarray, "episode subtask"]], required: float | None
) -> dict[str, Figure]:
    """Hold the number of subtasks in an episode of the prior against those of other draws."""
    counts = {name: np.sum(of_draw, axis=1).astype(float) for name, of_draw in reached.items()}
    n_episodes = len(counts["prior"])
    meaning = f"different subtasks done in an episode, mean of {n_episodes}, without learning"
    figures = {
        f"coverage_{name}_subtasks": measured(np.mean(count), f"{meaning}; no bar")
        for name, count in counts.items()
    }

    def ratio(name: str) -> float:
        return float(np.sum(counts["prior"]) / max(np.sum(counts[name]), _FEWEST))

    figures["prior_coverage_ratio"] = measured(
        ratio("uniform"), f"{meaning}: the prior's over uniform z's", required=required
    )
    figures["prior_coverage_over_standard"] = measured(
        ratio("standard"), f"{meaning}: the prior's over those of z ~ N(0, I); no bar"
    )
    return figures
