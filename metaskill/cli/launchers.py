"""Commands on other machines: through submitit (Slurm) or Ray, which own all scheduling."""

import pathlib
import subprocess
from collections.abc import Callable
from typing import Any

from metaskill.errors import UserError, nearest

Command = list[str]
Options = dict[str, Any]


def _submitit(cluster: str) -> Callable[[list[Command], pathlib.Path, Options], list[bool]]:
    def launch(commands: list[Command], logs: pathlib.Path, options: Options) -> list[bool]:
        try:
            import submitit
        except ModuleNotFoundError as error:
            raise UserError(
                f"--launcher={cluster} needs submitit: pip install 'metaskill[slurm]'."
            ) from error
        executor = submitit.AutoExecutor(folder=str(logs), cluster=cluster)
        try:
            executor.update_parameters(**options)
        except (NameError, TypeError, ValueError) as error:
            raise UserError(f"--launcher_option: {' '.join(str(error).split())}") from error
        with executor.batch():
            jobs = [
                executor.submit(submitit.helpers.CommandFunction(command)) for command in commands
            ]
        return [job.exception() is None for job in jobs]

    return launch


def _ray(commands: list[Command], _logs: pathlib.Path, options: Options) -> list[bool]:
    try:
        import ray
    except ModuleNotFoundError as error:
        raise UserError("--launcher=ray needs Ray: pip install 'metaskill[ray]'.") from error
    if not ray.is_initialized():
        ray.init()

    def call(command: Command) -> int:
        return subprocess.run(command, check=False).returncode

    remote = ray.remote(**options)(call) if options else ray.remote(call)
    return [code == 0 for code in ray.get([remote.remote(command) for command in commands])]


LAUNCHERS: dict[str, Callable[[list[Command], pathlib.Path, Options], list[bool]]] = {
    "slurm": _submitit("slurm"),
    "local": _submitit("local"),
    "ray": _ray,
}


def launch(
    launcher: str, commands: list[Command], logs: pathlib.Path, options: Options
) -> list[bool]:
    """Run commands side by side and wait for them.

    Args:
        launcher: `slurm`; `local`, processes of this machine that submitit starts as Slurm
            would; or `ray`.
        commands: Program and arguments of each. They run in this folder, which all machines
            share.
        logs: Where submitit writes.
        options: The launcher's own: submitit's `update_parameters`, Ray's `remote`.

    Returns:
        Which of them ended with exit code 0.

    Raises:
        UserError: If there is no such launcher, or what it needs is not installed.
    """
    if launcher not in LAUNCHERS:
        raise UserError(f"no launcher is called {launcher!r}: {nearest(launcher, LAUNCHERS)}")
    return LAUNCHERS[launcher](commands, logs, options)
