"""Figures of a model on real speech: measures, intervals, peers, robustness, pictures, tables.

Measures a model folder by the path that ships; knows nothing of training.
"""
