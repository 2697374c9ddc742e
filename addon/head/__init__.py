"""The lip-sync test head as plain arrays: a stylised face made by code, with the 52 ARKit shapes.

Knows geometry and anatomy, nothing of Blender: `model.build_head()` is the way in, `addon/ui/test_head.py` the only reader.
"""
