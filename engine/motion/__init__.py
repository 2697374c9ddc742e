"""Motion in, motion out: lip contact, smoothing, articulation, timing, frame rate, key reduction, hold.

Knows nothing of models, rigs or transcripts.
"""
