"""Keys of takes move with their sound: shifted, cut where it was trimmed, back where it was lengthened.

All lines of an Action that move are lifted first and put down together, so that lines which move as a group do not get
in each other's way. Lines that stay show before those that move, and of two that move the one that the ledger names
later; the ledger keeps them in that order. What is not shown any more lies aside (as hidden keys) and comes back when
it is shown again, edits by hand included. Keys of the artist, and of lines that stay where they are, are left as they
are to the last bit.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

import bpy
import numpy as np

from ...engine import EASE_IN_S, EASE_OUT_S
from ..actions import actions, keys, nla
from ..actions.actions import ActionUse
from ..actions.keys import HANDLES, Keys
from ..actions.ledger import Binding, Channel, KeyedLine, Ledger, Span, TakeNote
from ..character.character import Character
from .hidden_keys import Aside, chosen, joined, load, no_keys, nothing, shifted, store

SAME_VALUE = 1e-4               # a key that nobody touched still has its value to within this


@dataclass(frozen=True)
class Move:
    """Where a line goes.

    Attributes:
        zero_before, zero_after: frames on which second 0 of its sound lies for its keys; whole frames apart.
        span: first and last frame that are shown afterwards.
        cut: whether the sound goes on before the first and after the last frame shown, so that the face must come to
            rest there.
        fps: frames per second of the scene.
        note: the note as it is afterwards; note.hidden is the token of the keys that lie aside.
    """

    line: str
    zero_before: float
    zero_after: float
    span: Span
    cut: tuple[bool, bool]
    fps: float
    note: TakeNote


def move(action: bpy.types.Action, moves: Iterable[Move]) -> list[str]:
    """Move lines of one of our Actions, but for locked curves.

    Returns the lines of which something is hidden behind another one.
    """
    by_line = {move.line: move for move in moves}
    asides, ledger, behind = load(action), Ledger.of(action), []
    for use in actions.uses_of(action):
        key = actions.binding_key(use)
        binding = ledger.binding(key)
        here = {line: by_line[line] for line in binding.lines if line in by_line}
        if not here:
            continue
        board = _Board(binding, here)
        for line, move in here.items():
            token, channels = asides.pop((key, line), ("", {}))
            board.aside[line] = channels if token and token == move.note.hidden else {}
        locked = {actions.channel_of(curve) for curve in actions.own_curves(use) if actions.is_locked(curve)}
        for curve in [curve for curve in actions.own_curves(use) if actions.channel_of(curve) not in locked]:
            board.lay(curve, binding.rest)
        for line, move in here.items():
            board.hidden[line].update({
                channel: aside for channel, aside in board.aside[line].items() if channel in locked
            })
            ledger.put(key, line, replace(binding.lines[line], first=move.span[0], last=move.span[1]), move.note)
            asides[(key, line)] = move.note.hidden, board.hidden[line]
        _moved_first(ledger, key, here)
        behind += board.behind
        _fit(use, ledger, key)
        ledger.store(action)
    store(action, asides)
    return sorted(set(behind))


def _moved_first(ledger: Ledger, key: str, moves: Mapping[str, Move]) -> None:
    """Bring the lines that moved before the others, which show over them."""
    binding = ledger.bindings[key]
    lines = {line: binding.lines[line] for line in sorted(binding.lines, key=lambda line: line not in moves)}
    ledger.bindings[key] = replace(binding, lines=lines)


class _Board:
    """The lines that move on one data-block: lifted, then put down."""

    def __init__(self, binding: Binding, moves: Mapping[str, Move]) -> None:
        spans = binding.spans
        self._before = {line: spans[line] for line in moves}
        self._still = [*(span for line, span in spans.items() if line not in moves), *binding.mine]
        # of two that overlap, the one that was written later shows
        self._moves = [moves[line] for line in reversed(spans) if line in moves]
        self.aside: dict[str, dict[Channel, Aside]] = {}
        self.hidden: dict[str, dict[Channel, Aside]] = {line: {} for line in moves}
        self.behind: list[str] = []

    def lay(self, curve: bpy.types.FCurve, rest: Mapping[Channel, float]) -> None:
        """Give a curve its keys as they are after the moves."""
        channel = actions.channel_of(curve)
        every = {name: keys.field_of(curve, name) for name in keys.KEY_FIELDS}
        stay, lifted = self._lift(every, channel)
        taken = list(self._still)
        parts = [stay]
        for move in self._moves:
            shown, aside = _put_down(move, lifted[move.line], taken, rest.get(channel, 0.0))
            parts.append(shown)
            if aside:
                self.hidden[move.line][channel] = aside
            if any(first <= move.span[1] and move.span[0] <= last for first, last in taken):
                self.behind.append(move.line)
            taken.append(move.span)
        _give(curve, every, joined(parts))

    def _lift(self, every: Keys, channel: Channel) -> tuple[Keys, dict[str, Keys]]:
        """Keys that stay, and all keys of each line, shown and aside, counted from second 0 of its sound."""
        frames = every["co"][:, 0]
        free = ~keys.within(frames, self._still)
        lifted: dict[str, Keys] = {}
        for move in self._moves:
            own = free & keys.within(frames, [self._before[move.line]])
            free &= ~own
            shown = shifted(chosen(every, own), -move.zero_before)
            aside = self.aside[move.line].get(channel) or nothing()
            lifted[move.line] = joined([_without(shown, aside.ends), aside.keys])
        return chosen(every, free | keys.within(frames, self._still)), lifted


def _put_down(move: Move, lifted: Keys, taken: list[Span], at_rest: float) -> tuple[Keys, Aside]:
    """The keys of a line that are shown, on frames of the scene, and what lies aside."""
    placed = shifted(lifted, move.zero_after)
    frames = placed["co"][:, 0]
    visible = keys.within(frames, [move.span]) & ~keys.within(frames, taken)
    ends = _ends(move, placed, at_rest)
    if len(ends):
        ends = ends[~keys.within(ends[:, 0], taken)]
        visible &= ~np.isin(np.round(frames, 2), np.round(ends[:, 0], 2))
    aside = Aside(
        shifted(chosen(placed, ~visible), -move.zero_after), ends - np.array([move.zero_after, 0], np.float32)
    )
    if not len(aside.keys["co"]) and not len(ends):
        return placed, nothing()
    return joined([chosen(placed, visible), _as_keys(ends, placed)]), aside


def _ends(move: Move, placed: Keys, at_rest: float) -> np.ndarray:
    """(n, 2) frames and values of keys that bring a cut line to rest at its ends, as the engine does for a clip."""
    frames, values = placed["co"].T.astype(np.float64)
    if not len(frames):
        return np.zeros((0, 2), np.float32)
    shares: dict[float, float] = {}         # frame -> how much of the motion is left there
    if move.cut[0]:
        _fade(shares, move.span, move.span[0], EASE_IN_S * move.fps)
    if move.cut[1]:
        _fade(shares, move.span, move.span[1], -EASE_OUT_S * move.fps)
    points = [
        (frame, at_rest + share * (np.interp(frame, frames, values) - at_rest))
        for frame, share in sorted(shares.items())
    ]
    return np.array(points, np.float32).reshape(-1, 2)


def _fade(shares: dict[float, float], span: Span, edge: float, length: float) -> None:
    """Let the motion grow from nothing to all of it after so many frames; a negative length counts backwards."""
    for step in range(int(abs(length)) + 2):
        frame = edge + np.sign(length) * step
        if span[0] <= frame <= span[1]:
            shares[frame] = min(shares.get(frame, 1.0), step / abs(length))


def _as_keys(points: np.ndarray, like: Keys) -> Keys:
    """Keys at these points, of the kind that most others are."""
    if not len(points):
        return no_keys()
    made = {name: np.zeros((len(points), width), dtype) for name, (dtype, width) in keys.KEY_FIELDS.items()}
    for name in ("interpolation", "easing", "handle_left_type", "handle_right_type", "type"):
        made[name][:] = np.bincount(like[name].ravel()).argmax()
    made["co"] = points.astype(np.float32)
    third = np.array([1 / 3, 0], np.float32)
    made["handle_left"], made["handle_right"] = points - third, points + third
    return made


def _without(shown: Keys, ends: np.ndarray) -> Keys:
    """Keys without those that only stood in for others; one that was edited by hand is the artist's and stays."""
    if not len(ends):
        return shown
    frames, values = shown["co"].T
    nearest = np.abs(frames[:, None] - ends[:, 0][None]).argmin(1) if len(frames) else np.zeros(0, np.intp)
    ours = (np.abs(frames - ends[nearest, 0]) < 0.01) & (np.abs(values - ends[nearest, 1]) < SAME_VALUE)
    return chosen(shown, ~ours)


def _give(curve: bpy.types.FCurve, before: Keys, after: Keys) -> None:
    """Change the keys of a curve. Those that only moved are not made anew, which takes a third of the time."""
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


def _fit(use: ActionUse, ledger: Ledger, key: str) -> None:
    binding = ledger.bindings[key]
    for owner in actions.users(use):
        ledger.bindings[key] = replace(binding, strip=nla.fit_strips(owner, use, binding.whole_span, binding.strip))


def locked_in(action: bpy.types.Action) -> frozenset[Channel]:
    """Channels of ours that the artist locked in an Action: their keys stay where they are."""
    curves = (curve for use in actions.uses_of(action) for curve in actions.own_curves(use))
    return frozenset(actions.channel_of(curve) for curve in curves if actions.is_locked(curve))


def rename(action: bpy.types.Action, line: str, name: str) -> None:
    """Call a line by another name, as its strip is called now."""
    ledger, asides = Ledger.of(action), load(action)
    for key in ledger.holders(line):
        keyed, note = ledger.bindings[key].lines[line], ledger.note(key, line)
        if name in ledger.bindings[key].lines:
            continue
        ledger.remove(key, line)
        ledger.put(key, name, keyed, _renamed(note, name) if note is not None else None)
        if (key, line) in asides:
            asides[(key, name)] = asides.pop((key, line))
    ledger.store(action)
    store(action, asides)


def _renamed(note: TakeNote, name: str) -> TakeNote:
    clip = replace(note.clip, name=name) if note.clip is not None else None
    return replace(note, clip=clip, choices={**note.choices, "strip": name})


def rename_marked(character: Character, mark: str, name: str) -> None:
    """Before a line is written: what was made of its strip under an earlier name goes on under the name of now."""
    for target in character.targets if mark else ():
        for use in actions.own_uses(target.find()):
            ledger, key = Ledger.of(use.action), actions.binding_key(use)
            lines = ledger.binding(key).lines
            of_strip = [line for line in lines if _mark(ledger.note(key, line)) == mark]
            if of_strip and of_strip[0] != name and name not in lines:
                rename(use.action, of_strip[0], name)


def _mark(note: TakeNote | None) -> str:
    return note.clip.mark if note is not None and note.clip is not None else ""


def split(action: bpy.types.Action, line: str, first: Move, name: str, second: Move) -> None:
    """Make two lines of one where its strip was cut; no key changes. What lies aside stays with the first one."""
    ledger = Ledger.of(action)
    for key in ledger.holders(line):
        lines = ledger.bindings[key].lines
        if name not in lines:
            take = lines[line].take
            ledger.put(key, line, KeyedLine(*first.span, take), first.note)
            ledger.put(key, name, KeyedLine(*second.span, f"{take}/{name}"), second.note)
    ledger.store(action)


def renote(action: bpy.types.Action, line: str, change: Callable[[TakeNote], TakeNote]) -> None:
    """Change the note of how a line was made."""
    ledger = Ledger.of(action)
    for key in ledger.holders(line):
        note = ledger.note(key, line)
        ledger.put(key, line, ledger.bindings[key].lines[line], change(note or TakeNote()))
    ledger.store(action)


def rest_frames(fps: float) -> int:
    """Frames that the face takes to come to rest at an end."""
    return math.ceil(EASE_OUT_S * fps)


def users_of(action: bpy.types.Action) -> list[bpy.types.ID]:
    """The data-blocks that play an Action of ours, each once."""
    return list(dict.fromkeys(owner for use in actions.uses_of(action) for owner in actions.users(use)))
