"""The page that shows a run: one HTML file with everything in it."""

import base64
import json
import pathlib

import jinja2

from metaskill.report.curves import plot_returns, series
from metaskill.training.metrics import read_rows
from metaskill.training.run_folder import RunFolder, cannot_write

_TEMPLATE = jinja2.Template(
    pathlib.Path(__file__).with_name("page.html").read_text(), autoescape=True
)


def write_page(folder: RunFolder, name: str, video: bytes | None, note: str = "") -> None:
    """Write `report.html` of a run.

    Args:
        folder: The run.
        name: The experiment's name.
        video: An MP4 file's contents, or None.
        note: What to say where there is no video.

    Raises:
        UserError: If the file cannot be written.
    """
    rows = list(read_rows(folder.metrics_file))
    last = {seed: f"{values[-1]:.0f}" for seed, (_, values) in series(rows, "eval/return").items()}
    provenance = (
        folder.provenance_file.read_text() if folder.provenance_file.exists() else "unknown"
    )
    page = _TEMPLATE.render(
        name=name,
        returns=last,
        env_steps=f"{rows[-1]['env_steps'] / 1e6:.1f}" if rows and rows[-1]["env_steps"] else "0",
        minutes=f"{(rows[-1]['seconds'] or 0) / 60:.1f}" if rows else "0",
        curve=base64.b64encode(plot_returns(folder.metrics_file)).decode(),
        video=base64.b64encode(video).decode() if video else None,
        note=note,
        config=json.dumps(folder.read_config()["config"], indent=2),
        provenance=provenance,
    )
    try:
        folder.report_file.write_text(page)
    except OSError as error:
        raise cannot_write(folder.report_file, error) from error
