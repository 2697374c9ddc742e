"""The take that Preview shows: which one, its sound and phones, and the curves that tell most of its mouth."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import bpy
import numpy as np

from ...engine import EngineError, RigChannel, RigError
from ...engine.rig import presets
from ...engine.values import types
from ...engine.values.phones import Phone
from ..actions import actions
from ..actions.ledger import OWNER
from ..character import character as rig
from ..host.preferences import engine_preferences
from ..host.scene import scene_fps
from ..keying.vertex_head import Solved
from ..phones import rows as phone_rows
from ..phones import takes as phone_takes
from ..sound.strips import find_marked, handles, sequencer_scene, shift_between
from ..take import make, takes
from . import layout
from .peaks import Peaks

CURVES_MOST = 6         # more would not be told apart


def stamp(context: bpy.types.Context) -> object:
    """What changes when the chosen take may be another one, or made otherwise; quick, for timers."""
    settings = context.scene.unitalker
    active = context.view_layer.objects.active
    notes = tuple(str(action.get(OWNER, "")) for action in bpy.data.actions if OWNER in action)
    return context.scene.name, settings.character and settings.character.name, active and active.name, settings.with_related, _active_strip(context), notes


def all_of(context: bpy.types.Context, character: str = "") -> list[takes.Take]:
    """The takes of a character ("" is the panel's), in the order of their frames. Raises RigError when there is no character."""
    settings = context.scene.unitalker
    return takes.takes_of(context, character or (settings.character.name if settings.character else ""), settings.with_related)


def chosen(context: bpy.types.Context, character: str = "") -> takes.Take:
    """The take of the active sound strip, else the one at the current frame, else the nearest. Raises RigError without any."""
    return choose(all_of(context, character), context.scene.frame_current, _active_strip(context))


def choose(known: Sequence[takes.Take], frame: float, strip: str) -> takes.Take:
    """Of several takes the one whose strip is active, else the one at a frame, else the nearest. Raises RigError without any."""
    if not known:
        raise RigError("This character has no lip sync yet. Press Generate Lip Sync first.")
    named = next((one for one in known if strip and one.line == strip), None)
    return named or min(known, key=lambda one: max(one.first_frame - frame, frame - one.last_frame, 0.0))


def request_of(context: bpy.types.Context, one: takes.Take) -> make.Request | None:
    """What listening to a take's sound needs; None where that is not known, or the sound is gone."""
    try:
        return takes.request(context, one, {})
    except EngineError:
        return None


def phones_known(context: bpy.types.Context, one: takes.Take) -> tuple[Phone, ...] | None:
    """The phones of a take where the user edited them or has them on the timeline; None where they have to be heard."""
    if one.phones is not None:
        return tuple(Phone(*row) for row in one.phones)
    timeline = getattr(context.scene, "unitalker_phones", None)
    rows = next((rows for rows in timeline.takes if rows.name == phone_takes.key_of(one)), None) if timeline else None
    return phone_rows.solved_of(rows) if rows is not None and rows.solved else None


def listen(request: make.Request, cancelled: Callable[[], bool] = types.never) -> tuple[Phone, ...]:
    """The phones of a sound; () for a model without phones, or a sound that cannot be read. Quick where the engine still has them; any thread."""
    try:
        result = make.compute(request, cancelled=cancelled)
    except EngineError:
        return ()
    return (result.animation if isinstance(result, Solved) else result).phones


def start_of(one: takes.Take) -> float:
    """The frame on which the sound of a take begins; its keys may be shifted from there."""
    shift = one.choices.get("shift_frames", 0.0)
    return one.first_frame - (shift if isinstance(shift, (int, float)) else 0.0)


def is_heard(context: bpy.types.Context, one: takes.Take) -> bool:
    """Whether the scene plays a take's sound by itself: as a strip of its own, or as a speaker."""
    own = sequencer_scene(context) == context.scene and strip_of(context, one)[0][0]
    speaker = bpy.data.objects.get(one.line)
    return bool(own) or (speaker is not None and speaker.type == 'SPEAKER' and speaker.data.sound is not None)


def strip_of(context: bpy.types.Context, one: takes.Take) -> tuple[tuple[str, str], int]:
    """Name and mark of a take's strip in the Sequencer, and the frames to add to get from its clock to the scene's; ("", "") without a strip."""
    edit = sequencer_scene(context)
    mark = one.clip.mark if one.clip else ""
    strip = find_marked(edit, mark, one.line)
    if strip is None:
        return ("", ""), 0
    left, right = handles(strip)
    return (strip.name, mark), shift_between(edit, context.scene, left, right)


def track_of(
    context: bpy.types.Context, one: takes.Take, peaks: Peaks | None, phones: tuple[Phone, ...], channels: str,
) -> layout.Track:
    """What the overlay draws of a take.

    Args:
        channels: names with commas between: of ARKit, looked up through the character's preset, or of the rig itself.
    """
    curves = _curves(context, one, [name.strip() for name in channels.split(",") if name.strip()][:CURVES_MOST])
    return layout.Track(
        one.line, start_of(one), scene_fps(context.scene), one.first_frame, one.last_frame, peaks, phones, tuple(curves),
    )


def _active_strip(context: bpy.types.Context) -> str:
    editor = sequencer_scene(context).sequence_editor
    active = editor.active_strip if editor is not None else None
    return active.name if active is not None and active.type == 'SOUND' else ""


def _curves(context: bpy.types.Context, one: takes.Take, names: list[str]) -> list[layout.Curve]:
    """The keyed curve of each name, sampled on whole frames; one that the rig does not have is left out."""
    character = rig.gather(context, one.character, context.scene.unitalker.with_related)
    playing = _playing(character)
    found: dict[str, layout.Curve] = {}
    for name, keyed in _rig_channels(context, character, names):
        curve = next((playing[path] for target in character.targets if (path := target.path_of(keyed)) in playing), None)
        if curve is not None and name not in found:
            frames = np.arange(int(one.first_frame), int(one.last_frame) + 1)
            values = np.array([curve.evaluate(float(frame)) for frame in frames], np.float32)
            low, high = (0.0, max(1.0, float(values.max()))) if keyed.kind == "shape_key" else (float(values.min()), float(values.max()))
            found[name] = layout.Curve(name, float(frames[0]), values, low, high)
    return list(found.values())


def _playing(character: rig.Character) -> dict[actions.Channel, bpy.types.FCurve]:
    """Data path and index -> our curve, over all data-blocks of a character."""
    return {
        (curve.data_path, curve.array_index): curve for target in character.targets for place in actions.places(target.find())
        for curve in actions.curves_of(place) if actions.is_ours(curve, place)
    }


def _rig_channels(context: bpy.types.Context, character: rig.Character, names: list[str]) -> Iterator[tuple[str, RigChannel]]:
    """Each name with the rig channels that may show it: those called so, then what the preset moves most by it."""
    rig_names = character.rig(context.scene.unitalker.preset or "auto", engine_preferences(context).preset_folders)
    for name in names:
        if name in rig_names.shape_keys:
            yield name, RigChannel("shape_key", name)
    try:
        preset = presets.choose(rig_names)
    except EngineError:         # keyed through a preset that is gone, or taught
        return
    places = presets.find_targets(preset, rig_names)
    for name in names:
        moved = [(abs(dict(target.sources).get(name, 0.0)), to) for target, to in zip(preset.targets, places, strict=True)]
        for weight, channels in sorted(moved, key=lambda entry: -entry[0]):
            if weight:
                yield from ((name, channel) for channel in channels)
