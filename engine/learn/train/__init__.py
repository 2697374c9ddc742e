"""The training loop, its configuration, its checkpoints and how the best one is chosen.

Knows a system only by its contract, and nothing of export.
"""
