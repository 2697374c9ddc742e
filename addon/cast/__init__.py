"""The list of lines of a scene: which character speaks which sound, and Generate All.

May call `follow`, so that the lines stay with their strips; knows no other feature.
"""

from types import ModuleType


def work() -> ModuleType:
    """What is called on first use."""
    # it needs NumPy and the engine, which registering must not load
    from . import rows

    return rows
