"""A take for other programs: baked to a plain Action, or written to a motion file.

Reads what takes keyed; knows no other feature.
"""

from types import ModuleType


def work() -> tuple[ModuleType, ModuleType]:
    """What the buttons call: baking, and motion as a file."""
    from . import bake, motion  # need NumPy and the engine, which registering must not load: the first use does

    return bake, motion
