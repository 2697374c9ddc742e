"""Which objects are one character: an armature and its meshes, a parent and what hangs below it, and loose parts that
lie in a face.

Two faces are two characters, wherever they stand, unless one armature or one parent of theirs says otherwise. The
frame that is shown decides nothing: the same button keys the same objects on every frame.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator

import bpy
import numpy as np

from . import boxes, channels_of

STRONG = 0.05           # of the farthest move of any key of a mesh: keys that move less are noise from separating it
FEWEST_STRONG = 5       # keys of a face: five vowels
ALIKE = 0.6             # of the strong keys that the richest mesh has: one with so many is a face of its own
_EYE_WORDS, _MOUTH_WORDS = ("eye", "blink", "brow", "lid", "wink"), ("mouth", "jaw", "lip", "viseme", "vrc", "mth")
_PART_WORDS = frozenset({
    "teeth", "tooth", "tongue", "gum", "gums", "lash", "lashes", "eyelash", "eyelashes", "brow", "brows", "eyebrow",
    "eyebrows", "beard",
    "moustache", "mustache", "stubble", "eye", "eyes", "eyeball", "eyeballs", "cornea", "tear", "tearline", "occlusion",
})
_TRANSFORMS = ("location", "rotation", "scale", "delta_")       # how paths of an object's own motion start
_FOLLOWING = ('ARMATURE', 'CHILD_OF', 'COPY_LOCATION', 'COPY_ROTATION', 'COPY_TRANSFORMS')


def related(context: bpy.types.Context, picked: list[bpy.types.Object]) -> list[bpy.types.Object]:
    """The picked objects, then what belongs to the same character, without doubles."""
    found = dict.fromkeys(picked)
    for obj in picked:
        armature, around = armature_of(obj), _surroundings(context, obj)
        members = [*_family(obj, _root(armature or obj, armature), armature), *_of_armature(context, obj, armature)]
        found.update(dict.fromkeys(_without_backups(members, obj, context.view_layer)))
        found.update(dict.fromkeys(_loose_parts(around, obj)))
    return list(found)


def armature_of(obj: bpy.types.Object) -> bpy.types.Object | None:
    """The armature that an object is, that deforms it, or that it hangs on."""
    if obj.type == 'ARMATURE':
        return obj
    for modifier in obj.modifiers:
        if modifier.type == 'ARMATURE' and modifier.object is not None:
            return modifier.object
    return next((parent for parent in _parents(obj) if parent.type == 'ARMATURE'), None)


def _of_armature(
    context: bpy.types.Context, obj: bpy.types.Object, armature: bpy.types.Object | None
) -> list[bpy.types.Object]:
    if armature is None:
        return []
    scene = next(iter(obj.users_scene), context.scene)
    return [other for other in scene.objects if armature_of(other) == armature]


def _parents(obj: bpy.types.Object) -> Iterator[bpy.types.Object]:
    while obj.parent is not None:
        obj = obj.parent
        yield obj


def _root(obj: bpy.types.Object, armature: bpy.types.Object | None) -> bpy.types.Object:
    """The highest parent that does not hold another character's armature too."""
    root = obj
    for parent in _parents(obj):
        others = {child for child in parent.children_recursive if child.type == 'ARMATURE'} - {armature}
        if others:
            break
        root = parent
    return root


def _family(obj: bpy.types.Object, root: bpy.types.Object, armature: bpy.types.Object | None) -> list[bpy.types.Object]:
    """The root and what hangs below it, without other faces, their parts, and meshes that stand apart."""
    members = [root, *root.children_recursive]
    own = {obj, *obj.children_recursive}
    if armature is not None:
        own.update(other for other in members if armature_of(other) == armature)
    keyed = [other for other in members if channels_of.shape_keys(other)]
    own_keyed, others = [other for other in keyed if other in own], [other for other in keyed if other not in own]
    if not own_keyed or not others:
        return members
    apart = set(others) - _reached(own_keyed, _without_other_faces(obj, own, keyed))
    return [other for other in members if other not in apart]


def _without_other_faces(
    obj: bpy.types.Object, own: set[bpy.types.Object], keyed: list[bpy.types.Object]
) -> list[bpy.types.Object]:
    """Of meshes below one parent those that are neither another face than the object's nor a part of one."""
    faces = _faces(keyed)
    mine = _face_of(obj, faces) if len(faces) > 1 else None
    if mine is None:
        return keyed if len(faces) < 2 else [other for other in keyed if other in own]
    return [other for other in keyed if other in own or _face_of(other, faces) == mine]


def _reached(near: list[bpy.types.Object], others: Iterable[bpy.types.Object]) -> set[bpy.types.Object]:
    """Those of the others that touch the near ones, or one that does; also what moves by itself, wherever it is now."""
    left, found = [other for other in others if other not in near], set()
    while near and left:
        reach = [boxes.box_of(other) for other in near]
        near = [
            other for other in left
            if _own_motion(other) or any(boxes.touch(boxes.box_of(other), box) for box in reach)
        ]
        found.update(near)
        left = [other for other in left if other not in near]
    return found


def _surroundings(context: bpy.types.Context, obj: bpy.types.Object) -> set[bpy.types.Object]:
    """Objects among which parts of a character may lie: not backups in excluded collections and other scenes."""
    seen = set(context.view_layer.objects).intersection(context.scene.objects)      # the former may be out of date
    return seen if obj in seen else {other for scene in obj.users_scene for other in scene.objects} - seen


def _without_backups(
    members: list[bpy.types.Object], obj: bpy.types.Object, layer: bpy.types.ViewLayer
) -> list[bpy.types.Object]:
    """Members without hidden copies of others: earlier states of a mesh that were put aside."""
    excluded = set(_excluded(layer.layer_collection))
    aside = [
        other for other in members
        if other != obj and (_is_out_of_sight(other) or excluded.issuperset(other.users_collection))
    ]
    shapes = {_shape(other) for other in members if other not in aside}
    return [other for other in members if other not in aside or _shape(other) not in shapes]


def _excluded(layer_collection: bpy.types.LayerCollection) -> Iterator[bpy.types.Collection]:
    if layer_collection.exclude:
        yield layer_collection.collection
    for child in layer_collection.children:
        yield from _excluded(child)


def _shape(obj: bpy.types.Object) -> object:
    """Alike for copies of a mesh with shape keys; of anything else the object itself."""
    names = channels_of.shape_keys(obj)
    return (len(obj.data.vertices), names) if names and obj.type == 'MESH' else obj


def _is_out_of_sight(obj: bpy.types.Object) -> bool:
    return obj.hide_render and (obj.hide_viewport or obj.hide_get())


def _loose_parts(around: set[bpy.types.Object], obj: bpy.types.Object) -> list[bpy.types.Object]:
    """Meshes without a parent that share key names with this one and lie in it: separate teeth or tongue of a head."""
    names = channels_of.shape_keys(obj)
    if not names or obj.parent is not None:
        return []
    ordered = sorted(around - {obj}, key=lambda other: other.name_full)
    near = [other for other in ordered if not names.isdisjoint(channels_of.shape_keys(other)) and _lies_in(other, obj)]
    if not near:
        return []
    faces = _faces([obj, *near])
    mine = _face_of(obj, faces)
    return [
        other for other in near
        if other.parent is None and not _is_out_of_sight(other) and _fit(other, obj)
        and (len(faces) < 2 or (mine is not None and _face_of(other, faces) == mine))
    ]


def _fit(other: bpy.types.Object, obj: bpy.types.Object) -> bool:
    """Whether no armature says that two meshes are parts of two characters."""
    one, another = armature_of(obj), armature_of(other)
    return one is None or another is None or one == another


def _lies_in(other: bpy.types.Object, obj: bpy.types.Object) -> bool:
    """Whether the middle of one mesh lies in the other, on any frame."""
    followed = {_followed(other), _followed(obj)} - {None}
    if not followed & {other, obj} and _own_motion(other) != _own_motion(obj):
        return False
    low, high = boxes.box_of(obj)
    other_low, other_high = boxes.box_of(other)
    margin = (high - low).max() * boxes.MARGIN
    centre, other_centre = (low + high) / 2, (other_low + other_high) / 2
    inside = (other_low - margin <= centre).all() and (centre <= other_high + margin).all()
    return bool(inside or ((low - margin <= other_centre).all() and (other_centre <= high + margin).all()))


def _followed(obj: bpy.types.Object) -> bpy.types.Object | None:
    """What an object follows by a constraint."""
    found = (one.target for one in obj.constraints if one.type in _FOLLOWING[1:] and not one.mute)
    return next((target for target in found if target is not None), None)


def _own_motion(obj: bpy.types.Object) -> frozenset[object]:
    """What moves an object as a whole: its Actions and the constraints on it; alike for what moves together."""
    found: set[object] = {(one.type, one.target) for one in obj.constraints if not one.mute and hasattr(one, "target")}
    animation = obj.animation_data
    if animation is None:
        return frozenset(found)
    strips = [strip for track in animation.nla_tracks for strip in track.strips]
    for player in (animation, *strips):
        if player.action is not None and any(map(_is_transform, _paths(player))):
            found.add(player.action)
    found.update(curve.data_path for curve in animation.drivers if _is_transform(curve.data_path))
    return frozenset(found)


def _paths(player: bpy.types.AnimData | bpy.types.NlaStrip) -> Iterator[str]:
    if not hasattr(player.action, "layers"):
        yield from (curve.data_path for curve in player.action.fcurves)
        return
    for strip in (strip for layer in player.action.layers for strip in layer.strips):
        bag = strip.channelbag(player.action_slot) if player.action_slot else None
        yield from (curve.data_path for curve in bag.fcurves) if bag else ()


def _is_transform(path: str) -> bool:
    return path.startswith(_TRANSFORMS)


# ---- faces and parts

def _faces(meshes: list[bpy.types.Object]) -> list[bpy.types.Object]:
    """Those meshes that are a face each: about as many keys move them as the richest one, or both eyes and mouth."""
    strong = {obj: strong_keys(obj) for obj in meshes if not _PART_WORDS & _words(obj)}
    most = max(map(len, strong.values()), default=0)
    leading = [obj for obj in strong if _leads(obj)]
    return [
        obj for obj, names in strong.items()
        if (len(leading) > 1 and obj in leading)
        or (len(names) >= FEWEST_STRONG and (len(names) >= ALIKE * most or _moves_eyes_and_mouth(names)))
    ]


def strong_keys(obj: bpy.types.Object) -> frozenset[str]:
    """Shape keys that really move the vertices of a mesh.

    A part that was separated from a head has all of the head's keys, and few of them move it.
    """
    names = channels_of.shape_keys(obj)
    if not names or obj.type != 'MESH':
        return names
    keys = obj.data.shape_keys
    known = _strong.get(keys.session_uid)
    if known is None or known[0] != (names, len(obj.data.vertices)):
        if len(_strong) > len(bpy.data.shape_keys):         # some were removed or belong to another file
            _strong.clear()
        basis = _positions(keys.reference_key)
        moves = {name: float(np.abs(_positions(keys.key_blocks[name]) - basis).max(initial=0)) for name in names}
        strong = frozenset(name for name, far in moves.items() if far > STRONG * max(moves.values()))
        known = _strong[keys.session_uid] = (names, len(obj.data.vertices)), strong
    return known[1]


# by session_uid of the Key: what it was measured for, and the strong keys; a head of 14,000 vertices takes 0.1 s
_strong: dict[int, tuple[tuple[frozenset[str], int], frozenset[str]]] = {}


def _positions(block: bpy.types.ShapeKey) -> np.ndarray:
    values = np.empty(3 * len(block.data), np.float32)
    block.data.foreach_get("co", values)
    return values


def _moves_eyes_and_mouth(names: frozenset[str]) -> bool:
    spelled = [name.casefold() for name in names]
    return all(any(word in name for name in spelled for word in words) for words in (_EYE_WORDS, _MOUTH_WORDS))


def _leads(obj: bpy.types.Object) -> bool:
    """Whether parts of a character hang below this mesh."""
    return any(channels_of.shape_keys(child) for child in obj.children_recursive)


def _face_of(part: bpy.types.Object, faces: list[bpy.types.Object]) -> bpy.types.Object | None:
    """The face to which a part belongs, by the first tie that only one of them has; None where nothing tells."""
    if part in faces:
        return part
    for tie in _TIES:
        strengths = [tie(part, face) for face in faces]
        best = max(strengths, default=0)
        if best and strengths.count(best) == 1:
            return faces[strengths.index(best)]
    return faces[0] if len(faces) == 1 else None


def _hangs(part: bpy.types.Object, face: bpy.types.Object) -> int:
    return face in _parents(part) or part in _parents(face) or _followed(part) == face


def _same_armature(part: bpy.types.Object, face: bpy.types.Object) -> int:
    return armature_of(part) is not None and armature_of(part) == armature_of(face)


def _common_parents(part: bpy.types.Object, face: bpy.types.Object) -> int:
    return len(set(_parents(part)) & set(_parents(face)))


def _common_collections(part: bpy.types.Object, face: bpy.types.Object) -> int:
    return len(set(part.users_collection) & set(face.users_collection))


def _common_words(part: bpy.types.Object, face: bpy.types.Object) -> int:
    return len(_words(part) & _words(face))


def _words(obj: bpy.types.Object) -> set[str]:
    """Words of an object's name: "AnnaTeeth_v02" gives anna and teeth."""
    apart = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", obj.name)
    return {word.casefold() for word in re.findall(r"[^\W\d_]{2,}", apart)}


_TIES: tuple[Callable[[bpy.types.Object, bpy.types.Object], int], ...] = (
    _hangs, _same_armature, _common_parents, _common_collections, _common_words,
)
