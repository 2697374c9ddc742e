"""Map It Yourself: a mapping made by hand, previewed on the character, becomes a preset.

Knows no other feature.
"""

from types import ModuleType


def work() -> ModuleType:
    """What the buttons and properties call. It needs NumPy and the engine, which registering must not load: the first use does."""
    from . import mapping

    return mapping
