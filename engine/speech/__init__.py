"""Phones with times: read from a text, aligned to the sound, edited, and turned into cues for the mouth.

Knows nothing of models' files or of rigs.
"""
