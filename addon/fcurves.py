"""Write curves as keys of an Action: the only file (with its helper actions.py) that writes animation.

Where the keys go, for each data-block (the shape keys of a mesh, an armature):
* no Action of the artist is active there: ours becomes the active one, a plain Action that every exporter takes;
* one is active: it stays, untouched, and ours plays from an NLA track beneath it, without the channels that the artist has keyed
  (existing = 'KEEP'); or the artist's Action moves to an NLA track, as by Push Down, and ours plays over it ('LAYER').

What is ours: Actions with the custom property OWNER (it names the lines of sound and the frames they cover) and in them the curves of the
group GROUP. All lines of a character share one Action. Making a line again replaces the keys on the frames that it covered and covers now,
and nothing else: neither other lines nor what the artist keyed in between.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

import bpy
import numpy as np

from ..engine import RigCurves, RigError
from . import actions, controls, sliders
from .actions import GROUP, Channel, Place, Record, Span
from .rig import Character, Target
from .rotation import to_bone_modes

SAME_FRAME = 1e-3               # frames; keys nearer than this are on one frame
NAMES_SHOWN = 6                 # of channels in a message
KEY_FIELDS: dict[str, tuple[type, int]] = {     # what makes a key: type and numbers per key, as foreach_get wants them
    "co": (np.float32, 2), "handle_left": (np.float32, 2), "handle_right": (np.float32, 2), "interpolation": (np.uint8, 1),
    "easing": (np.uint8, 1), "handle_left_type": (np.uint8, 1), "handle_right_type": (np.uint8, 1), "type": (np.uint8, 1),
    "back": (np.float32, 1), "amplitude": (np.float32, 1), "period": (np.float32, 1),
}
SELECTION_FIELDS = ("select_control_point", "select_left_handle", "select_right_handle")

Points = np.ndarray             # (n, 2) float32: frame and value
Keys = dict[str, np.ndarray]    # KEY_FIELDS name -> (n, numbers per key)


@dataclass(frozen=True)
class Line:
    """One piece of speech on the timeline: name of its strip or file, first and last frame, frames per second of the scene."""

    name: str
    first_frame: float
    last_frame: float
    fps: float


@dataclass(frozen=True)
class KeyOptions:
    """How keys are written.

    Attributes:
        action: name of the Action; empty goes on with ours, or makes "<character> Lip Sync".
        interpolation: 'LINEAR', 'BEZIER' or 'CONSTANT'.
        existing: 'KEEP' leaves channels that the artist has keyed alone, 'LAYER' plays over them.
    """

    action: str = ""
    interpolation: str = 'LINEAR'
    existing: str = 'KEEP'


@dataclass(frozen=True)
class Written:
    """What was written: name of the (first) Action, number of curves and of keys, and sentences for the user."""

    action: str
    curves: int
    keys: int
    warnings: tuple[str, ...]


@dataclass(frozen=True)
class _Part:
    """Keys for one data-block; shared are those of its channels that the artist has keyed too."""

    target: Target
    owner: bpy.types.ID
    points: dict[Channel, Points]
    shared: frozenset[Channel]


def write(character: Character, curves: RigCurves, line: Line, options: KeyOptions) -> Written:
    """Key a character.

    Args:
        curves: seconds from line.first_frame, and values. A value outside a shape key's slider range widens the range.
    Raises:
        RigError: a data-block is gone or in NLA tweak mode, or no channel is left to key. Nothing is written then.
    """
    warnings: list[str] = []
    parts = [part for target in character.targets if (part := _prepare(target, curves, line, options, warnings)).points]
    if not parts:
        raise RigError(_nothing_left(character, warnings))
    actions.unshare([target.find() for target in character.targets])
    used: dict[str, bpy.types.Action] = {}
    for part in parts:
        action = _action_for(part, parts, character, options.action)
        used[action.name] = action
        warnings += _write_part(part, action, line, options)
    for action in used.values():
        record = Record.of(action)
        record.lines[line.name] = (line.first_frame, line.last_frame)
        record.store(action)
    keys = sum(len(points) for part in parts for points in part.points.values())
    return Written(next(iter(used)), sum(len(part.points) for part in parts), keys, tuple(filter(None, dict.fromkeys(warnings))))


def clear(character: Character) -> int:
    """Remove what `write` made on a character, make a moved Action of the artist active again, and put the values at rest.

    Returns:
        Number of curves removed.
    """
    removed, touched = 0, set()
    for target in character.targets:
        refuse_tweak_mode(target, target.find())
    owners = [target.find() for target in character.targets]
    actions.unshare(owners)
    for owner in owners:
        for place in [place for place in actions.places(owner) if actions.is_own(place.action)]:
            record = Record.of(place.action)
            touched.add(place.action)
            removed += _remove_curves(place)
            if not actions.curves_of(place):
                actions.stop(owner, place, actions.of_place(record.moved, place, ""))
            _put_at_rest(owner, actions.of_place(record.rest, place, {}))
            sliders.restore(owner, actions.of_place(record.sliders, place, {}))
    for action in touched:
        if action.users == 0:
            bpy.data.actions.remove(action)
    return removed


def _prepare(target: Target, curves: RigCurves, line: Line, options: KeyOptions, warnings: list[str]) -> _Part:
    """The keys for one data-block; adds to warnings what was left alone."""
    owner = target.find()
    refuse_tweak_mode(target, owner)
    modes = {bone.name: bone.rotation_mode for bone in owner.pose.bones} if target.kind == 'OBJECT' and owner.pose else {}
    points: dict[Channel, Points] = {}
    for channel, curve in to_bone_modes(curves.curves, modes).items():
        place = target.path_of(channel)
        if place is not None and _exists(owner, place[0]):
            frames = np.round(line.first_frame + curve.seconds * line.fps, 4)
            points[place] = np.stack([frames, curve.values], 1).astype(np.float32)
    muted = {bpy.utils.escape_identifier(block.name) for block in owner.key_blocks if block.mute} if target.kind == 'KEY' else set()
    unseen = frozenset(channel for channel in points if channel[0] in {f'key_blocks["{name}"].value' for name in muted})
    if unseen:
        warnings.append(f"{_names(unseen)} of {target.object_name!r}: muted, so nothing moves until you unmute.")
    driven = target.driven & points.keys()
    if driven:
        warnings.append(f"{_names(driven)} of {target.object_name!r}: driven, left alone. Key what drives them instead.")
    shared = (actions.artist_channels(owner) & points.keys()) - driven
    if shared and options.existing == 'KEEP':
        warnings.append(f"{_names(shared)} of {target.object_name!r}: your own keys stay.")
    left_alone = driven | (shared if options.existing == 'KEEP' else shared & actions.artist_channels(owner, in_own=True))
    return _Part(target, owner, {channel: rows for channel, rows in points.items() if channel not in left_alone}, shared - left_alone)


def refuse_tweak_mode(target: Target, owner: bpy.types.ID) -> None:
    """Raise RigError in NLA tweak mode, where Actions cannot be changed."""
    if owner.animation_data is not None and owner.animation_data.use_tweak_mode:
        raise RigError(f"{target.object_name!r} is in NLA tweak mode. Leave it in the NLA editor (Tab), then try again.")


def _exists(owner: bpy.types.ID, path: str) -> bool:
    """Whether a data path still leads somewhere: a shape key or bone may have been removed while the worker ran."""
    try:
        owner.path_resolve(path)
    except ValueError:
        return False
    return True


def _nothing_left(character: Character, warnings: list[str]) -> str:
    if not warnings:
        return f"Nothing of the result fits {character.name!r}. Its shape keys or bones were renamed meanwhile: start again."
    return f"No channel of {character.name!r} is free. {' '.join(warnings)} To layer the lip sync over your keys, set Existing Keys to Play on Top."


def _names(channels: frozenset[Channel]) -> str:
    """Channels in words: "jawOpen, mouthClose and 3 more"."""
    quoted = {path: re.findall(r'"((?:[^"\\]|\\.)*)"', path) for path, _ in channels}
    names = sorted({bpy.utils.unescape_identifier(found[-1]) if found else path for path, found in quoted.items()})
    more = len(names) - NAMES_SHOWN
    return ", ".join(names[:NAMES_SHOWN]) + (f" and {more} more" if more > 0 else "")


def _action_for(part: _Part, parts: list[_Part], character: Character, wanted: str) -> bpy.types.Action:
    """Our Action to write to: one in use (with slots: anywhere on the character), else one of the wanted name, else a new one."""
    together = actions.has_slots()
    name = wanted or f"{character.name} {GROUP}"
    if not together and part is not parts[0]:
        name += f" {part.target.object_name}"
    for place in [place for other in (parts if together else [part]) for place in actions.places(other.owner)]:
        if actions.is_own(place.action) and (not wanted or actions.is_called(place.action, name)):
            return place.action
    known = [action for action in bpy.data.actions if actions.is_called(action, name)] if wanted else []
    free = (action for action in known if together or action.users == action.use_fake_user)     # without slots an Action is for one data-block
    return next(free, None) or actions.new_action(name)


def _write_part(part: _Part, action: bpy.types.Action, line: Line, options: KeyOptions) -> list[str]:
    part.owner.animation_data_create()
    place, bag = actions.open_place(part.owner, action, part.target.object_name)
    record = Record.of(action)
    rest = record.rest.setdefault(actions.key_of(place), {})
    rest.update({name: value for name, value in _rest_of_others(part.owner, action).items() if name not in rest})
    _remember_rest(part, rest)
    span = (line.first_frame, line.last_frame)
    spans = [span, *(tuple(old) for name, old in record.lines.items() if name == line.name)]
    _write_curves(part, bag, spans, options.interpolation)
    _remove_stale(bag, action, part, spans)
    playing = {f"{curve.data_path}|{curve.array_index}" for curve in bag.fcurves}
    left = {name: rest.pop(name) for name in set(rest) - playing}
    widened = sliders.widen(part.owner, part.points, record.sliders.setdefault(actions.key_of(place), {})) if part.target.kind == 'KEY' else 0
    covered = [span, *(frames for name, frames in record.lines.items() if name != line.name)]
    whole = (min(first for first, _ in covered), max(last for _, last in covered))
    earlier = {place.action.name for place in actions.places(part.owner) if actions.is_own(place.action) and place.action != action}
    moved = actions.play(part.owner, place, whole, options.existing == 'LAYER')
    _put_at_rest(part.owner, left)
    if moved:
        record.moved[actions.key_of(place)] = moved
    record.store(action)
    warnings = [_slider_warning(part, widened), f"Your Action went to the NLA track {moved!r}; the lip sync plays over it." if moved else ""]
    if actions.is_own(part.owner.animation_data.action):
        warnings.append(actions.hold_outside(part.owner, set(part.points), part.shared))
    warnings += [f"Your earlier take {name!r} no longer plays; it is kept in this file." for name in sorted(earlier)]
    warnings.append(actions.silence(part.owner, part.target.object_name))
    return warnings


def _write_curves(part: _Part, bag: bpy.types.ActionChannelbag, spans: list[Span], interpolation: str) -> None:
    group = bag.groups.get(GROUP) or bag.groups.new(GROUP)
    mode = _enum_value("interpolation", interpolation)
    auto = _enum_value("handle_left_type", 'AUTO_CLAMPED')
    for (path, index), points in part.points.items():
        curve = bag.fcurves.find(path, index=index)
        if curve is None:
            curve = bag.fcurves.new(path, index=index)
            curve.group = group
        kept = _keys_outside(curve, spans)
        _set_keys(curve, points, mode, auto, kept)


def _set_keys(curve: bpy.types.FCurve, points: Points, mode: int, auto: int, kept: Keys | None) -> None:
    """Replace the keys of a curve by points, and kept ones between and around them. Bulk calls: 52 curves x 3000 keys in 0.1 s."""
    count = len(points)
    keys: Keys = {"co": points, "interpolation": np.full((count, 1), mode, np.uint8)}       # the rest of a new key is right as Blender makes it
    if kept is not None:
        new = {name: keys.get(name, np.zeros((count, width), dtype)) for name, (dtype, width) in KEY_FIELDS.items()}
        new["handle_left_type"][:] = new["handle_right_type"][:] = auto
        keys = {name: np.concatenate([kept[name], values]) for name, values in new.items()}
        order = np.argsort(keys["co"][:, 0], kind="stable")
        keys = {name: values[order] for name, values in keys.items()}
        count = len(order)
    curve.keyframe_points.clear()
    curve.keyframe_points.add(count)
    for name, values in keys.items():
        curve.keyframe_points.foreach_set(name, np.ascontiguousarray(values).ravel())
    unselected = np.zeros(count, bool)
    for name in SELECTION_FIELDS:
        curve.keyframe_points.foreach_set(name, unselected)
    curve.update()


def _keys_outside(curve: bpy.types.FCurve, spans: list[Span]) -> Keys | None:
    """The keys of a curve that lie in none of the spans; None when there are none."""
    frames = _field(curve, "co")[:, 0]
    outside = np.ones(len(frames), bool)
    for first, last in spans:
        outside &= (frames < first - SAME_FRAME) | (frames > last + SAME_FRAME)
    return {name: _field(curve, name)[outside] for name in KEY_FIELDS} if outside.any() else None


def _field(curve: bpy.types.FCurve, name: str) -> np.ndarray:
    """One field of all keys of a curve, (n, numbers per key)."""
    dtype, width = KEY_FIELDS[name]
    values = np.empty(len(curve.keyframe_points) * width, dtype)
    curve.keyframe_points.foreach_get(name, values)
    return values.reshape(-1, width)


def _remove_stale(bag: bpy.types.ActionChannelbag, action: bpy.types.Action, part: _Part, spans: list[Span]) -> None:
    """Take this line's keys out of curves of ours that it does not use any more, for example after a change of preset."""
    for curve in list(bag.fcurves):
        if not actions.is_ours(curve, action) or (curve.data_path, curve.array_index) in part.points:
            continue
        kept = _keys_outside(curve, spans)
        if kept is None:
            bag.fcurves.remove(curve)
        elif len(kept["co"]) < len(curve.keyframe_points):
            empty = np.zeros((0, 2), np.float32)
            _set_keys(curve, empty, 0, 0, kept)


def _slider_warning(part: _Part, widened: int) -> str:
    if widened and part.owner.user.override_library is not None:
        return f"{widened} sliders of {part.target.object_name!r} are too short and an override cannot keep longer ones: set them in the linked file."
    return ""


def _remember_rest(part: _Part, rest: dict[str, float]) -> None:
    """Note the values from before the first key, for `clear`."""
    for path, index in part.points:
        name = f"{path}|{index}"
        if name not in rest:
            rest[name] = float(controls.read(part.owner, path, index))


def _rest_of_others(owner: bpy.types.ID, action: bpy.types.Action) -> dict[str, float]:
    """Values from before the earlier takes that another Action of ours is about to replace."""
    found: dict[str, float] = {}
    for place in actions.places(owner):
        if actions.is_own(place.action) and place.action != action:
            found.update(actions.of_place(Record.of(place.action).rest, place, {}))
    return found


def _put_at_rest(owner: bpy.types.ID, rest: Mapping[str, float]) -> None:
    for name, value in rest.items():
        path, _, index = name.rpartition("|")
        controls.write(owner, path, int(index), value)


def _remove_curves(place: Place) -> int:
    """Remove our curves of one place; how many there were."""
    ours = [curve for curve in actions.curves_of(place) if actions.is_ours(curve, place.action)]
    bag = actions.bag_of(place)
    for curve in ours:
        bag.fcurves.remove(curve)
    return len(ours)


def _enum_value(prop: str, name: str) -> int:
    return bpy.types.Keyframe.bl_rna.properties[prop].enum_items[name].value
