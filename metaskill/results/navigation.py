"""What skills are worth to a planner that was never trained: figures of zero-shot navigation."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from metaskill.report.skills import plot_experiment, plot_ways
from metaskill.results.figure import Figure, measured, over_seeds
from metaskill.results.findings import Findings, Judge, TrainedRun, untrained
from metaskill.skills.dads import DADS
from metaskill.skills.discovery import SkillDiscovery
from metaskill.skills.navigation import TEST_GOALS, Journey, navigate
from metaskill.skills.planner import DENSE, SPARSE, PlannerConfig
from metaskill.skills.space import Skill
from metaskill.training.skill_experiment import SkillExperiment

_SEED = 1000  # No training's.
_POLICY = "deterministic policy, planner of the paper (H_P = 1, H_Z = 10, R = 10, K = 50)"


def go_to_goals(
    learner: SkillDiscovery,
    population: Any,
    goals: Sequence[tuple[float, float]] = TEST_GOALS,
    planner: PlannerConfig = DENSE,
    sparse: bool = False,
) -> Journey:
    """Walk to every goal with every member's skills (axes: population, goal, time)."""
    n_members = jax.tree.leaves(population)[0].shape[0]
    keys = jax.random.split(jax.random.key(_SEED), (n_members, len(goals)))

    def of_member(state: Any, keys: jax.Array) -> Journey:
        return jax.vmap(lambda goal, key: navigate(learner, state, goal, key, planner, sparse))(
            jnp.array(goals), keys
        )

    return jax.jit(jax.vmap(of_member))(population, keys)


def navigation_findings(
    prefix: str, most_minutes: float | None = 25.0, **env_options: Any
) -> Judge:
    """Judge a DADS run by how its skills are planned with, on the six test goals.

    Args:
        prefix: What the figures' keys begin with.
        most_minutes: What training may take on two cores; None where it was not made for them.
        **env_options: Options of the environment in which the ways are gone, where they are not
            those of training.
    """

    def judge(runs: dict[str, TrainedRun]) -> Findings:
        run = _in_env_with(env_options, runs["main"])
        learner, config = run.learner, run.config.trainer
        assert isinstance(learner, SkillDiscovery)
        journeys = go_to_goals(learner, run.outcome.state)
        at_first = go_to_goals(learner, untrained(run).outcome.state)
        timing = run.outcome.timing
        minutes = (timing.compiling + timing.training) / 60 / config.population
        figures = {
            f"{prefix}_goal_delta": _over_members(
                np.mean(journeys.delta, axis=1),
                f"Sharma et al. 2020: mean_t |x_t - g| / |g| over the six test goals; {_POLICY}",
                limit=0.38,
            ),
            f"{prefix}_goals_reached": _over_members(
                np.sum(journeys.reached, axis=1),
                f"own bar: of the six test goals, ever within 1.5 m in 200 steps; {_POLICY}",
                required=6.0,
            ),
            f"{prefix}_goals_held": _over_members(
                np.sum(journeys.stayed, axis=1), "of the six, within 1.5 m after 200 steps; no bar"
            ),
            f"{prefix}_untrained_goals_reached": _over_members(
                np.sum(at_first.reached, axis=1),
                "own bar: the same planner with untrained skills",
                limit=0.0,
            ),
            f"{prefix}_nats": _over_members(
                run.outcome.evaluation["eval/skill_reward"],
                "mean reward under the deterministic policy, at most log(L + 1); no bar",
            ),
            f"{prefix}_deviation": _over_members(
                run.outcome.evaluation["eval/position_deviation"],
                "x-y deviation of executions of the same skill over the distance covered; no bar",
            ),
        }
        state = jax.tree.map(lambda leaf: leaf[0], run.outcome.state)
        executions = jax.jit(learner.execute_skills)(
            state,
            learner.env.space.examples(learner.config.num_eval_skills),
            jax.random.key(_SEED),
        )
        first = jax.tree.map(lambda leaf: leaf[0], journeys)
        # Minutes to skills that do not reach the goals are no answer to the question.
        arrived = (
            figures[f"{prefix}_goal_delta"].passed and figures[f"{prefix}_goals_reached"].passed
        )
        figures[f"{prefix}_minutes"] = measured(
            minutes,
            "own bar, held against it where the goal figures are met: training and its "
            "compilation, a member, all members side by side",
            limit=most_minutes if arrived else None,
        )
        picture = plot_experiment(executions, learner.env.space, first, _net(learner, state))
        settings = {
            "goals": [list(goal) for goal in TEST_GOALS],
            "seed": _SEED,
            "delta_by_goal": np.asarray(journeys.delta).round(4).tolist(),
            "ended_early_by_goal": (~np.asarray(journeys.alive[..., -1])).tolist(),
        }
        return Findings(figures, picture, settings)

    return judge


def _in_env_with(options: dict[str, Any], run: TrainedRun) -> TrainedRun:
    """Return a run whose skills are executed in an environment with these options."""
    if not options:
        return run
    assert isinstance(run.config, SkillExperiment)
    config = run.config.in_env_with(options)
    return dataclasses.replace(run, config=config, learner=config.make_learner())


ALL_AROUND = tuple(
    (7.5 * x, 7.5 * y) for x in range(-2, 3) for y in range(-2, 3) if (x, y) != (0, 0)
)
"""Goals all over [-15, 15]^2, metres: a grid, without the place where robots start."""


def planner_findings(runs: dict[str, TrainedRun]) -> Findings:
    """Judge a run of DADS by the planner alone, on goals all over the place: dense and sparse.

    Sharma et al. 2020 (section 6.3) plan for nearness, and for a reward that is 0 except at the
    goal. Nothing is trained for either, so neither has a baseline here but each other.
    """
    run = runs["main"]
    assert isinstance(run.learner, SkillDiscovery)
    figures: dict[str, Figure] = {}
    shown: dict[str, Journey] = {}
    for name, planner in (("dense", DENSE), ("sparse", SPARSE)):
        journeys = go_to_goals(
            run.learner, run.outcome.state, ALL_AROUND, planner, sparse=name == "sparse"
        )
        setup = (
            f"H_P = {planner.slots}, H_Z = {planner.steps_per_slot}, R = {planner.refinements}, "
            f"K = {planner.samples}"
        )
        figures[f"planner_{name}_delta"] = _over_members(
            np.mean(journeys.delta, axis=1), f"mean_t |x_t - g| / |g|, 24 goals; {setup}; no bar"
        )
        figures[f"planner_{name}_reached"] = _over_members(
            np.mean(journeys.reached, axis=1), "share of the goals ever within 1.5 m; no bar"
        )
        shown[name] = jax.tree.map(lambda leaf: leaf[0], journeys)
    settings = {"goals": [list(goal) for goal in ALL_AROUND], "seed": _SEED}
    return Findings(figures, plot_ways(shown), settings)


def _net(learner: SkillDiscovery, state: Any) -> np.ndarray | None:
    """Predict where a grid of skills leads in an episode, metres (axes: row, column, x and y).

    There is no such grid where skills are no square, or what they do depends on the state.
    """
    dads, space = learner.reward, learner.env.space
    assert isinstance(dads, DADS)
    if (space.kind, space.size) != ("box", 2) or dads.config.predicts != "position":
        return None
    ticks = jnp.linspace(-1.0, 1.0, 13)
    skills = jnp.stack(jnp.meshgrid(ticks, ticks, indexing="ij"), axis=-1)

    def displacement(skill: Skill) -> Array:
        return dads.predict(state.intrinsic, jnp.zeros(2), jnp.zeros(0), skill)[0]

    steps = jax.vmap(jax.vmap(displacement))(skills)
    return np.asarray(learner.env.episode_length * steps)


def _over_members(values: Any, source: str, **bar: float) -> Figure:
    return over_seeds([float(value) for value in np.asarray(values)], source, **bar)
