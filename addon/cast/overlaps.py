"""Lines of the list that one character would say on the same frames: known before Generate All. Reads only."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator

import bpy

from ..actions.ledger import Span
from ..host.scene import scene_fps
from ..host.translations import translate
from ..sound import strips as sound_strips
from ..sound.clip import speaker_start

SHOWN = 3                       # sentences: the panel is no list of its own


def sentences(
    context: bpy.types.Context, rows: Iterable[bpy.types.PropertyGroup], length_s: Callable[[str], float],
) -> list[str]:
    """A sentence for each two lines that meet.

    Args:
        length_s: seconds of a sound file, by its path; 0 where that is not known.
    """
    lines = defaultdict(list)
    for row in rows:
        span = _span(context, row, length_s) if row.use and row.character is not None else None
        if span is not None:
            lines[_speaks(row)].append((span, row.title()))
    return [
        translate("{!r} and {!r} lie on the same frames of {!r}: the later one of the list replaces keys of the other.",
                  one, other, name)
        for (_, _, name), spoken in lines.items() for one, other in _meeting(spoken)
    ][:SHOWN]


def _speaks(row: bpy.types.PropertyGroup) -> tuple[int, int, str]:
    """What lines have in common that could meet: the scene whose frames count, and what is keyed."""
    scene = row.scene.session_uid if row.source == 'STRIP' and row.scene is not None else 0
    return scene, (row.character.data or row.character).session_uid, row.character.name


def _meeting(spoken: list[tuple[Span, str]]) -> Iterator[tuple[str, str]]:
    before: tuple[Span, str] | None = None
    for line in sorted(spoken):
        if before is not None and line[0][0] < before[0][1]:
            yield before[1], line[1]
        before = line if before is None or line[0][1] > before[0][1] else before


def _span(context: bpy.types.Context, row: bpy.types.PropertyGroup, length_s: Callable[[str], float]) -> Span | None:
    """First frame, and the one after the last; None where that is not known."""
    fps = scene_fps(context.scene)
    if row.source == 'STRIP':
        scene = row.scene or sound_strips.sequencer_scene(context)
        strip = sound_strips.find_marked(scene, row.mark, row.strip)
        return sound_strips.audible_frames(strip) if strip is not None else None
    if row.source == 'FILE':
        first, path = math.floor(row.start_frame), bpy.path.abspath(row.audio)
    elif row.speaker is not None and row.speaker.data.sound is not None:
        first, path = speaker_start(row.speaker, context.scene), bpy.path.abspath(row.speaker.data.sound.filepath)
    else:
        return None
    seconds = length_s(path) if path else 0.0
    return (first, first + seconds * fps) if seconds else None
