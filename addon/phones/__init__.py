"""The phones of a take on the timeline: shown as markers and rows, edited, and solved again.

Never touches the artist's own markers; knows no other feature.
"""

from types import ModuleType


def work() -> ModuleType:
    """What the watch and the buttons call. It needs NumPy and the engine, which registering must not load: the first use does."""
    from . import takes

    return takes
