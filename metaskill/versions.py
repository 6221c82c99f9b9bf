"""Versions of installed packages."""

import importlib.metadata


def version_of(package: str) -> str | None:
    """Return a package's version; None if it is not installed, such as a checkout in place."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None
