"""Phones as timeline markers: put them there, see what the artist did with them, take them away again. The artist's own
markers are never touched.

A marker is named by the symbol of its phone and stands on the frame on which the phone begins. Which markers are ours
is known by their position among the scene's markers as these were last seen: moving, renaming, copying and deleting
with Blender's own tools all keep that. A new marker that is named like a phone, within the frames of a shown take, is a
phone too; one of another name is the artist's.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

import bpy

from . import rows as phone_rows
from . import symbols, words

Scene = bpy.types.Scene
Row = bpy.types.PropertyGroup
ShownTake = bpy.types.PropertyGroup
Marker = tuple[str, int]        # name and frame
Seen = tuple[str, int, int]     # name, frame, and uid of the row or 0
# positions of one marker, as seen last and now; None where it is gone or new
Pairs = list[tuple[int | None, int | None]]


def show(scene: Scene, take: ShownTake) -> None:
    """Put a marker on the start of each phone and word of a take, as far as their tracks are shown."""
    sync(scene)
    take.visible = True
    tracks = scene.unitalker_phones.tracks
    wanted = [*(take.words if 'WORDS' in tracks else ()), *(take.rows if 'PHONES' in tracks else ())]
    _add(scene, take, wanted, _seen(scene))


def hide(scene: Scene, take: ShownTake) -> None:
    """Remove the markers of a take; its rows stay."""
    sync(scene)
    _remove(scene, {row.uid for row in (*take.rows, *take.words)})
    take.visible = False


def sync(scene: Scene) -> bool:
    """Bring what the artist did with the markers into the rows. Returns whether that was anything."""
    seen, now = _seen(scene), [(marker.name, marker.frame) for marker in scene.timeline_markers]
    before = [(name, frame) for name, frame, _ in seen]
    if before == now:
        return False
    from .matching import match  # needs NumPy, which registering must not load

    pairs = match(before, now, frozenset(name for name, _ in now if symbols.label_of(name)))
    takes = [take for take in scene.unitalker_phones.takes if take.visible]
    uids = _follow_known(takes, seen, now, pairs)
    _remove_gone(takes, seen, pairs)
    _add_new(scene, takes, now, pairs, uids)
    for take in takes:
        phone_rows.order(take)
    _store(scene, [(name, frame, uid) for (name, frame), uid in zip(now, uids, strict=True)])
    return True


def _follow_known(takes: Sequence[ShownTake], seen: Sequence[Seen], now: Sequence[Marker], pairs: Pairs) -> list[int]:
    """Rows whose markers were moved or renamed. Returns for each marker of now the uid of its row, 0 for others."""
    by_uid = {row.uid: (take, row) for take in takes for row in (*take.rows, *take.words)}
    uids = [0] * len(now)
    for i, j in pairs:
        if i is None or j is None or seen[i][2] not in by_uid:
            continue
        uids[j] = seen[i][2]
        if now[j] != seen[i][:2]:
            take, row = by_uid[uids[j]]
            _follow(take, row, seen[i], now[j])
    return uids


def _follow(take: ShownTake, row: Row, was: Seen, now: Marker) -> None:
    by_s, is_word = (now[1] - was[1]) / take.fps, hasattr(row, "emphasis")
    if by_s and is_word:
        words.move(take, row, by_s)
    elif by_s:
        phone_rows.move(take, row, row.start_s + by_s)
    if now[0] != was[0] and is_word:
        words.rename(row, now[0])
    elif now[0] != was[0]:
        label = symbols.label_of(now[0])
        row.problem = "" if label else now[0]
        row.label = label or row.label


def _remove_gone(takes: Sequence[ShownTake], seen: Sequence[Seen], pairs: Pairs) -> None:
    gone = {seen[i][2] for i, j in pairs if i is not None and j is None} - {0}
    for take in takes if gone else ():
        phone_rows.remove(take, gone)


def _add_new(scene: Scene, takes: Sequence[ShownTake], now: Sequence[Marker], pairs: Pairs, uids: list[int]) -> None:
    """Rows for new markers that are named like phones; sets their uids."""
    for j in [j for i, j in pairs if i is None and j is not None]:
        take = _take_at(takes, now[j], uids[:j])
        if take is not None:
            uids[j] = next_uid(scene)
            name, frame = now[j]
            phone_rows.add(take, symbols.label_of(name), (frame - take.first_frame) / take.fps, uids[j])


def _take_at(takes: Sequence[ShownTake], marker: Marker, uids_before: Sequence[int]) -> ShownTake | None:
    """The shown take that a new marker belongs to: the one it lies in, of several the one whose markers stand before it
    in the scene.

    None for a marker of the artist's.
    """
    name, frame = marker
    if not symbols.is_symbol(name):
        return None
    around = [take for take in takes if take.first_frame - 0.5 <= frame <= take.first_frame + take.end_s * take.fps]
    last = next((uid for uid in reversed(uids_before) if uid), 0)
    return next((take for take in around if any(row.uid == last for row in take.rows)), around[0] if around else None)


def follow_rows(scene: Scene, take: ShownTake) -> None:
    """Bring rows that were edited in the list to their markers, where these are shown."""
    if not take.visible:
        return
    sync(scene)         # what the artist did with other markers meanwhile
    seen = _seen(scene)
    rows = {row.uid: row for row in take.rows}
    numbers = {uid: number for number, (_, _, uid) in enumerate(seen) if uid in rows}
    for uid, number in numbers.items():
        marker = scene.timeline_markers[number]
        marker.name, marker.frame = _name(rows[uid]), _frame(take, rows[uid])
        seen[number] = (marker.name, marker.frame, uid)
    shown = 'PHONES' in scene.unitalker_phones.tracks
    _add(scene, take, [row for uid, row in rows.items() if shown and uid not in numbers], seen)


def drop(scene: Scene, take: ShownTake, uids: set[int]) -> None:
    """Remove phones that the list deleted, with their markers."""
    _remove(scene, uids)
    phone_rows.remove(take, uids)
    phone_rows.order(take)


def next_uid(scene: Scene) -> int:
    """A number that no row of this scene has had."""
    scene.unitalker_phones.last_uid += 1
    return scene.unitalker_phones.last_uid


def _add(scene: Scene, take: ShownTake, rows: Sequence[Row], seen: list[Seen]) -> None:
    """Markers for these rows, after all others."""
    for row in rows:
        marker = scene.timeline_markers.new(_name(row), frame=_frame(take, row))
        marker.select = False
        seen.append((marker.name, marker.frame, row.uid))
    _store(scene, seen)


def _remove(scene: Scene, uids: set[int]) -> None:
    seen = _seen(scene)
    for number in reversed(range(len(seen))):
        if seen[number][2] in uids:
            scene.timeline_markers.remove(scene.timeline_markers[number])
            del seen[number]
    _store(scene, seen)


def _name(row: Row) -> str:
    if hasattr(row, "emphasis"):
        return words.marker_name(row)
    return row.problem or symbols.symbol(row.label)


def _frame(take: ShownTake, row: Row) -> int:
    return round(phone_rows.frame_of(take, row.start_s))


def _seen(scene: Scene) -> list[Seen]:
    return [(str(name), int(frame), int(uid)) for name, frame, uid in json.loads(scene.unitalker_phones.seen or "[]")]


def _store(scene: Scene, seen: Sequence[Seen]) -> None:
    scene.unitalker_phones.seen = json.dumps(list(seen))
