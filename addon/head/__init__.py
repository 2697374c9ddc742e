"""The lip-sync test head as data: head.npz, which tests/demo/head models, and its loader. Knows nothing of Blender."""
