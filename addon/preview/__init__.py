"""The panel Preview: playback of the chosen take, and the choice of what is looked at.

Changes no keys.
"""
