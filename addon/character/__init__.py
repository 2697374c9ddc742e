"""What a character can move: shape keys, bones and custom properties, their rest pose and their present values.

Makes no keys and knows nothing of sound or takes.
"""
