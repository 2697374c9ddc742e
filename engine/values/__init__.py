"""The plain values that cross borders, and what all may use: settings, errors, channels, phones, messages, cache.

The ground floor: imports nothing of the engine.
"""
