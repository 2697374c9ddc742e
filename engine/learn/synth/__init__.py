"""Synthetic speech with phone times, and the viseme model that turns phones into face curves."""
