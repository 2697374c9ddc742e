"""What comes before and after a take: the mouth alone made again, a piece of another recording, a take that goes on
from the last one, and Actions without needless keys.

Makes takes with the options of the panel; knows no other feature.
"""

from types import ModuleType


def work() -> ModuleType:
    """What the button Clean Action calls."""
    from . import clean_up  # needs NumPy and the engine, which registering must not load: the first use does

    return clean_up
