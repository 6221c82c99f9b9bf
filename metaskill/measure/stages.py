"""A learner in stages, each with the one before inside it: where its time goes."""

import dataclasses
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from metaskill.envs.actuation import scaled_controls
from metaskill.envs.auto_reset import SampleContext, auto_reset
from metaskill.envs.env import Env, State
from metaskill.learner import ActingLearner
from metaskill.measure.throughput import RawBatch
from metaskill.physics.native import NativeEngine
from metaskill.rl.rollout import Follower, rollout, start_worker
from metaskill.skills.option_env import OptionEnv


@dataclasses.dataclass(frozen=True)
class Stage:
    """Something to time.

    Attributes:
        run: Does it, and waits until it is done.
        steps: Environment steps that one call makes.
    """

    run: Callable[[], object]
    steps: int


def make_stages(
    learner: ActingLearner, state: Any, step: Callable[[Any], Any], length: int = 32
) -> dict[str, Stage]:
    """Return the stages of a learner's iteration, fastest first.

        limit        `mujoco.batch`, as its documentation uses it (native engine only)
        physics      the engine under `vmap` in a scan
        environment  with observations, rewards, ends of episodes and resets
        rollout      with the policy choosing the actions
        iteration    `learner.step`: with all that is learned

    Args:
        learner: The learner.
        state: One member's state.
        step: `learner.step`, compiled.
        length: Control steps of each stage but the last.
    """
    env, n_worlds = learner.env, learner.num_worlds
    sample_context = getattr(learner, "sample_context", lambda _: env.nominal_context())
    keys = jax.random.split(jax.random.key(0), n_worlds)
    states = jax.jit(jax.vmap(lambda key: env.reset(key, sample_context(key))))(keys)
    actions = jax.random.uniform(
        jax.random.key(1), (length, n_worlds, env.action_size), minval=-1.0, maxval=1.0
    )
    run_environment = environment_program(env, sample_context)
    states = run_environment(states, actions)  # Robots have landed.
    stages: dict[str, Callable[[], object]] = {}
    # An option is decoded, or told to a policy, for many control steps: physics knows neither.
    if hasattr(env, "engine") and not isinstance(env, OptionEnv):
        stages.update(_physics_stages(env, states, actions))
    stages["environment"] = lambda: jax.block_until_ready(run_environment(states, actions))
    follow = _rollout(learner, sample_context, length)
    begin = learner.policy(state).begin
    workers = jax.jit(jax.vmap(lambda key: start_worker(env, sample_context, key, begin)))(keys)
    stages["rollout"] = lambda: jax.block_until_ready(follow(state, workers))
    return {
        **{name: Stage(run, length * n_worlds) for name, run in stages.items()},
        "iteration": Stage(lambda: jax.block_until_ready(step(state)), learner.steps_per_iteration),
    }


def _physics_stages(env: Any, states: State, actions: Array) -> dict[str, Callable[[], object]]:
    engine, n_substeps = env.engine, env.n_substeps
    if env.action_size != engine.model.nu:  # Actions that are not the actuators' controls.
        shape = (*actions.shape[:2], engine.model.nu)
        actions = jax.random.uniform(jax.random.key(2), shape, minval=-1.0, maxval=1.0)
    controls = scaled_controls(engine.model, {}, actions)
    physics, leaves = states.physics, states.model_leaves

    @jax.jit
    def run(physics: Any, controls: Array) -> Any:
        step = jax.vmap(lambda m, p, c: engine.step(m, p, c, n_substeps))
        return jax.lax.scan(lambda p, c: (step(leaves, p, c), None), physics, controls)[0]

    stages: dict[str, Callable[[], object]] = {}
    if isinstance(engine, NativeEngine):
        rows = np.concatenate([np.asarray(physics.qpos), np.asarray(physics.qvel)], axis=-1)
        raw = RawBatch(engine.model, rows, leaves, np.asarray(physics.act))
        raw_controls = np.asarray(controls)
        stages["limit"] = lambda: raw.run(raw_controls, n_substeps)
    return stages | {"physics": lambda: jax.block_until_ready(run(physics, controls))}


def environment_program(env: Env, sample_context: SampleContext) -> jax.stages.Wrapped:
    """Return a program that steps worlds (axis: env) under actions (axes: time, env)."""
    step = jax.vmap(auto_reset(env, sample_context))

    def run(states: State, actions: Array) -> State:
        return jax.lax.scan(lambda s, a: (step(s, a)[0], None), states, actions)[0]

    return jax.jit(run)


def _rollout(
    learner: ActingLearner, sample_context: SampleContext, length: int
) -> Callable[[Any, Any], Any]:
    env = learner.env

    def run(state: Any, workers: Any) -> Any:
        def follow(worker: Any) -> Any:
            _, trajectory = rollout(
                env,
                sample_context,
                Follower(learner.policy(state)),
                worker,
                length,
            )
            return jnp.sum(trajectory.reward)

        return jax.vmap(follow)(workers)

    return jax.jit(run)
