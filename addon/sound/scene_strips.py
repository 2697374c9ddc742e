"""On which frame of a character's scene a frame of an edit is shown: through scene strips, in scenes of any depth."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import bpy

from ...engine import AudioError
from ..host.scene import same_rate, scene_fps
from .retiming_keys import RetimingKey, keys_of, n_content_frames
from .strips import all_strips, audible_frames, content_start, is_muted, with_parents, zero_frame

SAME_FRAME = 0.01


def shift_between(edit: bpy.types.Scene, home: bpy.types.Scene, first: int, right: int) -> int:
    """Frames to add to get from a strip's scene to the character's, which scene strips show from first up to right.

    0 where none shows it there. Raises AudioError: they show it at another speed or frame rate.
    """
    found = None if edit == home else _shift(edit, home, first, right, (edit,))
    return found or 0


def is_shown_elsewhere(edit: bpy.types.Scene, home: bpy.types.Scene, first: int, right: int) -> bool:
    """Whether an edit shows a scene, but not on these frames. Raises AudioError as shift_between."""
    return edit != home and _leads(edit, home, (edit,)) and _shift(edit, home, first, right, (edit,)) is None


def _shift(
    edit: bpy.types.Scene, home: bpy.types.Scene, first: int, right: int, seen: tuple[bpy.types.Scene, ...]
) -> int | None:
    """The same; None where no scene strip shows it. seen: the scenes on the way, against circles."""
    shown = []
    for strip in _scene_strips(edit, seen):
        left, end = audible_frames(strip)
        begin, stop = max(left, first), min(end, right)
        if begin < stop:
            *_, outermost = with_parents(strip)
            hidden = is_muted(edit, strip), strip.scene != home, begin - stop, begin, -outermost.channel
            shown.append((hidden, strip, begin, stop))
    for _, strip, begin, stop in sorted(shown, key=lambda row: row[0]):
        if strip.scene != home and not _leads(strip.scene, home, (*seen, strip.scene)):
            continue
        by = _shift_of(edit, strip, begin, stop)
        if strip.scene == home:
            return by
        _refuse_other_rate(edit, strip.scene)
        further = _shift(strip.scene, home, begin + by, stop + by, (*seen, strip.scene))
        if further is not None:
            return by + further
    return None


def _scene_strips(edit: bpy.types.Scene, seen: tuple[bpy.types.Scene, ...]) -> Iterator[bpy.types.Strip]:
    strips = all_strips(edit) if edit.sequence_editor is not None else ()
    return (strip for strip in strips if strip.type == 'SCENE' and strip.scene not in (None, *seen))


def _leads(edit: bpy.types.Scene, home: bpy.types.Scene, seen: tuple[bpy.types.Scene, ...]) -> bool:
    """Whether scene strips lead from one scene to another."""
    scenes = {strip.scene for strip in _scene_strips(edit, seen)}
    return home in scenes or any(_leads(scene, home, (*seen, scene)) for scene in scenes)


def _shift_of(edit: bpy.types.Scene, strip: bpy.types.Strip, first: int, right: int) -> int:
    """Frames to add to get from a scene to the one that a strip of it shows from first up to right."""
    around = [_timing(one) for one in with_parents(strip)][::-1]
    by = strip.scene.frame_start - round(zero_frame(strip, 1.0))
    slower = any(other.type == 'SPEED' and other.input_1 == strip for other in all_strips(edit))
    if not slower and not any(keys for _, keys, _ in around):
        return by
    shifts = [_played(frame, around) + by - frame for frame in range(first, right)]
    if slower or any(not abs(shift - shifts[0]) < SAME_FRAME for shift in shifts):      # not: also where it is nan
        raise AudioError(
            f"The scene strip {strip.name!r} that shows {strip.scene.name!r} has speed changes, which cannot be "
            "followed. Remove them (Strip > Retiming > Reset)."
        )
    return round(shifts[0])


def _timing(strip: bpy.types.Strip) -> tuple[int, tuple[RetimingKey, ...], int]:
    """First frame of a strip's content, its retiming keys, and how many frames of content they span."""
    try:
        return content_start(strip)[0], keys_of(strip), n_content_frames(strip)
    except LookupError as error:
        raise AudioError(
            f"The speed of strip {strip.name!r} cannot be read in Blender {bpy.app.version_string} ({error}). "
            "Put the sound into the character's scene."
        ) from error


def _played(frame: float, around: list[tuple[int, tuple[RetimingKey, ...], int]]) -> float:
    """The frame of the content of strips, the outermost first, that plays on a frame; nan while the speed changes."""
    for start, keys, n_frames in around:
        frame = start + _content_frame(frame - start, keys, n_frames)
    return frame


def _content_frame(frame: float, keys: tuple[RetimingKey, ...], n_frames: int) -> float:
    for before, after in pairwise(keys):
        if frame < after.frame or after == keys[-1]:
            part = (frame - before.frame) / (after.frame - before.frame)
            share = before.share + part * (after.share - before.share)
            return float("nan") if before.starts_transition else share * n_frames
    return frame


def _refuse_other_rate(edit: bpy.types.Scene, scene: bpy.types.Scene) -> None:
    if not same_rate(scene_fps(edit), scene_fps(scene)):
        raise AudioError(
            f"Scene {edit.name!r} runs at {scene_fps(edit):g} frames per second and {scene.name!r}, which it shows, at "
            f"{scene_fps(scene):g}. Set both to the same rate in Output > Frame Rate."
        )
