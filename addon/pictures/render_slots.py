"""Keep what the artist has rendered and not saved: our pictures go to a slot of their own of Render Result.

Blender keeps the newest picture with the scene that drew it, and those of the other slots in the slots. A picture drawn
into another slot therefore stores the newest one first, where the same scene drew both. Where another scene drew it, it
is still with that scene, but is shown in the slot that was drawn into last; `settled` makes that the artist's again.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

import bpy

from ..host.borrowed import borrowed

SLOT = "Lip Sync"
NO_PICTURE = "any image data"           # in what Blender says of a slot without a picture


@contextmanager
def own_slot() -> Iterator[None]:
    """Draw into our slot meanwhile; the slot that the artist looks at is chosen again at the end."""
    image = _render_result()
    if image is None:           # nothing was ever rendered
        yield
        return
    slots = image.render_slots
    chosen = slots.active_index
    names = [slot.name for slot in slots]
    if SLOT not in names:
        slots.new(name=SLOT)
    slots.active_index = names.index(SLOT) if SLOT in names else len(names)
    try:
        yield
    finally:
        image = _render_result()
        if image is not None:
            image.render_slots.active_index = chosen


def shows_nothing(scene: bpy.types.Scene) -> bool:
    """Whether the artist's slot has no picture: only an attempt to write it shows that."""
    image = _render_result()
    if image is None:
        return False
    form = scene.render.image_settings
    plain = [
        (form, "media_type", 'IMAGE'), (form, "file_format", 'JPEG'), (form, "color_mode", 'RGB'),
        (form, "color_depth", '8'), (scene.render, "use_multiview", False),
    ]
    with tempfile.TemporaryDirectory(prefix="lipsync_") as folder, borrowed(plain):
        try:
            image.save_render(os.path.join(folder, "seen.jpg"), scene=scene)
        except RuntimeError as error:
            return NO_PICTURE in str(error).lower()
    return False


def _render_result() -> bpy.types.Image | None:
    return next((image for image in bpy.data.images if image.type == 'RENDER_RESULT'), None)

