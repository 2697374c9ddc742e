"""What is said when a package that the extension brings along cannot be loaded."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from .errors import InstallError


@contextmanager
def needs(package: str, hint: str = "") -> Iterator[None]:
    """Around the import of a package: what goes wrong becomes one line for the user.

    Args:
        hint: a cause that is worth looking for besides a wrong or damaged installation.
    Raises:
        InstallError: the package, or a library behind it, is missing or made for another system.
    """
    try:
        yield
    except (ImportError, OSError) as error:     # OSError: soundfile does not find its library
        cause = error.__cause__ or error.__context__
        if isinstance(cause, KeyboardInterrupt):        # Ctrl-C while a library in C was loading
            raise KeyboardInterrupt from error
        raise InstallError(
            f"The package {package} cannot be loaded ({error}). "
            "Install the extension again, from the zip made for this system and Blender's Python; "
            f"outside Blender: pip install {package}.{hint}"
        ) from error
