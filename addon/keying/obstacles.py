"""What keeps keys from being written or from showing: one list for the panel before Generate, the result and reports.

Reads only.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

import bpy

from ...engine import RigChannel
from ..actions import actions, nla
from ..actions.ledger import Channel
from ..character import channels_of, controls
from ..character.belonging import armature_of
from ..character.character import Character, KeyTarget

NAMES_SHOWN = 6                 # of channels in a message
WHOLE = 0.999                   # influence of a constraint that leaves nothing of the bone's own motion
# type of constraint -> what of a bone it decides
DECIDES: dict[str, tuple[str, ...]] = {
    'COPY_LOCATION': ("location",), 'COPY_ROTATION': ("rotation",), 'COPY_SCALE': ("scale",),
    'COPY_TRANSFORMS': ("location", "rotation", "scale"), 'DAMPED_TRACK': ("rotation",), 'TRACK_TO': ("rotation",),
    'LOCKED_TRACK': ("rotation",), 'IK': ("rotation",), 'SPLINE_IK': ("rotation",), 'STRETCH_TO': ("rotation",),
    'LIMIT_LOCATION': ("location",), 'LIMIT_ROTATION': ("rotation",), 'LIMIT_SCALE': ("scale",),
}
ROOM = 1e-4                     # between the ends of a limit, metres or radians, that lets nothing show
Keyed = tuple[tuple[KeyTarget, frozenset[Channel]], ...]     # channels of each data-block that get keys

_BONE = re.compile(r'pose\.bones\["((?:[^"\\]|\\.)*)"\]\.(\w+)$')


@dataclass(frozen=True)
class Obstacles:
    """What stands in the way on one data-block.

    Attributes:
        driven, locked: channels that are not keyed. sentences: all that the artist should know.
    """

    driven: frozenset[Channel]
    locked: frozenset[Channel]
    sentences: tuple[str, ...]


def look(target: KeyTarget, channels: Collection[Channel], action: str = "") -> Obstacles:
    """What stands in the way of keys on these channels.

    Args:
        action: name of the Action that takes the keys; empty goes on with ours.
    Raises:
        RigError: the data-block is gone.
    """
    owner, wanted = target.find(), frozenset(channels)
    driven, locked = channels_of.driven(owner) & wanted, locked_channels(owner, action) & wanted
    constant = frozenset(actions.channel_of(curve) for curve in _drivers(owner) if not curve.driver.variables)
    found = [
        (_muted(target, owner) & wanted, "muted, so nothing moves until you unmute."),
        (driven - constant, "driven, left alone. Key what drives them instead."),
        (driven & constant, "driven by nothing that has keys, left alone. Delete the driver, which reads no variable."),
        (_replaced_by_modifiers(owner) & wanted,
         "keyed, though an F-curve modifier replaces the keys. Mute it in the Graph Editor, or tick its Additive."),
        (_broken(owner) & wanted,
         "keyed, though a broken driver is there, which would overwrite the keys if it worked. Fix or delete it."),
        (locked, "locked, left as it is. Unlock it in the Graph Editor to have it keyed."),
        (_whole_numbers(target, owner, wanted),
         "whole numbers, so motion shows in steps of 1. Set the property's Type to Float."),
        (_ends_of_connected(target, owner, wanted),
         "location of a connected bone, which Blender does not play. Disconnect it from its parent."),
    ]
    name = target.object_name
    sentences = [f"{names_of(those)} of {name!r}: {text}" for those, text in found if those]
    return Obstacles(driven, locked, (*sentences, *_of_object(target, owner, wanted - driven - locked)))


def keyed_by(character: Character, wanted: Collection[RigChannel]) -> Keyed:
    """The channels of each data-block of a character that these channels lead to."""
    return tuple((target, frozenset(filter(None, map(target.path_of, wanted)))) for target in character.targets)


def before(keyed: Keyed) -> tuple[str, ...]:
    """What can be told before anything is made: the same for all of a character, and what keeps it from playing.

    Raises RigError.
    """
    sentences: list[str] = []
    for target, channels in keyed:
        animation, name = target.find().animation_data, target.object_name
        sentences += look(target, channels).sentences
        if animation is not None and channels:
            sentences += [unchangeable(target.find(), name), nla.silence(target.find(), name)]
    return tuple(filter(None, dict.fromkeys((*sentences, shut_jaw(keyed)))))


def tweak_mode(name: str) -> str:
    """Why Actions cannot be changed now."""
    return f"{name!r} is in NLA tweak mode. Leave it in the NLA editor (Tab), then try again."


def unchangeable(owner: bpy.types.ID, name: str) -> str:
    """Why nothing of ours can be changed on a data-block now, or ""."""
    animation = owner.animation_data
    if animation is None:
        return ""
    if animation.use_tweak_mode:
        return tweak_mode(name)
    locked = next((track for track in animation.nla_tracks if track.lock and nla.has_ours(owner, track)), None)
    if locked is None:
        return ""
    return (
        f"The NLA track {locked.name!r} of {name!r}, which plays the lip sync, is locked: it stays as it is. "
        "Unlock it in the NLA editor, then try again."
    )


def locked_channels(owner: bpy.types.ID, action: str = "") -> frozenset[Channel]:
    """Channels of ours that the artist locked, in the Action that takes keys of this name."""
    own = [use for use in actions.own_uses(owner) if not action or is_meant(use.action, action)]
    return frozenset(actions.channel_of(curve) for curve in _switched(own, "lock"))


def is_meant(action: bpy.types.Action, name: str) -> bool:
    """Whether Output > Action names this one: its own name, or one of ours that Blender numbered."""
    return action.name == name or actions.is_called(action, name)


def _switched(own: Iterable[actions.ActionUse], switch: str) -> Iterator[bpy.types.FCurve]:
    """Curves of ours that have a switch on, "lock" or "mute", or whose group has it."""
    for use in own:
        bag = actions.bag_of(use)
        group = bag.groups.get(actions.GROUP) if bag is not None else None
        if group is not None:
            whole = getattr(group, switch)
            yield from (curve for curve in group.channels if whole or getattr(curve, switch))


def locked_sentences(character: Character) -> list[str]:
    """A sentence for each data-block on which curves of ours are locked, so that they stay as they are."""
    found = [(target, locked_channels(target.find())) for target in character.targets]
    return [
        f"{names_of(locked)} of {target.object_name!r}: locked, left as it is." for target, locked in found if locked
    ]


def names_of(channels: frozenset[Channel]) -> str:
    """Channels in words: "jawOpen, mouthClose and 3 more"."""
    quoted = {path: re.findall(r'"((?:[^"\\]|\\.)*)"', path) for path, _ in channels}
    names = sorted({bpy.utils.unescape_identifier(found[-1]) if found else path for path, found in quoted.items()})
    more = len(names) - NAMES_SHOWN
    return ", ".join(names[:NAMES_SHOWN]) + (f" and {more} more" if more > 0 else "")


def _muted(target: KeyTarget, owner: bpy.types.ID) -> frozenset[Channel]:
    """Shape keys and curves of ours that are switched off."""
    blocks = [block for block in owner.key_blocks if block.mute] if target.kind == 'KEY' else []
    driven = {path for path, _ in channels_of.driven(owner)}        # MustardUI mutes keys at 0 by a driver
    blocks = [block for block in blocks if block.path_from_id("mute") not in driven]
    curves = _switched(actions.own_uses(owner), "mute")
    return frozenset((
        *((f'key_blocks["{bpy.utils.escape_identifier(block.name)}"].value', 0) for block in blocks),
        *map(actions.channel_of, curves),
    ))


def _broken(owner: bpy.types.ID) -> frozenset[Channel]:
    drivers = _drivers(owner)
    return frozenset(actions.channel_of(curve) for curve in drivers if not curve.mute and channels_of.is_broken(curve))


def _drivers(owner: bpy.types.ID) -> Iterable[bpy.types.FCurve]:
    return owner.animation_data.drivers if owner.animation_data else ()


def _replaced_by_modifiers(owner: bpy.types.ID) -> frozenset[Channel]:
    """Channels of ours whose curves have a modifier that makes values of its own."""
    curves = [curve for use in actions.own_uses(owner) for curve in actions.own_curves(use)]
    return frozenset(
        actions.channel_of(curve) for curve in curves
        if any(not getattr(one, "use_additive", True) and not one.mute for one in curve.modifiers)
    )


def _whole_numbers(target: KeyTarget, owner: bpy.types.ID, channels: frozenset[Channel]) -> frozenset[Channel]:
    if target.kind == 'KEY':
        return frozenset()
    return frozenset(
        (path, index) for path, index in channels
        if path in target.properties and not isinstance(controls.read(owner, path, index), float)
    )


def _ends_of_connected(target: KeyTarget, owner: bpy.types.ID, channels: frozenset[Channel]) -> frozenset[Channel]:
    return frozenset(
        channel for channel, bone, what in _bones(target, owner, channels)
        if what == "location" and bone.bone.use_connect and bone.parent is not None
    )


def _of_object(target: KeyTarget, owner: bpy.types.ID, channels: frozenset[Channel]) -> Iterator[str]:
    """What keeps an object as a whole, or single bones, from showing their keys."""
    obj, name = bpy.data.objects.get((target.object_name, target.library or None)), target.object_name
    if target.kind == 'KEY' and channels and obj is not None and obj.show_only_shape_key:
        yield (
            f"The pin of the shape keys of {name!r} is on, so it shows one of them alone and nothing moves. Switch it "
            "off in Object Data > Shape Keys."
        )
    if channels and obj is not None and obj.mode == 'EDIT':
        yield f"{name!r} is in Edit Mode, where it does not move. Leave the mode (Tab) to see the lip sync."
    bones = list(_bones(target, owner, channels))
    if bones and owner.data.pose_position == 'REST':
        yield (
            f"The armature {name!r} is at its rest position, so no bone moves. Choose Pose Position in Object Data > "
            "Skeleton."
        )
    chains = _chains(owner) if bones else {}
    seen: dict[str, str] = {}
    for channel, bone, what in bones:
        decided = next((one.name for one in bone.constraints if _decides(one, what, _axis(channel))), "")
        if decided or (what == "rotation" and bone.name in chains):
            seen.setdefault(bone.name, decided or chains[bone.name])
    for bone_name, constraint in seen.items():
        yield (
            f"The constraint {constraint!r} decides where the bone {bone_name!r} of {name!r} is, so its keys do not "
            "show. Mute it, or lower its influence."
        )


def _bones(
    target: KeyTarget, owner: bpy.types.ID, channels: Iterable[Channel]
) -> Iterator[tuple[Channel, bpy.types.PoseBone, str]]:
    """Channels of bones, each with its bone and "location", "rotation" or "scale"."""
    if target.kind == 'KEY' or owner.pose is None:
        return
    for channel in channels:
        match = _BONE.match(channel[0])
        bone = owner.pose.bones.get(bpy.utils.unescape_identifier(match[1])) if match else None
        if bone is not None:
            yield channel, bone, match[2].partition("_")[0]


def _works(constraint: bpy.types.Constraint) -> bool:
    """Whether a constraint leaves nothing of what it decides to the bone's own keys."""
    if constraint.mute or constraint.influence < WHOLE or getattr(constraint, "mix_mode", 'REPLACE') != 'REPLACE':
        return False
    has_target = getattr(constraint, "target", constraint) is not None
    return has_target and not getattr(constraint, "use_offset", False)


def _decides(constraint: bpy.types.Constraint, what: str, axis: int) -> bool:
    if what not in DECIDES.get(constraint.type, ()) or not _works(constraint):
        return False
    if constraint.type.startswith('LIMIT'):
        axes = [_is_fixed(constraint, axis) for axis in "xyz"]
    elif constraint.type.startswith('COPY') and constraint.type != 'COPY_TRANSFORMS':
        axes = [constraint.use_x, constraint.use_y, constraint.use_z]
    else:
        return True
    return axes[axis] if axis >= 0 else all(axes)


def _axis(channel: Channel) -> int:
    """The axis that a channel of a bone moves; -1 for a turn that is not told by axes."""
    path, index = channel
    return index if path.endswith(("location", "scale", "rotation_euler")) else -1


def _is_fixed(limit: bpy.types.Constraint, axis: str) -> bool:
    """Whether a limit holds an axis where it is."""
    both = getattr(limit, f"use_limit_{axis}", None)            # of rotation; the others have a switch for each end
    if both is None:
        both = getattr(limit, f"use_min_{axis}") and getattr(limit, f"use_max_{axis}")
    return bool(both) and getattr(limit, f"max_{axis}") - getattr(limit, f"min_{axis}") < ROOM


def _chains(owner: bpy.types.Object) -> dict[str, str]:
    """Bones above one that follows a target by inverse kinematics, and the constraint's name."""
    found: dict[str, str] = {}
    for bone in owner.pose.bones:
        for constraint in bone.constraints:
            if constraint.type == 'IK' and constraint.target is not None and _works(constraint):
                above = bone.parent_recursive
                length = constraint.chain_count
                found.update((one.name, constraint.name) for one in above[:length - 1 if length else len(above)])
    return found


def shut_jaw(keyed: Keyed) -> str:
    """A sentence where shape keys open the face and a jaw bone that nothing moves keeps the teeth shut, or "".

    Character Creator has such heads: teeth and tongue hang on the bone alone, and importers add a driver to it.
    """
    shapes = {path for target, channels in keyed if target.kind == 'KEY' for path, _ in channels}
    if not shapes:
        return ""
    for target, channels in keyed:
        owner = target.find()
        if target.kind != 'OBJECT' or owner.type != 'ARMATURE':
            continue
        jaws = [bone for bone in owner.pose.bones if "jaw" in bone.name.casefold()]
        moved = (*channels_of.driven(owner), *channels, *actions.artist_channels(owner))
        moving = {path for path, _ in moved}
        if not jaws or any(_moves(bone, moving) for bone in jaws):
            continue
        groups = {bone.name for jaw in jaws for bone in (jaw, *jaw.children_recursive)}
        around = [obj for scene in owner.users_scene for obj in scene.objects]
        hanging = next((obj for obj in around if _hangs_shut(obj, owner, groups, shapes)), None)
        if hanging is not None:
            return (
                f"Nothing moves the jaw bone {jaws[0].name!r} of {target.object_name!r}, so {hanging.name!r} stays "
                "shut while the face opens. Give the bone a driver from the shape key that opens the jaw."
            )
    return ""


def _moves(bone: bpy.types.PoseBone, moving: set[str]) -> bool:
    start = f'pose.bones["{bpy.utils.escape_identifier(bone.name)}"].'
    return any(not constraint.mute for constraint in bone.constraints) or any(
        path.startswith(start) for path in moving
    )


def _hangs_shut(obj: bpy.types.Object, armature: bpy.types.Object, groups: set[str], shapes: set[str]) -> bool:
    """Whether a mesh hangs on a bone of these and has no shape key that is keyed."""
    if obj.type != 'MESH' or armature_of(obj) != armature or groups.isdisjoint(obj.vertex_groups.keys()):
        return False
    own = {f'key_blocks["{bpy.utils.escape_identifier(name)}"].value' for name in channels_of.shape_keys(obj)}
    return own.isdisjoint(shapes)
