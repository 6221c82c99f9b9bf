"""The folder where things are kept that can be made again: compiled programs, rendered glyphs."""

import os
import pathlib


def cache_folder() -> pathlib.Path | None:
    """Return `metaskill` below `XDG_CACHE_HOME`, or below `~/.cache`, and create it.

    Returns:
        The folder; None where no folder can be written: a user without a home, as in containers
        that run as any user, or a home that is read-only or no folder.
    """
    base = pathlib.Path(os.environ.get("XDG_CACHE_HOME", ""))
    try:
        # The specification of XDG_CACHE_HOME has relative paths ignored.
        folder = (base if base.is_absolute() else pathlib.Path.home() / ".cache") / "metaskill"
        if not folder.is_absolute():
            return None
        folder.mkdir(parents=True, exist_ok=True)
    except (RuntimeError, OSError):  # `Path.home` raises the former.
        return None
    return folder if os.access(folder, os.W_OK | os.X_OK) else None
