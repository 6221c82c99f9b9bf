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
  --prior         of a run that past data guide: nine episodes of the prior without learning
"""

import pathlib
from typing import Any

import jax
from absl import flags
from jaxtyping import PRNGKeyArray

from metaskill.cli.experiments import open_run
from metaskill.cli.flags import define_seed, parse
from metaskill.envs.pose import Pose, pose_of
from metaskill.envs.runner import begin_in, policy_keys
from metaskill.errors import UserError
from metaskill.learner import ActingLearner, acts
from metaskill.report.curves import best_member
from metaskill.report.video import check_output, write_grid, write_video
from metaskill.rl.evaluation import record_episode
from metaskill.skills.discovery import SkillDiscovery
from metaskill.skills.exploration import draw_from_prior, is_guided, roll_out
from metaskill.skills.option_env import OptionEnv, follow_controller
from metaskill.training.experiment import Experiment
from metaskill.training.prepared import PreparedLearner, own_parts
from metaskill.training.run_folder import RunFolder
from metaskill.training.trainer import restore

_PANELS = 9


def run(arguments: list[str]) -> None:
    """Render one episode."""

    def define(values: flags.FlagValues) -> None:
        flags.DEFINE_string("output", None, ".mp4 or .gif", flag_values=values)
        flags.DEFINE_float("seconds", 10.0, "time to show", lower_bound=0.1, flag_values=values)
        flags.DEFINE_integer("member", None, "member", lower_bound=0, flag_values=values)
        define_seed(values, "seed of the episode")
        flags.DEFINE_bool("best", False, "the best checkpoint", flag_values=values)
        flags.DEFINE_bool("prior", False, "without learning", flag_values=values)

    (path,), values = parse(arguments, ["RUN"], define)
    folder, _, config = open_run(path)
    output = pathlib.Path(values.output or folder.path / "video.mp4")
    if values.prior:
        render_prior(config, output, values.seconds, values.seed)
    else:
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
    learner, state = own_parts(learner, jax.tree.map(lambda leaf: leaf[member], population))
    assert acts(learner)
    # Where steps are options, what is worth seeing happens in between.
    env = learner.env.env if isinstance(learner.env, OptionEnv) else learner.env
    n_steps = min(env.episode_length, round(seconds / env.control_timestep))
    if isinstance(learner, SkillDiscovery):
        skills = learner.env.space.examples(_PANELS)
        record = jax.jit(lambda s, key: learner.record_skills(s, skills, key, n_steps))
        write_grid(env, record(state, jax.random.key(seed)), output)
        return
    film = jax.jit(lambda state, key: _record(learner, state, key, n_steps))
    write_video(env, film(state, jax.random.key(seed)), output)


def render_prior(
    config: Experiment, output: pathlib.Path, seconds: float = 10.0, seed: int = 0
) -> None:
    """Write a video of nine episodes of what guides a run's first member, side by side.

    Raises:
        UserError: If nothing guides it, or there is nothing to draw.
    """
    check_output(output)
    learner = config.make_learner()
    if not (isinstance(learner, PreparedLearner) and is_guided(learner.env)):
        raise UserError("no past data guides this run: leave --prior out.")
    env, sample_context = learner.env, learner.sample_context

    def act(key: PRNGKeyArray) -> Pose:
        context_key, key = jax.random.split(key)
        choose = draw_from_prior(env)
        return roll_out(env, key, sample_context(context_key), choose, pose_of)

    poses = jax.jit(jax.vmap(act))(jax.random.split(jax.random.key(seed), _PANELS))
    n_steps = min(env.env.episode_length, round(seconds / env.env.control_timestep))
    write_grid(env.env, jax.tree.map(lambda leaf: leaf[:, :n_steps], poses), output)


def _record(learner: ActingLearner, state: Any, key: PRNGKeyArray, n_steps: int) -> Pose:
    env, policy = learner.env, learner.policy(state)
    if isinstance(env, OptionEnv):
        start = begin_in(env.reset(key, env.nominal_context()), policy, key)
        keys = policy_keys(key, env.episode_length)
        course = follow_controller(env, policy, start, keys, lambda state, _: pose_of(state))
        poses: Pose = jax.tree.map(lambda leaf: leaf[:n_steps], course.trace)
        return poses
    return record_episode(env, policy, key, n_steps)
