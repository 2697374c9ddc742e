"""What the add-on asks of a scene."""

from __future__ import annotations

import bpy

# Of a rate: 29.97 as 30/1.001, 30000/1001 and 2997/100 is one rate. They differ by a frame in nine hours at least, and
# Blender holds their halves in single precision; 24 and 23.976 differ by a thousandth.
SAME_RATE = 2e-6


def scene_fps(scene: bpy.types.Scene) -> float:
    """Frames per second, 23.976 and the like included."""
    return scene.render.fps / scene.render.fps_base


def same_rate(fps: float, other: float) -> bool:
    """Whether two numbers of frames per second are the same rate, however they were written."""
    return abs(fps - other) <= SAME_RATE * max(abs(fps), abs(other))
