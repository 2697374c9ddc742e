"""What the add-on needs of Blender, without lip sync: jobs, operators, layout, preferences, languages.

Knows nothing of characters, sound or takes, and of the engine only its errors and values.
"""

BASE_PACKAGE = __package__.rsplit(".", 2)[0]        # the extension's own package, two above this folder
