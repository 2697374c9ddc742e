"""Models and identities: picked, searched, marked as favourites, added and removed.

Knows no other feature.
"""
