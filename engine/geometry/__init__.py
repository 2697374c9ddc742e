"""Shape keys recognised by what they move, and vertex motion solved for shape keys.

Works on arrays of vertices; knows nothing of sound or time.
"""
