"""Match by Shape: read the character's meshes, compare them with the test head (engine/geometry/shape_match.py), keep the proposal in the scene.

Three steps, as in take.py: gather (Blender -> arrays), compute (no Blender, any thread), keep (a list for the panel). Nothing on the character
changes; a preset is written only by `save`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import bpy
import numpy as np
from mathutils import Vector

from ...engine import RigError
from ...engine.geometry.shape_match import ChannelMatch, Head, Picks, Proposal, guess_points, match_shapes, to_preset
from ...engine.rig import presets
from ...engine.values.types import no_progress
from ..character import character as rig
from ..head.load import LANDMARKS, whole_head
from ..host.preferences import user_folder
from ..host.translations import translate
from . import pictures as shape_pictures

MARKER = "unitalker_marker"     # custom property of an empty: which feature of the face it marks
MARKER_SIZE = 0.02              # of the mesh's size
TICKED_SCORE = 0.45             # cosine from which a match is ticked: below, a person has to look first
CLEAR_MARGIN = 0.1              # by which it must exceed the likeness with a channel that found no key: else the key may be that one's


@dataclass(frozen=True)
class Request:
    """A character's meshes as arrays in the world's axes, and the markers on it: feature -> (x, y, z)."""

    head: Head
    markers: dict[str, tuple[float, float, float]]


def gather(context: bpy.types.Context) -> Request:
    """Read the panel's character. Raises RigError: nothing to match, or a mesh in Edit Mode."""
    character = character_of(context)
    objects = meshes_of(character)
    wanted = character.rig("auto", ())
    names = tuple(sorted(wanted.shape_keys - {channel.name for channel in wanted.driven}))
    markers = {obj[MARKER]: tuple(obj.matrix_world.translation) for obj in _markers(context, objects)}
    return Request(_head(objects, names), markers)


def compute(request: Request, progress: Callable[[float], None] = no_progress, cancelled: Callable[[], bool] = lambda: False) -> Proposal:
    """Compare with the test head: no Blender data, any thread. Raises RigError, Cancelled."""
    return match_shapes(request.head, _reference(), Picks(request.markers, LANDMARKS), progress, cancelled)


def keep(context: bpy.types.Context, proposal: Proposal, request: Request | None = None) -> str:
    """Put the proposal into the panel's list; a sentence that sums it up. With what was gathered, pictures can be drawn too."""
    if request is not None:
        shape_pictures.remember(request.head, _reference(), proposal)
    state = context.scene.unitalker_shapes
    hide(context)
    state.rows.clear()
    for match in proposal.matches:
        row = state.rows.add()
        row.channel, row.score, row.keys, row.use = match.channel, match.score, json.dumps(match.keys), _sure(match)
    state.active = 0
    state.unmatched, state.unused = ", ".join(proposal.unmatched), ", ".join(proposal.unused)
    ticked = sum(row.use for row in state.rows)
    whole = len(proposal.matches) + len(proposal.unmatched)
    return translate("{} of {} channels found, {} of them ticked. Look at each, then save a preset", len(state.rows), whole, ticked)


def _sure(match: ChannelMatch) -> bool:
    return match.score >= TICKED_SCORE and match.score - match.rival >= CLEAR_MARGIN


def save(context: bpy.types.Context, name: str) -> tuple[str, str]:
    """Write the ticked rows as one of the user's own presets. Returns its id and path. Raises RigError, PresetError, OutputError."""
    ticked = [row for row in context.scene.unitalker_shapes.rows if row.use]
    matches = [ChannelMatch(row.channel, tuple((key, weight) for key, weight in json.loads(row.keys)), row.score) for row in ticked]
    preset = to_preset(matches, name.strip())
    path = presets.save_preset(preset, user_folder("presets", create=True))
    return Path(path).stem, str(path)


def show(context: bpy.types.Context) -> None:
    """Set the sliders of the active row on the character, until `hide`. Raises RigError when the character is gone."""
    state = context.scene.unitalker_shapes
    targets = _key_targets(character_of(context))
    hide(context)
    shown = []
    for name, weight in json.loads(state.rows[state.active].keys):
        for target in targets:
            block = target.find().key_blocks.get(name)
            if block is not None:
                before, block.value = block.value, weight
                shown.append([target.object_name, target.library, name, before, block.value])
    state.shown = json.dumps(shown) if shown else ""


def hide(context: bpy.types.Context) -> None:
    """Give back the sliders that `show` set and nobody moved since."""
    state = context.scene.unitalker_shapes
    for object_name, library, name, before, now in json.loads(state.shown or "[]"):
        obj = bpy.data.objects.get((object_name, library or None))
        keys = getattr(getattr(obj, "data", None), "shape_keys", None)
        block = keys.key_blocks.get(name) if keys else None
        if block is not None and block.value == now:
            block.value = before
    state.shown = ""


def close(context: bpy.types.Context) -> None:
    """Forget the proposal."""
    hide(context)
    shape_pictures.forget()
    state = context.scene.unitalker_shapes
    state.rows.clear()
    state.unmatched = state.unused = ""


def add_markers(context: bpy.types.Context) -> int:
    """Empties where the features of the face probably are, to be moved where they are not. Returns how many were added; raises RigError."""
    request, objects = gather(context), meshes_of(character_of(context))
    there = set(request.markers)
    size = float(np.linalg.norm(np.ptp(request.head.points, axis=0))) if len(request.head.points) else 1.0
    added = 0
    for name, point in guess_points(request.head, _reference(), LANDMARKS).items():
        if name in there:
            continue
        marker = bpy.data.objects.new(f"Lip Sync {name}", None)
        marker[MARKER] = name
        marker.empty_display_type, marker.empty_display_size = 'SPHERE', MARKER_SIZE * size
        marker.show_in_front = marker.show_name = True
        context.scene.collection.objects.link(marker)
        marker.parent = objects[0]
        marker.matrix_parent_inverse = objects[0].matrix_world.inverted_safe()
        marker.location = Vector(point)
        added += 1
    context.view_layer.update()
    return added


def remove_markers(context: bpy.types.Context) -> int:
    """Delete the character's markers; how many there were. Raises RigError."""
    found = list(_markers(context, meshes_of(character_of(context))))
    for marker in found:
        bpy.data.objects.remove(marker)
    return len(found)


def _reference() -> Head:
    made = whole_head()
    return Head(made.points, made.triangles, made.moves, made.names)


def character_of(context: bpy.types.Context) -> rig.Character:
    """The panel's character. Raises RigError."""
    settings = context.scene.unitalker
    return rig.gather(context, settings.character.name if settings.character else "", settings.with_related)


def _key_targets(character: rig.Character) -> list[rig.Target]:
    return [target for target in character.targets if target.kind == 'KEY']


def meshes_of(character: rig.Character) -> list[bpy.types.Object]:
    """The meshes with shape keys, the one with the most keys first. Raises RigError."""
    targets = sorted(_key_targets(character), key=lambda target: -len(target.names))
    objects = [bpy.data.objects.get((target.object_name, target.library or None)) for target in targets]
    meshes = [obj for obj in objects if obj is not None and obj.type == 'MESH']
    if not meshes:
        raise RigError(f"{character.name!r} has no mesh with shape keys, so there are no shapes to compare. Pick the face mesh.")
    editing = next((obj for obj in meshes if obj.mode == 'EDIT'), None)
    if editing is not None:
        raise RigError(f"{editing.name!r} is in Edit Mode, where its shape keys cannot be read. Leave it (Tab), then match again.")
    return meshes


def _markers(context: bpy.types.Context, meshes: list[bpy.types.Object]) -> Iterator[bpy.types.Object]:
    return (obj for obj in context.scene.objects if MARKER in obj and obj.parent in meshes)


def _head(objects: list[bpy.types.Object], names: tuple[str, ...]) -> Head:
    """All meshes as one: a key of several meshes counts once."""
    sizes = [len(obj.data.shape_keys.reference_key.data) for obj in objects]
    moves = np.zeros((len(names), sum(sizes), 3), np.float32)
    points, triangles, first = [], [], 0
    for obj, size in zip(objects, sizes, strict=True):
        matrix = np.array(obj.matrix_world, np.float64)
        keys = obj.data.shape_keys
        points.append(coordinates(keys.reference_key) @ matrix[:3, :3].T + matrix[:3, 3])
        faces = _triangles(obj.data) + first
        triangles.append(faces if np.linalg.det(matrix[:3, :3]) > 0 else faces[:, ::-1])
        for row, name in enumerate(names):
            block = keys.key_blocks.get(name)
            if block is not None:
                moves[row, first:first + size] = displacement(obj, block) @ matrix[:3, :3].T
        first += size
    return Head(np.concatenate(points), np.concatenate(triangles), moves, names)


def coordinates(block: bpy.types.ShapeKey) -> np.ndarray:
    """(n, 3) vertices of a shape key in the mesh's axes."""
    values = np.empty(3 * len(block.data), np.float32)
    block.data.foreach_get("co", values)
    return values.reshape(-1, 3).astype(np.float64)


def displacement(obj: bpy.types.Object, block: bpy.types.ShapeKey) -> np.ndarray:
    """(n, 3) in the mesh's axes, what its vertex group masks left out."""
    moved = coordinates(block) - coordinates(block.relative_key)
    group = obj.vertex_groups.get(block.vertex_group) if block.vertex_group else None
    if group is None:
        return moved
    mask = np.zeros(len(moved))
    for vertex in obj.data.vertices:
        for membership in vertex.groups:
            if membership.group == group.index:
                mask[vertex.index] = membership.weight
    return moved * mask[:, None]


def _triangles(mesh: bpy.types.Mesh) -> np.ndarray:
    mesh.calc_loop_triangles()
    corners = np.empty(3 * len(mesh.loop_triangles), np.int32)
    mesh.loop_triangles.foreach_get("vertices", corners)
    return corners.reshape(-1, 3).astype(np.intp)
