"""The phones of a take on the timeline: shown as markers and rows, edited, and solved again.

Never touches the artist's own markers; knows no other feature.
"""
