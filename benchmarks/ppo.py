"""PPO on Ant against raw physics, and where its time goes.

python -m benchmarks.ppo writes benchmarks/results/ppo.json.
"""

import dataclasses
import pathlib
import time

import jax
import numpy as np

from experiments.demo import CONFIG
from metaskill.envs.mjcf import load_brax_model
from metaskill.measure.throughput import RawBatch, ratio, seconds_in_turns
from metaskill.results.figure import Figure, measured
from metaskill.results.file import write_results
from metaskill.rl.ppo import PPO, PPOState
from metaskill.training.run_folder import as_json

RESULTS = pathlib.Path(__file__).parent / "results"
ITERATIONS = 4
WARM_UP = 40


def main() -> None:
    """Measure and write."""
    learner = CONFIG.make_learner()
    # The time of an epoch is the difference to a learner that makes only one.
    shorter = PPO(learner.env, dataclasses.replace(CONFIG.ppo, num_epochs=1))
    state = jax.jit(learner.init)(jax.random.key(0), CONFIG.hparams)
    start = time.perf_counter()
    step = jax.jit(iterate(learner)).lower(state).compile()
    compile_seconds = time.perf_counter() - start
    one_epoch = jax.jit(iterate(shorter)).lower(state).compile()
    for _ in range(WARM_UP // ITERATIONS):
        state = step(state)
    physics = state.workers.state.physics
    rows = np.concatenate([np.asarray(physics.qpos), np.asarray(physics.qvel)], axis=-1)
    raw = RawBatch(load_brax_model("ant"), rows)
    shape = (CONFIG.ppo.rollout_length * ITERATIONS, CONFIG.ppo.num_envs, 8)
    controls = np.random.default_rng(0).uniform(-1, 1, shape)
    seconds = seconds_in_turns(
        {
            "raw": lambda: raw.run(controls, 5),
            "ppo": lambda: jax.block_until_ready(step(state)),
            "one_epoch": lambda: jax.block_until_ready(one_epoch(state)),
        }
    )
    over_raw, interval = ratio(seconds["raw"], seconds["ppo"])
    median = {name: float(np.median(value)) / ITERATIONS for name, value in seconds.items()}
    epochs = CONFIG.ppo.num_epochs
    update = (median["ppo"] - median["one_epoch"]) * epochs / (epochs - 1)
    figures = {
        "ppo_over_raw": Figure(
            over_raw,
            interval,
            [over_raw],
            "limit: mujoco.batch, same model and number of worlds, in turns",
            required=0.40,
        ),
        "ppo_steps_per_second": measured(
            CONFIG.ppo.steps_per_iteration / median["ppo"], "training steps of this machine"
        ),
    }
    settings = {
        "config": as_json(CONFIG),
        "seconds_per_iteration": {
            "whole": median["ppo"],
            "update": update,
            "rollout": median["ppo"] - update,
            "physics": median["raw"],
        },
        "compile_seconds": compile_seconds,
    }
    print(write_results(RESULTS, "ppo", figures, settings))
    print(f"ppo_over_raw {over_raw:.3f}; seconds an iteration: {settings['seconds_per_iteration']}")


def iterate(learner: PPO):  # type: ignore[no-untyped-def]
    """A function that does some iterations."""

    def run(state: PPOState) -> PPOState:
        return jax.lax.scan(lambda s, _: (learner.step(s)[0], None), state, length=ITERATIONS)[0]

    return run


if __name__ == "__main__":
    main()
