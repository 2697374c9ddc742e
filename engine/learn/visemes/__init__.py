"""The viseme model: phones with times in, face curves out, in several speaking styles.

Knows nothing of sound.
"""
