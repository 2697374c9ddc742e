"""Teach: the animator's own keys of a rig become a fitted head.

The fit is the engine's `fit_head`; knows no other feature.
"""
