"""Teach: the animator's own keys become a head."""
