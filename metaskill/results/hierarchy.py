"""Figures of controllers over skills: against planning, and against no skills at all."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import PRNGKeyArray

from metaskill.envs.runner import begin_in, policy_keys
from metaskill.report.curves import plot_learning
from metaskill.report.skills import plot_ways
from metaskill.results.figure import measured, over_seeds
from metaskill.results.findings import Findings, Judge, TrainedRun
from metaskill.results.navigation import go_to_goals
from metaskill.skills.discovery import SkillDiscovery
from metaskill.skills.navigation import TEST_GOALS, Journey
from metaskill.skills.option import record_position
from metaskill.skills.option_env import OptionEnv, follow_controller
from metaskill.skills.skill_options import SkillOptions
from metaskill.training.prepared import PreparedLearner, PreparedState

_SEED = 1000  # No training's.
_MEASURE = "mean_t |x_t - g| / |g| over the six test goals"


def controlled_journeys(
    learner: PreparedLearner,
    population: PreparedState,
    goals: Sequence[tuple[float, float]] = TEST_GOALS,
) -> Journey:
    """Let every member's controller walk to every goal (axes: population, goal, time)."""
    keys = jax.random.split(jax.random.key(_SEED), (population.origin.shape[0], len(goals)))

    def of_member(state: PreparedState, keys: PRNGKeyArray) -> Journey:
        own = learner.made_for(state.origin)
        env = own.env
        assert isinstance(env, OptionEnv)
        options = env.options
        assert isinstance(options, SkillOptions)
        nominal, policy = env.nominal_context(), own.policy(state.own)

        def walk(goal: jax.Array, key: PRNGKeyArray) -> Journey:
            context = dataclasses.replace(nominal, reward={**nominal.reward, "goal": goal})
            world: Any = env.reset(key, context)
            start, keys = begin_in(world, policy, key), policy_keys(key, env.episode_length)
            course = follow_controller(env, policy, start, keys, record_position)
            trace, skill = course.trace, jax.vmap(options.skill_of)(course.action)
            here = world.inner.obs["position"]
            return Journey(goal, here, trace.position, trace.pose, skill, trace.alive)

        return jax.vmap(walk)(jnp.array(goals), keys)

    return jax.jit(jax.vmap(of_member))(population, keys)


def compare_with_planner(runs: dict[str, TrainedRun]) -> Findings:
    """Hold controllers on DADS's skills (`main`) and DIAYN's (`diayn`) against planning.

    Sharma et al. 2020 (section 6.4): the planner with DADS's skills (`planner`) needs no
    experience of goals and is as good as a controller that has it; on DIAYN's skills no
    controller gets far.
    """
    journeys = {"dads": _walk(runs["main"]), "diayn": _walk(runs["diayn"])}
    planner = runs["planner"]
    assert isinstance(planner.learner, SkillDiscovery)
    journeys["planner"] = go_to_goals(planner.learner, planner.outcome.state)
    delta = {
        name: np.mean(of_traveller.delta, axis=1).tolist()
        for name, of_traveller in journeys.items()
    }
    dads = over_seeds(delta["dads"], f"{_MEASURE}; no bar")
    figures = {
        "hierarchy_dads_delta": dads,
        "hierarchy_diayn_delta": over_seeds(
            delta["diayn"],
            f"{_MEASURE}; own bar, for failure: worse than a straight line that arrives at the end",
            required=0.5,
        ),
        "hierarchy_planner_delta": over_seeds(
            delta["planner"],
            f"{_MEASURE}; as good as the controller: own bar, a tenth above it at most",
            limit=1.1 * dads.value,
        ),
        **{
            f"hierarchy_{name}_goals_reached": over_seeds(
                np.sum(of_traveller.reached, axis=1).astype(float).tolist(),
                "of the six, ever within 1.5 m; no bar",
            )
            for name, of_traveller in journeys.items()
        },
        "hierarchy_env_steps": measured(
            _control_steps(runs["main"]), "control steps that each controller learned from"
        ),
    }
    first = jax.tree.map(lambda leaf: leaf[0], journeys)
    settings = {"goals": [list(goal) for goal in TEST_GOALS], "seed": _SEED}
    return Findings(figures, plot_ways(first), settings)


def hierarchy_findings(prefix: str, unit: str, at_least: float) -> Judge:
    """Judge a controller over skills (`main`) by its return, beside learning without (`flat`).

    Args:
        prefix: Beginning of the figures' keys.
        unit: What the return counts.
        at_least: The controller's smallest return that passes.
    """

    def judge(runs: dict[str, TrainedRun]) -> Findings:
        def returns(name: str) -> list[float]:
            return [float(value) for value in runs[name].outcome.evaluation["eval/return"]]

        figures = {
            prefix: over_seeds(
                returns("main"), f"own bar: {unit}, controller over skills", required=at_least
            ),
            f"{prefix}_flat": over_seeds(
                returns("flat"), f"{unit}, without skills, after as many control steps; no bar"
            ),
            f"{prefix}_env_steps": measured(_control_steps(runs["main"]), "control steps"),
        }
        main = runs["main"]
        return Findings(figures, plot_learning(main.folder.metrics_file, main.learner))

    return judge


def _walk(run: TrainedRun) -> Journey:
    assert isinstance(run.learner, PreparedLearner)
    return controlled_journeys(run.learner, run.outcome.state)


def _control_steps(run: TrainedRun) -> int:
    assert isinstance(run.learner, PreparedLearner)
    env = run.learner.env
    assert isinstance(env, OptionEnv)
    options = int(np.asarray(run.outcome.state.own.iteration)[0]) * run.learner.steps_per_iteration
    return options * env.length
