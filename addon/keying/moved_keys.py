"""Keys of takes move with their sound: shifted, cut where it was trimmed, back where it was lengthened. Helper of fcurves.py.

All lines of an Action that move are lifted first and put down together, so that lines which move as a group do not get in each other's way. Lines
that stay show before those that move, and of two that move the one that the record names later; the record keeps them in that order. What is
not shown any more lies aside (hidden_keys.py) and comes back when it is shown again, edits by hand included. Keys of the artist, and of lines that
stay where they are, are left as they are to the last bit.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import bpy
import numpy as np

from ...engine.motion.smooth import EASE_IN_S, EASE_OUT_S
from ..actions import actions, keys, nla
from ..actions.actions import Channel, Place
from ..actions.keys import HANDLES, Keys
from ..actions.ledger import Record, Span
from ..character.character import Character
from .clearing import own_places
from .hidden_keys import Aside, chosen, joined, load, no_keys, nothing, shifted, store

SAME_VALUE = 1e-4               # a key that nobody touched still has its value to within this


@dataclass(frozen=True)
class Move:
    """Where a line goes.

    Attributes:
        zero_before, zero_after: frames on which second 0 of its sound lies for its keys; whole frames apart.
        span: first and last frame that are shown afterwards.
        cut: whether the sound goes on before the first and after the last frame shown, so that the face must come to rest there.
        fps: frames per second of the scene.
        how: the note of how it was made, as it is afterwards; how["hidden"] is the token of the keys that lie aside.
    """

    line: str
    zero_before: float
    zero_after: float
    span: Span
    cut: tuple[bool, bool]
    fps: float
    how: Mapping[str, object]


def move(action: bpy.types.Action, moves: Iterable[Move]) -> list[str]:
    """Move lines of one of our Actions. Returns the lines of which something is hidden behind another one."""
    by_line = {one.line: one for one in moves}
    asides, record, behind = load(action), Record.of(action), []
    for place in _places(action):
        key = actions.key_of(place)
        here = {line: one for line, one in by_line.items() if line in record.lines_at(key)}
        if not here:
            continue
        board = _Board(record, key, here)
        for line, one in here.items():
            token, channels = asides.pop((key, line), ("", {}))
            board.aside[line] = channels if token and token == one.how.get("hidden") else {}
        for curve in _curves(place):
            board.lay(curve, record.rest.get(key, {}))
        for line, one in ((line, here[line]) for line in record.lines_at(key) if line in here):
            take = record.spans[key][line][2] if key in record.spans else ""
            record.note(key, line, one.span, take, one.how)
            asides[(key, line)] = str(one.how.get("hidden", "")), board.kept[line]
        record.spans[key] = {line: entry for group in (True, False) for line, entry in record.spans[key].items() if (line in here) == group}
        behind += board.behind
        _fit(place, record, key)
        record.store(action)
    store(action, asides)
    return sorted(set(behind))


class _Board:
    """The lines that move on one data-block: lifted, then put down."""

    def __init__(self, record: Record, key: str, moves: Mapping[str, Move]) -> None:
        lines = record.lines_at(key)
        self._before = {line: lines[line] for line in moves}
        self._still = [*(span for line, span in lines.items() if line not in moves), *record.mine.get(key, [])]
        self._moves = [moves[line] for line in reversed(lines) if line in moves]       # of two that overlap, the one that was written later shows
        self.aside: dict[str, dict[Channel, Aside]] = {}
        self.kept: dict[str, dict[Channel, Aside]] = {line: {} for line in moves}
        self.behind: list[str] = []

    def lay(self, curve: bpy.types.FCurve, rest: Mapping[str, float]) -> None:
        """Give a curve its keys as they are after the moves."""
        channel = curve.data_path, curve.array_index
        every = {name: keys.field_of(curve, name) for name in keys.KEY_FIELDS}
        stay, lifted = self._lift(every, channel)
        taken = list(self._still)
        parts = [stay]
        for one in self._moves:
            at_rest = rest.get(f"{channel[0]}|{channel[1]}", 0.0)
            shown, aside = _put_down(one, lifted[one.line], taken, at_rest)
            parts.append(shown)
            if aside:
                self.kept[one.line][channel] = aside
            if any(first <= one.span[1] and one.span[0] <= last for first, last in taken):
                self.behind.append(one.line)
            taken.append(one.span)
        after = joined(parts)
        _give(curve, every, after)

    def _lift(self, every: Keys, channel: Channel) -> tuple[Keys, dict[str, Keys]]:
        """Keys that stay, and all keys of each line, shown and aside, counted from second 0 of its sound."""
        frames = every["co"][:, 0]
        free = ~keys.within(frames, self._still)
        lifted: dict[str, Keys] = {}
        for one in self._moves:
            mine = free & keys.within(frames, [self._before[one.line]])
            free &= ~mine
            shown = shifted(chosen(every, mine), -one.zero_before)
            aside = self.aside[one.line].get(channel) or nothing()
            lifted[one.line] = joined([_without(shown, aside.ends), aside.keys])
        return chosen(every, free | keys.within(frames, self._still)), lifted


def _put_down(one: Move, lifted: Keys, taken: list[Span], at_rest: float) -> tuple[Keys, Aside]:
    """The keys of a line that are shown, on frames of the scene, and what lies aside."""
    placed = shifted(lifted, one.zero_after)
    frames = placed["co"][:, 0]
    visible = keys.within(frames, [one.span]) & ~keys.within(frames, taken)
    ends = _ends(one, placed, at_rest)
    if len(ends):
        ends = ends[~keys.within(ends[:, 0], taken)]
        visible &= ~np.isin(np.round(frames, 2), np.round(ends[:, 0], 2))
    aside = Aside(shifted(chosen(placed, ~visible), -one.zero_after), ends - np.array([one.zero_after, 0], np.float32))
    if not len(aside.keys["co"]) and not len(ends):
        return placed, nothing()
    return joined([chosen(placed, visible), _as_keys(ends, placed)]), aside


def _ends(one: Move, placed: Keys, at_rest: float) -> np.ndarray:
    """(n, 2) frames and values of keys that bring a cut line to rest at its ends, as the engine does for a clip."""
    frames, values = placed["co"].T.astype(np.float64)
    if not len(frames):
        return np.zeros((0, 2), np.float32)
    first, last = one.span
    wanted: dict[float, float] = {}
    for is_cut, edge, length in ((one.cut[0], first, EASE_IN_S * one.fps), (one.cut[1], last, -EASE_OUT_S * one.fps)):
        steps = int(abs(length)) + 1 if is_cut else 0
        for step in range(steps + 1 if is_cut else 0):
            frame = edge + np.sign(length) * step
            if first <= frame <= last:
                share = min(step / abs(length), 1.0)
                wanted[frame] = min(wanted.get(frame, 1.0), share)
    return np.array(
        [(frame, at_rest + share * (np.interp(frame, frames, values) - at_rest)) for frame, share in sorted(wanted.items())], np.float32,
    ).reshape(-1, 2)


def _as_keys(points: np.ndarray, like: Keys) -> Keys:
    """Keys at these points, of the kind that most others are."""
    made = no_keys() if not len(points) else {
        name: np.zeros((len(points), width), dtype) for name, (dtype, width) in keys.KEY_FIELDS.items()
    }
    if len(points):
        for name in ("interpolation", "easing", "handle_left_type", "handle_right_type", "type"):
            made[name][:] = np.bincount(like[name].ravel()).argmax()
        made["co"] = points.astype(np.float32)
        made["handle_left"], made["handle_right"] = points - np.array([1 / 3, 0], np.float32), points + np.array([1 / 3, 0], np.float32)
    return made


def _without(shown: Keys, ends: np.ndarray) -> Keys:
    """Keys without those that only stood in for others; one that was edited by hand has become the artist's word and stays."""
    if not len(ends):
        return shown
    frames, values = shown["co"].T
    nearest = np.abs(frames[:, None] - ends[:, 0][None]).argmin(1) if len(frames) else np.zeros(0, np.intp)
    ours = (np.abs(frames - ends[nearest, 0]) < 0.01) & (np.abs(values - ends[nearest, 1]) < SAME_VALUE)
    return chosen(shown, ~ours)


def _give(curve: bpy.types.FCurve, before: Keys, after: Keys) -> None:
    """Change the keys of a curve from one set to another. Keys that only moved are not made anew, which takes a third of the time."""
    changed = [name for name in keys.KEY_FIELDS if not np.array_equal(before[name], after[name])]
    if not changed:
        return
    if len(before["co"]) != len(after["co"]) or set(changed) - {"co", *HANDLES}:
        keys.put_back(curve, after, dict.fromkeys(HANDLES, np.ones(len(after["co"]), bool)))
        return
    curve.keyframe_points.foreach_set("co", after["co"].ravel())
    curve.update()
    for name in HANDLES:        # afterwards: update() moves handles to suit their neighbours
        curve.keyframe_points.foreach_set(name, after[name].ravel())


def _places(action: bpy.types.Action) -> list[Place]:
    """The places of an Action that are ours."""
    if not actions.has_slots():
        return [Place(action, None)]
    return [place for slot in action.slots if actions.owns(place := Place(action, slot))]


def _curves(place: Place) -> list[bpy.types.FCurve]:
    return [curve for curve in actions.curves_of(place) if actions.is_ours(curve, place)]


def _fit(place: Place, record: Record, key: str) -> None:
    """NLA strips that play the place cover what it covers now."""
    spans = [*record.lines_at(key).values(), *record.mine.get(key, [])]
    whole = min(first for first, _ in spans), max(last for _, last in spans)
    before = dict(record.strips.get(key, {}))
    for owner in users(place):
        given = dict(before)
        nla.fit_strips(owner, place, whole, given)
        record.strips[key] = given


def users(place: Place) -> list[bpy.types.ID]:
    """The data-blocks that play a place."""
    if place.slot is not None:
        return list(place.slot.users())
    found = bpy.data.user_map(subset={place.action}).get(place.action, ())
    return [one for one in found if getattr(one, "animation_data", None) is not None]


def rename(action: bpy.types.Action, line: str, name: str) -> None:
    """Call a line by another name, as its strip is called now."""
    record, asides = Record.of(action), load(action)
    for key in list(record.spans):
        if line not in record.spans[key] or name in record.spans[key]:
            continue
        how = dict(record.how(key, line))
        how["clip"] = {**dict(how.get("clip") or {}), "name": name}
        how["choices"] = {**dict(how.get("choices") or {}), "strip": name}
        span, take = record.lines_at(key)[line], record.spans[key][line][2]
        record.forget(key, line)
        record.note(key, name, span, take, how)
        if (key, line) in asides:
            asides[(key, name)] = asides.pop((key, line))
    record.store(action)
    store(action, asides)


def rename_marked(character: Character, mark: str, name: str) -> None:
    """Before a line is written: what was made of its strip under an earlier name goes on under the name of now."""
    for target in character.targets if mark else ():
        for place in own_places(target.find()):
            record, key = Record.of(place.action), actions.key_of(place)
            lines = record.lines_at(key)
            old = next((line for line in lines if dict(record.how(key, line).get("clip") or {}).get("mark") == mark), name)
            if old != name and name not in lines:
                rename(place.action, old, name)


def split(action: bpy.types.Action, line: str, first: Move, name: str, second: Move) -> None:
    """Make two lines of one where its strip was cut; no key changes. What lies aside stays with the first one."""
    record = Record.of(action)
    for key in list(record.spans):
        if line in record.spans[key] and name not in record.spans[key]:
            take = record.spans[key][line][2]
            record.note(key, line, first.span, take, first.how)
            record.note(key, name, second.span, f"{take}/{name}", second.how)
    record.store(action)


def renote(action: bpy.types.Action, line: str, changes: Mapping[str, object]) -> None:
    """Change the note of how a line was made; None takes an entry away."""
    record = Record.of(action)
    for key in list(record.spans):
        if line in record.spans[key]:
            how = {name: value for name, value in {**record.how(key, line), **changes}.items() if value is not None}
            record.note(key, line, record.lines_at(key)[line], record.spans[key][line][2], how)
    record.store(action)


def resting(one: Move, cut: tuple[bool, bool]) -> Move:
    """The same move with other ends at which the face comes to rest."""
    return replace(one, cut=cut)


def rest_frames(fps: float) -> int:
    """Frames that the face takes to come to rest at an end."""
    return math.ceil(EASE_OUT_S * fps)


def users_of(action: bpy.types.Action) -> list[bpy.types.ID]:
    """The data-blocks that play an Action of ours, each once."""
    return list(dict.fromkeys(owner for place in _places(action) for owner in users(place)))
