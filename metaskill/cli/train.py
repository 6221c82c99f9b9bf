"""usage: metaskill train EXPERIMENT [flags]

Trains an experiment, or a baseline of one, such as maze_spirl-sac (`metaskill list` names
them). SIGTERM or Ctrl-C ends it after the current chunk, with the state saved and exit code 75:
the same command goes on. A second Ctrl-C ends it at once. docs/training.md says more.

  --config.x.y=VALUE   override any field of the experiment's configuration, such as
                       --config.ppo.num_envs=1024, or one entry of a dictionary, such as
                       --config.env.options.episode_length=500; `metaskill list EXPERIMENT`
                       prints all fields and the ranges of their values
  --seed=N             seed of the first member (short for --config.trainer.seed)
  --engine=NAME        auto, native or mjx (short for --config.env.engine)
  --workdir=FOLDER     run folder (default: runs/EXPERIMENT)
  --from=RUN           which run to start from, skills or a model of past data, where an experiment
                       starts from one (default: that of its `source.experiment` under runs/);
                       it has to be finished
  --resume=WHETHER     auto: go on with the run that the folder holds, or start one (default);
                       never: refuse a folder that holds a run; must: refuse one that does not
  --profile            write a trace of the first chunk into the run folder, for TensorBoard
                       and ui.perfetto.dev
  --mesh=AXES          divide over devices: population=2,env=4 (default: one device)
  --distributed=HOW    join the other processes of this run: auto under Slurm or Open MPI, or
                       ADDRESS:PORT,COUNT,INDEX. docs/scaling.md says more
  --take-over          write into a folder although a process on another machine, which has
                       ended, left its lock there
  --report             make report.html, with a video, at the end
"""

import pathlib

from absl import flags

from metaskill.cli.collect import say_collected
from metaskill.cli.experiments import find_experiment, short_flags, starting_from
from metaskill.cli.flags import define_seed, define_take_over, parse, split_overrides
from metaskill.configuration import assign
from metaskill.errors import UserError
from metaskill.training import distributed
from metaskill.training.collection import prepare_data
from metaskill.training.experiment import Experiment
from metaskill.training.lock import locked
from metaskill.training.mesh import MeshShape, parse_mesh, require_devices
from metaskill.training.progress import NoProgress, ProgressBar
from metaskill.training.run_folder import RunFolder
from metaskill.training.trainer import train


def run(arguments: list[str]) -> None:
    """Train, then say where to look."""
    if not arguments or arguments[0].startswith("-"):
        raise UserError("name the experiment to train: metaskill train EXPERIMENT.")

    def define(values: flags.FlagValues) -> None:
        define_seed(values, "seed of the first member", None)
        flags.DEFINE_string("engine", None, "auto, native or mjx", flag_values=values)
        flags.DEFINE_string("workdir", None, "run folder", flag_values=values)
        flags.DEFINE_string("from", None, "run to start from", flag_values=values)
        flags.DEFINE_enum(
            "resume", "auto", ["auto", "never", "must"], "existing run", flag_values=values
        )
        flags.DEFINE_bool("profile", False, "trace the first chunk", flag_values=values)
        flags.DEFINE_string("mesh", None, "devices by axis", flag_values=values)
        flags.DEFINE_string("distributed", None, "processes", flag_values=values)
        flags.DEFINE_bool("report", False, "make report.html at the end", flag_values=values)
        define_take_over(values)

    others, assignments = split_overrides(arguments)
    (name,), values = parse(others, ["EXPERIMENT"], define)
    config = starting_from(name, find_experiment(name), values["from"].value)
    config = assign(config, assignments + short_flags(name, config, values.flag_values_dict()))
    if values.distributed:
        distributed.start(values.distributed)
    mesh = parse_mesh(values.mesh) if values.mesh else MeshShape()
    require_devices(mesh)
    prepare(config)
    learner = config.make_learner()  # Refuses a wrong configuration before anything is written.
    folder = RunFolder(pathlib.Path(values.workdir or f"runs/{name}"))
    if not distributed.is_writer():
        distributed.wait_for_all("run folder")
        train(config, folder, NoProgress(), mesh)
        return
    with locked(folder.path, values["take-over"].value):
        if folder.create(name, config, values.resume):
            print(f"{folder.path} holds this experiment's run: going on from its last checkpoint.")
        distributed.wait_for_all("run folder")
        with ProgressBar(config.trainer.env_steps, name, learner.headline) as progress:
            outcome = train(config, folder, progress, mesh, values.profile)
    headline = learner.headline
    values_of_members = ", ".join(map(headline.show, outcome.evaluation[headline.metric]))
    print(
        f"trained {name} in {outcome.timing.training:.0f} s; "
        f"{headline.label} of the last evaluation: {values_of_members}"
    )
    if values.report:
        from metaskill.cli.report import make_report

        make_report(folder, name, config)
        print(f"report:      {folder.report_file}")
    if values.profile:
        print(f"trace:       {folder.profile}")
    print(f"checkpoints: {folder.checkpoints}")
    print(f"metrics:     {folder.metrics_file}")


def prepare(config: Experiment) -> None:
    """Collect an experiment's data, where it says how and they are not there."""
    if distributed.is_writer():
        collected = prepare_data(config)
        if collected is not None:
            say_collected(collected)
    distributed.wait_for_all("data")
