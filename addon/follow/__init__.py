"""Takes that follow their strips when those are moved, trimmed, slipped, cut or renamed.

Moves keys without running the model again; knows no other feature, the list of lines included.
"""

from types import ModuleType


def work() -> ModuleType:
    """What is called on first use."""
    # it needs NumPy and the engine, which registering must not load
    from . import follow

    return follow
