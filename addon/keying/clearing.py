"""Taking back what was written: all of it, one line or some frames; and giving it to the artist for good."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

import bpy

from ...engine.values.messages import number_of
from ..actions import actions, keys, nla, renamed
from ..actions.actions import ActionUse
from ..actions.ledger import Binding, Channel, Ledger, Span
from ..character import controls
from ..character.character import Character
from . import notes, sliders
from .parts import refuse_unchangeable

ALL_FRAMES: Span = (-math.inf, math.inf)


def clear(character: Character, line: str = "") -> int:
    """Remove what `write` made on a character, make a moved Action of the artist active again, and put the values at
    rest.

    Args:
        line: only this line; empty for all of them.
    Returns:
        Number of curves that lost keys.
    """
    owners = _owners(character)
    actions.unshare(owners)
    touched: set[bpy.types.Action] = set()
    removed = 0
    for owner in owners:
        for use in actions.own_uses(owner):
            if line and line not in _binding(use).lines:
                continue
            touched.add(use.action)
            removed += _clear_use(owner, use, line)
    for target in character.targets:
        for use in actions.unused_own_slots(target.find(), f"{target.object_name} {actions.GROUP}"):
            removed += _clear_unused(use, line)
    for action in touched:
        if actions.is_own(action) and action.users == 0:
            bpy.data.actions.remove(action)
    return removed


def clear_placeholders(character: Character, line: str, span: Span) -> tuple[str, ...]:
    """Remove takes of text without a voice where a line with a sound is about to be keyed; a sentence about it."""
    gone = [
        noted.line for noted in notes.all_of(character)
        if noted.line != line and noted.note is not None and noted.note.choices.get("speak")
        and noted.first_frame <= span[1] and span[0] <= noted.last_frame
    ]
    for name in gone:
        clear(character, name)
    return (f"{number_of(len(gone), 'placeholder')} went, since there is a sound now: {gone[0]!r}.",) if gone else ()


def clear_frames(character: Character, span: Span) -> int:
    """Remove our keys on some frames; the motion outside stays. Returns the number of curves that lost keys."""
    removed = 0
    owners = _owners(character)
    actions.unshare(owners)
    for owner in owners:
        for use in actions.own_uses(owner):
            binding = _binding(use)
            spans = [(max(first, span[0]), min(last, span[1])) for first, last in binding.spans.values()]
            removed += _take_out(use, [piece for piece in spans if piece[0] <= piece[1]], binding.mine)
    return removed


def release(character: Character, line: str) -> int:
    """Give the keys of a line to the artist: they stay as they are, and nothing of ours touches them again. Returns the
    number of curves.

    Where no other line shares the Action it becomes the artist's altogether; else the frames of the line in it are.
    """
    owners = _owners(character)
    actions.unshare(owners)
    curves = 0
    for owner in owners:
        for use in actions.own_uses(owner):
            ledger, key = Ledger.of(use.action), actions.binding_key(use)
            span = ledger.binding(key).spans.get(line)
            if span is None:
                continue
            curves += len(actions.own_curves(use))
            ledger.remove(key, line)
            binding = ledger.binding(key)
            ledger.bindings[key] = replace(binding, mine=(*binding.mine, span))
            ledger.store(use.action)
            _disown_finished(use, ledger)
    return curves


def _binding(use: ActionUse) -> Binding:
    return Ledger.of(use.action).binding(actions.binding_key(use))


def _owners(character: Character) -> list[bpy.types.ID]:
    """The data-blocks of a character. Raises RigError where one cannot be changed."""
    for target in character.targets:
        refuse_unchangeable(target, target.find())
    return [target.find() for target in character.targets]


def _clear_use(owner: bpy.types.ID, use: ActionUse, line: str) -> int:
    """Remove the keys of a line, or of all, that no other line and no artist has; stop what has none left."""
    ledger, key = Ledger.of(use.action), actions.binding_key(use)
    ledger.bindings[key] = binding = renamed.follow_names(owner, use, ledger.binding(key))
    others = [span for name, span in binding.spans.items() if name != line] if line else []
    spans = [binding.spans[line]] if others else _written_spans(ledger, key)
    # a copied character plays the original's slot
    if actions.is_shared(use, [owner]) and not actions.is_own(use.action):
        nla.stop(owner, use, "")
        return 1
    removed = _take_out(use, spans, [*binding.mine, *others])
    left = {actions.channel_of(curve) for curve in actions.curves_of(use)}
    if not left:
        _stop(owner, use, binding.moved)
    locked = {actions.channel_of(curve) for curve in actions.own_curves(use) if actions.is_locked(curve)}
    keep = left if others or binding.mine else locked
    put_at_rest(owner, {channel: value for channel, value in binding.rest.items() if channel not in keep})
    if others:
        ledger.bindings[key] = replace(
            binding, rest={channel: value for channel, value in binding.rest.items() if channel in left}
        )
        _forget_line(owner, use, ledger, line)
        return removed
    if not binding.mine:
        sliders.restore(owner, binding.sliders)
    # what is locked now can be cleared once it is not
    later = {channel: value for channel, value in binding.rest.items() if channel in locked}
    ledger.bindings[key] = Binding(mine=binding.mine, rest=later)
    ledger.store(use.action)
    if left or actions.is_own(use.action):
        _disown_finished(use, ledger)
    else:
        actions.remove_own_slot(use)
    return removed


def _forget_line(owner: bpy.types.ID, use: ActionUse, ledger: Ledger, line: str) -> None:
    """Leave a line out of the ledger; strips that play the Action cover what is left."""
    key = actions.binding_key(use)
    ledger.remove(key, line)
    binding = ledger.bindings[key]
    ledger.bindings[key] = replace(binding, strip=nla.fit_strips(owner, use, binding.whole_span, binding.strip))
    ledger.store(use.action)


def _clear_unused(use: ActionUse, line: str) -> int:
    """Empty a slot of ours that plays nowhere, unless others have keys in it. Returns the number of curves."""
    ledger, key = Ledger.of(use.action), actions.binding_key(use)
    binding = ledger.binding(key)
    if binding.mine or (line and set(binding.lines) != {line}):
        return 0
    curves = actions.own_curves(use)
    _take_out(use, _written_spans(ledger, key), [])
    if not actions.curves_of(use):
        ledger.bindings[key] = Binding()
        ledger.store(use.action)
        actions.remove_own_slot(use)
    return len(curves)


def _take_out(use: ActionUse, spans: Sequence[Span], spare: Sequence[Span]) -> int:
    """Remove our keys in the spans, but for spared ones and locked curves. Returns how many curves lost keys."""
    bag, removed = actions.bag_of(use), 0
    for curve in [curve for curve in actions.own_curves(use) if not actions.is_locked(curve)]:
        count = len(curve.keyframe_points)
        removed += keys.take_out(bag, curve, spans, spare) or len(curve.keyframe_points) < count
    return removed


def _written_spans(ledger: Ledger, key: str) -> list[Span]:
    """The frames of all lines; all frames where it is not known what we wrote."""
    return list(ledger.binding(key).spans.values()) or ([] if ledger.is_cleared(key) else [ALL_FRAMES])


def _stop(owner: bpy.types.ID, use: ActionUse, moved: str) -> None:
    for other in [other for other in actions.uses(owner) if actions.same_curves(other, use)]:
        nla.stop(owner, other, moved)


def _disown_finished(use: ActionUse, ledger: Ledger) -> None:
    """An Action or a slot in which the artist has frames and we have no line any more is the artist's."""
    binding = ledger.binding(actions.binding_key(use))
    if binding.lines or not binding.mine:
        return
    if not actions.is_own(use.action):
        actions.disown_slot(use)
    elif not any(ledger.binding(other).lines for other in actions.binding_keys(use.action)):
        actions.disown(use.action)


def put_at_rest(owner: bpy.types.ID, rest: Mapping[Channel, float]) -> None:
    """Give controls the values from before the first key."""
    for (path, index), value in rest.items():
        controls.write(owner, path, index, value)
