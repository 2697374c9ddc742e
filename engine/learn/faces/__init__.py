"""Data sets of faces with their sound: how each is read, prepared once for training, and what a model folder keeps of
it. Knows nothing of networks.
"""
