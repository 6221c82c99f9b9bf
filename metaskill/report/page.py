"""The page that shows a run: one HTML file with everything in it."""

import base64
import json
import pathlib

import jinja2

from metaskill.learner import Learner
from metaskill.report.curves import plot_learning, series
from metaskill.training.metrics import read_rows
from metaskill.training.run_folder import RunFolder, cannot_write

_TEMPLATE = jinja2.Template(
    pathlib.Path(__file__).with_name("page.html").read_text(encoding="utf-8"), autoescape=True
)


def write_page(
    folder: RunFolder,
    name: str,
    learner: Learner,
    video: bytes | None,
    note: str = "",
    pictures: dict[str, bytes] | None = None,
) -> None:
    """Write `report.html` of a run.

    Args:
        folder: The run.
        name: The experiment's name.
        learner: What trained: its headline and its unit of steps.
        video: An MP4 file's contents, or None.
        note: What to say where there is no video.
        pictures: What else there is to see, PNGs by their headings.

    Raises:
        UserError: If the file cannot be written.
    """
    rows = list(read_rows(folder.metrics_file))
    headline = learner.headline
    last = {s: headline.show(v[-1]) for s, (_, v) in series(rows, headline.metric).items()}
    made_by = folder.provenance_file
    provenance = made_by.read_text(encoding="utf-8") if made_by.exists() else "unknown"
    page = _TEMPLATE.render(
        name=name,
        headline=headline.label,
        last=last,
        steps=f"{rows[-1]['env_steps']:,.0f}" if rows and rows[-1]["env_steps"] else "0",
        step_unit=learner.step_unit,
        minutes=f"{(rows[-1]['seconds'] or 0) / 60:.1f}" if rows else "0",
        curve=base64.b64encode(plot_learning(folder.metrics_file, learner)).decode(),
        video=base64.b64encode(video).decode() if video else None,
        note=note,
        pictures={
            heading: base64.b64encode(png).decode() for heading, png in (pictures or {}).items()
        },
        config=json.dumps(folder.read_config()["config"], indent=2),
        provenance=provenance,
    )
    try:
        folder.report_file.write_text(page, encoding="utf-8")
    except OSError as error:
        raise cannot_write(folder.report_file, error) from error
