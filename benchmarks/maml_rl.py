"""Meta-learning of policies on HalfCheetah against raw physics.

python -m benchmarks.maml_rl writes benchmarks/results/maml_rl.json.
"""

import dataclasses
import pathlib
import time

import jax
import numpy as np

from experiments.half_cheetah_direction_maml import CONFIG
from metaskill.envs.half_cheetah import HalfCheetah
from metaskill.measure.throughput import RawBatch, ratio, seconds_in_turns
from metaskill.meta.maml_rl_config import MAMLRLConfig
from metaskill.results.figure import Figure, measured
from metaskill.results.file import write_results
from metaskill.training.run_folder import as_json

RESULTS = pathlib.Path(__file__).parent / "results"
ROUNDS = 5
WARM_UP = 3
# The papers' own set-ups, of 40 tasks. Finn et al. 2017: TRPO, two layers of 100 relus; the
# curvature is estimated on an eighth of the tasks, as in the experiments of this repository.
MAML_TRPO = MAMLRLConfig(outer="trpo", num_curvature_tasks=5)
# Rothfuss et al. 2018: five epochs on all tasks at once, two layers of 64 tanhs.
PROMP = MAMLRLConfig(outer="promp", hidden=(64, 64), activation="tanh")


def main() -> None:
    """Measure and write."""
    configs = {
        "maml_trpo": dataclasses.replace(CONFIG, meta=MAML_TRPO),
        "promp": dataclasses.replace(CONFIG, meta=PROMP),
    }
    programs, seconds_to_compile = {}, {}
    for name, config in configs.items():
        learner = config.make_learner()
        state = jax.jit(learner.init)(jax.random.key(0), config.hparams)
        clock = time.perf_counter()
        step = jax.jit(learner.step).lower(state).compile()
        seconds_to_compile[name] = time.perf_counter() - clock
        for _ in range(WARM_UP):
            state, _ = step(state)
        # The default arguments hold this round's values.
        programs[name] = lambda step=step, state=state: jax.block_until_ready(step(state))
    learner = configs["promp"].make_learner()
    env, meta = learner.env, PROMP
    assert isinstance(env, HalfCheetah)
    played = meta.inner_steps + 1
    n_worlds = learner.num_worlds
    reset = jax.jit(jax.vmap(lambda key: env.reset(key, env.nominal_context())))
    physics = reset(jax.random.split(jax.random.key(0), n_worlds)).physics
    rows = np.concatenate([np.asarray(physics.qpos), np.asarray(physics.qvel)], axis=-1)
    raw = RawBatch(env.engine.model, rows)
    shape = (env.episode_length * played, n_worlds, env.action_size)
    controls = np.random.default_rng(0).uniform(-1, 1, shape)
    seconds = seconds_in_turns(
        {"raw": lambda: raw.run(controls, env.n_substeps), **programs}, ROUNDS
    )
    figures = {}
    for key, name, required in (
        ("maml_rl_over_raw", "maml_trpo", 0.6),
        ("promp_over_raw", "promp", None),
    ):
        over_raw, interval = ratio(seconds["raw"], seconds[name])
        figures[key] = Figure(
            over_raw,
            interval,
            [over_raw],
            "limit: mujoco.batch, same model and number of worlds, in turns; "
            f"{meta.num_tasks} tasks x {meta.num_episodes} episodes x {env.episode_length} steps, "
            "before and after the inner step",
            required=required,
        )
        figures[f"{name}_steps_per_second"] = measured(
            learner.steps_per_iteration / float(np.median(seconds[name])),
            "training steps of this machine",
        )
    settings = {
        "configs": {name: as_json(config) for name, config in configs.items()},
        "seconds_per_iteration": {name: float(np.median(s)) for name, s in seconds.items()},
        "compile_seconds": seconds_to_compile,
    }
    for key, figure in figures.items():
        print(f"{key:<32} {figure.value:.4g}{figure.bar}")
    print(write_results(RESULTS, "maml_rl", figures, settings))


if __name__ == "__main__":
    main()
