"""Slider ranges of shape keys: Blender cuts values at a slider's ends, so keys beyond them need a longer slider. Helper of fcurves.py."""

from __future__ import annotations

from collections.abc import Mapping

import bpy
import numpy as np

SLIDER_LIMIT = 10.0             # Blender's own limit for the range of a shape key


def widen(keys: bpy.types.Key, points: Mapping[tuple[str, int], np.ndarray], ranges: dict[str, list[float]]) -> int:
    """Move the ends of sliders to the lowest and highest key.

    Args:
        points: channel -> (n, 2) frames and values.
        ranges: takes shape key -> range before, then range after, for `restore`.
    Returns:
        Number of sliders that were too short.
    """
    widened = 0
    blocks = {f'key_blocks["{bpy.utils.escape_identifier(block.name)}"].value': block for block in keys.key_blocks}
    for (path, _), rows in points.items():
        block = blocks[path]
        now = [block.slider_min, block.slider_max]
        low = max(min(block.slider_min, float(rows[:, 1].min())), -SLIDER_LIMIT)
        high = min(max(block.slider_max, float(rows[:, 1].max())), SLIDER_LIMIT)
        if [low, high] == now:
            continue
        known = ranges.get(block.name)
        block.slider_min, block.slider_max = low, high
        before = known[:2] if known is not None and known[2:] == now else now
        ranges[block.name] = [*before, block.slider_min, block.slider_max]
        widened += 1
    return widened


def restore(keys: bpy.types.ID, ranges: Mapping[str, list[float]]) -> None:
    """Give sliders the ranges from before `widen`, but for those that the artist has changed since."""
    for name, (low, high, *after) in ranges.items():
        block = keys.key_blocks.get(name)
        if block is not None and [block.slider_min, block.slider_max] == after:
            block.slider_min, block.slider_max = low, high
