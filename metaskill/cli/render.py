"""usage: metaskill render RUN [flags]

Makes a video of one episode under the deterministic policy of a run's last checkpoint; of a
run that discovered skills, of nine of them side by side.
No display is needed: frames are rendered through EGL or OSMesa, or sketched where neither
is installed.

  --output=FILE   .mp4 or .gif (default: RUN/video.mp4)
  --seconds=S     simulated time to show (default: 10)
  --member=N      member of the population (default: the best of the last evaluation)
  --seed=N        seed of the episode (default: 0)
  --best          the checkpoint with the best eval/return, not the last
"""

import pathlib

import jax
from absl import flags

from metaskill.cli.experiments import open_run
from metaskill.cli.flags import parse
from metaskill.errors import UserError
from metaskill.learner import acts
from metaskill.report.curves import best_member
from metaskill.report.video import check_output, write_grid, write_video
from metaskill.rl.evaluation import record_episode
from metaskill.skills.discovery import SkillDiscovery
from metaskill.training.experiment import Experiment
from metaskill.training.run_folder import RunFolder
from metaskill.training.trainer import restore

_SKILLS = 9


def run(arguments: list[str]) -> None:
    """Render one episode."""

    def define(values: flags.FlagValues) -> None:
        flags.DEFINE_string("output", None, ".mp4 or .gif", flag_values=values)
        flags.DEFINE_float("seconds", 10.0, "time to show", lower_bound=0.1, flag_values=values)
        flags.DEFINE_integer("member", None, "member", lower_bound=0, flag_values=values)
        flags.DEFINE_integer("seed", 0, "seed of the episode", flag_values=values)
        flags.DEFINE_bool("best", False, "the best checkpoint", flag_values=values)

    (path,), values = parse(arguments, ["RUN"], define)
    folder, _, config = open_run(path)
    output = pathlib.Path(values.output or folder.path / "video.mp4")
    render(folder, config, output, values.seconds, values.member, values.seed, values.best)
    print(output)


def render(
    folder: RunFolder,
    config: Experiment,
    output: pathlib.Path,
    seconds: float = 10.0,
    member: int | None = None,
    seed: int = 0,
    best: bool = False,
) -> None:
    """Write a video of one episode of a run's policy.

    Raises:
        UserError: If there is nothing to draw, or the member does not exist.
    """
    check_output(output)
    learner, population, _ = restore(config, folder, best)
    if not acts(learner):
        raise UserError("this experiment has no environment, so there is nothing to film.")
    member = best_member(folder.metrics_file, config.trainer, learner.headline, member)
    state = jax.tree.map(lambda leaf: leaf[member], population)
    n_steps = min(learner.env.episode_length, round(seconds / learner.env.control_timestep))
    if isinstance(learner, SkillDiscovery):
        skills = learner.env.space.examples(_SKILLS)
        record = jax.jit(lambda s, key: learner.record_skills(s, skills, key, n_steps))
        write_grid(learner.env, record(state, jax.random.key(seed)), output)
        return
    positions = jax.jit(
        lambda state, key: record_episode(
            learner.env, lambda obs: learner.act_greedily(state, obs), key, n_steps
        )
    )(state, jax.random.key(seed))
    write_video(learner.env, positions, output)
