"""Match by Shape: the shape keys of a head found by what they move, or made from its vertices.

The solving is the engine's `geometry`; knows no other feature.
"""

from types import ModuleType


def work() -> ModuleType:
    """What the buttons of Match by Shape call."""
    from . import match  # needs NumPy and the engine, which registering must not load: the first use does

    return match


def capture_work() -> ModuleType:
    """What Import Face Capture calls."""
    from . import capture  # needs NumPy and the engine, which registering must not load: the first use does

    return capture


def vertex_work() -> ModuleType:
    """What the button of From Vertices calls."""
    from . import vertices  # needs NumPy and the engine, which registering must not load: the first use does

    return vertices
