"""One file per trainable system: how its network is built, how a batch becomes losses, what is exported.

The training loop knows only their contract.
"""
