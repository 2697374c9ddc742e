"""Map It Yourself: a mapping made by hand, previewed on the character, becomes a preset.

Knows no other feature.
"""
