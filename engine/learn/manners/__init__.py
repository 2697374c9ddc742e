"""Manners of moving a face and of speaking: drawn from ranges, made of recordings or seen in people; and judged.

Knows the viseme model, scenes, data sets of faces and the evaluator; knows no network.
"""
