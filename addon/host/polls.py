"""Why a button is grey: one sentence in its tooltip, in the language of the interface."""

import bpy

from .translations import translate


def only_if(cls: type[bpy.types.Operator], condition: object, why: str, *values: object) -> bool:
    """For polls: whether the condition holds; else the tooltip says why not, its {} filled with values."""
    if not condition:
        cls.poll_message_set(translate(why, *values))
    return bool(condition)
