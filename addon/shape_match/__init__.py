"""Match by Shape: the shape keys of a head found by what they move, or made from its vertices.

The solving is the engine's `geometry`; knows no other feature.
"""
