"""Why Generate is grey: one line for the panel and for the button's tooltip."""

from __future__ import annotations

import bpy

from ..sound.strips import SEVERAL, strip_in_use
from ..take import catalog

BUTTON = "unitalker_button"     # pointer that the panel gives its button: scripts and the search bring options of their own


def problem(context: bpy.types.Context) -> str:
    """What is missing before the panel's button can work; empty when it may be pressed."""
    settings = context.scene.unitalker
    if settings.source == 'STRIP' and not settings.strip:
        found = strip_in_use(context)
        if not found:
            return "Add a sound strip in the Video Sequencer, or choose File."
        if found == SEVERAL:
            return "Pick a sound strip in Audio."
    if settings.source == 'FILE' and not settings.audio:
        return "Choose a sound file in Audio."
    if settings.source == 'SPEAKER' and settings.speaker is None:
        return "Choose a speaker in Audio."
    if settings.destination == 'SLOT' and "slots" not in bpy.types.Action.bl_rna.properties:
        return "Actions have slots from Blender 4.4 on: choose Own Action or NLA Strip in Output."
    return "This character cannot be keyed yet: see Character." if catalog.fit(context).problem else catalog.model_problem(settings)


def asks(context: bpy.types.Context) -> bool:
    """Whether the panel's own button is asking, not a script or the search."""
    return getattr(context, BUTTON, None) is not None
