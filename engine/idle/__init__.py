"""Idle motion: blinks, head, gaze, breath and brows, from the prosody of the sound and a seed.

Adds to a face that speaks; never moves the lips.
"""
