"""Motion becomes curves of one rig: presets, names, channel sets, viseme mix, fitted heads.

Presets are data. Knows nothing of Blender and nothing of how the motion was made.
"""
