"""Match by Shape: read the character's meshes, compare them with the test head, show the proposal, save it as a preset.

Three steps, as a take has them: gather (Blender -> arrays), compute (no Blender, any thread), show_proposal (a list for
the panel). Nothing on the character changes; a preset is written only by `save`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import bpy
import numpy as np
from mathutils import Vector

from ...engine import (
    ChannelMatch,
    HeadMesh,
    Picks,
    ShapeProposal,
    guess_points,
    match_shapes,
    preset_of_matches,
    sure_channels,
)
from ...engine.rig.preset_file import save_preset
from ...engine.values.types import never, no_progress
from ..character.mesh_arrays import head_mesh
from ..head.load import LANDMARKS, whole_head
from ..host.preferences import user_folder
from ..host.translations import translate
from ..take import catalog
from ..take.look_up import panel_character
from . import pictures
from .meshes import key_parts, meshes_of

MARKER = "unitalker_marker"     # custom property of an empty: which feature of the face it marks
MARKER_SIZE = 0.02              # of the mesh's size


@dataclass(frozen=True)
class ShapeRequest:
    """A character's meshes as arrays in the world's axes, and the markers on it: feature -> (x, y, z)."""

    head: HeadMesh
    markers: dict[str, tuple[float, float, float]]


def gather(context: bpy.types.Context) -> ShapeRequest:
    """Read the panel's character. Raises RigError: nothing to match, or a mesh in Edit Mode."""
    character = panel_character(context)
    objects = meshes_of(character)
    rig = character.rig("auto", ())
    shapes = rig.shape_keys or rig.empty_keys       # for what is said where all of them are empty
    names = tuple(sorted(shapes - {channel.name for channel in rig.driven}))
    markers = {obj[MARKER]: tuple(obj.matrix_world.translation) for obj in _markers(context, objects)}
    return ShapeRequest(head_mesh(objects, names), markers)


def compute(
    request: ShapeRequest, progress: Callable[[float], None] = no_progress, cancelled: Callable[[], bool] = never,
) -> ShapeProposal:
    """Compare with the test head: no Blender data, any thread. Raises RigError, Cancelled."""
    return match_shapes(request.head, _reference(), Picks(request.markers, LANDMARKS), progress, cancelled)


def show_proposal(context: bpy.types.Context, proposal: ShapeProposal, request: ShapeRequest | None = None) -> str:
    """Fill the panel's list; a sentence that sums the proposal up. With the request, pictures can be drawn too."""
    if request is not None:
        pictures.remember(request.head, _reference(), proposal)
    state = context.scene.unitalker_shapes
    hide(context)
    state.rows.clear()
    sure = sure_channels(proposal.matches)
    for match in proposal.matches:
        row = state.rows.add()
        row.channel, row.score, row.keys = match.channel, match.score, json.dumps(match.keys)
        row.use = match.channel in sure
    state.active = 0
    state.unmatched, state.unused = ", ".join(proposal.unmatched), ", ".join(proposal.unused)
    ticked = sum(row.use for row in state.rows)
    whole = len(proposal.matches) + len(proposal.unmatched)
    return translate(
        "{} of {} channels found, {} of them ticked. Look at each, then save a preset", len(state.rows), whole, ticked,
    )


def save(context: bpy.types.Context, name: str) -> str:
    """Write the ticked rows as one of the user's own presets, and choose it.

    Returns:
        A sentence: the path of the file, and what the face will not do with this preset.
    Raises:
        RigError: no row is ticked. PresetError, OutputError.
    """
    ticked = [row for row in context.scene.unitalker_shapes.rows if row.use]
    matches = [ChannelMatch(row.channel, tuple(map(tuple, json.loads(row.keys))), row.score) for row in ticked]
    path = save_preset(preset_of_matches(matches, name.strip()), user_folder("presets", create=True))
    catalog.refresh()
    context.scene.unitalker.preset = path.stem
    hide(context)
    channels = {row.channel for row in ticked}
    lacking = [what for what, needed in _abilities() if not channels.intersection(needed)]
    saved = translate("Saved {}", path)
    return translate("{}. The face will have no: {}", saved, ", ".join(lacking)) if lacking else saved


def _abilities() -> tuple[tuple[str, tuple[str, ...]], ...]:
    """What a face can do with any of some channels."""
    return (
        (translate("jaw"), ("jawOpen",)),
        (translate("closed lips (p, b, m)"), ("mouthClose",)),
        (translate("rounded lips"), ("mouthFunnel", "mouthPucker")),
        (translate("lip under the teeth (f, v)"), ("mouthRollLower",)),
        (translate("smiles"), ("mouthSmileLeft", "mouthSmileRight")),
        (translate("blinks"), ("eyeBlinkLeft", "eyeBlinkRight")),
        (translate("glances"), ("eyeLookInLeft", "eyeLookOutLeft", "eyeLookUpLeft", "eyeLookDownLeft")),
        (translate("brows"), ("browInnerUp", "browOuterUpLeft", "browDownLeft")),
    )


def show(context: bpy.types.Context) -> None:
    """Set the sliders of the active row on the character, until `hide`. Raises RigError when the character is gone."""
    state = context.scene.unitalker_shapes
    parts = key_parts(panel_character(context))
    hide(context)
    shown = []
    for name, weight in json.loads(state.rows[state.active].keys):
        for part in parts:
            block = part.find().key_blocks.get(name)
            if block is not None:
                before, block.value = block.value, weight
                shown.append([part.object_name, part.library, name, before, block.value])
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
    pictures.forget()
    state = context.scene.unitalker_shapes
    state.rows.clear()
    state.unmatched = state.unused = ""


def add_markers(context: bpy.types.Context) -> int:
    """Add empties where the features of the face probably are, to be moved where they are not.

    Returns:
        How many were added: a feature that has a marker keeps it.
    Raises:
        RigError.
    """
    request, objects = gather(context), meshes_of(panel_character(context))
    size = float(np.linalg.norm(np.ptp(request.head.points, axis=0))) if len(request.head.points) else 1.0
    guessed = guess_points(request.head, _reference(), LANDMARKS)
    missing = {name: point for name, point in guessed.items() if name not in request.markers}
    for name, point in missing.items():
        marker = bpy.data.objects.new(f"Lip Sync {name}", None)
        marker[MARKER] = name
        marker.empty_display_type, marker.empty_display_size = 'SPHERE', MARKER_SIZE * size
        marker.show_in_front = marker.show_name = True
        context.scene.collection.objects.link(marker)
        marker.parent = objects[0]
        marker.matrix_parent_inverse = objects[0].matrix_world.inverted_safe()
        marker.location = Vector(point)
    context.view_layer.update()
    return len(missing)


def remove_markers(context: bpy.types.Context) -> int:
    """Delete the character's markers; how many there were. Raises RigError."""
    found = list(_markers(context, meshes_of(panel_character(context))))
    for marker in found:
        bpy.data.objects.remove(marker)
    return len(found)


def _reference() -> HeadMesh:
    head = whole_head()
    return HeadMesh(head.points, head.triangles, head.moves, head.names)


def _markers(context: bpy.types.Context, meshes: list[bpy.types.Object]) -> Iterator[bpy.types.Object]:
    return (obj for obj in context.scene.objects if MARKER in obj and obj.parent in meshes)
