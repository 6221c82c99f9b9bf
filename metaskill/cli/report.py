"""usage: metaskill report RUN

Makes RUN/report.html: learning curves, a video of the policy, the configuration and
where it all comes from, in one file that needs nothing else to be viewed.
"""

import pathlib
import tempfile

from metaskill.cli.experiments import open_run
from metaskill.cli.flags import parse
from metaskill.cli.render import render
from metaskill.errors import UserError
from metaskill.report.page import write_page
from metaskill.training.experiment import Experiment
from metaskill.training.run_folder import RunFolder


def run(arguments: list[str]) -> None:
    """Make the page."""
    (path,), _ = parse(arguments, ["RUN"], lambda _: None)
    folder, name, config = open_run(path)
    make_report(folder, name, config)
    print(folder.report_file)


def make_report(folder: RunFolder, name: str, config: Experiment) -> None:
    """Make the page, with a note in place of the video where none can be drawn."""
    learner = config.make_learner()
    with tempfile.TemporaryDirectory() as scratch:
        video = pathlib.Path(scratch, "video.mp4")
        try:
            render(folder, config, video)
        except UserError as error:
            write_page(folder, name, learner, video=None, note=str(error))
        else:
            write_page(folder, name, learner, video=video.read_bytes())
