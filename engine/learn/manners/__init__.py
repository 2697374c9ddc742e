"""Manners of moving a face: drawn from ranges or seen in people, spoken in many scenes for training, and judged.

Knows the viseme model, scenes and the evaluator; knows no network.
"""
