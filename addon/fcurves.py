"""Write curves as keys of an Action: the only file (with its helpers actions.py and keys.py) that writes animation.

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
from . import actions, controls, keys, sliders
from .actions import GROUP, Channel, Place, Record, Span
from .keys import Points
from .rig import Character, Target
from .rotation import to_bone_modes

NAMES_SHOWN = 6                 # of channels in a message


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
        sliders: what happens to values beyond a shape key's slider: 'RAISE' lengthens the slider, 'CLIP' cuts the values, 'ASK' writes nothing.
    """

    action: str = ""
    interpolation: str = 'LINEAR'
    existing: str = 'KEEP'
    sliders: str = 'RAISE'


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
        curves: seconds from line.first_frame, and values. values beyond a shape key's slider: see KeyOptions.
    Raises:
        RigError: a data-block is gone or in NLA tweak mode, or no channel is left to key; BeyondSliders. Nothing is written then.
    """
    warnings: list[str] = []
    parts = [part for target in character.targets if (part := _prepare(target, curves, line, options, warnings)).points]
    if not parts:
        raise RigError(_nothing_left(character, warnings))
    actions.unshare([target.find() for target in character.targets])
    used: dict[str, bpy.types.Action] = {}
    writer = keys.Writer(options.interpolation)
    for part in parts:
        action = _action_for(part, parts, character, options.action)
        used[action.name] = action
        warnings += _write_part(part, action, line, options, writer)
    for action in used.values():
        record = Record.of(action)
        record.lines[line.name] = (line.first_frame, line.last_frame)
        record.store(action)
    n_keys = sum(len(points) for part in parts for points in part.points.values())
    return Written(next(iter(used)), sum(len(part.points) for part in parts), n_keys, tuple(filter(None, dict.fromkeys(warnings))))


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
    points = {channel: rows for channel, rows in points.items() if channel not in left_alone}
    if target.kind == 'KEY' and options.sliders != 'RAISE':
        points = _within_sliders(target, points, options.sliders, warnings)
    return _Part(target, owner, points, shared - left_alone)


def _within_sliders(target: Target, points: dict[Channel, Points], choice: str, warnings: list[str]) -> dict[Channel, Points]:
    """Points cut at the sliders' ends; raises BeyondSliders where the user wants to be asked first."""
    beyond = sliders.beyond(target.find(), points)
    if not beyond:
        return points
    names = f"{_names(frozenset(beyond))} of {target.object_name!r}"
    if choice == 'ASK':
        furthest = max((float(value) for rows in beyond.values() for value in rows[:, 1]), key=abs)
        raise sliders.BeyondSliders(
            f"{names}: the motion goes to {furthest:.2f}, beyond the sliders' ends. Nothing was written. "
            "Set Output > Slider Range to Raise or Clip, then generate again."
        )
    warnings.append(f"{names}: clipped at the slider's end.")
    return {**points, **sliders.clip(target.find(), beyond)}


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


def _write_part(part: _Part, action: bpy.types.Action, line: Line, options: KeyOptions, writer: keys.Writer) -> list[str]:
    part.owner.animation_data_create()
    place, bag = actions.open_place(part.owner, action, part.target.object_name)
    record = Record.of(action)
    rest = record.rest.setdefault(actions.key_of(place), {})
    rest.update({name: value for name, value in _rest_of_others(part.owner, action).items() if name not in rest})
    _remember_rest(part, rest)
    span = (line.first_frame, line.last_frame)
    spans = [span, *(tuple(old) for name, old in record.lines.items() if name == line.name)]
    _write_curves(part, bag, spans, writer)
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


def _write_curves(part: _Part, bag: bpy.types.ActionChannelbag, spans: list[Span], writer: keys.Writer) -> None:
    group = bag.groups.get(GROUP) or bag.groups.new(GROUP)
    for (path, index), points in part.points.items():
        curve = bag.fcurves.find(path, index=index)
        if curve is None:
            writer.new(bag, (path, index), points).group = group
            continue
        kept = keys.outside(curve, spans)
        if kept is None:
            writer.new_in_place(bag, curve, points)
        else:
            writer.replace(curve, points, kept)


def _remove_stale(bag: bpy.types.ActionChannelbag, action: bpy.types.Action, part: _Part, spans: list[Span]) -> None:
    """Take this line's keys out of curves of ours that it does not use any more, for example after a change of preset."""
    for curve in list(bag.fcurves):
        if not actions.is_ours(curve, action) or (curve.data_path, curve.array_index) in part.points:
            continue
        kept = keys.outside(curve, spans)
        if kept is None:
            bag.fcurves.remove(curve)
        elif len(kept["co"]) < len(curve.keyframe_points):
            keys.put_back(curve, kept)


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
