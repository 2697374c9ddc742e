"""Map It Yourself: a mapping made by hand, previewed on the character, becomes a preset.

Knows no other feature.
"""

from types import ModuleType


def work() -> ModuleType:
    """What the buttons and properties call."""
    from . import mapping  # needs NumPy and the engine, which registering must not load: the first use does

    return mapping
