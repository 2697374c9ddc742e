"""Contact sheet and playblast: frames of a take as pictures and films.

Borrows the scene's settings and gives them back; knows no other feature.
"""
