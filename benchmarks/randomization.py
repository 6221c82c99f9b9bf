"""What it costs that every world has physics of its own.

python -m benchmarks.randomization writes benchmarks/results/randomization.json.
"""

import dataclasses
import pathlib
from collections.abc import Callable

import jax
import numpy as np

from benchmarks.parity import ENVIRONMENTS, control_step_errors
from metaskill.envs.auto_reset import auto_reset
from metaskill.envs.env import Context, State
from metaskill.measure.throughput import ratio, seconds_in_turns
from metaskill.results.figure import Figure, measured
from metaskill.results.file import write_results
from metaskill.tasks.distributions import Fixed
from metaskill.tasks.randomization import Randomization
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
        "randomized_engine_parity": randomized_engine_parity(),
        **degenerate_exact(),
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


def randomized_engine_parity() -> Figure:
    """Both engines from the same states, with the same contexts."""
    errors = {
        robot: max(control_step_errors(robot, 64, randomization="dactyl").values())
        for robot in ENVIRONMENTS
    }
    source = "one control step of 64 worlds of each robot with dactyl; see engine_parity_*"
    return measured(max(errors.values()), source, limit=1e-3)


def degenerate_exact() -> dict[str, Figure]:
    """Randomizations whose draws are all nominal, against none."""
    cases = [("locomotion", "ant"), ("locomotion", "humanoid"), ("epopt_hopper", "hopper")]
    cases += [("dactyl", "half_cheetah")]
    worst = max(degenerate_difference(*case, engine) for case in cases for engine in WORLDS)
    source = "largest difference of any position and velocity in 60 steps, resets included"
    return {"degenerate_exact": measured(worst, source, limit=0.0)}


def degenerate_difference(
    name: str, robot: str, engine: str, n_worlds: int = 16, n_steps: int = 60
) -> float:
    """Compare episodes under a randomization without width with episodes under none.

    Returns:
        The largest difference of any position, velocity and, where only physics varies,
        reward. (XLA rounds the sum of squares in a reward one way or another depending on
        whether noise on the actions, even of strength zero, is computed before it.)
    """
    randomization = find_randomization(name)
    degenerate = dataclasses.replace(
        randomization,
        physics=tuple(
            (spec, Fixed(1.0 if spec.operation == "scale" else 0.0))
            for spec, _ in randomization.physics
        ),
        strengths={entry: Fixed(0.0) for entry in randomization.strengths},
    )

    def episodes(randomization: Randomization) -> tuple[jax.Array, ...]:
        env = randomization.make_env(robot, engine=engine, episode_length=25)
        sample = randomization.sampler(env)
        keys = jax.random.split(jax.random.key(0), n_worlds)
        states = jax.jit(jax.vmap(env.reset))(keys, jax.vmap(sample)(keys))
        shape = (n_steps, n_worlds, env.action_size)
        actions = jax.random.uniform(jax.random.key(1), shape, minval=-1.0)
        step = jax.vmap(auto_reset(env, sample))

        def one(states: State, actions: jax.Array) -> tuple[State, tuple[jax.Array, ...]]:
            states, outcome = step(states, actions)
            return states, (states.physics.qpos, outcome.physics.qvel, outcome.reward)

        return jax.jit(lambda states: jax.lax.scan(one, states, actions)[1])(states)

    ours, plain = episodes(degenerate), episodes(find_randomization("none"))
    compared = 2 if randomization.strengths else 3
    pairs = zip(ours[:compared], plain[:compared], strict=True)
    return max(float(np.max(np.abs(np.asarray(a) - np.asarray(b)))) for a, b in pairs)


if __name__ == "__main__":
    main()
