"""A take for other programs: baked to a plain Action, or written to a motion file.

Reads what takes keyed; knows no other feature.
"""
