"""Intensity and moods as properties of the character itself, which can be keyed: Generate reads them frame by frame.

Loaded when the extension registers: nothing here may import NumPy.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial

import bpy
from bpy.props import CollectionProperty, FloatProperty, PointerProperty

from ...engine.values.settings import MAX_INTENSITY, MAX_MOOD, MOODS, KeyedAmount
from ..actions.actions import curves_of, uses
from ..host.translations import CONTEXT
from . import callbacks

GROUP = "unitalker_mood"
MOST_FRAMES = 36_000        # of a sound whose length is not known: ten minutes at 60 a second


def _changed(_owner: object, context: bpy.types.Context) -> None:
    """A slider of the character was moved: Live follows."""
    if context.scene is not None and context.scene.unitalker.live:
        for call in callbacks.style_changed:
            call(context)


def _slider(name: str, default: float, most: float) -> object:
    return FloatProperty(
        name=name.capitalize(), min=0.0, max=most, default=default, subtype='FACTOR', update=_changed,
        translation_context=CONTEXT,
    )


NAMES = ("intensity", *(mood for mood in MOODS if mood != "neutral"))


class UNITALKER_PG_own_mood(bpy.types.PropertyGroup):
    """The amount of one of the user's own moods, by its name."""

    __annotations__ = {"amount": _slider("amount", 0.0, MAX_MOOD)}


class UNITALKER_PG_character_mood(bpy.types.PropertyGroup):
    """Intensity and moods of one character, at Object.unitalker_mood: factors that may be keyed.

    The user's own moods are added as they are made and never taken away: keys count them by their place.
    """

    __annotations__ = {
        name: _slider(name, float(name == "intensity"), MAX_INTENSITY if name == "intensity" else MAX_MOOD)
        for name in NAMES
    } | {"own": CollectionProperty(type=UNITALKER_PG_own_mood)}


def object_of(context: bpy.types.Context) -> bpy.types.Object | None:
    """The object whose sliders count for the panel's character."""
    return context.scene.unitalker.character or context.view_layer.objects.active


def add_slider(obj: bpy.types.Object, mood: str) -> None:
    """Give an object a slider of an own mood, where it has none."""
    if mood not in NAMES and obj.unitalker_mood.own.get(mood) is None:
        obj.unitalker_mood.own.add().name = mood


def slider_path(obj: bpy.types.Object, name: str) -> str:
    """Data path of an object's slider; empty for an own mood that has none."""
    if name in NAMES:
        return f"{GROUP}.{name}"
    place = obj.unitalker_mood.own.find(name)
    return f"{GROUP}.own[{place}].amount" if place >= 0 else ""


def keyed_amounts(
    obj: bpy.types.Object | None, first_frame: float, length_s: float, fps: float, own: Iterable[str] = (),
) -> tuple[KeyedAmount, ...]:
    """What an object's sliders say over a sound, for the engine; those that stand at their default are left out.

    Args:
        first_frame: of the sound. length_s: of the sound; may be infinite. own: the user's own moods that there are.
    """
    if obj is None:
        return ()
    curves = _curves(obj)
    found = []
    for name in (*NAMES, *(mood for mood in own if slider_path(obj, mood))):
        path = slider_path(obj, name)
        curve, to_action = curves.get(path, (None, None))
        if curve is not None:
            n_frames = int(min(length_s * fps, MOST_FRAMES)) + 2
            frames = (to_action(first_frame + frame) for frame in range(n_frames))
            found.append(KeyedAmount(name, tuple(map(curve.evaluate, frames))))
        elif (value := obj.path_resolve(path)) != float(name == "intensity"):
            found.append(KeyedAmount(name, (value,)))
    return tuple(found)


def _curves(obj: bpy.types.Object) -> dict[str, tuple[bpy.types.FCurve, Callable[[float], float]]]:
    """The sliders' curves by their paths, of the active Action before those of NLA strips, and what leads from a frame
    of the scene to one of the Action."""
    found: dict[str, tuple[bpy.types.FCurve, Callable[[float], float]]] = {}
    for use in uses(obj):
        for curve in () if use.muted else curves_of(use):
            if curve.data_path.startswith(GROUP) and len(curve.keyframe_points) and not curve.mute:
                found.setdefault(curve.data_path, (curve, partial(_frame_in, use.strip)))
    return found


def _frame_in(strip: bpy.types.NlaStrip | None, frame: float) -> float:
    """A frame of the scene as the strip's Action counts; outside of the strip its first or last one."""
    if strip is None:
        return frame
    inside = min(max(frame, strip.frame_start), strip.frame_end)
    return strip.action_frame_start + (inside - strip.frame_start) / strip.scale


CLASSES = (UNITALKER_PG_own_mood, UNITALKER_PG_character_mood)


def register() -> None:
    """Give every object its sliders."""
    bpy.types.Object.unitalker_mood = PointerProperty(type=UNITALKER_PG_character_mood)


def unregister() -> None:
    """Take them away; what .blend files hold stays in them."""
    del bpy.types.Object.unitalker_mood
