"""Where the product keeps what it can make again: compiled programs, drawn glyphs."""

import os
import pathlib


def cache_folder() -> pathlib.Path | None:
    """Return the folder, in the user's cache; None where there is none that can be written.

    Containers run as users without a home, and homes may be read-only.
    """
    base = os.environ.get("XDG_CACHE_HOME")
    try:
        folder = pathlib.Path(base) if base else pathlib.Path.home() / ".cache"
        folder = folder / "metaskill"
        folder.mkdir(parents=True, exist_ok=True)
    except (OSError, RuntimeError):  # No entry in passwd is a RuntimeError.
        return None
    return folder if os.access(folder, os.W_OK | os.X_OK) else None
