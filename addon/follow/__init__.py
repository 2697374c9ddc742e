"""Takes that follow their strips when those are moved, trimmed, slipped, cut or renamed.

Moves keys without running the model again; knows no other feature, the list of lines included.
"""
