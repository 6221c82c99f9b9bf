"""usage: metaskill plan RUN [flags]

Walks to goals with a DADS run's skills, none of which was ever trained for one: plans in
skill space against the run's own skill dynamics, and executes the skills with the
deterministic policy of its last checkpoint, for one episode a goal. Prints the distance over
time, and writes plan.png and plan.mp4.

  --goal=X,Y      where to, metres; may be given several times (default: the six goals of
                  the paper's code)
  --option=N=V    an option of the environment that is not as it was in training: may be given
                  several times, such as --option=terminate_when_unhealthy=False, with which a
                  fall or a leap ends nothing, or --option=episode_length=400
  --sparse        plan for being there instead of for being near, as if nothing told the way
  --output=FOLDER where to write (default: RUN)
  --member=N      member of the population (default: the best of the last evaluation)
  --seed=N        seed of the episodes (default: 0)
  --best          the checkpoint with the best evaluation, not the last
  --novideo       only the picture
"""

import math
import pathlib

import jax
import jax.numpy as jnp
import numpy as np
from absl import flags

from metaskill.cli.experiments import open_run
from metaskill.cli.flags import define_seed, named_values, parse
from metaskill.errors import UserError
from metaskill.report.curves import best_member
from metaskill.report.skills import plot_journeys
from metaskill.report.video import write_video
from metaskill.skills.navigation import SUCCESS_DISTANCE, TEST_GOALS, Journey, navigate
from metaskill.skills.planner import DENSE, SPARSE
from metaskill.training.skill_experiment import SkillExperiment
from metaskill.training.trainer import restore

_SHOWN_EVERY = 25


def run(arguments: list[str]) -> None:
    """Go to every goal."""

    def define(values: flags.FlagValues) -> None:
        flags.DEFINE_multi_string("goal", [], "X,Y", flag_values=values)
        flags.DEFINE_multi_string("option", [], "NAME=VALUE", flag_values=values)
        flags.DEFINE_bool("sparse", False, "plan for being there", flag_values=values)
        flags.DEFINE_string("output", None, "folder", flag_values=values)
        flags.DEFINE_integer("member", None, "member", lower_bound=0, flag_values=values)
        define_seed(values, "seed of the episodes")
        flags.DEFINE_bool("best", False, "the best checkpoint", flag_values=values)
        flags.DEFINE_bool("video", True, "write plan.mp4", flag_values=values)

    (path,), values = parse(arguments, ["RUN"], define)
    goals = [_parse_goal(text) for text in values.goal] or list(TEST_GOALS)
    folder, _, config = open_run(path)
    output = pathlib.Path(values.output or folder.path)
    if not output.is_dir():
        raise UserError(f"the folder {output} does not exist: create it first.")
    if not isinstance(config, SkillExperiment):
        raise UserError(f"{path} discovered no skills, so there is nothing to plan with.")
    _, population, _ = restore(config, folder, values.best)
    learner = config.in_env_with(named_values("option", values.option)).make_learner()
    member = best_member(folder.metrics_file, config.trainer, learner.headline, values.member)
    state = jax.tree.map(lambda leaf: leaf[member], population)
    planner = SPARSE if values.sparse else DENSE
    keys = jax.random.split(jax.random.key(values.seed), len(goals))
    journeys = jax.jit(
        jax.vmap(
            lambda state, goal, key: navigate(learner, state, goal, key, planner, values.sparse),
            in_axes=(None, 0, 0),
        )
    )(state, jnp.array(goals, jnp.float32), keys)
    _print(journeys)
    picture = output / "plan.png"
    picture.write_bytes(plot_journeys(journeys))
    print(picture)
    if values.video and hasattr(learner.env, "model"):
        video = output / "plan.mp4"
        one_after_the_other = jax.tree.map(
            lambda leaf: leaf.reshape(-1, *leaf.shape[2:]), journeys.pose
        )
        write_video(learner.env, one_after_the_other, video)
        print(video)


def _parse_goal(text: str) -> tuple[float, float]:
    try:
        x, y = (float(part) for part in text.split(","))
    except ValueError:
        raise UserError(f"--goal={text} is no point: write --goal=X,Y, in metres.") from None
    if not (math.isfinite(x) and math.isfinite(y)):
        raise UserError(f"--goal={text} is no point: both numbers must be finite.")
    if x == y == 0.0:
        raise UserError("--goal=0,0 is where the robot starts: name another point.")
    return x, y


def _print(journeys: Journey) -> None:
    """Print a line a goal, and what they came to together."""
    distance = np.asarray(journeys.distance)
    steps = range(_SHOWN_EVERY - 1, distance.shape[1], _SHOWN_EVERY)
    print("distance from the goal (m) after so many control steps")
    print(f"{'goal':>16}" + "".join(f"{step + 1:>7}" for step in steps) + "  delta")
    for index, (x, y) in enumerate(np.asarray(journeys.goal)):
        row = "".join(f"{distance[index, step]:>7.1f}" for step in steps)
        verdict = _verdict(bool(journeys.reached[index]), np.asarray(journeys.alive[index]))
        name = f"({x:g}, {y:g})"
        print(f"{name:>16}{row}{journeys.delta[index]:>7.2f}  {verdict}")
    reached, total = int(np.sum(journeys.reached)), distance.shape[0]
    print(
        f"mean delta {np.mean(journeys.delta):.3f}; within {SUCCESS_DISTANCE:g} m of "
        f"{reached} of {total} goals"
    )


def _verdict(reached: bool, alive: np.ndarray) -> str:
    verdict = "reached" if reached else "not reached"
    return verdict if alive.all() else f"{verdict}; the episode ended after {np.sum(alive)} steps"
