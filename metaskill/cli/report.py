"""usage: metaskill report RUN

Makes RUN/report.html: learning curves, a video of the policy, the paths of skills where they
were discovered, where past data lead without learning where it guides, the configuration and
where it all comes from, in one file that needs nothing else to be viewed.
"""

import pathlib
import tempfile

import jax

from metaskill.cli.experiments import open_run
from metaskill.cli.flags import parse
from metaskill.cli.render import render
from metaskill.errors import UserError
from metaskill.report.curves import best_member
from metaskill.report.page import write_page
from metaskill.report.skills import plot_skills
from metaskill.results.exploration import picture_of_exploration
from metaskill.skills.discovery import SkillDiscovery
from metaskill.skills.exploration import is_guided
from metaskill.training.experiment import Experiment
from metaskill.training.prepared import PreparedLearner
from metaskill.training.run_folder import RunFolder
from metaskill.training.trainer import restore


def run(arguments: list[str]) -> None:
    """Make the page."""
    (path,), _ = parse(arguments, ["RUN"], lambda _: None)
    folder, name, config = open_run(path)
    make_report(folder, name, config)
    print(folder.report_file)


def make_report(folder: RunFolder, name: str, config: Experiment) -> None:
    """Make the page, with a note in place of the video where none can be drawn."""
    learner = config.make_learner()
    pictures: dict[str, bytes] = {}
    if isinstance(learner, SkillDiscovery):
        pictures["Skills"] = _picture_of_skills(folder, config)
    if isinstance(learner, PreparedLearner) and is_guided(learner.env):
        pictures["Without learning"] = picture_of_exploration(learner)
    with tempfile.TemporaryDirectory() as scratch:
        video = pathlib.Path(scratch, "video.mp4")
        try:
            render(folder, config, video)
        except UserError as error:
            write_page(folder, name, learner, None, str(error), pictures)
        else:
            write_page(folder, name, learner, video.read_bytes(), pictures=pictures)


def _picture_of_skills(folder: RunFolder, config: Experiment) -> bytes:
    """Draw where the skills of the member with the best last evaluation lead."""
    learner, population, _ = restore(config, folder)
    assert isinstance(learner, SkillDiscovery)
    member = best_member(folder.metrics_file, config.trainer, learner.headline, None)
    executions = jax.jit(learner.execute_skills)(
        jax.tree.map(lambda leaf: leaf[member], population),
        learner.env.space.examples(learner.config.num_eval_skills),
        jax.random.key(0),
    )
    return plot_skills(executions, learner.env.space)
