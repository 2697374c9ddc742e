"""Models and identities: picked, searched, marked as favourites, added and removed.

Knows no other feature.
"""

from types import ModuleType


def work() -> ModuleType:
    """What the buttons of the user's own models call."""
    from . import my_models  # needs NumPy and the engine, which registering must not load: the first use does

    return my_models
