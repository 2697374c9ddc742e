"""Lines that are heard: which rows of the list listen, to whom, and rows for all who say nothing meanwhile."""

from __future__ import annotations

from collections.abc import Sequence

import bpy

from ..sound import strips as sound_strips

Row = bpy.types.PropertyGroup


def speaker_of(rows: Sequence[Row], listener: Row) -> bpy.types.Object | None:
    """The character that says what a row listens to; None where no row says it."""
    said = (row for row in rows if not row.listens and _sound(row) == _sound(listener))
    return next((row.character for row in said if row.character not in (None, listener.character)), None)


def add_listeners(context: bpy.types.Context) -> int:
    """A listening row for each line and each other character of the list that says nothing meanwhile; how many."""
    cast = context.scene.unitalker_cast
    people = list(dict.fromkeys(row.character for row in cast.rows if row.character is not None))
    known = {(_sound(row), row.character) for row in cast.rows}
    wanted = [
        (index, person)
        for index, row in enumerate(cast.rows) if not row.listens and row.character is not None
        for person in people
        if (_sound(row), person) not in known and not _speaks_meanwhile(context, cast.rows, person, row)
    ]
    for index, person in wanted:
        _add_copy(cast, cast.rows[index], person)
    return len(wanted)


def _add_copy(cast: bpy.types.PropertyGroup, heard: Row, person: bpy.types.Object) -> None:
    index = list(cast.rows).index(heard)
    row = cast.add()
    heard = cast.rows[index]            # looked up after the list grew
    for name in ("source", "scene", "strip", "mark", "audio", "start_frame", "speaker", "own_channel", "audio_channel"):
        setattr(row, name, getattr(heard, name))
    row.listens, row.character = True, person


def _speaks_meanwhile(context: bpy.types.Context, rows: Sequence[Row], person: bpy.types.Object, heard: Row) -> bool:
    """Whether a character has words of its own on some frame of a line, as far as strips say when they sound."""
    own = [row for row in rows if row.character == person and not row.listens]
    spans = [span for span in (_span(context, row) for row in own) if span]
    during = _span(context, heard)
    return during is not None and any(first < during[1] and during[0] < last for first, last in spans)


def _span(context: bpy.types.Context, row: Row) -> tuple[int, int] | None:
    scene = row.scene or sound_strips.sequencer_scene(context)
    strip = sound_strips.find_marked(scene, row.mark, row.strip) if row.source == 'STRIP' and row.mark else None
    return sound_strips.audible_frames(strip) if strip is not None else None


def _sound(row: Row) -> tuple[object, ...]:
    """What a row says, or hears."""
    if row.source == 'STRIP':
        return row.source, row.mark or row.strip
    return (row.source, row.audio, row.start_frame) if row.source == 'FILE' else (row.source, row.speaker)
