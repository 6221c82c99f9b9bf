"""usage: metaskill bench EXPERIMENT [flags]

Times what an iteration of an experiment is made of, in turns: MuJoCo alone (the limit),
physics in JAX, the environment, the rollout, the whole iteration; each holds the one before.
Prints steps/s and shares of the limit, and writes them as JSON, with the time to compile
and the memory of an iteration.

  --config.x.y=VALUE   override any field of the experiment's configuration
  --engine=NAME        auto, native or mjx (short for --config.env.engine)
  --rounds=N           rounds of timing (default: 7)
  --output=FILE        what to write (default: runs/bench/EXPERIMENT.json)
  --compare=FILE       end with exit code 1 if a ratio is more than a tenth below that of FILE,
                       which an earlier bench wrote
"""

import json
import pathlib
import sys
import time
from typing import Any

import jax
import numpy as np
from absl import flags

from metaskill.cli.experiments import find_experiment, short_flags
from metaskill.cli.flags import parse, split_overrides
from metaskill.configuration import assign
from metaskill.errors import UserError
from metaskill.learner import ActingLearner, acts
from metaskill.measure.stages import make_stages
from metaskill.measure.throughput import ratio, seconds_in_turns
from metaskill.results.figure import Figure, measured
from metaskill.results.file import write_results
from metaskill.training.population import hparams_of
from metaskill.training.run_folder import as_json, cannot_write

_TOLERATED = 0.9


def run(arguments: list[str]) -> None:
    """Time, print, write, compare."""
    if not arguments or arguments[0].startswith("-"):
        raise UserError("name the experiment: metaskill bench EXPERIMENT.")

    def define(values: flags.FlagValues) -> None:
        flags.DEFINE_string("engine", None, "auto, native or mjx", flag_values=values)
        flags.DEFINE_integer("rounds", 7, "rounds", lower_bound=1, flag_values=values)
        flags.DEFINE_string("output", None, "what to write", flag_values=values)
        flags.DEFINE_string("compare", None, "an earlier one", flag_values=values)

    others, assignments = split_overrides(arguments)
    (name,), values = parse(others, ["EXPERIMENT"], define)
    config = find_experiment(name)
    config = assign(config, assignments + short_flags(name, config, values.flag_values_dict()))
    before = _read(pathlib.Path(values.compare)) if values.compare else {}
    learner = config.make_learner()
    if not acts(learner):
        raise UserError(f"{name} has no environment, so there are no stages to time.")
    figures, settings = measure(learner, hparams_of(config, config.trainer.seed), values.rounds)
    output = pathlib.Path(values.output or f"runs/bench/{name}.json")
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        write_results(output.parent, output.stem, figures, settings | {"config": as_json(config)})
    except OSError as error:
        raise cannot_write(output, error) from error
    for key, figure in figures.items():
        print(f"{key:<32} {figure.value:.4g}")
    print(output)
    fallen = compare(before, {key: figure.value for key, figure in figures.items()})
    if fallen:
        print("\n".join(fallen), file=sys.stderr)
        sys.exit(1)


def measure(
    learner: ActingLearner, hparams: Any, rounds: int
) -> tuple[dict[str, Figure], dict[str, Any]]:
    """Time a learner's stages.

    Returns:
        Steps/s of every stage; its speed over that of the one before, and over the limit;
        seconds to compile an iteration. And settings: memory, seconds of each round.
    """
    state = jax.jit(learner.init)(jax.random.key(0), hparams)
    clock = time.perf_counter()
    compiled = jax.jit(learner.step).lower(state).compile()
    compile_seconds = time.perf_counter() - clock
    stages = make_stages(learner, state, compiled)
    seconds = seconds_in_turns({name: stage.run for name, stage in stages.items()}, rounds)
    a_step = {name: seconds[name] / stage.steps for name, stage in stages.items()}
    figures: dict[str, Figure] = {}
    names = list(stages)
    for i, name in enumerate(names):
        rate = measured(1.0 / float(np.median(a_step[name])), "environment steps/s")
        figures[f"{name}_steps_per_second"] = rate
        others = dict.fromkeys(([names[0]] if "limit" in names else []) + names[max(i - 1, 0) : i])
        for other in others:
            if other != name:
                value, interval = ratio(a_step[other], a_step[name])
                key = f"{name}_over_{other}"
                figures[key] = Figure(value, interval, [value], "time a step, in turns")
    figures["compile_seconds"] = measured(compile_seconds, "trace and compile an iteration")
    memory: Any = compiled.memory_analysis()
    return figures, {
        "seconds": {name: values.tolist() for name, values in seconds.items()},
        "steps": {name: stage.steps for name, stage in stages.items()},
        "worlds": learner.num_worlds,
        "iteration_bytes": {
            "state": memory.argument_size_in_bytes,
            "temporary": memory.temp_size_in_bytes,
        },
        "peak_bytes_in_use": _peak_bytes(),
    }


def compare(before: dict[str, float], now: dict[str, float]) -> list[str]:
    """Say which ratios are more than a tenth below what they were."""
    return [
        f"{key} fell from {value:.3g} to {now[key]:.3g}."
        for key, value in before.items()
        if "_over_" in key and key in now and now[key] < _TOLERATED * value
    ]


def _read(path: pathlib.Path) -> dict[str, float]:
    try:
        figures = json.loads(path.read_text())["figures"]
        return {key: float(figure["value"]) for key, figure in figures.items()}
    except OSError as error:
        raise UserError(f"cannot read {path} ({error.strerror}): name another file.") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UserError(f"{path} was not written by metaskill bench: name another file.") from error


def _peak_bytes() -> int | None:
    """Return the device's own account, which CPUs do not keep."""
    statistics = jax.local_devices()[0].memory_stats() or {}
    return statistics.get("peak_bytes_in_use")
