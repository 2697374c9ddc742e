"""Actions and slots: which Action plays on a data-block, and whose it is. Helper of fcurves.py.

One code path for Blender 4.2 to 5.2: from 4.4 on an Action has a slot for each data-block and keeps curves in channel bags; before, the
Action holds the curves itself and every data-block has its own Action.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import bpy

from .ledger import HIDDEN, OWNER, SLOTS, Entry, Record

GROUP = "Lip Sync"              # channel group of our curves, and name of our NLA tracks

Channel = tuple[str, int]       # data path and array index


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
    return action is not None and OWNER in action and SLOTS not in action and action.library is None


def owns(place: Place) -> bool:
    """Whether what plays at a place is ours: an Action that we made, or our slot in an Action of the artist."""
    if is_own(place.action):
        return True
    return place.slot is not None and OWNER in place.action and place.action.library is None and str(place.slot.handle) in _own_slots(place.action)


def _own_slots(action: bpy.types.Action) -> list[str]:
    return str(action.get(SLOTS, "")).split()


def same_place(place: Place, other: Place) -> bool:
    """Whether two places play the same curves."""
    return place.action == other.action and place.slot == other.slot


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


def is_ours(curve: bpy.types.FCurve, place: Place) -> bool:
    """Whether a curve of a place was made by this add-on."""
    return curve.group is not None and curve.group.name == GROUP and owns(place)


def artist_channels(owner: bpy.types.ID, in_own: bool = False) -> frozenset[Channel]:
    """Channels of a data-block that play keys which are not ours; in_own: only those which the artist added to our Action."""
    return frozenset(
        (curve.data_path, curve.array_index)
        for place in places(owner) if not (in_own and not owns(place)) and not place.muted
        for curve in curves_of(place) if not is_ours(curve, place)
    )


def key_of(place: Place) -> str:
    """What stands for the data-block of a place in a Record: it outlives renaming. Before 4.4 an Action has one data-block only."""
    return str(place.slot.handle) if place.slot else ""


def keys_of(action: bpy.types.Action) -> list[str]:
    """What stands in a Record for each data-block that an Action can play on."""
    return [str(slot.handle) for slot in action.slots] if has_slots() else [""]


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


def is_called(action: bpy.types.Action, name: str) -> bool:
    """Whether an Action is ours and what the user means by a name, which Blender may have shortened or numbered."""
    if not is_own(action):
        return False
    record = Record.of(action)
    return name == action.name or (name == record.asked and record.given == action.name)


def unshare(owners: list[bpy.types.ID]) -> None:
    """Give data-blocks their own copies of our Actions which others play too: a copied character still plays the original's keys.

    A slot of ours in an Action of the artist is left to the other; open_place makes another one. Without slots, where an Action holds the curves
    of one data-block, each gets its own: those of a file of a later Blender all play one.
    """
    copies: dict[tuple[bpy.types.Action, bpy.types.ID | None], bpy.types.Action] = {}
    first: dict[bpy.types.Action, bpy.types.ID] = {}
    for owner in owners:
        for place in [place for place in places(owner) if is_own(place.action)]:
            if not is_shared(place, owners) and (has_slots() or first.setdefault(place.action, owner) == owner):
                continue
            key = place.action, None if has_slots() else owner
            if key not in copies:
                copies[key] = place.action.copy()
            copy = copies[key]
            slot = next(slot for slot in copy.slots if slot.identifier == place.slot.identifier) if place.slot else None
            assign(place.strip or owner.animation_data, Place(copy, slot))


def is_shared(place: Place, owners: list[bpy.types.ID]) -> bool:
    """Whether others than these data-blocks play what a place plays."""
    return any(user not in owners for user in _users(place))


def _users(place: Place) -> Iterable[bpy.types.ID]:
    """The data-blocks that play what a place plays."""
    if place.slot is not None:
        return place.slot.users()
    if place.action.users - place.action.use_fake_user <= 1:        # the map below looks at the whole file
        return ()
    return bpy.data.user_map(subset={place.action})[place.action]


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
    return Place(action, slot), _bag(action, slot)


def open_guest(owner: bpy.types.ID, action: bpy.types.Action, slot_name: str) -> tuple[Place, bpy.types.ActionChannelbag]:
    """The same in an Action of the artist: a slot that is marked as ours, none of his."""
    known = [slot for slot in action.slots if str(slot.handle) in _own_slots(action) and slot.target_id_type == owner.id_type]
    playing = [place.slot for place in places(owner) if place.action == action]
    mine = [slot for slot in known if slot in playing and all(user == owner for user in slot.users())]
    free = [slot for slot in known if not slot.users() and slot.name_display == slot_name]
    slot = next(iter([*mine, *free]), None) or action.slots.new(owner.id_type, slot_name)
    if str(slot.handle) not in _own_slots(action):
        Record.of(action).store(action)
        action[SLOTS] = " ".join([*_own_slots(action), str(slot.handle)])
    return Place(action, slot), _bag(action, slot)


def left_guests(owner: bpy.types.ID, slot_name: str) -> list[Place]:
    """Our slots in Actions of the artist that play nowhere any more, since the lip sync went elsewhere.

    A slot knows only the name that its object had. Where object or slot were renamed, it is that of the one data-block that all of its curves fit.
    """
    return [
        Place(action, slot) for action in (bpy.data.actions if has_slots() else ()) if SLOTS in action and action.library is None for slot in action.slots
        if str(slot.handle) in _own_slots(action) and slot.target_id_type == owner.id_type and not slot.users()
        and (slot.name_display == slot_name or _fits_alone(owner, Place(action, slot)))
    ]


def _fits_alone(owner: bpy.types.ID, place: Place) -> bool:
    """Whether no object has the name in a slot now, and its curves move this data-block and could move no other one of the file."""
    if any(f"{obj.name} {GROUP}" == place.slot.name_display for obj in bpy.data.objects):
        return False
    paths = {curve.data_path for curve in curves_of(place)}
    others = bpy.data.shape_keys if owner.id_type == 'KEY' else bpy.data.objects
    return bool(paths) and [one for one in others if _has_all(one, paths)] == [owner]


def _has_all(owner: bpy.types.ID, paths: Iterable[str]) -> bool:
    try:
        for path in paths:
            owner.path_resolve(path)
    except ValueError:
        return False
    return True


def close_guest(place: Place) -> None:
    """Take our empty slot out of an Action of the artist."""
    disown_slot(place)
    place.action.slots.remove(place.slot)


def disown_slot(place: Place) -> None:
    """A slot of ours in an Action of the artist is his from now on; with the last one our notes go."""
    left = [handle for handle in _own_slots(place.action) if handle != str(place.slot.handle)]
    if left:
        place.action[SLOTS] = " ".join(left)
    else:
        disown(place.action)


def disown(action: bpy.types.Action) -> None:
    """Take our marks off an Action: what is in it is the artist's from now on."""
    for name in (OWNER, SLOTS, HIDDEN):
        if name in action:
            del action[name]


def assign(player: bpy.types.AnimData | bpy.types.NlaStrip, place: Place) -> None:
    """Let the active Action, or a strip, be this one."""
    player.action = place.action
    if place.slot is not None:
        player.action_slot = place.slot


def _bag(action: bpy.types.Action, slot: bpy.types.ActionSlot) -> bpy.types.ActionChannelbag:
    layer = action.layers[0] if action.layers else action.layers.new(GROUP)
    strip = layer.strips[0] if layer.strips else layer.strips.new(type='KEYFRAME')
    return strip.channelbag(slot, ensure=True)
