"""Rig curves become keys of Actions.

Where the keys go, for each data-block (the shape keys of a mesh, an armature):
* no Action of the artist is active there: ours becomes the active one, a plain Action that every exporter takes;
* one is active: it stays, untouched, and ours plays from an NLA track beneath it, without the channels that the artist
  has keyed (existing = 'KEEP'); or it moves to an NLA track, as by Push Down, and ours plays over it ('LAYER');
* destination = 'NLA': ours is a strip in any case, blended as the artist wants; 'SLOT': it is a slot of its own in a
  host Action.

What is ours: Actions with a ledger, or in a host Action the slots that are marked as ours; and in them the curves of
the group GROUP. All lines of a character share one Action. Making a line again replaces the keys on the frames that it
covered and covers now, and nothing else: neither other lines nor what the artist keyed in between.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import bpy

from ...engine import RigCurves, RigError
from ..actions import actions, keys, nla, renamed
from ..actions.actions import GROUP, ActionUse
from ..actions.ledger import Binding, Channel, KeyedLine, Ledger, Span, without
from ..character import controls
from ..character.character import Character
from . import obstacles, overlaps, sliders
from .clearing import put_at_rest
from .parts import KeyOptions, Line, PlannedKeys, nothing_left, prepare
from .window import Lead, Old, Window, compose, edges_of, led_in

Key = TypeVar("Key")
Value = TypeVar("Value")


@dataclass(frozen=True)
class Written:
    """What was written: name of the (first) Action, number of curves and of keys, and sentences for the user."""

    action: str
    curves: int
    keys: int
    warnings: tuple[str, ...]


def write(
    character: Character, curves: RigCurves, line: Line, options: KeyOptions, beside: Window | Lead | None = None
) -> Written:
    """Key a character.

    Args:
        curves: seconds from line.first_frame, and values. values beyond a shape key's slider: see KeyOptions.
        beside: the only frames that are keyed, or the pose in which the line begins; None keys the line as it is.
    Raises:
        RigError: a data-block is gone or in NLA tweak mode, or no channel is left to key; BeyondSliders. Nothing is
            written then.
    """
    warnings: list[str] = []
    window = beside if isinstance(beside, Window) else None
    plans = [prepare(target, curves, line, options, warnings) for target in character.targets]
    plans = [plan for plan in plans if plan.points]
    if not plans:
        raise RigError(nothing_left(character, warnings))
    host = _host_action(character, options.action) if options.destination == 'SLOT' else None
    if window is not None:
        _refuse_elsewhere(plans, line, options, host)
    _refuse_blend(plans, options)
    _refuse_frames_of_the_artist(plans, window.span if window else (line.first_frame, line.last_frame))
    actions.unshare([target.find() for target in character.targets])
    keyed = {id(plan.target): frozenset(plan.points) for plan in plans}
    keyed_by_target = tuple((target, keyed.get(id(target), frozenset())) for target in character.targets)
    warnings.append(obstacles.shut_jaw(keyed_by_target))
    used: dict[str, bpy.types.Action] = {}
    writer = keys.Writer(options.interpolation)
    n_keys = 0
    for plan in plans:
        action = host or _action_for(plan, plans, character, options.action)
        used[action.name] = action
        writing = _Writing(plan, action, line, options, beside)
        warnings += writing.write(writer, character.name)
        n_keys += writing.n_keys
    return Written(
        next(iter(used)), sum(len(plan.points) for plan in plans), n_keys, tuple(filter(None, dict.fromkeys(warnings)))
    )


def _refuse_elsewhere(plans: list[PlannedKeys], line: Line, options: KeyOptions, host: bpy.types.Action | None) -> None:
    """Raise RigError where a window of a line would go to another Action than the rest: only one plays."""
    holders = [use.action for _, use, binding in _own_bindings(plans) if line.name in binding.lines]
    if holders and not any(_takes_window(action, options, host) for action in holders):
        raise RigError(
            f"The lip sync of {line.name!r} is in the Action {holders[0].name!r}, and a range of it cannot go "
            "elsewhere. Set Destination and Action in Output as they were, or switch Only a Range off."
        )


def _takes_window(action: bpy.types.Action, options: KeyOptions, host: bpy.types.Action | None) -> bool:
    if host is not None:
        return action == host
    return actions.is_own(action) and (not options.action or actions.is_called(action, options.action))


def _own_bindings(plans: list[PlannedKeys]) -> list[tuple[PlannedKeys, ActionUse, Binding]]:
    """What is ours on the data-blocks that get keys, with its notes."""
    found = [(plan, use) for plan in plans for use in actions.uses(plan.owner) if actions.owns(use)]
    return [(plan, use, Ledger.of(use.action).binding(actions.binding_key(use))) for plan, use in found]


def _refuse_blend(plans: list[PlannedKeys], options: KeyOptions) -> None:
    """Raise RigError in Blender 5.0, where a blended strip of shape keys starts from 1: every shape at full."""
    default = bpy.types.ShapeKey.bl_rna.properties["value"].default
    if options.destination != 'NLA' or options.strip.blend == 'REPLACE' or default == 0:
        return
    # it takes 1 away from what is beneath; the others add to 1 where nothing is
    combine = options.strip.blend == 'COMBINE'
    for plan in plans:
        if plan.target.kind == 'KEY' and (plan.shared if combine else plan.points.keys() - plan.shared):
            raise RigError(
                f"Blender {bpy.app.version_string} blends strips of shape keys from 1 instead of 0, so "
                f"{plan.target.object_name!r} would show every shape at full. Choose Replace as Blend Mode, or another "
                "Blender version."
            )


def _refuse_frames_of_the_artist(plans: list[PlannedKeys], span: Span) -> None:
    """Raise RigError where all frames are keys that the artist made their own."""
    mine = [frames for _, _, binding in _own_bindings(plans) for frames in binding.mine]
    if any(first - keys.SAME_FRAME <= span[0] and span[1] <= last + keys.SAME_FRAME for first, last in mine):
        raise RigError(
            f"Frames {span[0]:g} to {span[1]:g} are yours since Make It Mine, so nothing was written. Choose another "
            "name in Output > Action, or other frames."
        )


def _host_action(character: Character, wanted: str) -> bpy.types.Action:
    if not actions.has_slots():
        raise RigError(
            "An Action has no slots before Blender 4.4. Choose Own Action or NLA Strip in Output > Destination."
        )
    if wanted:
        named = bpy.data.actions.get((wanted, None))
        if named is None or actions.is_own(named):
            raise RigError(
                f"You have no Action {wanted!r} in this file to make a slot in. Choose one of yours in Output > "
                "Action, or leave it empty."
            )
        return named
    owners = [target.find() for target in character.targets]
    # first the one that has our slot already
    in_use = [use for owner in owners for use in actions.uses(owner) if actions.owns(use)]
    active = [use for owner in owners if (use := nla.active_use(owner))]
    hosts = [use.action for use in [*in_use, *active] if not actions.is_own(use.action) and use.action.library is None]
    if not hosts:
        raise RigError(
            f"No Action of yours is active on {character.name!r}, so there is nothing to make a slot in. Name one in "
            "Output > Action, or choose Own Action."
        )
    return hosts[0]


def _action_for(plan: PlannedKeys, plans: list[PlannedKeys], character: Character, wanted: str) -> bpy.types.Action:
    """Our Action to write to: one in use (with slots: on the whole character), else one of the name, else a new one."""
    together = actions.has_slots()
    name = wanted or f"{character.name} {GROUP}"
    if not together and plan is not plans[0]:
        name += f" {plan.target.object_name}"
    for use in [use for other in (plans if together else [plan]) for use in actions.uses(other.owner)]:
        if actions.is_own(use.action) and (not wanted or actions.is_called(use.action, name)):
            return use.action
    known = [action for action in bpy.data.actions if actions.is_called(action, name)] if wanted else []
    # without slots an Action is for one data-block
    free = (action for action in known if together or action.users == action.use_fake_user)
    return next(free, None) or actions.new_action(name)


class _Writing:
    """Keys for one data-block on their way."""

    def __init__(
        self, plan: PlannedKeys, action: bpy.types.Action, line: Line, options: KeyOptions,
        beside: Window | Lead | None,
    ) -> None:
        in_host = options.destination == 'SLOT'
        open_slot = actions.open_own_slot if in_host else actions.open_slot
        plan.owner.animation_data_create()
        slot_name = f"{plan.target.object_name} {GROUP}" if in_host else plan.target.object_name
        self.use, self._bag = open_slot(plan.owner, action, slot_name)
        self._ledger = Ledger.of(action)
        self._key = actions.binding_key(self.use)
        self._plan, self._line, self._options = plan, line, options
        self._window = beside if isinstance(beside, Window) else None
        self._lead = beside if isinstance(beside, Lead) else None
        self.n_keys = 0

    def write(self, writer: keys.Writer, character_name: str) -> list[str]:
        """Key, let it play, note it in the ledger; sentences for the user."""
        plan, owner = self._plan, self._plan.owner
        binding = renamed.follow_names(owner, self.use, self._ledger.binding(self._key))
        line = self._line
        if self._window is not None:
            line = replace(line, first_frame=self._window.first, last_frame=self._window.last)
        within = self._options.partial or (self._window is not None and self._window.punched)   # which is what is asked
        others = overlaps.others(self.use, binding, plan.target, line) if not within else []
        replaced = [f"It replaced keys of {owned}, which says something on the same frames." for owned in others]
        binding = _with_rest(plan, _with_earlier(owner, self.use, binding))
        self._write_curves(writer, binding)
        keyed = {actions.channel_of(curve) for curve in self._bag.fcurves}
        left = {channel: value for channel, value in binding.rest.items() if channel not in keyed}
        binding = replace(binding, rest={channel: value for channel, value in binding.rest.items() if channel in keyed})
        widened = 0
        if plan.target.kind == 'KEY':
            ranges, widened = sliders.widen(owner, plan.points, binding.sliders)
            binding = replace(binding, sliders=ranges)
        self._ledger.bindings[self._key] = binding
        self._note(character_name)
        binding = self._ledger.bindings[self._key]
        earlier = {
            use.action.name
            for use in actions.uses(owner) if actions.owns(use) and not actions.same_curves(use, self.use)
        }
        moved = nla.make_way(owner) if self._options.existing == 'LAYER' else ""
        mix = self._options.strip if self._options.destination == 'NLA' else None
        strip = nla.play(owner, self.use, binding.whole_span, binding.strip, mix)
        put_at_rest(owner, left)
        warnings = [
            *replaced,
            _slider_warning(plan, widened),
            f"Your Action went to the NLA track {moved!r}; the lip sync plays over it." if moved else "",
        ]
        active = nla.active_use(owner)
        if self._options.destination == 'NLA' or (active and actions.owns(active)):
            strip, warning = nla.hold_outside(owner, self.use, set(plan.points), plan.shared, strip)
            warnings.append(warning)
        self._ledger.bindings[self._key] = replace(binding, strip=strip, moved=moved or binding.moved)
        self._ledger.store(self.use.action)
        warnings += [
            f"Your earlier take {name!r} no longer plays; it is kept in this file." for name in sorted(earlier)
        ]
        warnings.append(nla.silence(owner, plan.target.object_name))
        return warnings

    def _write_curves(self, writer: keys.Writer, binding: Binding) -> None:
        spans = self._spans(binding)
        points = self._plan.points
        def find(channel: Channel) -> tuple[bpy.types.FCurve | None, float]:
            return self._bag.fcurves.find(channel[0], index=channel[1]), binding.rest.get(channel, 0.0)

        old = Old((self.use.action.name, self._key), find)
        if self._window is not None:
            points = compose(points, self._line, self._window, self._options.interpolation, old)
        elif self._lead is not None:
            points = led_in(points, self._line, self._lead, old)
        for channel, rows in points.items():
            if binding.mine:
                rows = rows[~keys.within(rows[:, 0], binding.mine)]     # noqa: PLW2901
            self.n_keys += len(rows)
            self._write_curve(writer, channel, rows, spans, binding.mine)
        if self._window is None and not self._options.partial:
            self._remove_stale(spans, binding.mine)

    def _write_curve(
        self, writer: keys.Writer, channel: Channel, rows: keys.Points, spans: list[Span], spare: Sequence[Span]
    ) -> None:
        curve = self._bag.fcurves.find(channel[0], index=channel[1])
        if curve is None:
            if len(rows):
                writer.new(self._bag, channel, rows).group = self._bag.groups.get(GROUP) or self._bag.groups.new(GROUP)
            return
        if curve.is_empty and not actions.is_ours(curve, self.use):     # left over from keys of the artist
            curve.group = self._bag.groups.get(GROUP) or self._bag.groups.new(GROUP)
        kept = keys.outside(curve, spans, spare)
        if kept is None:
            writer.new_in_place(self._bag, curve, rows)
        else:
            writer.replace(curve, rows, kept, edges_of(curve, self._line, self._window) if self._window else ())

    def _spans(self, binding: Binding) -> list[Span]:
        """Frames on which keys of ours give way: where the line comes to lie and where it alone lay."""
        if self._window is not None:
            return [self._window.span]
        lines = binding.spans
        old = lines.pop(self._line.name, None)
        return [(self._line.first_frame, self._line.last_frame), *(without(old, list(lines.values())) if old else [])]

    def _remove_stale(self, spans: list[Span], spare: Sequence[Span]) -> None:
        """Take this line's keys out of curves that it does not use any more, as after a change of preset."""
        for curve in actions.own_curves(self.use):
            if actions.channel_of(curve) not in self._plan.points and not actions.is_locked(curve):
                keys.take_out(self._bag, curve, spans, spare)

    def _note(self, character_name: str) -> None:
        """Note which frames the line covers and how it was made; of a window, only what it added."""
        name, first, last = self._line.name, self._line.first_frame, self._line.last_frame
        old = self._ledger.binding(self._key).lines.get(name)
        if self._window is not None:
            first, last = max(first, self._window.first), min(last, self._window.last)
            first, last = (min(first, old.first), max(last, old.last)) if old else (first, last)
        self._ledger.put(self._key, name, KeyedLine(first, last, f"{character_name}/{name}"), self._line.note)


def _slider_warning(plan: PlannedKeys, widened: int) -> str:
    if widened and plan.owner.user.override_library is not None:
        return (
            f"{widened} sliders of {plan.target.object_name!r} are too short and an override cannot keep longer ones: "
            "set them in the linked file."
        )
    return ""


def _with_rest(plan: PlannedKeys, binding: Binding) -> Binding:
    """Note the values from before the first key, for `clear`."""
    now = {
        channel: float(controls.read(plan.owner, *channel)) for channel in plan.points if channel not in binding.rest
    }
    return replace(binding, rest={**binding.rest, **now})


def _with_earlier(owner: bpy.types.ID, use: ActionUse, binding: Binding) -> Binding:
    """Take over what is known of the time before earlier takes that are about to be replaced."""
    for other in actions.uses(owner):
        if actions.owns(other) and not actions.same_curves(other, use):
            theirs = Ledger.of(other.action).binding(actions.binding_key(other))
            rest, ranges = _completed(binding.rest, theirs.rest), _completed(binding.sliders, theirs.sliders)
            binding = replace(binding, rest=rest, sliders=ranges, moved=binding.moved or theirs.moved)
    return binding


def _completed(known: Mapping[Key, Value], more: Mapping[Key, Value]) -> dict[Key, Value]:
    """Both, in this order; of what both have the first."""
    return {**known, **{key: value for key, value in more.items() if key not in known}}
