"""The phones of a take on the timeline: shown as markers and rows, edited, and solved again.

Never touches the artist's own markers; knows no other feature.
"""

from types import ModuleType


def work() -> ModuleType:
    """What is called on first use."""
    # it needs NumPy and the engine, which registering must not load
    from . import takes

    return takes
