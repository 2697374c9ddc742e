"""The lip-sync test head as data: head.npz, which tests/demo/head models, and its loader.

Knows nothing of Blender, nothing of the engine and nothing of the rest of the add-on.
"""
