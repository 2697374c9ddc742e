"""Rows of shown phones: read them, edit them, and keep starts and ends in order. Their markers are brought along
elsewhere.

A phone ends where the next one begins, unless it ended earlier from the start: what lies between is silence. So moving,
adding and deleting a phone never makes an overlap; two phones that begin at the same moment are an error when the edits
are applied.
"""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterable, Sequence

import bpy

from ...engine.values.errors import SettingError
from ...engine.values.phones import Phone
from . import symbols

TOUCH_S = 0.0015            # a gap shorter than this is none
SHORTEST_S = 0.001          # of a phone

Row = bpy.types.PropertyGroup
ShownTake = bpy.types.PropertyGroup


def take_of(row: Row) -> ShownTake:
    """The shown take that a row belongs to."""
    number = re.match(r"unitalker_phones\.takes\[(\d+)\]", row.path_from_id()).group(1)
    return row.id_data.unitalker_phones.takes[int(number)]


def frame_of(take: ShownTake, second: float) -> float:
    """Frame of the timeline, as it was when the take was shown."""
    return take.first_frame + second * take.fps


def fill(take: ShownTake, phones: Sequence[Phone], new_uid: Iterable[int]) -> None:
    """Rows for these phones, in the place of any others."""
    take.rows.clear()
    for phone, uid in zip(phones, new_uid, strict=False):
        row = take.rows.add()
        row.uid, row.label, row.start_s, row.end_s = uid, phone.label, phone.start_s, phone.end_s
    for row, following in itertools.pairwise(list(take.rows)):
        row.to_next = following.start_s - row.end_s < TOUCH_S
    take.end_s = max((phone.end_s for phone in phones), default=0.0)
    if take.rows:
        take.rows[-1].to_next = True


def phones_of(take: ShownTake) -> tuple[Phone, ...]:
    """What the rows say now. Raises SettingError: a marker that names no phone, or two phones at one moment."""
    rows = list(take.rows)
    for row, following in itertools.pairwise(rows):
        if following.start_s - row.start_s < SHORTEST_S:
            raise SettingError(
                f"Phonemes {symbols.symbol(row.label)} and {symbols.symbol(following.label)} both begin on frame "
                f"{frame_of(take, row.start_s):g}. Move one of them, or delete it.")
    for row in rows:
        if row.problem:
            raise SettingError(
                f"Marker {row.problem!r} on frame {frame_of(take, row.start_s):.0f} names no phoneme. Call it one of: "
                f"{' '.join(symbols.symbol(label) for label in symbols.LABELS)}.")
    return tuple(Phone(row.label, row.start_s, row.end_s) for row in rows)


def solved_of(take: ShownTake) -> tuple[Phone, ...]:
    """The phones that the keys were made with."""
    return from_json(take.solved)


def key_of(take: object) -> str:
    """What a shown take is found by, of a take with its character and line."""
    return json.dumps([take.character, take.line])


def on_timeline(context: bpy.types.Context, take: object) -> tuple[Phone, ...] | None:
    """The phones of a take that lie on the timeline, as its keys were made with; None without them."""
    shown = context.scene.unitalker_phones.takes.get(key_of(take))
    return solved_of(shown) if shown is not None and shown.solved else None


def to_json(phones: Sequence[Phone]) -> str:
    """Phones as a short text."""
    return json.dumps([[phone.label, round(phone.start_s, 5), round(phone.end_s, 5)] for phone in phones])


def from_json(text: str) -> tuple[Phone, ...]:
    """Phones of to_json()."""
    return tuple(Phone(str(label), float(start_s), float(end_s)) for label, start_s, end_s in json.loads(text or "[]"))


def edits(take: ShownTake) -> int:
    """How many phones are not as the keys have them."""
    wanted = [(row.label, row.start_s, row.end_s) for row in take.rows]
    solved = json.loads(take.solved or "[]")
    same = {(label, round(start_s, 2)) for label, start_s, _ in solved}
    if len(wanted) == len(solved) and all(_alike(one, other) for one, other in zip(wanted, solved, strict=True)):
        return 0
    changed = sum((label, round(start_s, 2)) not in same for label, start_s, _ in wanted)
    return max(1, changed + max(0, len(solved) - len(wanted)))


def order(take: ShownTake) -> None:
    """Bring rows into the order of their starts, and let each end where the next begins."""
    wanted = sorted(range(len(take.rows)), key=lambda number: take.rows[number].start_s)
    if wanted != list(range(len(wanted))):
        _rearrange(take, wanted)
    rows = list(take.rows)
    for row, following in itertools.pairwise(rows):
        if row.to_next or row.end_s > following.start_s or row.end_s <= row.start_s:
            row.end_s = following.start_s
    if rows:
        last = rows[-1]
        to_the_end = last.to_next or last.end_s <= last.start_s
        last.end_s = take.end_s if to_the_end else min(last.end_s, take.end_s)


def move(take: ShownTake, row: Row, start_s: float) -> None:
    """Let a phone begin elsewhere, within the clip. Call order() after the last of several."""
    row.start_s = min(max(0.0, start_s), max(0.0, take.end_s - SHORTEST_S))


def add(take: ShownTake, label: str, start_s: float, uid: int) -> None:
    """A new phone up to the next one. Call order() after the last of several."""
    row = take.rows.add()
    row.uid, row.label, row.to_next = uid, label, True
    row.end_s = take.end_s
    move(take, row, start_s)


def split(take: ShownTake, label: str, uid: int, before: bool) -> None:
    """A new phone in one half of the chosen one, and chosen itself. Raises SettingError where that is too short."""
    if not take.rows:
        add(take, label, 0.0, uid)
        return
    row = take.rows[take.active_row]
    start_s, end_s, to_next = row.start_s, row.end_s, row.to_next
    middle_s = (start_s + end_s) / 2
    if end_s - start_s < 4 * SHORTEST_S:
        raise SettingError(
            f"Phoneme {symbols.symbol(row.label)} lasts {1000 * (end_s - start_s):.0f} ms, too short for another one "
            "in it. Make it longer first."
        )
    if before:
        row.start_s = middle_s
    else:
        row.end_s, row.to_next = middle_s, True
    add(take, label, start_s if before else middle_s, uid)
    new = take.rows[-1]
    new.end_s, new.to_next = middle_s if before else end_s, True if before else to_next
    order(take)
    take.active_row = [other.uid for other in take.rows].index(uid)


def remove(take: ShownTake, uids: Iterable[int]) -> None:
    """Phones that are no more: the one before goes on in their time. Call order() afterwards."""
    gone = set(uids)
    for number in reversed(range(len(take.rows))):
        if take.rows[number].uid in gone:
            take.rows.remove(number)
    take.active_row = max(0, min(take.active_row, len(take.rows) - 1))


def set_kind(row: Row, value: int) -> None:
    """The list's type field."""
    row.label, row.problem = symbols.LABELS[value], ""


def set_start(row: Row, frame: float) -> None:
    """The list's start field: not before the phone before begins, nor after the next one does."""
    take, number = _position(row)
    low = take.rows[number - 1].start_s + SHORTEST_S if number else 0.0
    high = take.rows[number + 1].start_s if number + 1 < len(take.rows) else take.end_s
    row.start_s = min(max((frame - take.first_frame) / take.fps, low), high - SHORTEST_S)
    order(take)


def set_end(row: Row, frame: float) -> None:
    """The list's end field: the next phone begins there, unless there was a gap."""
    take, number = _position(row)
    following = take.rows[number + 1] if number + 1 < len(take.rows) else None
    second = max((frame - take.first_frame) / take.fps, row.start_s + SHORTEST_S)
    if following is None:
        row.end_s, row.to_next = min(second, take.end_s), second >= take.end_s
    elif row.to_next:
        following.start_s = min(second, following.end_s - SHORTEST_S)
    else:
        row.end_s = min(second, following.start_s)
        row.to_next = following.start_s - row.end_s < TOUCH_S
    order(take)


def _position(row: Row) -> tuple[ShownTake, int]:
    take = take_of(row)
    return take, int(re.search(r"rows\[(\d+)\]$", row.path_from_id()).group(1))


def _alike(wanted: tuple[str, float, float], solved: Sequence[object]) -> bool:
    return wanted[0] == solved[0] and abs(wanted[1] - solved[1]) < TOUCH_S and abs(wanted[2] - solved[2]) < TOUCH_S


def _rearrange(take: ShownTake, wanted: list[int]) -> None:
    """Rows in this order of their numbers; the active one stays active."""
    active = take.active_row
    now = list(range(len(wanted)))
    for position, number in enumerate(wanted):
        at = now.index(number, position)
        if at != position:
            take.rows.move(at, position)
            now.insert(position, now.pop(at))
    take.active_row = wanted.index(active) if active in wanted else 0
