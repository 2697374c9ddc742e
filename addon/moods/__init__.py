"""Moods by hand: own moods read from sliders, and keys on the character's mood sliders, by frames or by the voice.

Knows no other feature.
"""

from types import ModuleType


def work() -> ModuleType:
    """What the buttons call."""
    from . import moods  # needs NumPy and the engine, which registering must not load: the first use does

    return moods
