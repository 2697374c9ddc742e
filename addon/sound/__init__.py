"""The sounds of a scene: clips, sequencer strips, speed changes, and the samples that were read last.

The only folder that uses Blender's audio module. Knows nothing of characters or takes.
"""
