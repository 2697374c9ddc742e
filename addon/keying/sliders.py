"""Slider ranges of shape keys: Blender cuts values at a slider's ends, so keys beyond them need a longer slider."""

from __future__ import annotations

from collections.abc import Mapping

import bpy
import numpy as np

from ..actions.ledger import Channel, SliderRange

TOLERANCE = 1e-6                # a value so little beyond the end is at the end
SLIDER_LIMIT = 10.0             # Blender's own limit for the range of a shape key


def beyond(keys: bpy.types.Key, points: Mapping[Channel, np.ndarray]) -> dict[Channel, np.ndarray]:
    """Those channels whose values go beyond their slider; points: channel -> (n, 2) frames and values."""
    ends = _ends(keys)
    return {
        channel: rows for channel, rows in points.items()
        if rows[:, 1].min() < ends[channel[0]][0] - TOLERANCE or rows[:, 1].max() > ends[channel[0]][1] + TOLERANCE
    }


def clip(keys: bpy.types.Key, points: Mapping[Channel, np.ndarray]) -> dict[Channel, np.ndarray]:
    """The same points with values within the sliders."""
    ends = _ends(keys)
    return {channel: np.stack([rows[:, 0], rows[:, 1].clip(*ends[channel[0]])], 1) for channel, rows in points.items()}


def _ends(keys: bpy.types.Key) -> dict[str, tuple[float, float]]:
    return {path: (block.slider_min, block.slider_max) for path, block in _blocks(keys).items()}


def _blocks(keys: bpy.types.Key) -> dict[str, bpy.types.ShapeKey]:
    return {f'key_blocks["{bpy.utils.escape_identifier(block.name)}"].value': block for block in keys.key_blocks}


def widen(
    keys: bpy.types.Key, points: Mapping[Channel, np.ndarray], known: Mapping[str, SliderRange],
) -> tuple[dict[str, SliderRange], int]:
    """Move the ends of sliders to the lowest and highest key.

    Args:
        points: channel -> (n, 2) frames and values.
        known: shape key -> range before and after an earlier widening.
    Returns:
        The same with the sliders that were widened now, for `restore`; and the number of sliders that were too short.
    """
    widened = dict(known)
    count = 0
    blocks = _blocks(keys)
    for (path, _), rows in points.items():
        block = blocks[path]
        now = block.slider_min, block.slider_max
        low = max(min(block.slider_min, float(rows[:, 1].min())), -SLIDER_LIMIT)
        high = min(max(block.slider_max, float(rows[:, 1].max())), SLIDER_LIMIT)
        if (low, high) == now:
            continue
        block.slider_min, block.slider_max = low, high
        earlier = known.get(block.name)
        before = earlier[:2] if earlier is not None and earlier[2:] == now else now
        widened[block.name] = (*before, block.slider_min, block.slider_max)
        count += 1
    return widened, count


def restore(keys: bpy.types.ID, known: Mapping[str, SliderRange]) -> None:
    """Give sliders the ranges from before `widen`, but for those that the artist has changed since."""
    for name, (low, high, *after) in known.items():
        block = keys.key_blocks.get(name)
        if block is not None and [block.slider_min, block.slider_max] == after:
            block.slider_min, block.slider_max = low, high
