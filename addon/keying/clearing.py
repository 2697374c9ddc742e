"""Taking back what fcurves.py wrote, all of it, one line of sound or some frames; and giving it to the artist for good. Helper of fcurves.py."""

from __future__ import annotations

import math
from collections.abc import Mapping

import bpy

from ..actions import actions, keys, nla, renamed
from ..actions.actions import Place
from ..actions.ledger import Record, Span
from ..character import controls
from ..character.character import Character
from . import sliders
from .parts import refuse_tweak_mode

ALL_FRAMES: Span = (-math.inf, math.inf)


def clear(character: Character, line: str = "") -> int:
    """Remove what `write` made on a character, make a moved Action of the artist active again, and put the values at rest.

    Args:
        line: only this line of sound; empty for all of them.
    Returns:
        Number of curves that lost keys.
    """
    owners = _owners(character)
    actions.unshare(owners)
    touched: set[bpy.types.Action] = set()
    removed = 0
    for owner in owners:
        for place in own_places(owner):
            if line and line not in Record.of(place.action).lines_at(actions.key_of(place)):
                continue
            touched.add(place.action)
            removed += _clear_place(owner, place, line)
    for target in character.targets:
        for place in actions.left_guests(target.find(), f"{target.object_name} {actions.GROUP}"):
            removed += _clear_left(place, line)
    for action in touched:
        if actions.is_own(action) and action.users == 0:
            bpy.data.actions.remove(action)
    return removed


def clear_frames(character: Character, span: Span) -> int:
    """Remove our keys on some frames; the motion before and after stays as it is. Returns the number of curves that lost keys."""
    removed = 0
    owners = _owners(character)
    actions.unshare(owners)
    for owner in owners:
        for place in own_places(owner):
            record, key = Record.of(place.action), actions.key_of(place)
            inside = [
                (max(first, span[0]), min(last, span[1])) for first, last in record.lines_at(key).values() if first <= span[1] and span[0] <= last
            ]
            bag = actions.bag_of(place)
            for curve in _curves(place):
                before = len(curve.keyframe_points)
                gone = keys.take_out(bag, curve, inside, record.mine.get(key, []))
                removed += gone or len(curve.keyframe_points) < before
    return removed


def release(character: Character, line: str) -> int:
    """Give the keys of a line to the artist: they stay as they are, and nothing of ours touches them again. Returns the number of curves.

    Where no other line shares the Action it becomes the artist's altogether; else the frames of the line in it are his.
    """
    owners = _owners(character)
    actions.unshare(owners)
    curves = 0
    for owner in owners:
        for place in own_places(owner):
            record, key = Record.of(place.action), actions.key_of(place)
            span = record.lines_at(key).get(line)
            if span is None:
                continue
            curves += len(_curves(place))
            record.forget(key, line)
            record.mine.setdefault(key, []).append(span)
            record.store(place.action)
            _disown_finished(place, record)
    return curves


def own_places(owner: bpy.types.ID) -> list[Place]:
    """The places of a data-block that are ours, each once."""
    found: list[Place] = []
    for place in actions.places(owner):
        if actions.owns(place) and not any(actions.same_place(place, other) for other in found):
            found.append(place)
    return found


def _owners(character: Character) -> list[bpy.types.ID]:
    """The data-blocks of a character. Raises RigError where one cannot be changed."""
    for target in character.targets:
        refuse_tweak_mode(target, target.find())
    return [target.find() for target in character.targets]


def _clear_place(owner: bpy.types.ID, place: Place, line: str) -> int:
    """Remove the keys of a line, or of all, but not those that another line or the artist has; stop what is left without keys."""
    record, key = Record.of(place.action), actions.key_of(place)
    renamed.follow_names(owner, place, record)
    lines = record.lines_at(key)
    others = [span for name, span in lines.items() if name != line] if line else []
    spans = [lines[line]] if others else _known_spans(place, record)
    if actions.is_shared(place, [owner]) and not actions.is_own(place.action):      # a copied character plays the original's slot
        nla.stop(owner, place, "")
        return 1
    bag, removed = actions.bag_of(place), 0
    for curve in _curves(place):
        count = len(curve.keyframe_points)
        removed += keys.take_out(bag, curve, spans, [*record.mine.get(key, []), *others]) or len(curve.keyframe_points) < count
    left = {f"{curve.data_path}|{curve.array_index}" for curve in actions.curves_of(place)}
    rest = actions.of_place(record.rest, place, {})
    if not left:
        _stop(owner, place, actions.of_place(record.moved, place, ""))
    gone = {name: value for name, value in rest.items() if name not in left} if others or record.mine.get(key) else rest
    put_at_rest(owner, gone)
    if others:
        record.rest[key] = {name: value for name, value in rest.items() if name not in gone}
        record.forget(key, line)
        covered = [*others, *record.mine.get(key, [])]
        whole = (min(first for first, _ in covered), max(last for _, last in covered))
        nla.fit_strips(owner, place, whole, record.strips.setdefault(key, {}))
        record.store(place.action)
        return removed
    if not record.mine.get(key):
        sliders.restore(owner, actions.of_place(record.sliders, place, {}))
    spans_of_artist = record.mine.get(key, [])
    record.forget_place(key)
    if spans_of_artist:
        record.mine[key] = spans_of_artist
    if not left and not actions.is_own(place.action):
        record.store(place.action)
        actions.close_guest(place)
        return removed
    record.store(place.action)
    _disown_finished(place, record)
    return removed


def _clear_left(place: Place, line: str) -> int:
    """Take a slot of ours that plays nowhere out of the artist's Action, unless it has other lines or keys of his. Returns the number of curves."""
    record, key = Record.of(place.action), actions.key_of(place)
    if record.mine.get(key) or (line and set(record.lines_at(key)) != {line}):
        return 0
    bag, removed = actions.bag_of(place), 0
    for curve in _curves(place):
        keys.take_out(bag, curve, _known_spans(place, record), [])
        removed += 1
    if not actions.curves_of(place):
        record.forget_place(key)
        record.store(place.action)
        actions.close_guest(place)
    return removed


def _known_spans(place: Place, record: Record) -> list[Span]:
    """The frames of all lines: keys of the artist on our curves elsewhere stay. All frames where it is not known what we wrote."""
    key = actions.key_of(place)
    cleared = key in record.spans and not record.rest.get(key)
    return list(record.lines_at(key).values()) or ([] if cleared else [ALL_FRAMES])


def _stop(owner: bpy.types.ID, place: Place, moved: str) -> None:
    """Take every use of a place off a data-block."""
    for use in [use for use in actions.places(owner) if actions.same_place(use, place)]:
        nla.stop(owner, use, moved)


def _disown_finished(place: Place, record: Record) -> None:
    """An Action or a slot in which the artist has frames and we have no line any more is the artist's."""
    key = actions.key_of(place)
    if record.lines_at(key) or not record.mine.get(key):
        return
    if not actions.is_own(place.action):
        actions.disown_slot(place)
    elif not any(record.lines_at(other) for other in actions.keys_of(place.action)):
        actions.disown(place.action)


def _curves(place: Place) -> list[bpy.types.FCurve]:
    return [curve for curve in actions.curves_of(place) if actions.is_ours(curve, place)]


def put_at_rest(owner: bpy.types.ID, rest: Mapping[str, float]) -> None:
    """Give controls the values from before the first key."""
    for name, value in rest.items():
        path, _, index = name.rpartition("|")
        controls.write(owner, path, int(index), value)

