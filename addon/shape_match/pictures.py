"""Pictures for the row that is chosen in Match by Shape: the pose on the test head, and the keys on the character.

They are drawn when they are looked at and stay in memory only: a file that is loaded anew has none until the shapes are
matched again.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

import bpy
import bpy.utils.previews
import numpy as np

from ...engine import SIZE_PX, HeadMesh, SampledFace, ShapeProposal


@dataclass(frozen=True)
class _Face:
    """A head as it lies on the test head: samples, displacements (k, n, 3) in millimetres, names of the keys."""

    sampled: SampledFace
    moves: np.ndarray
    names: tuple[str, ...]


_state: dict[str, object] = {}      # "reference" and "character": both faces; "pictures": Blender's previews


def remember(head: HeadMesh, reference: HeadMesh, proposal: ShapeProposal) -> None:
    """What icons() draws from now on."""
    forget()
    turn = (proposal.placement.scale * proposal.placement.rotation.T).astype(np.float32)
    _state["reference"] = _Face(
        SampledFace.of(reference.points, reference.triangles), reference.moves, reference.names,
    )
    _state["character"] = _Face(
        SampledFace.of(proposal.placement.place(head.points), head.triangles), head.moves @ turn, head.names,
    )


def icons(channel: str, keys: str) -> tuple[int, int] | None:
    """Icons of a channel's pose on the test head, and of its keys on the character; None where nothing is remembered.

    Args:
        keys: JSON of names and weights.
    """
    reference = _state.get("reference")
    if reference is None or channel not in reference.names:
        return None
    pose = _icon(f"pose {channel}", reference, {channel: 1.0})
    return pose, _icon(f"keys {keys}", _state["character"], dict(json.loads(keys)))


def forget() -> None:
    """Free the pictures and the heads."""
    pictures = _state.pop("pictures", None)
    if pictures is not None:
        bpy.utils.previews.remove(pictures)
    _state.clear()


def _icon(name: str, face: _Face, weights: dict[str, float]) -> int:
    if "pictures" not in _state:
        _state["pictures"] = bpy.utils.previews.new()
    pictures = _state["pictures"]
    if name not in pictures:
        moved = np.zeros_like(face.sampled.points)
        for key, weight in weights.items():
            if key in face.names:
                moved = moved + weight * face.moves[face.names.index(key)]
        picture = pictures.new(name)
        picture.image_size = (SIZE_PX, SIZE_PX)
        picture.image_pixels_float.foreach_set(face.sampled.picture(moved).ravel())
    return pictures[name].icon_id
