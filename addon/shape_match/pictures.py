"""Pictures beside each other for the row that is chosen in Match by Shape: the pose on the test head, and the keys on the character.

Drawn when they are looked at and kept in memory only: a file that is loaded anew has none until the shapes are matched again.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

import bpy
import bpy.utils.previews
import numpy as np

from ...engine.geometry.shape_match import Head, Proposal
from ...engine.geometry.shape_picture import SIZE_PX, Sampled


@dataclass(frozen=True)
class _Faces:
    """Both heads as they lie on each other: samples, displacements in millimetres (k, n, 3), and the keys' names."""

    reference: tuple[Sampled, np.ndarray, tuple[str, ...]]
    character: tuple[Sampled, np.ndarray, tuple[str, ...]]


_state: dict[str, object] = {}      # "faces", and "pictures": Blender's previews


def remember(head: Head, reference: Head, proposal: Proposal) -> None:
    """What icons() draws from now on."""
    forget()
    turn = (proposal.placement.scale * proposal.placement.rotation.T).astype(np.float32)
    _state["faces"] = _Faces(
        (Sampled.of(reference.points, reference.triangles), reference.moves, reference.names),
        (Sampled.of(proposal.placement.place(head.points), head.triangles), head.moves @ turn, head.names),
    )


def icons(channel: str, keys: str) -> tuple[int, int] | None:
    """Icons of a channel's pose on the test head, and of its keys (JSON of names and weights) on the character; None where nothing is remembered."""
    faces = _state.get("faces")
    if not isinstance(faces, _Faces) or channel not in faces.reference[2]:
        return None
    weights = dict(json.loads(keys))
    return _icon(f"pose {channel}", faces.reference, {channel: 1.0}), _icon(f"keys {keys}", faces.character, weights)


def forget() -> None:
    """Free the pictures and the heads."""
    pictures = _state.pop("pictures", None)
    if pictures is not None:
        bpy.utils.previews.remove(pictures)
    _state.clear()


def _icon(name: str, face: tuple[Sampled, np.ndarray, tuple[str, ...]], weights: dict[str, float]) -> int:
    if "pictures" not in _state:
        _state["pictures"] = bpy.utils.previews.new()
    pictures = _state["pictures"]
    if name not in pictures:
        sampled, moves, names = face
        moved = sum((weight * moves[names.index(key)] for key, weight in weights.items() if key in names), np.zeros_like(sampled.points))
        picture = pictures.new(name)
        picture.image_size = (SIZE_PX, SIZE_PX)
        picture.image_pixels_float.foreach_set(sampled.picture(moved).ravel())
    return pictures[name].icon_id
