"""A fitted head: learned from seconds that an animator keyed, for the controls of their own rig.

Uses the pipeline's hidden values as its input; needs no torch.
"""
