"""usage: metaskill sweep EXPERIMENT --vary NAME=VALUES ... [flags]

Trains an experiment with many hyperparameters and seeds side by side, as one vmapped
population. Writes a table (table.csv, table.json), a picture a metric (plots/), and the
best member as an ordinary run (best/). SIGTERM or Ctrl-C end it as they end `train`: with
exit code 75, and the same command goes on. docs/sweeps.md says more.

  --vary NAME=VALUES   given once for each thing that varies, all combinations are trained:
                         learning_rate=log:1e-4:1e-2:5     5 values, logarithmic
                         clip=linear:0.1:0.3:3             3 values, evenly spaced
                         discount=0.95,0.99                these values
                         seed=0:4                          0, 1, 2, 3
                         clip,discount=(.1,.9),(.2,.99)    these pairs
                       NAME is a path in the configuration, such as ppo.num_epochs, or the end
                       of one that no other field shares. Fields of hparams need no compilation
                       of their own; of all others every value does. Without seed=, the
                       experiment's own seeds.
  --random=N           N random settings instead of all; each with every seed. A range
                       without a count, log:1e-4:1e-2, is then drawn from as a whole.
  --random_seed=N      seed of these draws (default: 0)
  --halving=P,...      after these parts of the training, such as 0.25,0.5, drop the worse
                       half of the settings
  --memory=GIB         what a compiled batch may need (default: what the device has left)
  --mesh=AXES          divide over devices: population=2,env=4 (default: one device)
  --config.x.y=VALUE   override any field of the experiment's configuration
  --engine=NAME        auto, native or mjx (short for --config.env.engine)
  --launcher=NAME      slurm, local or ray: deal the settings out to --jobs=N jobs, wait, and put
                       their tables together; --launcher_option KEY=VALUE is handed to it
  --part=I/N           only every Nth setting, from the Ith on: what such a job does
  --workdir=FOLDER     where to write (default: runs/EXPERIMENT-sweep)
  --take-over          write into a folder although a process on another machine, which has
                       ended, left its lock there
  --resume=WHETHER     auto, never or must, as for `train`
"""

import itertools
import json
import pathlib
from typing import Any

from absl import flags

from metaskill.cli.experiments import find_experiment, short_flags
from metaskill.cli.flags import define_take_over, parse, split_overrides
from metaskill.cli.launchers import LAUNCHERS
from metaskill.cli.sweep_jobs import part_of, run_in_jobs
from metaskill.cli.vary import parse_seeds, parse_vary
from metaskill.configuration import Assignment, assign, require_apart
from metaskill.errors import UserError, nearest
from metaskill.report.curves import series
from metaskill.report.sweep import plot_sweep
from metaskill.results.sweep_table import as_csv, member_rows, setting_rows
from metaskill.training.experiment import Experiment
from metaskill.training.export import export_member
from metaskill.training.lock import locked
from metaskill.training.memory import available_bytes
from metaskill.training.mesh import MeshShape, parse_mesh, require_devices
from metaskill.training.metrics import read_rows
from metaskill.training.progress import ProgressBar
from metaskill.training.run_folder import cannot_write, claim, write_json
from metaskill.training.standings import best_of, by_setting
from metaskill.training.sweep import Sweep, SweepOutcome, run_sweep
from metaskill.training.variations import (
    SEEDS,
    Interval,
    SweepMember,
    draw,
    grid,
    make_members,
    varied,
)


def run(arguments: list[str]) -> None:
    """Train all members, then write what came of it."""
    if not arguments or arguments[0].startswith("-"):
        raise UserError("name the experiment: metaskill sweep EXPERIMENT --vary NAME=VALUES.")

    def define(values: flags.FlagValues) -> None:
        flags.DEFINE_multi_string("vary", [], "what varies", flag_values=values)
        flags.DEFINE_integer("random", None, "settings", lower_bound=1, flag_values=values)
        flags.DEFINE_integer("random_seed", 0, "of draws", lower_bound=0, flag_values=values)
        flags.DEFINE_list("halving", [], "parts of the training", flag_values=values)
        flags.DEFINE_float("memory", None, "GiB", lower_bound=0.0, flag_values=values)
        flags.DEFINE_string("mesh", None, "devices by axis", flag_values=values)
        flags.DEFINE_string("engine", None, "auto, native or mjx", flag_values=values)
        flags.DEFINE_string("launcher", None, "slurm, local, ray", flag_values=values)
        flags.DEFINE_integer("jobs", None, "of launcher", lower_bound=1, flag_values=values)
        flags.DEFINE_multi_string("launcher_option", [], "KEY=VALUE", flag_values=values)
        flags.DEFINE_string("part", None, "I/N", flag_values=values)
        flags.DEFINE_string("workdir", None, "folder", flag_values=values)
        define_take_over(values)
        flags.DEFINE_enum(
            "resume", "auto", ["auto", "never", "must"], "existing sweep", flag_values=values
        )

    others, assignments = split_overrides(arguments)
    (name,), values = parse(others, ["EXPERIMENT"], define)
    config = find_experiment(name)
    assignments += short_flags(name, config, values.flag_values_dict())
    config = assign(config, assignments)
    members = _members(config, values, assignments)
    if values.part:
        members = part_of(members, values.part)
    rungs = _rungs(values.halving)
    if rungs and all(member.setting == members[0].setting for member in members):
        raise UserError("--halving drops settings, and there is only one: vary more than the seed.")
    _require_consistent(values, members)
    mesh = parse_mesh(values.mesh) if values.mesh else MeshShape()
    if not values.launcher:
        require_devices(mesh)
    memory = available_bytes() if values.memory is None else int(values.memory * 2**30)
    folder = pathlib.Path(values.workdir or f"runs/{name}-sweep")
    record = {
        "experiment": name,
        "halving": list(rungs),
        "part": values.part,
        "jobs": values.jobs,
        "members": [{**m.setting, "seed": m.member.seed} for m in members],
    }
    record = json.loads(json.dumps(record))
    with locked(folder, values["take-over"].value):
        if claim(folder, folder / "sweep.json", record, config, values.resume):
            print(f"{folder} holds this sweep: going on from its last checkpoints.")
        headline = members[0].config.make_learner().headline
        if values.launcher:
            run_in_jobs(
                arguments, folder, values.jobs, values.launcher, values.launcher_option, headline
            )
            return
        title = f"{name}, {len(members)} members"
        with ProgressBar(config.trainer.env_steps, title, headline) as progress:
            outcome = run_sweep(Sweep(members, rungs, memory, mesh), folder, progress)
        _write(outcome, name, folder)


def _members(
    config: Experiment, values: flags.FlagValues, assignments: list[Assignment]
) -> list[SweepMember]:
    texts = [text for text in values.vary if not text.startswith("seed=")]
    seeds = [text for text in values.vary if text.startswith("seed=")]
    if not values.vary:
        raise UserError("nothing varies: add --vary NAME=VALUES, such as --vary seed=0:4.")
    axes = [parse_vary(text) for text in texts]
    names = [
        name
        for axis in axes
        for name in ((axis.name,) if isinstance(axis, Interval) else axis.names)
    ]
    if len(seeds) > 1 or len({*names}) < len(names) or "seed" in names:
        raise UserError("every name varies once, and the seed by itself: --vary seed=0:4.")
    require_apart([*assignments, *varied(config, dict.fromkeys(names)), *(SEEDS if seeds else ())])
    trainer = config.trainer
    return make_members(
        config,
        draw(axes, values.random, values.random_seed) if values.random else grid(axes),
        parse_seeds(seeds[0]) if seeds else range(trainer.seed, trainer.seed + trainer.population),
    )


def _require_consistent(values: flags.FlagValues, members: list[SweepMember]) -> None:
    """Refuse what would be found out only by a job."""
    if (values.launcher is None) != (values.jobs is None):
        raise UserError("--launcher=NAME and --jobs=N go together.")
    if values.launcher is None:
        if values.launcher_option:
            raise UserError("--launcher_option is handed to a launcher: add --launcher=NAME.")
        return
    if values.launcher not in LAUNCHERS:
        raise UserError(
            f"no launcher is called {values.launcher!r}: {nearest(values.launcher, LAUNCHERS)}"
        )
    if values.part or values.halving:
        raise UserError("--halving compares all settings, so it is for sweeps of one job.")
    part_of(members, f"{values.jobs - 1}/{values.jobs}")


def _rungs(texts: list[str]) -> tuple[float, ...]:
    try:
        rungs = tuple(float(text) for text in texts)
    except ValueError as error:
        raise UserError(f"--halving={','.join(texts)}: write parts, as in 0.25,0.5.") from error
    ends = (0.0, *rungs, 1.0)
    if not all(a < b for a, b in itertools.pairwise(ends)):
        raise UserError(
            f"--halving={','.join(texts)}: parts of the training increase, between 0 and 1."
        )
    return rungs


def _write(outcome: SweepOutcome, name: str, folder: pathlib.Path) -> None:
    """Write table, pictures and the best member's run; say where they are."""
    headline = outcome.headline
    best = best_of(outcome.standings, headline)
    rows = member_rows(outcome.standings)
    settings = setting_rows(outcome.standings, headline)
    try:
        (folder / "table.csv").write_text(as_csv(rows), encoding="utf-8")
        write_json(
            folder / "table.json",
            {
                "experiment": name,
                "headline": headline.metric,
                "best": best and best.planned.member.number,
                "settings": settings,
                "members": rows,
            },
        )
        _plot(outcome, folder / "plots")
    except OSError as error:
        raise cannot_write(folder, error) from error
    failed = sum(standing.status == "failed" for standing in outcome.standings)
    if failed:
        print(f"{failed} of {len(rows)} members failed: see the column status.")
    print(f"table:  {folder / 'table.csv'}")
    print(f"plots:  {folder / 'plots'}")
    if best is None:
        print("no member came to its end with a finite evaluation, so none is the best.")
        return
    export_member(best.planned, outcome.batches, name, folder / "best")
    value = headline.show(best.value(headline.metric))
    print(f"best:   {best.planned.member.name}: {headline.label} {value}, in {folder / 'best'}")


def _plot(outcome: SweepOutcome, folder: pathlib.Path) -> None:
    """Draw every metric of the evaluation, and what is nearest to the headline in training."""
    records = [list(read_rows(batch.folder.metrics_file)) for batch in outcome.batches]
    rows = [row for record in records for row in record]
    evaluated = {key for row in rows for key in row if key.startswith("eval/")}
    metrics = {outcome.headline.running, outcome.headline.metric, *evaluated}
    folder.mkdir(exist_ok=True)
    for metric in sorted(metrics):
        points: dict[int, Any] = series(rows, metric, by="member")
        curves: dict[str, Any] = {}
        for name, members in by_setting(outcome.standings).items():
            curve: dict[float, list[float]] = {}
            for standing in members:
                found = points.get(standing.planned.member.number, ((), ()))
                for step, value in zip(*found, strict=True):
                    curve.setdefault(float(step), []).append(value)
            curves[name or "all"] = curve
        picture = plot_sweep(curves, metric, outcome.step_unit)
        (folder / f"{metric.replace('/', '_')}.png").write_bytes(picture)
