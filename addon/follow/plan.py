"""Which takes no longer lie where their sound lies, and where they belong now. Reads only.

A take knows its strip by a mark. Its note says on which frame second 0 of the sound lies for its keys (zero), which
frames of the sound it has keys for, counted from zero (made), and which of its two ends were never brought to rest
because the strip was cut there (open_ends).
"""

from __future__ import annotations

import math
import os
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, replace

import bpy

from ...engine import AudioError
from ..actions import actions
from ..actions.ledger import OWNER, ClipNote, Ledger, Span, TakeNote, TimedPhone
from ..host.scene import same_rate, scene_fps
from ..keying.moved_keys import Move, users_of
from ..keying.notes import noted_clip
from ..sound import clip as sounds
from ..sound import strips as sound_strips

SAME = 0.01             # frames
EXACT = 0.25            # frames by which keys may lie beside their sound before it is said: a slip of less than a frame


@dataclass(frozen=True)
class FollowedLine:
    """One line of an Action that has a strip or a speaker.

    Attributes:
        span: first and last frame of its keys. note: how it was made. clip: the sound as it was when keys were last put
            down.
        zero: frame on which second 0 of the sound lies for its keys. made: first and last frame that it has keys for,
            from there.
        lead: frames by which the mouth comes later than the sound.
    """

    action: str
    name: str
    span: Span
    note: TakeNote
    clip: ClipNote
    fps: float
    zero: float
    made: Span
    lead: float

    @property
    def whole(self) -> bool:
        """Whether it had keys for all that could be heard, so that it should have them again when more is heard."""
        if self.note.whole is not None:
            return self.note.whole
        frames = self.clip.length_s * self.fps
        return not math.isfinite(frames) or self.span[1] - self.span[0] + 1 > frames - 1.5


@dataclass(frozen=True)
class SoundChange:
    """What became of the sound of one line.

    Attributes:
        now: the clip as it lies now; path is the name of its file alone. move: where its keys go; None when they cannot
            simply be moved.
        listen: why the sound must be listened to (again); "" when moving is enough.
        missing: frames that need keys and have none; empty with a reason to listen means all of it.
    """

    line: FollowedLine
    now: ClipNote
    move: Move | None
    listen: str = ""
    missing: tuple[Span, ...] = ()

    @property
    def is_seen(self) -> bool:
        """Whether keys move, come or go."""
        return (
            self.move is not None
            and (abs(self.move.zero_after - self.line.zero) > SAME or self.move.span != self.line.span)
        )


def lines() -> Iterator[FollowedLine]:
    """Every line of this file that follows a strip or a speaker, but for earlier takes that play nowhere now."""
    if len(_known) > len(bpy.data.actions):         # some were removed, undone or belong to another file
        _known.clear()
    for action in bpy.data.actions:
        if OWNER not in action or action.library is not None or action.users <= action.use_fake_user:
            continue
        yield from lines_of(action)


def lines_of(action: bpy.types.Action) -> list[FollowedLine]:
    """The lines of one Action that follow something, each once."""
    ledger, found = _ledger(action), {}
    for key in actions.binding_keys(action):
        for name, span in ledger.binding(key).spans.items():
            if name not in found and (line := _line(action, name, span, ledger.note(key, name))) is not None:
                found[name] = line
    return list(found.values())


def line_of(action: bpy.types.Action, name: str) -> FollowedLine | None:
    """One of them."""
    return next((line for line in lines_of(action) if line.name == name), None)


def changes() -> list[SoundChange]:
    """Lines whose sound lies elsewhere than their keys."""
    return [change for line in lines() if (change := look(line)) is not None]


def look(line: FollowedLine) -> SoundChange | None:
    """What changed for a line; None when nothing did, or its strip was deleted or cannot be heard."""
    try:
        now = _now(line)
    except AudioError:
        return None
    if now is None:
        return None
    if now.path != os.path.basename(line.clip.path):
        return SoundChange(line, now, None, "it has another sound now")
    fps = _fps(now, line)
    if not same_rate(fps, line.fps):
        return SoundChange(line, now, None, f"the scene runs at {fps:g} frames per second now")
    if now.retiming != line.clip.retiming or (now.retiming and abs(now.length_s - line.clip.length_s) * fps > SAME):
        return SoundChange(line, now, None, "its speed changed")
    return _look_at_frames(line, now, fps)


def _look_at_frames(line: FollowedLine, now: ClipNote, fps: float) -> SoundChange | None:
    """The same for sound that differs in its position and its ends alone."""
    ideal = now.start_frame + line.lead - now.first_s * fps
    zero = line.zero + round(ideal - line.zero)
    made = line.made[0] + zero, line.made[1] + zero
    first = now.start_frame + line.lead
    last = first + round(now.length_s * fps) - 1 if math.isfinite(now.length_s) else made[1]
    span = max(first, made[0]), min(last, made[1])
    if span[0] > span[1]:
        span = (first, first)           # all of it is hidden
    gaps = ((first, made[0] - 1), (made[1] + 1, last)) if line.whole else ()
    missing = tuple(gap for gap in gaps if gap[1] - gap[0] + 1 > SAME + 0.5)
    reason = "it was slipped by part of a frame" if abs(ideal - zero) > EXACT else ""
    if missing:
        reason = "more of it can be heard now"
    if not _lies_there(line, now, zero, span):
        return SoundChange(line, now, _move(line, now, zero, span), reason, missing)
    return SoundChange(line, now, None, reason, missing) if reason else None


def _lies_there(line: FollowedLine, now: ClipNote, zero: float, span: Span) -> bool:
    clip = line.clip
    differences = [
        zero - line.zero, span[0] - line.span[0], span[1] - line.span[1], now.start_frame - clip.start_frame,
        (now.first_s - clip.first_s) * line.fps,
    ]
    if math.isfinite(now.length_s):
        differences.append((now.length_s - clip.length_s) * line.fps)
    return max(map(abs, differences)) < SAME


def still(line: FollowedLine) -> Move:
    """The move of a line that stays: it is put down anew because a neighbour moves."""
    return _move(line, line.clip, line.zero, line.span)


def pieces(line: FollowedLine) -> tuple[str, Move, Move] | None:
    """What a line becomes when its strip was cut: the name of the other strip, and both lines as they lie now."""
    scene, original = find_strip(line)
    if scene is None or original is None or not line.clip.mark or line.clip.retiming:
        return None
    for other in sound_strips.marked(scene, line.clip.mark, original):
        if other.sound != original.sound or line_of(bpy.data.actions[line.action], other.name) is not None:
            continue
        try:
            own, its = _content(original, scene), _content(other, scene)
        except AudioError:
            continue
        # a copy says the same again; a piece says something else
        if its[0] >= own[1] - SAME or own[0] >= its[1] - SAME:
            return _cut(line, other, scene, its)
    return None


def _cut(
    line: FollowedLine, other: bpy.types.Strip, scene: bpy.types.Scene, its: Span
) -> tuple[str, Move, Move] | None:
    """Divide a line at that end of the other strip which lies inside of it; its: the other's content in frames."""
    later = its[0] + line.zero > line.span[0]
    border = its[0] if later else its[1]
    if not line.span[0] < line.zero + border <= line.span[1]:
        return None
    opened = line.note.open_ends
    before = _part(line, (line.made[0], border - 1), (opened[0], True))
    after = _part(line, (border, line.made[1]), (True, opened[1]))
    kept, new = (before, after) if later else (after, before)
    moved = _move(new, replace(new.clip, name=other.name, mark=sound_strips.mark(other, scene)), new.zero, new.span)
    note = replace(moved.note, hidden="", choices={**line.note.choices, "strip": other.name})
    return other.name, still(kept), replace(moved, note=note)


def _part(line: FollowedLine, made: Span, opened: tuple[bool, bool]) -> FollowedLine:
    span = max(line.span[0], made[0] + line.zero), min(line.span[1], made[1] + line.zero)
    start, fps = span[0] - line.lead, line.fps
    clip = replace(
        line.clip, start_frame=start, first_s=(span[0] - line.zero) / fps, length_s=(span[1] - span[0] + 1) / fps
    )
    return replace(line, span=span, made=made, clip=clip, note=replace(line.note, open_ends=opened, whole=line.whole))


def joins(before: Move, after: Move) -> bool:
    """Whether one line goes on where another ends, in one sound: there the face need not rest."""
    if abs(before.zero_after - after.zero_after) >= SAME or abs(before.span[1] + 1 - after.span[0]) >= SAME:
        return False
    return before.note.clip.path == after.note.clip.path


def _move(line: FollowedLine, now: ClipNote, zero: float, span: Span) -> Move:
    note, opened, by = line.note, line.note.open_ends, zero - line.zero
    cut = (line.made[0] + zero < span[0] - SAME or opened[0], line.made[1] + zero > span[1] + SAME or opened[1])
    phones, phones_made = _phones(line, now)
    return Move(line.name, line.zero, zero, span, cut, line.fps, replace(
        note,
        clip=replace(now, path=line.clip.path, channel=line.clip.channel),
        first_frame=now.start_frame + line.lead,
        closed=tuple((first + by, last + by) for first, last in note.closed),
        zero=zero,
        made=line.made,
        whole=line.whole,
        hidden=note.hidden or uuid.uuid4().hex[:8],
        phones=phones,
        phones_made=phones_made,
    ))


def _phones(line: FollowedLine, now: ClipNote) -> tuple[tuple[TimedPhone, ...] | None, tuple[TimedPhone, ...] | None]:
    """Edited phones, whose seconds count from the first one heard, for what is heard now; and all of them."""
    made = line.note.phones_made
    if made is None and line.note.phones is not None:
        made = tuple(
            (label, start + line.clip.first_s, end + line.clip.first_s) for label, start, end in line.note.phones
        )
    if made is None:
        return None, None
    first_s, end_s = now.first_s, now.first_s + now.length_s
    heard = [
        (label, max(start, first_s), min(end, end_s)) for label, start, end in made if start < end_s and end > first_s
    ]
    return tuple((label, start - first_s, end - first_s) for label, start, end in heard), made


def _line(action: bpy.types.Action, name: str, span: Span, note: TakeNote | None) -> FollowedLine | None:
    if (
        note is None or note.clip is None or note.fps is None or note.first_frame is None
        or note.choices.get("source") == 'FILE'
    ):
        return None
    zero = note.first_frame - note.clip.first_s * note.fps if note.zero is None else note.zero
    made = (span[0] - zero, span[1] - zero) if note.made is None else note.made
    lead = note.choices.get("shift_frames")
    return FollowedLine(
        action.name, name, span, note, note.clip, note.fps, zero, made,
        float(lead) if isinstance(lead, (int, float)) else 0.0,
    )


def _now(line: FollowedLine) -> ClipNote | None:
    """Where the sound of a line lies now, with the name of its file alone for a path; None when it is gone."""
    if line.note.choices.get("source") == 'SPEAKER':
        speaker, home = bpy.data.objects.get(str(line.note.choices.get("speaker"))), bpy.data.scenes.get(line.clip.home)
        if speaker is None or speaker.type != 'SPEAKER' or home is None:
            return None
        start = sounds.whole_from(sounds.speaker_start(speaker, home), scene_fps(home))
        return replace(line.clip, **start, path=os.path.basename(line.clip.path))
    scene, strip = find_strip(line)
    if strip is None:
        return None
    home = bpy.data.scenes.get(line.clip.home) or scene
    original = bpy.data.scenes.get(line.clip.scene)
    if (
        original not in (None, scene) and home == original
        and sound_strips.find_marked(original, line.clip.mark, line.clip.name) is not None
    ):
        home = scene            # character and strip were copied together
    name = os.path.basename(bpy.path.abspath(strip.sound.filepath)) if strip.sound is not None else ""
    return replace(noted_clip(sounds.place_of(scene, strip, home)), mark=line.clip.mark, path=name)


def find_strip(line: FollowedLine) -> tuple[bpy.types.Scene | None, bpy.types.Strip | None]:
    """The strip of a line and its scene, also after either was renamed."""
    scene = bpy.data.scenes.get(line.clip.scene)
    strip = sound_strips.find_marked(scene, line.clip.mark, line.clip.name) if scene is not None else None
    if strip is not None and (copy := _in_copied_scene(line, strip)):
        return copy
    if strip is not None or not line.clip.mark:
        return scene, strip
    for other in bpy.data.scenes:
        if found := sound_strips.marked(other, line.clip.mark):
            return other, found[0]
    return None, None


def _in_copied_scene(line: FollowedLine, strip: bpy.types.Strip) -> tuple[bpy.types.Scene, bpy.types.Strip] | None:
    """The strip's twin in the scene of the character, where that is a full copy of the noted scene."""
    twins = []
    for scene in bpy.data.scenes if line.clip.mark else ():
        if scene.name == line.clip.scene or scene.sequence_editor is None:
            continue
        twin = sound_strips.all_strips(scene).get(strip.name)
        if twin is not None and sound_strips.mark_of(twin) == line.clip.mark:
            twins.append((scene, twin))
    if not twins:
        return None
    owners = users_of(bpy.data.actions[line.action])
    players = [obj for obj in bpy.data.objects if obj in owners or getattr(obj.data, "shape_keys", None) in owners]
    homes = {scene for obj in players for scene in obj.users_scene}
    if bpy.data.scenes.get(line.clip.home) in homes:
        return None
    return next((twin for twin in twins if twin[0] in homes), None)


def _content(strip: bpy.types.Strip, scene: bpy.types.Scene) -> Span:
    """First frame of the sound that is heard and the one after the last, counted from its second 0."""
    when = sound_strips.audible_span(scene, strip)
    return when.first - when.zero, when.right - when.zero


def _fps(now: ClipNote, line: FollowedLine) -> float:
    home = bpy.data.scenes.get(now.home) or bpy.data.scenes.get(now.scene)
    return scene_fps(home) if home is not None else line.fps


_known: dict[int, tuple[str, Ledger]] = {}


def _ledger(action: bpy.types.Action) -> Ledger:
    """The ledger of an Action; read anew only when its text changed."""
    text = str(action[OWNER])
    known = _known.get(action.session_uid)
    if known is None or known[0] != text:
        known = _known[action.session_uid] = text, Ledger.of(action)
    return known[1]
