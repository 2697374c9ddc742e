"""A take from choices to keys: options, the properties of the scene, making, the takes that exist, live changes.

The door to `keying` for everything above. Knows no feature and draws nothing.
"""

from types import ModuleType


def work() -> ModuleType:
    """What buttons call: takes, and their `make`."""
    from . import takes  # loads NumPy and the engine, which registering must not: the first use does

    return takes
