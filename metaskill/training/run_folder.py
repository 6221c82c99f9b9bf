"""A run on disk: configuration, metrics, checkpoints, provenance, report."""

import dataclasses
import json
import os
import pathlib
from typing import Any, Literal

from metaskill.errors import UserError

Resume = Literal["auto", "never", "must"]
"""What to do about a run that is there already."""


@dataclasses.dataclass(frozen=True)
class RunFolder:
    """The files of one run.

    `config.json` says which experiment it is, so that a run can be resumed, evaluated
    and rendered from its folder alone.
    """

    path: pathlib.Path

    @property
    def config_file(self) -> pathlib.Path:
        """The experiment's name and its whole configuration."""
        return self.path / "config.json"

    @property
    def metrics_file(self) -> pathlib.Path:
        """One JSON object a line: metrics of one member at one iteration."""
        return self.path / "metrics.jsonl"

    @property
    def provenance_file(self) -> pathlib.Path:
        """Versions, hardware and commit."""
        return self.path / "provenance.json"

    @property
    def checkpoints(self) -> pathlib.Path:
        """Folder of the checkpoints."""
        return self.path / "checkpoints"

    @property
    def events(self) -> pathlib.Path:
        """Folder that TensorBoard reads."""
        return self.path / "events"

    @property
    def profile(self) -> pathlib.Path:
        """Folder of the trace of a chunk."""
        return self.path / "profile"

    @property
    def report_file(self) -> pathlib.Path:
        """The page that shows the run."""
        return self.path / "report.html"

    def create(self, experiment: str, config: Any, resume: Resume = "auto") -> bool:
        """Make the folder for an experiment, or find the same experiment's run in it.

        Args:
            experiment: The experiment's name.
            config: Its configuration, a dataclass.
            resume: Whether a run that is there is gone on with (`auto`), refused (`never`)
                or required (`must`).

        Returns:
            Whether a run of this very experiment was there already.

        Raises:
            UserError: If the folder holds something else, or a run where there must be none,
                or none where there must be one; or if it cannot be written.
        """
        return claim(self.path, self.config_file, {"experiment": experiment}, config, resume)

    def read_config(self) -> dict[str, Any]:
        """Return the record that `create` wrote.

        Raises:
            UserError: If this is not the folder of a run.
        """
        if not self.config_file.is_file():
            raise UserError(f"{self.path} holds no run (there is no config.json in it).")
        try:
            record = json.loads(self.config_file.read_text(encoding="utf-8"))
            if not isinstance(record["experiment"], str) or not isinstance(record["config"], dict):
                raise TypeError("unexpected content")
        except (ValueError, KeyError, TypeError) as error:
            raise UserError(f"{self.config_file} is damaged: restore it from a copy.") from error
        return record


def claim(
    folder: pathlib.Path, file: pathlib.Path, description: Any, config: Any, resume: Resume
) -> bool:
    """Make a folder for what a configuration describes, or find the same in it.

    Args:
        folder: The folder.
        file: Where in it the record is.
        description: What the record says beside the configuration, as JSON.
        config: The configuration, a dataclass.
        resume: See `RunFolder.create`.

    Returns:
        Whether the folder was there already, for the same record.

    Raises:
        UserError: As `RunFolder.create`.
    """
    record = {**description, "config": as_json(config)}
    if file.exists():
        if resume == "never":
            raise UserError(
                f"{folder} holds a run already: choose another --workdir, or go on with "
                "it by --resume=auto."
            )
        try:
            found = json.loads(file.read_text(encoding="utf-8"))
            found["config"] = _completed(found["config"], config)
        except (ValueError, KeyError, TypeError) as error:
            raise UserError(f"{file} is damaged: restore it from a copy.") from error
        if found == record:
            return True
        raise UserError(
            f"{folder} holds a run of another experiment or configuration: choose "
            "another --workdir, or delete that folder if the run is not needed."
        )
    if resume == "must":
        raise UserError(
            f"{folder} holds no run to resume: name its folder by --workdir, or start one "
            "by --resume=auto."
        )
    # A process killed before it had begun may have left half a configuration.
    if folder.is_dir() and any(path.suffix != ".partial" for path in folder.iterdir()):
        raise UserError(f"{folder} is not empty and holds no run: choose another --workdir.")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_json(file, record)
    except OSError as error:
        raise cannot_write(folder, error) from error
    return False


def _completed(record: Any, config: Any) -> Any:
    """Add the fields that a record of an earlier version lacks, with their defaults."""
    if not (dataclasses.is_dataclass(config) and isinstance(record, dict)):
        return record
    completed = dict(record)
    for field in dataclasses.fields(config):
        if field.name in record:
            completed[field.name] = _completed(record[field.name], getattr(config, field.name))
        elif field.default is not dataclasses.MISSING:
            completed[field.name] = _as_json(field.default)
        elif field.default_factory is not dataclasses.MISSING:
            completed[field.name] = _as_json(field.default_factory())
    return completed


def as_json(config: Any) -> Any:
    """Return a dataclass as JSON would give it back (tuples as lists)."""
    return _as_json(config)


def _as_json(value: Any) -> Any:
    plain = dataclasses.asdict(value) if dataclasses.is_dataclass(value) else value  # type: ignore[arg-type]
    return json.loads(json.dumps(plain))


def write_json(path: pathlib.Path, record: Any) -> None:
    """Write JSON so that a reader never sees half a file."""
    temporary = path.with_name(path.name + ".partial")
    try:
        temporary.write_text(json.dumps(record, indent=2) + "\n")
        os.replace(temporary, path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise


def cannot_write(path: pathlib.Path, error: Exception) -> UserError:
    """Return the error for a full disk, a read-only folder and their like."""
    reason = getattr(error, "strerror", None) or str(error).splitlines()[0][:200]
    return UserError(
        f"cannot write to {path} ({reason}): free some space or choose a writable folder."
    )
