"""One member of a sweep as an ordinary run, which every command understands."""

import pathlib
import shutil
from collections.abc import Sequence

import jax

from metaskill.errors import UserError
from metaskill.training.checkpoint import Checkpoint, Checkpoints
from metaskill.training.metrics import JsonLines, TensorBoard, read_rows
from metaskill.training.run_folder import RunFolder, cannot_write
from metaskill.training.sweep import Batch
from metaskill.training.variations import SweepMember


def export_member(
    planned: SweepMember, batches: Sequence[Batch], experiment: str, path: pathlib.Path
) -> None:
    """Write the run folder of a member as if it had been trained alone.

    A folder that is there already is left as it is: someone may have gone on with it.

    Args:
        planned: The member; it has not failed.
        batches: All batches of the sweep, those of earlier rungs first.
        experiment: The experiment's name.
        path: The folder to write.

    Raises:
        UserError: If it cannot be written, or the member's checkpoint is damaged.
    """
    if path.exists():
        return
    own = [batch for batch in batches if planned in batch.members]
    last = own[-1]
    saved = last.restore()
    if saved is None or saved.iteration < last.chunks.total_iterations:
        raise UserError(f"{last.folder.path} is damaged: the same command trains it again.")
    partial = path.with_name(f"{path.name}.partial")
    try:
        shutil.rmtree(partial, ignore_errors=True)
        run = RunFolder(partial)
        run.create(experiment, planned.config)
        shutil.copy(last.folder.provenance_file, run.provenance_file)
        rows = [
            {**row, "member": 0}
            for batch in own
            for row in read_rows(batch.folder.metrics_file)
            if row["member"] == planned.member.number
        ]
        for sink in (
            JsonLines(run.metrics_file),
            TensorBoard(run.events, {0: f"seed_{planned.member.seed}"}),
        ):
            sink.write(rows)
            sink.close()
        index = last.members.index(planned)
        alone = jax.tree.map(lambda leaf: leaf[index : index + 1], saved.state)
        headline = last.chunks.headline
        value = rows[-1].get(headline.metric)
        score = None if value is None else headline.upward(float(value))
        with Checkpoints(run.checkpoints) as checkpoints:
            checkpoints.save(Checkpoint(alone, saved.iteration, saved.seconds, score=score))
        partial.rename(path)
    except OSError as error:
        raise cannot_write(path, error) from error
