"""What it costs that every world has physics of its own.

python -m benchmarks.randomization writes benchmarks/results/randomization.json.
"""

import dataclasses
import pathlib
from collections.abc import Callable

import jax
import numpy as np

from benchmarks.throughput import ratio, seconds_in_turns
from metaskill.envs.auto_reset import auto_reset
from metaskill.envs.env import Context, State
from metaskill.results.figure import Figure, measured
from metaskill.results.file import write_results
from metaskill.tasks.randomizations import find_randomization

WORLDS = {"native": 1024, "mjx": 256}
STEPS = {"native": 40, "mjx": 4}
CONTEXTS = 1000
RESULTS = pathlib.Path(__file__).parent / "results"


def main() -> None:
    """Measure and write."""
    figures = {
        "contexts_per_trace": contexts_per_trace(),
        "randomized_over_plain_native": randomized_over_plain("native", 0.90),
        "randomized_over_plain_mjx": randomized_over_plain("mjx", 0.80),
        "resampling_over_plain": resampling_over_plain(),
    }
    print(write_results(RESULTS, "randomization", figures, {"worlds": WORLDS, "robot": "ant"}))
    for name, figure in figures.items():
        print(f"{name:<28} {figure.value:.4g}  passed: {figure.passed}")


def contexts_per_trace() -> Figure:
    """Contexts that went through one compiled step."""
    randomization = find_randomization("dactyl")
    env = randomization.make_env("ant", engine="native")
    contexts = jax.vmap(randomization.sampler(env))(jax.random.split(jax.random.key(0), CONTEXTS))
    traces = 0

    @jax.jit
    def start_and_step(key: jax.Array, context: Context, action: jax.Array) -> State:
        nonlocal traces
        traces += 1
        return env.step(env.reset(key, context), action)

    for i in range(CONTEXTS):
        context = jax.tree.map(lambda leaf, i=i: leaf[i], contexts)
        start_and_step(jax.random.key(i), context, np.zeros(8, np.float32))
    source = "distinct contexts through env.reset and env.step, over the number of traces"
    return measured(CONTEXTS / traces, source, required=CONTEXTS)


def runner(name: str, engine: str, resampled: float = 0.0) -> Callable[[], object]:
    """Steps worlds of a randomization through random actions, resets included.

    Args:
        name: The randomization.
        engine: The engine.
        resampled: Share of the worlds whose episode is cut at each step.
    """
    randomization = find_randomization(name)
    env = randomization.make_env("ant", engine=engine)
    sample = randomization.sampler(env)
    keys = jax.random.split(jax.random.key(0), WORLDS[engine])
    states = jax.jit(jax.vmap(env.reset))(keys, jax.vmap(sample)(keys))
    step = jax.vmap(auto_reset(env, sample))
    shape = (STEPS[engine], WORLDS[engine])
    actions = jax.random.uniform(jax.random.key(1), (*shape, 8), minval=-1.0)
    cut = jax.random.uniform(jax.random.key(2), shape) < resampled

    @jax.jit
    def run(states: State, actions: jax.Array, cut: jax.Array) -> State:
        def one(states: State, inputs: tuple[jax.Array, jax.Array]) -> tuple[State, None]:
            actions, cut = inputs
            late = jax.numpy.where(cut, env.episode_length, states.step)
            return step(dataclasses.replace(states, step=late), actions)[0], None

        return jax.lax.scan(one, states, (actions, cut))[0]

    return lambda: jax.block_until_ready(run(states, actions, cut))


def compare(fast: Callable[[], object], slow: Callable[[], object], required: float) -> Figure:
    """Speed of one run over another's, in turns."""
    seconds = seconds_in_turns({"fast": fast, "slow": slow})
    value, interval = ratio(seconds["fast"], seconds["slow"])
    return Figure(value, interval, [value], "environment steps/s, in turns", required=required)


def randomized_over_plain(engine: str, required: float) -> Figure:
    """Every world with Dactyl's randomization, over none."""
    return compare(runner("none", engine), runner("dactyl", engine), required)


def resampling_over_plain() -> Figure:
    """A tenth of the worlds drawn anew each step, over only those that fall."""
    return compare(runner("dactyl", "native"), runner("dactyl", "native", 0.1), 0.90)


if __name__ == "__main__":
    main()
