"""Actions and slots: which Action plays on a data-block, and whose it is.

One code path for Blender 4.2 to 5.3: from 4.4 on an Action has a slot for each data-block and keeps curves in channel
bags; before, the Action holds the curves itself and every data-block has its own Action. An Action is ours as a whole,
or it is a host Action: one of the artist's in which some slots are ours.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import bpy

from .ledger import HIDDEN, OWNER, SLOTS, Channel, Ledger

GROUP = "Lip Sync"              # channel group of our curves, and name of our NLA tracks

Bag = bpy.types.bpy_struct      # ActionChannelbag, or before 4.4 the Action itself: what has `fcurves` and `groups`


@dataclass(frozen=True)
class ActionUse:
    """One use of an Action by a data-block: as the active Action, or in an NLA strip. slot is None before 4.4."""

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


def owns(use: ActionUse) -> bool:
    """Whether what plays is ours: an Action that we made, or our slot in a host Action."""
    if is_own(use.action):
        return True
    if use.slot is None or OWNER not in use.action or use.action.library is not None:
        return False
    return str(use.slot.handle) in _own_slots(use.action)


def _own_slots(action: bpy.types.Action) -> list[str]:
    return str(action.get(SLOTS, "")).split()


def same_curves(use: ActionUse, other: ActionUse) -> bool:
    """Whether two uses play the same curves."""
    return use.action == other.action and use.slot == other.slot


def uses(owner: bpy.types.ID) -> Iterator[ActionUse]:
    """Every Action on a data-block: the active one, then those of NLA strips."""
    animation = owner.animation_data
    if animation is None:
        return
    if animation.action is not None:
        yield ActionUse(animation.action, getattr(animation, "action_slot", None))
    for track in animation.nla_tracks:
        for strip in track.strips:
            if strip.action is not None:
                yield ActionUse(strip.action, getattr(strip, "action_slot", None), strip, track.mute or strip.mute)


def own_uses(owner: bpy.types.ID) -> list[ActionUse]:
    """The uses of a data-block that are ours; of several that play the same curves the first."""
    found: list[ActionUse] = []
    for use in uses(owner):
        if owns(use) and not any(same_curves(use, other) for other in found):
            found.append(use)
    return found


def uses_of(action: bpy.types.Action) -> list[ActionUse]:
    """What can play of an Action of ours: the Action itself, or each of its slots that is ours."""
    if not has_slots():
        return [ActionUse(action, None)]
    return [use for use in (ActionUse(action, slot) for slot in action.slots) if owns(use)]


def bag_of(use: ActionUse) -> Bag | None:
    """What holds the curves of a use, with `fcurves` and `groups`; None when the Action has none for it."""
    if not has_slots():
        return use.action
    bags = [strip.channelbag(use.slot) for layer in use.action.layers for strip in layer.strips] if use.slot else []
    return next(filter(None, bags), None)


def curves_of(use: ActionUse) -> list[bpy.types.FCurve]:
    """The curves that a use plays."""
    bag = bag_of(use)
    return list(bag.fcurves) if bag else []


def own_curves(use: ActionUse) -> list[bpy.types.FCurve]:
    """Those of its curves that this add-on made."""
    return [curve for curve in curves_of(use) if _is_in_group(curve)] if owns(use) else []


def is_ours(curve: bpy.types.FCurve, use: ActionUse) -> bool:
    """Whether this add-on made a curve."""
    return _is_in_group(curve) and owns(use)


def _is_in_group(curve: bpy.types.FCurve) -> bool:
    group = curve.group
    return group is not None and group.name == GROUP


def is_locked(curve: bpy.types.FCurve) -> bool:
    """Whether the artist locked a curve, or the group that it is in."""
    return curve.lock or (curve.group is not None and curve.group.lock)


def is_muted(curve: bpy.types.FCurve) -> bool:
    """Whether a curve, or the group that it is in, plays nothing."""
    return curve.mute or (curve.group is not None and curve.group.mute)


def channel_of(curve: bpy.types.FCurve) -> Channel:
    """What a curve moves."""
    return curve.data_path, curve.array_index


def artist_channels(owner: bpy.types.ID, in_own: bool = False) -> frozenset[Channel]:
    """Channels that play keys which are not ours; in_own: only those that the artist added to our Action, also muted.

    A curve without keys plays nothing, unless a modifier makes it.
    """
    return frozenset(
        channel_of(curve) for use in uses(owner) if (owns(use) or not in_own) and not use.muted
        for curve in curves_of(use)
        if not is_ours(curve, use) and not curve.is_empty and (in_own or not is_muted(curve))
    )


def binding_key(use: ActionUse) -> str:
    """What the ledger calls the data-block of a use, also after renaming. Before 4.4 an Action has only one."""
    return str(use.slot.handle) if use.slot else ""


def binding_keys(action: bpy.types.Action) -> list[str]:
    """What the ledger calls each data-block that an Action can play on."""
    return [str(slot.handle) for slot in action.slots] if has_slots() else [""]


def new_action(name: str) -> bpy.types.Action:
    """An empty Action of ours."""
    action = bpy.data.actions.new(name)
    (Ledger() if action.name == name else Ledger(asked=name, given=action.name)).store(action)
    return action


def plain_action(name: str) -> bpy.types.Action:
    """An empty Action that is the artist's from the start."""
    return bpy.data.actions.new(name)


def is_called(action: bpy.types.Action, name: str) -> bool:
    """Whether an Action is ours and what the user means by a name, which Blender may have shortened or numbered."""
    if not is_own(action):
        return False
    ledger = Ledger.of(action)
    return name == action.name or (name == ledger.asked and ledger.given == action.name)


def unshare(owners: list[bpy.types.ID]) -> None:
    """Give data-blocks their own copies of our Actions which others play too: a copied character still plays the
    original's keys.

    A slot of ours in a host Action is left to the other; open_own_slot makes another one. Without slots, where an
    Action holds the curves of one data-block, each gets its own: those of a file of a later Blender all play one.
    """
    copies: dict[tuple[bpy.types.Action, bpy.types.ID | None], bpy.types.Action] = {}
    first: dict[bpy.types.Action, bpy.types.ID] = {}
    for owner in owners:
        for use in [use for use in uses(owner) if is_own(use.action)]:
            if not is_shared(use, owners) and (has_slots() or first.setdefault(use.action, owner) == owner):
                continue
            key = use.action, None if has_slots() else owner
            if key not in copies:
                copies[key] = use.action.copy()
            copy = copies[key]
            slot = next(slot for slot in copy.slots if slot.identifier == use.slot.identifier) if use.slot else None
            assign(use.strip or owner.animation_data, ActionUse(copy, slot))


def is_shared(use: ActionUse, owners: list[bpy.types.ID]) -> bool:
    """Whether others than these data-blocks play the same."""
    if use.slot is not None:
        found = use.slot.users()
    elif use.action.users - use.action.use_fake_user <= 1:      # the map below looks at the whole file
        return False
    else:
        found = bpy.data.user_map(subset={use.action})[use.action]
    return any(user not in owners for user in found)


def users(use: ActionUse) -> list[bpy.types.ID]:
    """The data-blocks that play what a use plays."""
    if use.slot is not None:
        return list(use.slot.users())
    found = bpy.data.user_map(subset={use.action}).get(use.action, ())
    return [user for user in found if getattr(user, "animation_data", None) is not None]


def open_slot(owner: bpy.types.ID, action: bpy.types.Action, slot_name: str) -> tuple[ActionUse, Bag]:
    """The use of our Action by a data-block, and what takes its curves. The Action is not assigned yet.

    Args:
        slot_name: what the artist reads in the Action editor, the object's name.
    """
    if not has_slots():
        action.id_root = owner.id_type
        return ActionUse(action, None), action
    slot = next((use.slot for use in uses(owner) if use.action == action and use.slot), None)
    fitting = [other for other in action.slots if other.target_id_type == owner.id_type]
    free = (other for other in fitting if other.name_display == slot_name and not other.users())
    slot = slot or next(free, None) or action.slots.new(owner.id_type, slot_name)
    return ActionUse(action, slot), _bag(action, slot)


def open_own_slot(owner: bpy.types.ID, host: bpy.types.Action, slot_name: str) -> tuple[ActionUse, Bag]:
    """The same in a host Action: a slot that is marked as ours, none of the artist's."""
    marked = _own_slots(host)
    known = [slot for slot in host.slots if str(slot.handle) in marked and slot.target_id_type == owner.id_type]
    playing = [use.slot for use in uses(owner) if use.action == host]
    mine = [slot for slot in known if slot in playing and all(user == owner for user in slot.users())]
    free = [slot for slot in known if not slot.users() and slot.name_display == slot_name]
    slot = next(iter([*mine, *free]), None) or host.slots.new(owner.id_type, slot_name)
    if str(slot.handle) not in marked:
        Ledger.of(host).store(host)
        host[SLOTS] = " ".join([*marked, str(slot.handle)])
    return ActionUse(host, slot), _bag(host, slot)


def unused_own_slots(owner: bpy.types.ID, slot_name: str) -> list[ActionUse]:
    """Our slots in host Actions that play nowhere any more, since the lip sync went elsewhere.

    A slot knows only the name that its object had. Where object or slot were renamed, it is that of the one data-block
    that all of its curves fit.
    """
    hosts = [action for action in bpy.data.actions if SLOTS in action and action.library is None] if has_slots() else []
    unused = [
        ActionUse(action, slot) for action in hosts for slot in action.slots
        if str(slot.handle) in _own_slots(action) and slot.target_id_type == owner.id_type and not slot.users()
    ]
    return [use for use in unused if use.slot.name_display == slot_name or _fits_alone(owner, use)]


def _fits_alone(owner: bpy.types.ID, use: ActionUse) -> bool:
    """Whether no object has a slot's name now, and this is the one data-block that its curves could move."""
    if any(f"{obj.name} {GROUP}" == use.slot.name_display for obj in bpy.data.objects):
        return False
    paths = {curve.data_path for curve in curves_of(use)}
    others = bpy.data.shape_keys if owner.id_type == 'KEY' else bpy.data.objects
    return bool(paths) and [other for other in others if all(leads_somewhere(other, path) for path in paths)] == [owner]


def leads_somewhere(owner: bpy.types.ID, path: str) -> bool:
    """Whether a data-block has what a data path names."""
    try:
        owner.path_resolve(path)
    except ValueError:
        return False
    return True


def remove_own_slot(use: ActionUse) -> None:
    """Take our empty slot out of a host Action."""
    disown_slot(use)
    use.action.slots.remove(use.slot)


def disown_slot(use: ActionUse) -> None:
    """A slot of ours in a host Action is the artist's from now on; with the last one our notes go."""
    left = [handle for handle in _own_slots(use.action) if handle != str(use.slot.handle)]
    if left:
        use.action[SLOTS] = " ".join(left)
    else:
        disown(use.action)


def disown(action: bpy.types.Action) -> None:
    """Take our marks off an Action: what is in it is the artist's from now on."""
    for name in (OWNER, SLOTS, HIDDEN):
        if name in action:
            del action[name]


def assign(player: bpy.types.AnimData | bpy.types.NlaStrip, use: ActionUse) -> None:
    """Let the active Action, or a strip, be this one."""
    player.action = use.action
    if use.slot is not None:
        player.action_slot = use.slot


def _bag(action: bpy.types.Action, slot: bpy.types.ActionSlot) -> Bag:
    layer = action.layers[0] if action.layers else action.layers.new(GROUP)
    strip = layer.strips[0] if layer.strips else layer.strips.new(type='KEYFRAME')
    return strip.channelbag(slot, ensure=True)
