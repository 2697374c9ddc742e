"""What can this character move? Meshes with shape keys, bones and custom properties, as plain names.

Names are kept, not data-blocks: undo and file loading would leave dead pointers. `KeyTarget.find` looks the data-block
up again.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

import bpy

from ...engine import Rig, RigChannel, RigError
from ...engine.values.types import BoneRest
from . import channels_of, mesh_arrays, posture
from .belonging import related


@dataclass(frozen=True)
class KeyTarget:
    """One data-block that takes keys.

    Attributes:
        object_name, library: look-up of the object; library is the .blend file of a linked one, else empty.
        kind: 'KEY' for the shape keys of its mesh, 'OBJECT' for bones and custom properties.
        names: shape keys; or bones. properties: data paths of numbers, from the object.
        driven: data paths that a driver writes; keys there would do nothing.
        limits: how far Limit Location constraints let bones go along their own axes.
        rest: how bones lie. posed: how the artist turned them.
    """

    object_name: str
    library: str
    kind: str
    names: frozenset[str]
    properties: frozenset[str]
    driven: frozenset[tuple[str, int]]
    limits: tuple[tuple[RigChannel, tuple[float, float]], ...] = ()
    rest: tuple[tuple[str, BoneRest], ...] = ()
    posed: tuple[tuple[str, tuple[float, float, float, float]], ...] = ()

    def find(self) -> bpy.types.ID:
        """The Key or Object of these names. Raises RigError when it is gone."""
        obj = bpy.data.objects.get((self.object_name, self.library or None))
        found = obj if obj is None or self.kind == 'OBJECT' else getattr(obj.data, "shape_keys", None)
        if found is None:
            what = "Its shape keys were" if obj is not None else "It was"
            raise RigError(
                f"{self.object_name!r} cannot be keyed any more. {what} removed or renamed meanwhile. Start again."
            )
        return found

    @property
    def data(self) -> bpy.types.ID | None:
        """The mesh of the object, which several objects may share; None when the object is gone."""
        obj = bpy.data.objects.get((self.object_name, self.library or None))
        return obj.data if obj is not None else None

    def path_of(self, channel: RigChannel) -> tuple[str, int] | None:
        """Data path and array index of a channel on this data-block, None if it is not here."""
        name = bpy.utils.escape_identifier(channel.name)
        if channel.kind == "shape_key":
            return (f'key_blocks["{name}"].value', 0) if self.kind == 'KEY' and channel.name in self.names else None
        if self.kind == 'KEY':
            return None
        if channel.kind == "bone":
            return (f'pose.bones["{name}"].{channel.path}', channel.index) if channel.name in self.names else None
        return (channel.name, channel.index) if channel.name in self.properties else None


@dataclass(frozen=True)
class Character:
    """All that one character can move; targets[i] are distinct data-blocks."""

    name: str
    targets: tuple[KeyTarget, ...]

    def rig(self, preset: str, preset_folders: tuple[str, ...]) -> Rig:
        """The names for the engine."""
        keys = [target for target in self.targets if target.kind == 'KEY']
        objects = [target for target in self.targets if target.kind == 'OBJECT']
        empty = mesh_arrays.still_keys(self.shaped_objects())
        return Rig(
            shape_keys=frozenset().union(*(target.names for target in keys)) - empty,
            empty_keys=empty,
            bones=frozenset().union(*(target.names for target in objects)),
            properties=frozenset().union(*(target.properties for target in objects)),
            preset=preset,
            preset_folders=preset_folders,
            driven=frozenset(self._driven_keys()),
            limits={channel: limit for target in objects for channel, limit in target.limits},
            rest={name: rest for target in objects for name, rest in target.rest},
            posed={name: rotation for target in objects for name, rotation in target.posed},
        )

    def shaped_objects(self) -> list[bpy.types.Object]:
        """The objects whose shape keys it moves."""
        parts = [target for target in self.targets if target.kind == 'KEY']
        found = [bpy.data.objects.get((part.object_name, part.library or None)) for part in parts]
        return [obj for obj in found if obj is not None and channels_of.shape_keys(obj)]

    def _driven_keys(self) -> Iterator[RigChannel]:
        """Shape keys that a driver moves on every mesh that has them."""
        keys = [target for target in self.targets if target.kind == 'KEY']
        for name in frozenset().union(*(target.names for target in keys)):
            channel = RigChannel("shape_key", name)
            if all(target.path_of(channel) in target.driven for target in keys if name in target.names):
                yield channel


def home_scene(context: bpy.types.Context, name: str) -> bpy.types.Scene:
    """The scene on whose clock a character moves: the active one, unless the character is only in another one."""
    obj = bpy.data.objects.get(name) if name else None
    if obj is None or obj.name in context.scene.objects:
        return context.scene
    return next(iter(obj.users_scene), context.scene)


def gather(context: bpy.types.Context, name: str, with_related: bool = True) -> Character:
    """What the character can move.

    Args:
        name: of an object; empty takes the active object and the selected ones.
        with_related: also its children, siblings that touch it, meshes of the same armature and loose parts inside.
    Raises:
        RigError: no such object, it can move nothing, or its data is linked.
    """
    picked = pick(context, name)
    parts = related(context, picked) if with_related else picked
    _make_poses(context, parts)
    _refuse_missing(parts)
    _refuse_linked(parts)
    targets = tuple(_targets(parts))
    if not targets:
        raise _nothing_moves(picked)
    return Character(picked[0].name, targets)


def _make_poses(context: bpy.types.Context, parts: list[bpy.types.Object]) -> None:
    """Evaluate new armatures: before that they have no bones, and an Action on one ends Blender 4.5 to 5.2."""
    if any(_lacks_pose(obj) and obj.name in context.view_layer.objects for obj in parts):
        context.view_layer.update()


def _lacks_pose(obj: bpy.types.Object) -> bool:
    return obj.type == 'ARMATURE' and obj.pose is None


def _nothing_moves(picked: list[bpy.types.Object]) -> RigError:
    keyed = [obj for obj in picked if getattr(obj.data, "shape_keys", None)]
    absolute = next((obj.name for obj in keyed if not obj.data.shape_keys.use_relative), "")
    if absolute:
        return RigError(
            f"The shape keys of {absolute!r} are absolute, so they cannot be mixed. "
            "Tick Relative in Object Data > Shape Keys."
        )
    obj = picked[0]
    if obj.instance_type == 'COLLECTION' and obj.instance_collection is not None:
        return _instance(obj)
    return RigError(
        f"{obj.name!r} has no shape keys, bones or custom properties that could move. "
        "Pick the face mesh or its armature, or add shape keys (Add > Mesh > Lip Sync Test Head has all of them)."
    )


def members(context: bpy.types.Context, name: str, with_related: bool) -> list[bpy.types.Object]:
    """The objects of a character, as for `gather`, also where none of them can move. Raises RigError."""
    picked = pick(context, name)
    return related(context, picked) if with_related else picked


def pick(context: bpy.types.Context, name: str) -> list[bpy.types.Object]:
    """The named object, or the active and the selected ones; the first is the one that the character is named after."""
    if name:
        found = context.scene.objects.get(name) or bpy.data.objects.get(name)
        if found is None:
            raise RigError(f"Character not found: {name!r}. Pick an object of this file.")
        if not found.users_collection and found.library is None:        # the panel's choice alone keeps it in the file
            raise RigError(f"{name!r} was deleted from its scene. Pick another character.")
        return [found]
    active = context.view_layer.objects.active
    chosen = [obj for obj in (active, *context.view_layer.objects.selected) if obj is not None and _can_move(obj)]
    if not chosen and active is not None:
        return [active]         # gather says what it lacks
    if not chosen:
        raise RigError("No character is chosen. Pick one in the Character panel, or select a mesh with shape keys.")
    return list(dict.fromkeys(chosen))


def linked_objects(members: list[bpy.types.Object]) -> list[tuple[bpy.types.Object, str]]:
    """Members that cannot keep keys, each with the reason."""
    found = []
    for obj in members:
        collection = obj.instance_collection if obj.instance_type == 'COLLECTION' else None
        keys = getattr(obj.data, "shape_keys", None)
        if collection is not None and collection.library is not None:
            found.append((obj, f"it shows the linked collection {collection.name!r}"))
        elif obj.library is not None and (keys is not None or obj.pose is not None):
            found.append((obj, "the object is linked"))
        elif keys is not None and keys.library is not None:
            found.append((obj, "its mesh and shape keys are linked"))
    return found


def make_editable(context: bpy.types.Context, name: str) -> bpy.types.Object:
    """Override a linked character and its meshes, so that keys on it stay in this file. Returns the object to key.

    An override of the object alone is not enough: its mesh and shape keys stay linked, and keys on them are lost on the
    next load.
    Raises RigError when nothing of it is linked, or Blender refuses.
    """
    obj = pick(context, name)[0]
    if not linked_objects(related(context, [obj])):
        raise RigError(f"{obj.name!r} is editable already: nothing of it is linked.")
    instanced = obj.instance_collection if obj.instance_type == 'COLLECTION' else None
    if instanced is not None and instanced.library is not None:
        collection = instanced
    else:
        collection = _linked_collection(context.scene, obj)
    if collection is not None or obj.library is not None:
        shown_by, before = obj if collection is instanced else None, set(context.scene.objects)
        (collection or obj).override_hierarchy_create(
            context.scene, context.view_layer, reference=shown_by, do_fully_editable=True,
        )
        obj = _override_of(set(context.scene.objects) - before, obj, instanced)
    _override_meshes(related(context, [obj]))
    _hide_originals(context.scene)
    left = linked_objects(related(context, [obj]))
    if left:
        raise RigError(
            f"Blender could not make {left[0][0].name!r} editable: {left[0][1]}. "
            "Use Object > Library Override > Make, or append it."
        )
    return obj


def _override_meshes(members: Iterable[bpy.types.Object]) -> None:
    """Override the linked meshes of one character for it alone: a second copy of it in this file has other lines."""
    made: dict[bpy.types.Mesh, bpy.types.Mesh | None] = {}
    for member in members:
        mesh, keys = member.data, getattr(member.data, "shape_keys", None)
        if member.library is None and keys is not None and keys.library is not None:
            if mesh not in made:
                made[mesh] = mesh.override_create(remap_local_usages=False)
            member.data = made[mesh] or mesh


def _linked_collection(scene: bpy.types.Scene, obj: bpy.types.Object) -> bpy.types.Collection | None:
    """The linked collection of the scene that holds a linked object, the outermost one."""
    for collection in scene.collection.children_recursive:
        if obj.library is not None and collection.library is not None and obj in set(collection.all_objects):
            return collection
    return None


def _override_of(
    new: Collection[bpy.types.Object], obj: bpy.types.Object, instanced: bpy.types.Collection | None,
) -> bpy.types.Object:
    """Of new objects the override of a linked one; of an empty that shows a collection, that with most shape keys."""
    originals = {obj} if instanced is None else set(instanced.all_objects)
    overrides = [other for other in new if other.override_library is not None]
    made = [other for other in overrides if other.override_library.reference in originals]
    return max(made, key=lambda other: len(channels_of.shape_keys(other)), default=obj)


def _hide_originals(scene: bpy.types.Scene) -> None:
    """Take linked objects and collections out of the scene when their overrides are in it too."""
    overridden = {obj.override_library.reference for obj in scene.objects if obj.override_library is not None}
    for collection in (scene.collection, *scene.collection.children_recursive):
        if collection.library is not None:
            continue
        for obj in [obj for obj in collection.objects if obj in overridden]:
            collection.objects.unlink(obj)
        linked = [child for child in collection.children if child.library is not None]
        for child in [child for child in linked if overridden & set(child.all_objects)]:
            collection.children.unlink(child)


def _can_move(obj: bpy.types.Object) -> bool:
    has_keys = bool(getattr(obj.data, "shape_keys", None))
    return has_keys or obj.type == 'ARMATURE' or obj.instance_collection is not None or bool(obj.children)


def _refuse_linked(members: list[bpy.types.Object]) -> None:
    left = linked_objects(members)
    if left:
        reasons = "; ".join(f"{obj.name!r}: {reason}" for obj, reason in left[:4])
        raise RigError(
            f"This character is linked from another file, so keys on it would be lost on the next load ({reasons}). "
            "Press Make Editable Override in the Character panel."
        )


def _refuse_missing(members: list[bpy.types.Object]) -> None:
    missing = next((obj for obj in members if obj.is_missing or (obj.data is not None and obj.data.is_missing)), None)
    if missing is not None:
        library = (missing.library or missing.data.library).filepath
        raise RigError(
            f"{missing.name!r} only stands for something of {library!r}, which could not be loaded. "
            "Bring the file back (File > External Data > Find Missing Files), then load this file again."
        )


def _instance(obj: bpy.types.Object) -> RigError:
    """The error for an empty that shows a collection of this file."""
    collection = obj.instance_collection
    inside = sorted(other.name for other in collection.all_objects if channels_of.shape_keys(other) or other.pose)
    what = "it holds nothing that could be keyed"
    if inside:
        what = f"pick {inside[0]!r} instead: all instances follow it"
    return RigError(
        f"{obj.name!r} is an instance of the collection {collection.name!r}: an instance has no keys of its own. "
        f"In the Character panel, {what}."
    )


def _targets(members: list[bpy.types.Object]) -> Iterator[KeyTarget]:
    """One per Key and per object that has bones or number properties; a Key that several objects share comes once."""
    seen = set()
    for obj in members:
        library = obj.library.filepath if obj.library else ""
        names = channels_of.shape_keys(obj)
        keys = obj.data.shape_keys if names else None
        if keys is not None and keys.session_uid not in seen:
            seen.add(keys.session_uid)
            yield KeyTarget(obj.name, library, 'KEY', names, frozenset(), channels_of.driven(keys))
        bones = frozenset(bone.name for bone in obj.pose.bones) if obj.pose else frozenset()
        properties = frozenset(channels_of.number_properties(obj))
        if obj.library is None and (bones or properties) and not _lacks_pose(obj):
            driven, limits, rest = channels_of.driven(obj), channels_of.limits(obj), channels_of.bones_at_rest(obj)
            more = tuple(limits), tuple(rest), tuple(posture.posed(obj))
            yield KeyTarget(obj.name, library, 'OBJECT', bones, properties, driven, *more)
