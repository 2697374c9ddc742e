"""Teach: the animator's own keys of a rig become a fitted head.

The fit is the engine's `fit_head`; knows no other feature.
"""

from types import ModuleType


def work() -> ModuleType:
    """What the button calls."""
    from . import take  # needs NumPy and the engine, which registering must not load: the first use does

    return take
