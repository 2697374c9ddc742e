"""Write curves as keys of an Action: the only file (with its helpers actions.py, playing.py, keys.py and clearing.py) that writes animation.

Where the keys go, for each data-block (the shape keys of a mesh, an armature):
* no Action of the artist is active there: ours becomes the active one, a plain Action that every exporter takes;
* one is active: it stays, untouched, and ours plays from an NLA track beneath it, without the channels that the artist has keyed
  (existing = 'KEEP'); or the artist's Action moves to an NLA track, as by Push Down, and ours plays over it ('LAYER');
* destination = 'NLA': ours is a strip in any case, blended as the artist wants; 'SLOT': it is a slot of its own in an Action of the artist.

What is ours: Actions with the custom property OWNER (it names the lines of sound and the frames they cover), or the slots that it names in
an Action of the artist, and in them the curves of the group GROUP. All lines of a character share one Action. Making a line again replaces the
keys on the frames that it covered and covers now, and nothing else: neither other lines nor what the artist keyed in between.
"""

from __future__ import annotations

from dataclasses import dataclass

import bpy

from ...engine import RigCurves, RigError
from ..actions import actions, keys, nla, renamed
from ..actions.actions import GROUP, Channel, Place
from ..actions.ledger import Record, Span, without
from ..character import controls
from ..character.character import Character
from . import sliders
from .clearing import put_at_rest
from .parts import KeyOptions, Line, Part, nothing_left, prepare
from .window import Old, Window, compose, edges_of


@dataclass(frozen=True)
class Written:
    """What was written: name of the (first) Action, number of curves and of keys, and sentences for the user."""

    action: str
    curves: int
    keys: int
    warnings: tuple[str, ...]


def write(character: Character, curves: RigCurves, line: Line, options: KeyOptions, window: Window | None = None) -> Written:
    """Key a character.

    Args:
        curves: seconds from line.first_frame, and values. values beyond a shape key's slider: see KeyOptions.
        window: only these frames are keyed; None keys the whole line.
    Raises:
        RigError: a data-block is gone or in NLA tweak mode, or no channel is left to key; BeyondSliders. Nothing is written then.
    """
    warnings: list[str] = []
    parts = [part for target in character.targets if (part := prepare(target, curves, line, options, warnings)).points]
    if not parts:
        raise RigError(nothing_left(character, warnings))
    guest = _host_action(character, options.action) if options.destination == 'SLOT' else None
    if window is not None:
        _refuse_elsewhere(parts, line, options, guest)
    _refuse_blend(parts, options)
    _refuse_frames_of_the_artist(parts, window.span if window else (line.first_frame, line.last_frame))
    actions.unshare([target.find() for target in character.targets])
    used: dict[str, bpy.types.Action] = {}
    writer = keys.Writer(options.interpolation)
    n_keys = 0
    for part in parts:
        action = guest or _action_for(part, parts, character, options.action)
        used[action.name] = action
        warnings += (writing := _Writing(part, action, line, options, window)).write(writer, character.name)
        n_keys += writing.n_keys
    return Written(next(iter(used)), sum(len(part.points) for part in parts), n_keys, tuple(filter(None, dict.fromkeys(warnings))))


def _refuse_elsewhere(parts: list[Part], line: Line, options: KeyOptions, guest: bpy.types.Action | None) -> None:
    """Raise RigError where a window of a line would go to another Action than the rest of it: only one of them plays."""
    holders = [
        place.action for part in parts for place in actions.places(part.owner)
        if actions.owns(place) and line.name in Record.of(place.action).lines_at(actions.key_of(place))
    ]
    same = [action for action in holders if (action == guest if guest else actions.is_own(action) and (not options.action or actions.is_called(action, options.action)))]
    if holders and not same:
        raise RigError(
            f"The lip sync of {line.name!r} is in the Action {holders[0].name!r}, and a range of it cannot go elsewhere. "
            "Set Destination and Action in Output as they were, or switch Only a Range off."
        )


def _refuse_blend(parts: list[Part], options: KeyOptions) -> None:
    """Raise RigError in Blender 5.0, which lets a blended strip start from 1 for shape keys: a face with every shape at full."""
    if options.destination != 'NLA' or options.strip.blend == 'REPLACE' or bpy.types.ShapeKey.bl_rna.properties["value"].default == 0:
        return
    combine = options.strip.blend == 'COMBINE'      # it takes 1 away from what is beneath; the others add to 1 where nothing is
    wrong = next((part for part in parts if part.target.kind == 'KEY' and (part.shared if combine else part.points.keys() - part.shared)), None)
    if wrong is not None:
        raise RigError(
            f"Blender {bpy.app.version_string} blends strips of shape keys from 1 instead of 0, so {wrong.target.object_name!r} would show every shape at "
            "full. Choose Replace as Blend Mode, or another Blender version."
        )


def _refuse_frames_of_the_artist(parts: list[Part], span: Span) -> None:
    """Raise RigError where all frames are keys that the artist made his own."""
    mine = [
        (first, last) for part in parts for place in actions.places(part.owner) if actions.owns(place)
        for first, last in Record.of(place.action).mine.get(actions.key_of(place), [])
    ]
    if any(first - keys.SAME_FRAME <= span[0] and span[1] <= last + keys.SAME_FRAME for first, last in mine):
        raise RigError(
            f"Frames {span[0]:g} to {span[1]:g} are yours since Make It Mine, so nothing was written. Choose another name in Output > Action, or other frames."
        )


def _host_action(character: Character, wanted: str) -> bpy.types.Action:
    """The Action of the artist that takes a slot of ours. Raises RigError."""
    if not actions.has_slots():
        raise RigError("An Action has no slots before Blender 4.4. Choose Own Action or NLA Strip in Output > Destination.")
    if wanted:
        named = bpy.data.actions.get((wanted, None))
        if named is None or actions.is_own(named):
            raise RigError(f"You have no Action {wanted!r} in this file to make a slot in. Choose one of yours in Output > Action, or leave it empty.")
        return named
    owners = [target.find() for target in character.targets]
    in_use = [place for owner in owners for place in actions.places(owner) if actions.owns(place)]       # first the one that has our slot already
    active = [place for owner in owners if (place := nla.active_place(owner))]
    hosts = [place.action for place in [*in_use, *active] if not actions.is_own(place.action) and place.action.library is None]
    if not hosts:
        raise RigError(
            f"No Action of yours is active on {character.name!r}, so there is nothing to make a slot in. Name one in Output > Action, or choose Own Action."
        )
    return hosts[0]


def _action_for(part: Part, parts: list[Part], character: Character, wanted: str) -> bpy.types.Action:
    """Our Action to write to: one in use (with slots: anywhere on the character), else one of the wanted name, else a new one."""
    together = actions.has_slots()
    name = wanted or f"{character.name} {GROUP}"
    if not together and part is not parts[0]:
        name += f" {part.target.object_name}"
    for place in [place for other in (parts if together else [part]) for place in actions.places(other.owner)]:
        if actions.is_own(place.action) and (not wanted or actions.is_called(place.action, name)):
            return place.action
    known = [action for action in bpy.data.actions if actions.is_called(action, name)] if wanted else []
    free = (action for action in known if together or action.users == action.use_fake_user)     # without slots an Action is for one data-block
    return next(free, None) or actions.new_action(name)


class _Writing:
    """Keys for one data-block on their way."""

    def __init__(self, part: Part, action: bpy.types.Action, line: Line, options: KeyOptions, window: Window | None) -> None:
        open_place = actions.open_guest if options.destination == 'SLOT' else actions.open_place
        part.owner.animation_data_create()
        self.place, self._bag = open_place(part.owner, action, _slot_name(part, options))
        self._record = Record.of(action)
        self._key = actions.key_of(self.place)
        self._part, self._line, self._options, self._window = part, line, options, window
        self.n_keys = 0

    def write(self, writer: keys.Writer, character_name: str) -> list[str]:
        """Key, let it play, keep notes; sentences for the user."""
        part, record, key = self._part, self._record, self._key
        action = self.place.action
        renamed.follow_names(part.owner, self.place, record)
        rest = record.rest.setdefault(key, {})
        _inherit(part.owner, self.place, record)
        _remember_rest(part, rest)
        self._write_curves(writer)
        playing_now = {f"{curve.data_path}|{curve.array_index}" for curve in self._bag.fcurves}
        left = {name: rest.pop(name) for name in set(rest) - playing_now}
        widened = sliders.widen(part.owner, part.points, record.sliders.setdefault(key, {})) if part.target.kind == 'KEY' else 0
        self._note(character_name)
        earlier = {place.action.name for place in actions.places(part.owner) if actions.owns(place) and not actions.same_place(place, self.place)}
        moved = self._play()
        put_at_rest(part.owner, left)
        if moved:
            record.moved[key] = moved
        warnings = [_slider_warning(part, widened), f"Your Action went to the NLA track {moved!r}; the lip sync plays over it." if moved else ""]
        active = nla.active_place(part.owner)
        if self._options.destination == 'NLA' or (active and actions.owns(active)):
            warnings.append(nla.hold_outside(part.owner, self.place, set(part.points), part.shared, record.strips.setdefault(key, {})))
        record.store(action)
        warnings += [f"Your earlier take {name!r} no longer plays; it is kept in this file." for name in sorted(earlier)]
        warnings.append(nla.silence(part.owner, part.target.object_name))
        return warnings

    def _write_curves(self, writer: keys.Writer) -> None:
        spare = self._record.mine.get(self._key, [])
        spans = self._spans()
        points = self._part.points
        if self._window is not None:
            points = compose(points, self._line, self._window, self._options.interpolation, Old((self.place.action.name, self._key), self._old_curve))
        for (path, index), rows in points.items():
            rows = rows[~keys.within(rows[:, 0], spare)] if spare else rows     # noqa: PLW2901
            self.n_keys += len(rows)
            curve = self._bag.fcurves.find(path, index=index)
            if curve is None:
                if len(rows):
                    writer.new(self._bag, (path, index), rows).group = self._bag.groups.get(GROUP) or self._bag.groups.new(GROUP)
                continue
            kept = keys.outside(curve, spans, spare)
            if kept is None:
                writer.new_in_place(self._bag, curve, rows)
            else:
                writer.replace(curve, rows, kept, edges_of(curve, self._line, self._window) if self._window else ())
        if self._window is None:
            self._remove_stale(spans, spare)

    def _spans(self) -> list[Span]:
        """Frames on which keys of ours give way: where the line comes to lie, and where it lay, but for what another line has taken since."""
        if self._window is not None:
            return [self._window.span]
        lines = self._record.lines_at(self._key)
        old = lines.pop(self._line.name, None)
        return [(self._line.first_frame, self._line.last_frame), *(without(old, list(lines.values())) if old else [])]

    def _old_curve(self, channel: Channel) -> tuple[bpy.types.FCurve | None, float]:
        path, index = channel
        return self._bag.fcurves.find(path, index=index), self._record.rest[self._key].get(f"{path}|{index}", 0.0)

    def _remove_stale(self, spans: list[Span], spare: list[Span]) -> None:
        """Take this line's keys out of curves of ours that it does not use any more, for example after a change of preset."""
        for curve in list(self._bag.fcurves):
            if not actions.is_ours(curve, self.place) or (curve.data_path, curve.array_index) in self._part.points:
                continue
            keys.take_out(self._bag, curve, spans, spare)

    def _note(self, character_name: str) -> None:
        """Keep which frames the line covers and how it was made; of a window, only what it added."""
        name, span, how = self._line.name, (self._line.first_frame, self._line.last_frame), self._line.how
        old = self._record.lines_at(self._key).get(name)
        if self._window is not None:
            span = (max(span[0], self._window.first), min(span[1], self._window.last))
            span = (min(span[0], old[0]), max(span[1], old[1])) if old else span
        self._record.note(self._key, name, span, f"{character_name}/{name}", how)

    def _play(self) -> str:
        spans = self._record.lines_at(self._key).values()
        spans = [*spans, *self._record.mine.get(self._key, [])]
        whole = (min(first for first, _ in spans), max(last for _, last in spans))
        strip = self._options.strip if self._options.destination == 'NLA' else None
        given = self._record.strips.setdefault(self._key, {})
        moved = nla.make_way(self._part.owner) if self._options.existing == 'LAYER' else ""
        nla.play(self._part.owner, self.place, whole, given, strip)
        return moved


def _slot_name(part: Part, options: KeyOptions) -> str:
    return f"{part.target.object_name} {GROUP}" if options.destination == 'SLOT' else part.target.object_name


def _slider_warning(part: Part, widened: int) -> str:
    if widened and part.owner.user.override_library is not None:
        return f"{widened} sliders of {part.target.object_name!r} are too short and an override cannot keep longer ones: set them in the linked file."
    return ""


def _remember_rest(part: Part, rest: dict[str, float]) -> None:
    """Note the values from before the first key, for `clear`."""
    for path, index in part.points:
        name = f"{path}|{index}"
        if name not in rest:
            rest[name] = float(controls.read(part.owner, path, index))


def _inherit(owner: bpy.types.ID, place: Place, record: Record) -> None:
    """Take over what is known of the time before the earlier takes that another place of ours is about to replace, so that `clear` finds it here."""
    key = actions.key_of(place)
    for other in actions.places(owner):
        if actions.owns(other) and not actions.same_place(other, place):
            theirs = Record.of(other.action)
            for name, value in actions.of_place(theirs.rest, other, {}).items():
                record.rest.setdefault(key, {}).setdefault(name, value)
            for name, ends in actions.of_place(theirs.sliders, other, {}).items():
                record.sliders.setdefault(key, {}).setdefault(name, ends)
            if track := actions.of_place(theirs.moved, other, ""):
                record.moved.setdefault(key, track)
