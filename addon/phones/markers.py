"""Phones as timeline markers: put them there, see what the artist did with them, take them away again. The artist's own markers are never touched.

A marker is named by what is said (phone_symbols.py) and stands on the frame on which the phone begins. Which markers are ours is known by their
place among the scene's markers as these were last seen (phone_matching.py): moving, renaming, copying and deleting with Blender's own tools all
keep that. A new marker that is named like a phone, within the frames of a shown take, is a phone too; one of another name is the artist's.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

import bpy

from . import rows as phone_rows
from . import symbols as phone_symbols
from .matching import match

Scene = bpy.types.Scene
ShownTake = bpy.types.PropertyGroup
Seen = tuple[str, int, int]     # name, frame, and uid of the row or 0


def show(scene: Scene, take: ShownTake) -> None:
    """Put a marker on the start of each phone of a take."""
    sync(scene)
    take.visible = True
    _add(scene, take, list(take.rows), _seen(scene))


def hide(scene: Scene, take: ShownTake) -> None:
    """Remove the markers of a take; its rows stay."""
    sync(scene)
    _remove(scene, {row.uid for row in take.rows})
    take.visible = False


def sync(scene: Scene) -> bool:
    """Bring what the artist did with the markers into the rows. Returns whether that was anything."""
    shown = scene.unitalker_phones
    seen, now = _seen(scene), [(marker.name, marker.frame) for marker in scene.timeline_markers]
    if [(name, frame) for name, frame, _ in seen] == now:
        return False
    names = frozenset(name for name, _ in now if phone_symbols.label_of(name))
    pairs = match([(name, frame) for name, frame, _ in seen], now, names)
    fresh = [(*marker, 0) for marker in now]
    takes = [take for take in shown.takes if take.visible]
    by_uid = {row.uid: (take, row) for take in takes for row in take.rows}
    gone = {seen[i][2] for i, j in pairs if i is not None and j is None and seen[i][2]}
    for i, j in pairs:
        if i is not None and j is not None and seen[i][2] in by_uid:
            fresh[j] = (*now[j], seen[i][2])
            if now[j] != seen[i][:2]:
                _follow(*by_uid[seen[i][2]], seen[i], now[j])
    for take in takes if gone else ():
        phone_rows.remove(take, gone)
    for i, j in pairs:
        if i is None and j is not None and (take := _take_at(takes, now[j], fresh[:j])):
            uid = next_uid(scene)
            phone_rows.add(take, phone_symbols.label_of(now[j][0]), (now[j][1] - take.first_frame) / take.fps, uid)
            fresh[j] = (*now[j], uid)
    for take in takes:
        phone_rows.order(take)
    _keep(scene, fresh)
    return True


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
    _add(scene, take, [row for uid, row in rows.items() if uid not in numbers], seen)


def drop(scene: Scene, take: ShownTake, uids: set[int]) -> None:
    """Remove phones that the list deleted, with their markers."""
    _remove(scene, uids)
    phone_rows.remove(take, uids)
    phone_rows.order(take)


def next_uid(scene: Scene) -> int:
    """A number that no row of this scene has had."""
    scene.unitalker_phones.last_uid += 1
    return scene.unitalker_phones.last_uid


def _follow(take: ShownTake, row: bpy.types.PropertyGroup, was: Seen, now: tuple[str, int]) -> None:
    """One marker that was moved or renamed."""
    if now[1] != was[1]:
        phone_rows.move(take, row, row.start_s + (now[1] - was[1]) / take.fps)
    if now[0] != was[0]:
        label = phone_symbols.label_of(now[0])
        row.problem = "" if label else now[0]
        row.label = label or row.label


def _take_at(takes: Sequence[ShownTake], marker: tuple[str, int], before: Sequence[Seen]) -> ShownTake | None:
    """The shown take that a new marker belongs to: the one it lies in, of several the one whose markers stand before it in the scene; None for a marker of the artist's."""
    name, frame = marker
    if not phone_symbols.is_symbol(name):
        return None
    around = [take for take in takes if take.first_frame - 0.5 <= frame <= take.first_frame + take.end_s * take.fps]
    last = next((uid for _, _, uid in reversed(before) if uid), 0)
    return next((take for take in around if any(row.uid == last for row in take.rows)), around[0] if around else None)


def _add(scene: Scene, take: ShownTake, rows: Sequence[bpy.types.PropertyGroup], seen: list[Seen]) -> None:
    """Markers for these rows, after all others."""
    for row in rows:
        marker = scene.timeline_markers.new(_name(row), frame=_frame(take, row))
        marker.select = False
        seen.append((marker.name, marker.frame, row.uid))
    _keep(scene, seen)


def _remove(scene: Scene, uids: set[int]) -> None:
    seen = _seen(scene)
    for number in reversed(range(len(seen))):
        if seen[number][2] in uids:
            scene.timeline_markers.remove(scene.timeline_markers[number])
            del seen[number]
    _keep(scene, seen)


def _name(row: bpy.types.PropertyGroup) -> str:
    return row.problem or phone_symbols.symbol(row.label)


def _frame(take: ShownTake, row: bpy.types.PropertyGroup) -> int:
    return round(phone_rows.frame_of(take, row.start_s))


def _seen(scene: Scene) -> list[Seen]:
    return [(str(name), int(frame), int(uid)) for name, frame, uid in json.loads(scene.unitalker_phones.seen or "[]")]


def _keep(scene: Scene, seen: Sequence[Seen]) -> None:
    scene.unitalker_phones.seen = json.dumps(list(seen))
