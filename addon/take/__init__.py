"""A take from choices to keys: options, the properties of the scene, making, the takes that exist, live changes.

The door to `keying` for everything above. Knows no feature and draws nothing.
"""
