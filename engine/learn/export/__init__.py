"""A trained run or an official checkpoint becomes a model folder, checked against torch.

The top floor of learning: nothing in here is imported by training.
"""
