"""The list of lines of a scene: which character speaks which sound, and Generate All.

May call `follow`, so that the lines stay with their strips; knows no other feature.
"""
