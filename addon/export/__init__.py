"""Takes for other programs: baked to a plain Action, written to a motion file, or to a folder for training.

Reads what takes keyed; knows no other feature.
"""

from types import ModuleType


def work() -> tuple[ModuleType, ModuleType, ModuleType]:
    """What the buttons call: baking, motion as a file, takes for training."""
    from . import bake, motion, training  # need NumPy and the engine, which registering must not load

    return bake, motion, training
