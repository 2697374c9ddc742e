"""What sound goes through before a network hears it in training: rooms, noise, music, tempo, pitch, colour.

Changes waves and their times; knows nothing of faces.
"""
