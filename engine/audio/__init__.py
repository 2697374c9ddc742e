"""Sound as mono samples at 16 kHz: read from files and arrays, stretched in time.

Knows nothing of faces, phones or models.
"""
