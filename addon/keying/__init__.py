"""Rig curves become keys of a take, and leave again: written, limited to a window, moved, hidden, cleared.

The one folder, beside `actions`, that changes animation. Knows nothing of the panel or of how a take was chosen.
"""
