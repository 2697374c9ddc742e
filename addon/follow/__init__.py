"""Takes that follow their strips when those are moved, trimmed, slipped, cut or renamed.

Moves keys without running the model again; knows no other feature, the list of lines included.
"""

from types import ModuleType


def work() -> ModuleType:
    """What the watch and the button call. It needs NumPy and the engine, which registering must not load: the first use does."""
    from . import follow

    return follow
