"""Data sets as samples and batches: scenes, recordings, labels, splits, the official layouts.

Knows nothing of networks and losses.
"""
