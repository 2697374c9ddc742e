"""Keys on a property of an object itself, such as its mood sliders: the artist's from the start."""

from __future__ import annotations

from collections.abc import Sequence

import bpy

from .actions import ActionUse, bag_of, curves_of
from .keys import take_out
from .ledger import Span

Point = tuple[float, float]     # frame, value


def replace_keys(owner: bpy.types.Object, path: str, points: Sequence[Point], span: Span) -> None:
    """Key a property with straight lines between the points, in the object's active Action or a new one.

    Keys within the span go; all others stay.
    """
    if before := _curve(owner, path):
        use, curve = before
        take_out(bag_of(use), curve, [span], [])
    if _curve(owner, path) is None:
        owner.keyframe_insert(path, frame=points[0][0])
    _, curve = _curve(owner, path)
    for frame, value in points:
        curve.keyframe_points.insert(frame, value).interpolation = 'LINEAR'
    curve.update()


def _curve(owner: bpy.types.Object, path: str) -> tuple[ActionUse, bpy.types.FCurve] | None:
    """The curve of a property in the active Action, and the use of that Action."""
    animation = owner.animation_data
    if animation is None or animation.action is None:
        return None
    use = ActionUse(animation.action, getattr(animation, "action_slot", None))
    return next(((use, curve) for curve in curves_of(use) if curve.data_path == path), None)
