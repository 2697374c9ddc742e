"""Synthetic and aligned speech: free voices and recordings with the time of every phone.

One file per voice program. Knows nothing of face curves.
"""
