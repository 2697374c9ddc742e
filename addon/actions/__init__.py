"""Blender's Actions, slots, NLA strips and keys, and the ledger of what this extension wrote into them.

Knows nothing of sound, of the engine or of lip sync: only curves, and whose they are.
"""
