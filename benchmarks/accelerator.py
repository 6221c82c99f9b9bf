"""Everything worth measuring on an accelerator, in one command that ends within nine minutes.

python -m benchmarks.accelerator writes benchmarks/results/accelerator.json. What the time does
not suffice for is left out, and said so. On CPU: --worlds=64 --minutes=4 shows that it works.
"""

import argparse
import dataclasses
import functools
import pathlib
import time
from collections.abc import Callable, Iterator

import jax
import jax.numpy as jnp
import numpy as np

from metaskill.envs.auto_reset import SampleContext
from metaskill.envs.env import Env
from metaskill.envs.mjcf import load_brax_model
from metaskill.envs.registry import make
from metaskill.measure.stages import environment_program
from metaskill.physics.factory import make_engine
from metaskill.physics.state import PhysicsState
from metaskill.results.figure import Figure, measured
from metaskill.results.file import write_results
from metaskill.rl.ppo import PPO
from metaskill.rl.ppo_config import PPOConfig, PPOHparams

RESULTS = pathlib.Path(__file__).parent / "results"
WORLDS = (1024, 4096, 16384, 65536)
ROBOTS = ("ant", "humanoid")
STEPS = 20
ROUNDS = 3


@dataclasses.dataclass(frozen=True)
class Budget:
    """What is left of the time.

    Attributes:
        end: When it is over, on the clock of `time.perf_counter`.
    """

    end: float

    def suffices_for(self, seconds: float) -> bool:
        """Say whether something that takes so long would still end in time."""
        return time.perf_counter() + seconds < self.end


Measure = Callable[[Budget], Iterator[tuple[str, Figure]]]


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--worlds", type=int, nargs="+", default=WORLDS, help="numbers of worlds")
    parser.add_argument("--minutes", type=float, default=9.0, help="when to have ended")
    parser.add_argument("--results", type=pathlib.Path, default=RESULTS, help="where to write")
    given = parser.parse_args()
    budget = Budget(time.perf_counter() + 60.0 * given.minutes - 20.0)
    figures: dict[str, Figure] = {}
    left_out: list[str] = []

    def write() -> pathlib.Path:
        device = jax.devices()[0]
        settings = {
            "device": device.device_kind,
            "left_out": left_out,
            "peak_bytes_in_use": (device.memory_stats() or {}).get("peak_bytes_in_use"),
        }
        return write_results(given.results, "accelerator", figures, settings)

    def attempt(name: str, measure: Measure) -> float:
        """Measure, keep what was measured, and return how long that took."""
        clock = time.perf_counter()
        try:
            for key, figure in measure(budget):
                figures[f"accelerator_{key}"] = figure
                print(f"{key:<44} {figure.value:.4g}", flush=True)
        except jax.errors.JaxRuntimeError as error:  # Out of memory, mostly.
            left_out.append(f"{name}: {str(error).splitlines()[0][:100]}")
        write()  # Time on an accelerator may be cut short.
        return time.perf_counter() - clock

    # What matters most comes first, and of each robot the largest program last.
    attempt("nested_vmap", nested_vmap)
    attempt("ppo", functools.partial(ppo, given.worlds))
    for robot in ROBOTS:
        longest = 20.0
        for n_worlds in sorted(given.worlds):
            name = f"{robot}_{n_worlds}"
            if budget.suffices_for(1.5 * longest):
                seconds = attempt(name, functools.partial(throughput, robot, n_worlds))
                longest = max(longest, seconds)
            else:
                left_out.append(name)
    print(write())


def throughput(robot: str, n_worlds: int, _: Budget) -> Iterator[tuple[str, Figure]]:
    """Environment steps/s of MJX, under random actions."""
    env = make(robot, engine="mjx")
    sample_context: SampleContext = lambda _: env.nominal_context()  # noqa: E731
    keys = jax.random.split(jax.random.key(0), n_worlds)
    states = jax.jit(jax.vmap(lambda key: env.reset(key, sample_context(key))))(keys)
    shape = (STEPS, n_worlds, env.action_size)
    actions = jax.random.uniform(jax.random.key(1), shape, minval=-1.0)
    clock = time.perf_counter()
    program = environment_program(env, sample_context).lower(states, actions).compile()
    compile_seconds = time.perf_counter() - clock
    seconds = []
    for _round in range(ROUNDS + 1):
        clock = time.perf_counter()
        states = jax.block_until_ready(program(states, actions))
        seconds.append(time.perf_counter() - clock)
    rate = STEPS * n_worlds / np.median(seconds[1:])
    key = f"{robot}_mjx_{n_worlds}"
    yield f"{key}_steps_per_second", measured(float(rate), "environment steps/s, resets included")
    yield f"{key}_compile_seconds", measured(compile_seconds, "trace and compile")


def ppo(worlds: tuple[int, ...], budget: Budget) -> Iterator[tuple[str, Figure]]:
    """PPO on Ant, end to end: its rate, and the return after two minutes."""
    n_worlds = min(4096, max(worlds))
    env = make("ant", engine="mjx")
    config = PPOConfig(num_envs=n_worlds, distribution="gaussian", initial_std=0.5)
    learner = PPO(env, config)
    state = jax.jit(learner.init)(jax.random.key(0), PPOHparams())
    clock = time.perf_counter()
    step = jax.jit(learner.step, donate_argnums=0).lower(state).compile()
    compile_seconds = time.perf_counter() - clock
    state, metrics = jax.block_until_ready(step(state))
    iterations, clock = 0, time.perf_counter()
    seconds = 0.0
    while iterations < 2 or (seconds < 120.0 and budget.suffices_for(60.0)):
        state, metrics = jax.block_until_ready(step(state))
        iterations += 1
        seconds = time.perf_counter() - clock
    rate = iterations * learner.steps_per_iteration / seconds
    yield "ppo_ant_steps_per_second", measured(rate, f"training steps, {n_worlds} worlds on MJX")
    yield "ppo_ant_compile_seconds", measured(compile_seconds, "trace and compile an iteration")
    steps = iterations * learner.steps_per_iteration
    source = f"of the episodes that ended last, after {steps} steps in {seconds:.0f} s"
    episode_return = float(metrics["episode_return"])
    if np.isfinite(episode_return):
        yield "ppo_ant_return", measured(episode_return, source)


def nested_vmap(_: Budget) -> Iterator[tuple[str, Figure]]:
    """MJX three `vmap`s deep, a mass for each task, against one `vmap` over all worlds."""
    shape = (2, 4, 8)
    env: Env = make("ant", engine="mjx")
    model = load_brax_model("ant")
    engine = make_engine("mjx", model)
    keys = jax.random.split(jax.random.key(0), int(np.prod(shape)))
    worlds: PhysicsState = jax.jit(
        jax.vmap(lambda key: env.reset(key, env.nominal_context()).physics)
    )(keys)
    masses = jnp.linspace(0.7, 1.3, shape[1])[:, None] * jnp.asarray(model.body_mass, jnp.float32)
    controls = jax.random.uniform(jax.random.key(1), (*shape, model.nu), minval=-1.0)

    def step(mass: jax.Array, physics: PhysicsState, control: jax.Array) -> PhysicsState:
        return engine.step({"body_mass": mass}, physics, control, 5)

    over_env = jax.vmap(step, in_axes=(None, 0, 0))
    over_all = jax.vmap(jax.vmap(over_env), in_axes=(None, 0, 0))
    split = jax.tree.map(lambda leaf: leaf.reshape(*shape, *leaf.shape[1:]), worlds)
    nested = jax.jit(over_all)(masses, split, controls)
    of_world = jnp.broadcast_to(masses[None, :, None], (*shape, masses.shape[-1]))
    flat = jax.jit(jax.vmap(step))(
        of_world.reshape(-1, masses.shape[-1]), worlds, controls.reshape(-1, model.nu)
    )
    difference = jnp.max(jnp.abs(nested.qpos.reshape(flat.qpos.shape) - flat.qpos))
    source = "largest difference of a position after a control step"
    yield "nested_vmap_error", measured(float(difference), source, limit=1e-5)


if __name__ == "__main__":
    main()
