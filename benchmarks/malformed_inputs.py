"""Malformed command lines and configurations: each ends with one line, or runs.

Beside them, command lines whose one mistake is known (`malformed_contents`): each is refused, and
writes nothing.

python -m benchmarks.malformed_inputs writes benchmarks/results/malformed_inputs.json.
"""

import contextlib
import dataclasses
import io
import json
import pathlib
import re
from collections.abc import Iterator
from typing import Any
from unittest import mock

import jax
import numpy as np
from hypothesis import strategies as st

from benchmarks.endings import RESULTS, counted, try_drawn
from benchmarks.malformed_contents import RUN, wrong_lines
from metaskill.cli.experiments import experiment_names, find_experiment
from metaskill.cli.main import main as run_command
from metaskill.results.file import write_results
from metaskill.training.population import hparams_of
from metaskill.training.run_folder import as_json
from metaskill.training.trainer import Outcome, Timing

EXAMPLES = 300


@dataclasses.dataclass(frozen=True)
class Inputs:
    """What a user gave.

    Attributes:
        arguments: The command line.
        config: The text of `config.json` in the folder that `RUN` stands for; None: no folder.
        is_wrong: Whether running the command would be a fault.
    """

    arguments: list[str]
    config: str | None = None
    is_wrong: bool = False


@dataclasses.dataclass(frozen=True)
class Ending:
    """How a command ended.

    Attributes:
        inputs: What the user gave.
        code: Its exit code; of a traceback, the exception's class.
        message: What it wrote to standard error.
        written: The files that it wrote.
    """

    inputs: Inputs
    code: Any
    message: str
    written: tuple[str, ...] = ()

    @property
    def kind(self) -> str:
        """The exit code."""
        return str(self.code)

    @property
    def is_right(self) -> bool:
        """Whether it ran where it may, or refused in one line with exit code 2."""
        refused = self.code == 2 and re.fullmatch(r"metaskill: [^\n]+\n", self.message)
        if self.inputs.is_wrong:
            return bool(refused) and not self.written
        return self.code == 0 or bool(refused)


def inputs() -> st.SearchStrategy[Inputs]:
    """Draw command lines of every command, most of them wrong somewhere."""
    return st.one_of(
        _train_lines(), _train_lines(), _lines_about_runs(), _collect_lines(), _other_lines()
    )


def run(given_inputs: Inputs, folder: pathlib.Path) -> Ending:
    """Run a command in this process, in a folder of its own, up to where it would compute."""
    workdir = folder / "run"
    if given_inputs.config is not None:
        workdir.mkdir()
        (workdir / "config.json").write_text(given_inputs.config)
    arguments = [argument.replace(RUN, str(workdir)) for argument in given_inputs.arguments]
    errors = io.StringIO()
    before = {*folder.rglob("*")}
    with (
        contextlib.chdir(folder),
        contextlib.redirect_stdout(io.StringIO()),
        contextlib.redirect_stderr(errors),
        _without_computing(),
    ):
        try:
            run_command(arguments)
        except SystemExit as end:
            written = tuple(str(path) for path in {*folder.rglob("*")} - before)
            return Ending(given_inputs, end.code or 0, errors.getvalue(), written)
        except Exception as error:  # A traceback, for a user.
            return Ending(given_inputs, type(error).__name__, str(error))
    raise AssertionError("the command line always exits")


@contextlib.contextmanager
def _without_computing() -> Iterator[None]:
    """Train in name only: every shape is worked out, and nothing is computed."""

    def train(experiment: Any, *_: Any) -> Outcome:
        learner = experiment.make_learner()
        key = jax.eval_shape(lambda: jax.random.key(0))
        hparams = hparams_of(experiment, experiment.trainer.seed)
        state = jax.eval_shape(learner.init, key, hparams)
        jax.eval_shape(learner.step, state)
        evaluation = {learner.headline.metric: np.zeros(experiment.trainer.population)}
        return Outcome(state, evaluation, Timing())

    with (
        mock.patch("metaskill.cli.train.train", train),
        mock.patch("metaskill.cli.reproduce.train", train),
        mock.patch("metaskill.cli.train.ProgressBar"),
        mock.patch("metaskill.cli.reproduce.ProgressBar"),
        mock.patch("metaskill.cli.sweep.run_sweep", side_effect=SystemExit(0)),
        mock.patch("metaskill.cli.bench.measure", side_effect=SystemExit(0)),
        mock.patch("metaskill.training.collection.write_dataset", side_effect=SystemExit(0)),
    ):
        yield


_VARIED = ["--vary=seed=0:2", "--vary=seed=", "--vary=", "--vary=learning_rate=", "--random="]
_VARIED += ["--vary=clip=log:1e-2:1:2", "--vary=ppo.num_epochs=1,", "--halving=", "--memory="]
_TRAINED = ["demo", "demo", "sinusoid", "glyphs_5w1s", "nav2d_maml"]
_WORDS = [
    "", "\n", "-1", "1e400", "nan", "None", "True", "[]", "{", "(1,", "(0, 0)", "()", "'a'",
    "1_000", "10**9", "{'a': 1}", "../..", "/dev/null", "0.5", "7", "relu", "gaussian", "native",
    "warp", "state", "dactyl", "half_cheetah", "{'episode_length': -5}",
]  # fmt: skip
_JUNK = st.one_of(
    st.sampled_from(_WORDS),
    st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=12),
    st.integers(-(10**30), 10**30).map(str),
    st.floats().map(str),
)


def _fields(config: Any, path: str = "config") -> Iterator[tuple[str, Any]]:
    """List the fields of nested configurations, with their values."""
    for field in dataclasses.fields(config):
        value = getattr(config, field.name)
        if dataclasses.is_dataclass(value):
            yield from _fields(value, f"{path}.{field.name}")
        else:
            yield f"{path}.{field.name}", value


def _values(value: Any) -> st.SearchStrategy[str]:
    """Draw the text of a value: of the right type three times in four, but seldom sensible."""
    right: st.SearchStrategy[Any] = _JUNK
    if isinstance(value, int):
        right = st.integers(-3, 10) | st.integers(-(10**6), 10**6) | st.just(10**20)
    elif isinstance(value, float):
        right = st.floats(-10, 10) | st.floats() | st.integers(-3, 3)
    elif isinstance(value, tuple):
        right = st.lists(st.integers(-2, 64), max_size=3).map(tuple)
    elif isinstance(value, dict):
        names = st.sampled_from(["episode_length", "objective", "goal", "engine", "name"])
        right = st.dictionaries(names, st.integers(-5, 50) | st.sampled_from(["goal", "", None]))
    return st.one_of(right.map(str), right.map(str), right.map(str), _JUNK)


def _mistyped(text: str) -> st.SearchStrategy[str]:
    """Mostly leave a word as it is; else lose, double or change a letter of it."""

    def change(at: int, how: int) -> str:
        at %= max(len(text), 1)
        letter = text[at : at + 1]
        return text[:at] + ["", 2 * letter, "x"][how] + text[at + 1 :]

    wrong = st.builds(change, st.integers(0, 100), st.integers(0, 2))
    return st.integers(0, 9).flatmap(lambda n: wrong if n == 9 else st.just(text))


@st.composite
def _train_lines(draw: st.DrawFn) -> Inputs:
    name = draw(st.sampled_from(_TRAINED))
    flags = []
    for _ in range(draw(st.sampled_from([1, 1, 2]))):
        path, value = draw(st.sampled_from(list(_fields(find_experiment(name)))))
        flags.append(f"--{draw(_mistyped(path))}={draw(_values(value))}")
    if draw(st.integers(0, 4)) == 4:
        other = draw(st.sampled_from(["--seed", "--engine", "--workdir", "--resume", "--report"]))
        flags.append(draw(_mistyped(other)) + draw(st.one_of(st.just(""), _JUNK.map("={}".format))))
    cheap = ["--config.env.name=point_mass", "--config.env.engine=auto"] if name == "demo" else []
    command = draw(st.sampled_from(["train", "train", "train", "bench", "sweep"]))
    if command == "sweep":
        flags.append(draw(st.sampled_from(_VARIED)) + draw(_JUNK))
    return Inputs([command, draw(_mistyped(name)), *cheap, *flags])


@st.composite
def _lines_about_runs(draw: st.DrawFn) -> Inputs:
    command = draw(st.sampled_from(["eval", "render", "report", "adapt", "plan"]))
    path = draw(st.sampled_from([RUN, RUN, RUN, f"{RUN}/config.json", "nowhere", "", "."]))
    flag = st.sampled_from(
        {
            "eval": ["--seed", "--grid", "--threshold", "--episodes", "--randomization"],
            "render": ["--member", "--seconds", "--output", "--seed"],
            "report": ["--output"],
            "adapt": ["--task", "--steps", "--member", "--seed", "--workdir"],
            "plan": ["--goal", "--member", "--output", "--sparse"],
        }[command]
    )
    value = st.one_of(_JUNK, st.sampled_from(["physics.mass=1:2:3", "physics.mass=log:-1:0:2"]))
    flags = draw(st.lists(st.builds("{}={}".format, flag.flatmap(_mistyped), value), max_size=1))
    return Inputs([command, path, *flags], draw(_configurations()))


@st.composite
def _collect_lines(draw: st.DrawFn) -> Inputs:
    env = draw(st.sampled_from(["point_mass", "point_mass", "point_mass", "", "ant"]))
    policy = draw(
        st.sampled_from(["random", "random", "play", "run:", f"run:{RUN}", "run:nowhere"])
    )
    flag = st.sampled_from(
        ["--episodes", "--worlds", "--option", "--option=episode_length", "--randomization",
         "--observation", "--noise", "--engine", "--seed", "--output"]
    )  # fmt: skip
    values = st.one_of(_JUNK, st.integers(1, 50).map(str), st.sampled_from(["none", "state"]))
    flags = draw(st.lists(st.builds("{}={}".format, flag.flatmap(_mistyped), values), max_size=2))
    return Inputs(["collect", draw(_mistyped(env)), f"--policy={policy}", *flags])


@st.composite
def _configurations(draw: st.DrawFn) -> str | None:
    """Damage the record of a run."""
    record = {"experiment": "demo", "config": as_json(find_experiment("demo"))}
    damage = draw(st.sampled_from(["none", "missing", "text", "cut", "key", "value", "name"]))
    text = json.dumps(record)
    if damage == "missing":
        return None
    if damage == "text":
        return draw(_JUNK)
    if damage == "cut":
        return text[: draw(st.integers(0, len(text)))]
    group: Any = record["config"]
    name = draw(st.sampled_from(sorted(group)))
    while isinstance(group[name], dict) and group[name] and draw(st.booleans()):
        group = group[name]
        name = draw(st.sampled_from(sorted(group)))
    json_values = st.one_of(
        st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5),
        st.lists(st.integers(-5, 5), max_size=3), st.dictionaries(st.text(max_size=3), st.none()),
    )  # fmt: skip
    if damage == "key":
        group[draw(_mistyped(name))] = group.pop(name)
    elif damage == "value":
        group[name] = draw(json_values)
    elif damage == "name":
        record["experiment"] = draw(st.one_of(json_values, st.sampled_from(experiment_names())))
    return json.dumps(record)


@st.composite
def _other_lines(draw: st.DrawFn) -> Inputs:
    command = draw(st.sampled_from(["list", "figures", "train", "eval", "reproduce", "--help", ""]))
    words = draw(st.lists(st.one_of(_JUNK, st.just("--markdown=no/such/folder.md")), max_size=2))
    return Inputs([draw(_mistyped(command)), *words])


def check(examples: int, chosen_seed: int = 0) -> list[Ending]:
    """Draw inputs, and return how running them ended."""
    return try_drawn(inputs(), run, examples, chosen_seed)


def check_contents(examples: int, chosen_seed: int = 0) -> list[Ending]:
    """Draw command lines with one known mistake, and return how running them ended."""
    record = json.dumps({"experiment": "demo", "config": as_json(find_experiment("demo"))})

    def given_inputs(arguments: list[str]) -> Inputs:
        return Inputs(arguments, record if RUN in arguments else None, is_wrong=True)

    return try_drawn(wrong_lines().map(given_inputs), run, examples, chosen_seed)


def main() -> None:
    """Measure and write."""
    inputs_figure, inputs_codes = counted(check(EXAMPLES), "inputs; the others ended otherwise")
    contents_figure, contents_codes = counted(
        check_contents(EXAMPLES),
        "command lines with a wrong value, entry, range or seed; the others were not refused, or "
        "not in one line, or after something was written",
    )
    figures = {
        "malformed_inputs_handled": inputs_figure,
        "malformed_contents": contents_figure,
    }
    settings = {
        "endings_by_exit_code": inputs_codes,
        "endings_of_contents_by_exit_code": contents_codes,
    }
    print(write_results(RESULTS, "malformed_inputs", figures, settings))


if __name__ == "__main__":
    main()
