"""Rig curves become keys of a take, and leave again: written, limited to a window, moved, hidden, cleared.

The one folder, beside `actions`, that changes animation. Knows nothing of the panel or of how a take was chosen.
"""

from ...engine import RigError


class BeyondSliders(RigError):
    """Values go beyond a slider's end, and the artist wants to decide what happens then."""
