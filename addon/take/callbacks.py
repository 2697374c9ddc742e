"""Calls from takes to what stands above them: whoever registers puts a function in, and takes it out at the end."""

from __future__ import annotations

from collections.abc import Callable

import bpy

# the panel's style has another value
style_changed: list[Callable[[bpy.types.Context], None]] = []
# the phones of a take that are shown for editing, if any
phones_on_timeline: list[Callable[[bpy.types.Context, object], tuple[object, ...] | None]] = []
# a take is made or cleared: what is only shown must go
before_take: list[Callable[[bpy.types.Scene], None]] = []


class LiveChange:
    """Whether a take is being made inside of a property's update, where the scene must stay on its frame."""

    running = False


def end_previews(scene: bpy.types.Scene) -> None:
    """Give back what is only shown on a character: it is no rest pose, and no key."""
    for end in before_take:
        end(scene)
