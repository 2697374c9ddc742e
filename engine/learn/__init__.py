"""Learning: data, training, evaluation and export of the models. Needs the extra `unitalker[learn]`.

Reaches down into the engine; nothing of the engine reaches in here, and the extension never contains it.
"""
