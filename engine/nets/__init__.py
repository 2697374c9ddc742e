"""The networks of all systems, in torch: for training, conversion and export.

Inference never loads them, and they are never in the extension.
"""
