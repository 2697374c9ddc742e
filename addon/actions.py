"""Actions, slots and NLA tracks: which Action plays on a data-block, and which of them is ours. Helper of fcurves.py.

One code path for Blender 4.2 to 5.2: from 4.4 on an Action has a slot for each data-block and keeps curves in channel bags; before, the
Action holds the curves itself and every data-block has its own Action.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

import bpy

OWNER = "unitalker"             # custom property on our Actions: JSON of Record
GROUP = "Lip Sync"              # channel group of our curves, and name of our NLA tracks

Channel = tuple[str, int]       # data path and array index
Span = tuple[float, float]      # first and last frame
Entry = TypeVar("Entry")


@dataclass
class Record:
    """What we know of one of our Actions, kept in its custom property.

    Attributes:
        lines: name of a line of sound -> first and last frame of its keys.
        rest: data-block (`key_of`) -> channel as "path|index" -> value before the first key.
        moved: data-block -> NLA track to which the artist's Action was moved.
        sliders: data-block -> shape key -> lowest and highest value before widening, then after it.
        asked, given: name that was wanted for the Action, and the one it got where Blender shortened it or it was taken; else empty.
    """

    lines: dict[str, Span] = field(default_factory=dict)
    rest: dict[str, dict[str, float]] = field(default_factory=dict)
    moved: dict[str, str] = field(default_factory=dict)
    sliders: dict[str, dict[str, list[float]]] = field(default_factory=dict)
    asked: str = ""
    given: str = ""

    @classmethod
    def of(cls, action: bpy.types.Action) -> Record:
        """The record of one of our Actions; what cannot be read, for example of a later version, is left out."""
        try:
            stored = dict(json.loads(action[OWNER]))
        except (TypeError, ValueError):
            stored = {}
        empty = cls()
        return cls(**{name: value for name, value in stored.items() if name in empty.__dict__ and type(value) is type(getattr(empty, name))})

    def store(self, action: bpy.types.Action) -> None:
        """Keep it in the Action; that makes the Action ours."""
        action[OWNER] = json.dumps(self.__dict__)


@dataclass(frozen=True)
class Place:
    """One use of an Action on a data-block: as the active Action (strip is None) or in an NLA strip. slot is None before 4.4."""

    action: bpy.types.Action
    slot: bpy.types.ActionSlot | None
    strip: bpy.types.NlaStrip | None = None
    muted: bool = False


def has_slots() -> bool:
    """Whether this Blender has slotted Actions (4.4 and later)."""
    return "slots" in bpy.types.Action.bl_rna.properties


def is_own(action: bpy.types.Action | None) -> bool:
    """Whether this add-on made the Action, in this file."""
    return action is not None and OWNER in action and action.library is None


def places(owner: bpy.types.ID) -> Iterator[Place]:
    """Every Action on a data-block: the active one, then those of NLA strips."""
    animation = owner.animation_data
    if animation is None:
        return
    if animation.action is not None:
        yield Place(animation.action, getattr(animation, "action_slot", None))
    for track in animation.nla_tracks:
        for strip in track.strips:
            if strip.action is not None:
                yield Place(strip.action, getattr(strip, "action_slot", None), strip, track.mute or strip.mute)


def bag_of(place: Place) -> bpy.types.ActionChannelbag | bpy.types.Action | None:
    """What holds the curves of a place, with `fcurves` and `groups`; None when the Action has none for it."""
    if not has_slots():
        return place.action
    bags = [strip.channelbag(place.slot) for layer in place.action.layers for strip in layer.strips] if place.slot else []
    return next(filter(None, bags), None)


def curves_of(place: Place) -> list[bpy.types.FCurve]:
    """The curves that play at a place."""
    bag = bag_of(place)
    return list(bag.fcurves) if bag else []


def is_ours(curve: bpy.types.FCurve, action: bpy.types.Action) -> bool:
    """Whether a curve was made by this add-on."""
    return is_own(action) and curve.group is not None and curve.group.name == GROUP


def artist_channels(owner: bpy.types.ID, in_own: bool = False) -> frozenset[Channel]:
    """Channels of a data-block that play keys which are not ours; in_own: only those which the artist added to our Action."""
    return frozenset(
        (curve.data_path, curve.array_index)
        for place in places(owner) if not (in_own and not is_own(place.action)) and not place.muted
        for curve in curves_of(place) if not is_ours(curve, place.action)
    )


def key_of(place: Place) -> str:
    """What stands for the data-block of a place in a Record: it outlives renaming. Before 4.4 an Action has one data-block only."""
    return str(place.slot.handle) if place.slot else ""


def of_place(entries: Mapping[str, Entry], place: Place, default: Entry) -> Entry:
    """The entry of a place in a Record, also in a file of 4.2 that a later Blender opened."""
    return entries.get(key_of(place), entries.get("", default))


def new_action(name: str) -> bpy.types.Action:
    """An empty Action of ours."""
    action = bpy.data.actions.new(name)
    (Record() if action.name == name else Record(asked=name, given=action.name)).store(action)
    return action


def plain_action(name: str) -> bpy.types.Action:
    """An empty Action that is the artist's from the start."""
    return bpy.data.actions.new(name)


def play_alone(owner: bpy.types.ID, place: Place) -> None:
    """Let an Action be all that plays on a data-block. Our strips go, the artist's tracks are muted; Actions that were active stay in the file."""
    animation = owner.animation_data_create()
    for other in [other for other in places(owner) if is_own(other.action) and other.strip is not None]:
        other.action.use_fake_user = True
        _remove_strip(animation, other.strip)
    for track in animation.nla_tracks:
        track.is_solo, track.mute = False, True
    if animation.action is not None and animation.action != place.action:
        animation.action.use_fake_user = True
    _assign(animation, place)
    animation.action_blend_type, animation.action_influence, animation.action_extrapolation = 'REPLACE', 1.0, 'HOLD'


def is_called(action: bpy.types.Action, name: str) -> bool:
    """Whether an Action is ours and what the user means by a name, which Blender may have shortened or numbered."""
    if not is_own(action):
        return False
    record = Record.of(action)
    return name == action.name or (name == record.asked and record.given == action.name)


def unshare(owners: list[bpy.types.ID]) -> None:
    """Give data-blocks their own copies of our Actions which others play too: a copied character still plays the original's keys."""
    copies: dict[bpy.types.Action, bpy.types.Action] = {}
    for owner in owners:
        for place in [place for place in places(owner) if is_own(place.action) and any(user not in owners for user in _users(place))]:
            if place.action not in copies:
                copies[place.action] = place.action.copy()
            copy = copies[place.action]
            slot = next(slot for slot in copy.slots if slot.identifier == place.slot.identifier) if place.slot else None
            _assign(place.strip or owner.animation_data, Place(copy, slot))


def _users(place: Place) -> Iterable[bpy.types.ID]:
    """The data-blocks that play what a place plays."""
    if place.slot is not None:
        return place.slot.users()
    if place.action.users - place.action.use_fake_user <= 1:        # the map below looks at the whole file
        return ()
    return bpy.data.user_map(subset={place.action})[place.action]


def silence(owner: bpy.types.ID, name: str) -> str:
    """Why the lip sync that was written does not play now: a sentence for the user, or ""."""
    animation = owner.animation_data
    solo = next((track.name for track in animation.nla_tracks if track.is_solo), "")
    if solo:
        return f"The NLA track {solo!r} of {name!r} is solo: the lip sync plays once you switch Solo off in the NLA editor."
    if len(animation.nla_tracks) and not animation.use_nla:
        return f"The NLA of {name!r} is switched off, so not all of its tracks play: switch it on in the NLA editor, beside the name."
    return ""


def open_place(
    owner: bpy.types.ID, action: bpy.types.Action, slot_name: str,
) -> tuple[Place, bpy.types.ActionChannelbag | bpy.types.Action]:
    """The place of our Action on a data-block, and what takes its curves. The Action is not assigned yet.

    Args:
        slot_name: what the artist reads in the Action editor, the object's name.
    """
    if not has_slots():
        action.id_root = owner.id_type
        return Place(action, None), action
    slot = next((place.slot for place in places(owner) if place.action == action and place.slot), None)
    free = (other for other in action.slots if other.target_id_type == owner.id_type and other.name_display == slot_name and not other.users())
    slot = slot or next(free, None) or action.slots.new(owner.id_type, slot_name)
    layer = action.layers[0] if action.layers else action.layers.new(GROUP)
    strip = layer.strips[0] if layer.strips else layer.strips.new(type='KEYFRAME')
    return Place(action, slot), strip.channelbag(slot, ensure=True)


def play(owner: bpy.types.ID, place: Place, span: Span, on_top: bool) -> str:
    """Let our Action play on a data-block, beneath the artist's active Action or (on_top) above it.

    Args:
        span: frames that the Action covers.
    Returns:
        Name of the NLA track to which the artist's Action was moved, or "".
    """
    animation = owner.animation_data
    moved = ""
    if animation.action is not None and not is_own(animation.action) and on_top:
        moved = _move_to_track(animation)
    for other in [other for other in places(owner) if is_own(other.action)]:
        if other.action != place.action:
            other.action.use_fake_user = True       # an earlier take under another name: kept for the artist to go back to
        if other.strip is not None:
            _remove_strip(animation, other.strip)
    if animation.action is None or is_own(animation.action):
        _assign(animation, place)
        return moved
    track = animation.nla_tracks.new()
    track.name = GROUP
    _fill_track(track, place, span)
    return moved


def hold_outside(owner: bpy.types.ID, channels: set[Channel], shared: frozenset[Channel]) -> str:
    """Choose what our active Action does before and after its keys, when it plays over the artist's. Returns a sentence for the user or "".

    Nothing (the artist's keys show) is right where the channel below has keys. Elsewhere the value falls back to Blender's default, which is
    1 for shape keys in 5.0: a face with every shape at full. Holding the closed mouth is the lesser evil there.
    """
    default = bpy.types.ShapeKey.bl_rna.properties["value"].default
    hold = owner.id_type == 'KEY' and default != 0 and bool(channels - shared)
    owner.animation_data.action_extrapolation = 'HOLD' if hold or not shared else 'NOTHING'
    return "In this Blender the lip sync also holds its first and last pose outside the sound, over your keys." if hold and shared else ""


def stop(owner: bpy.types.ID, place: Place, moved: str) -> None:
    """Take our Action off a data-block, and let the artist's moved Action be the active one again."""
    animation = owner.animation_data
    if place.strip is not None:
        _remove_strip(animation, place.strip)
        return
    animation.action = None
    animation.action_extrapolation = 'HOLD'
    track = animation.nla_tracks.get(moved) if moved else None
    if track is not None and len(track.strips) == 1:
        strip = track.strips[0]
        _assign(animation, Place(strip.action, getattr(strip, "action_slot", None)))
        animation.action_blend_type, animation.action_influence = strip.blend_type, strip.influence
        animation.action_extrapolation = strip.extrapolation
        animation.nla_tracks.remove(track)


def _assign(player: bpy.types.AnimData | bpy.types.NlaStrip, place: Place) -> None:
    player.action = place.action
    if place.slot is not None:
        player.action_slot = place.slot


def _move_to_track(animation: bpy.types.AnimData) -> str:
    """What Push Down does: the active Action goes on in a new NLA track, on its own frames."""
    place = Place(animation.action, getattr(animation, "action_slot", None))
    frames = [frame for curve in curves_of(place) for frame in curve.range()]
    blend_type, influence, extrapolation = animation.action_blend_type, animation.action_influence, animation.action_extrapolation
    animation.action = None
    track = animation.nla_tracks.new()
    track.name = place.action.name
    strip = _fill_track(track, place, (min(frames, default=1.0), max(frames, default=1.0) + (1.0 if len(set(frames)) < 2 else 0.0)))
    strip.blend_type, strip.influence, strip.extrapolation = blend_type, influence, extrapolation
    return track.name


def _fill_track(track: bpy.types.NlaTrack, place: Place, span: Span) -> bpy.types.NlaStrip:
    """One strip that plays an Action at its own speed on its own frames, and holds the ends."""
    strip = track.strips.new(place.action.name, int(span[0]), place.action)
    if place.slot is not None:
        strip.action_slot = place.slot
    strip.use_sync_length = False
    strip.action_frame_start, strip.action_frame_end = span
    strip.frame_end = span[1]
    strip.frame_start, strip.frame_end = span
    strip.scale = 1.0
    strip.extrapolation = 'HOLD'
    return strip


def _remove_strip(animation: bpy.types.AnimData, strip: bpy.types.NlaStrip) -> None:
    for track in animation.nla_tracks:
        if strip in track.strips[:]:
            track.strips.remove(strip)
            if not len(track.strips):
                animation.nla_tracks.remove(track)
            return
