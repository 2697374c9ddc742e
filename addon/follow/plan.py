"""Which takes no longer lie where their sound lies, and where they belong now. Reads only.

A take knows its strip by a mark (sound_strips.py) and notes, for its keys, on which frame second 0 of the sound lies ("zero"), which frames of the
sound it has keys for ("made", counted from zero), and which of its two ends were never brought to rest because the strip was cut there ("open").
"""

from __future__ import annotations

import math
import os
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace

import bpy

from ...engine import AudioError
from ..actions import actions
from ..actions.ledger import OWNER, Record, Span
from ..host.scene import scene_fps
from ..keying.moved_keys import Move, users_of
from ..keying.notes import Note
from ..sound import clip as strip_audio
from ..sound import strips as sound_strips
from ..sound.clip import Clip

SAME = 0.01             # frames
EXACT = 0.25            # frames by which keys may lie beside their sound before it is said: a slip of less than a frame


@dataclass(frozen=True)
class Line:
    """One line of an Action that has a strip or a speaker.

    Attributes:
        span: first and last frame of its keys. how: its note. clip: the sound as it was when keys were last put down.
        zero: frame on which second 0 of the sound lies for its keys. made: first and last frame that it has keys for, from there.
        lead: frames by which the mouth comes later than the sound.
    """

    action: str
    name: str
    span: Span
    how: Mapping[str, object]
    clip: Clip
    fps: float
    zero: float
    made: Span
    lead: float

    @property
    def opened(self) -> tuple[bool, bool]:
        """Which ends are cut in mid-word."""
        opened = self.how.get("open")
        return (bool(opened[0]), bool(opened[1])) if isinstance(opened, list) and len(opened) == 2 else (False, False)

    @property
    def whole(self) -> bool:
        """Whether it had keys for all that could be heard, so that it should have them again when more is heard."""
        if isinstance(self.how.get("whole"), bool):
            return self.how["whole"]
        frames = self.clip.length_s * self.fps
        return not math.isfinite(frames) or self.span[1] - self.span[0] + 1 > frames - 1.5


@dataclass(frozen=True)
class Change:
    """What became of one line.

    Attributes:
        now: the clip as it lies now; path is the name of its file alone. move: where its keys go; None when they cannot simply be moved.
        listen: why the sound must be listened to (again); "" when moving is enough.
        missing: frames that need keys and have none; empty with a reason to listen means all of it.
    """

    line: Line
    now: Clip
    move: Move | None
    listen: str = ""
    missing: tuple[Span, ...] = ()

    @property
    def is_seen(self) -> bool:
        """Whether keys move, come or go."""
        return self.move is not None and (abs(self.move.zero_after - self.line.zero) > SAME or self.move.span != self.line.span)


def lines() -> Iterator[Line]:
    """Every line of this file that follows a strip or a speaker, but for earlier takes that play nowhere now."""
    for action in bpy.data.actions:
        if OWNER not in action or action.library is not None or action.users <= action.use_fake_user:
            continue
        yield from lines_of(action)


def lines_of(action: bpy.types.Action) -> list[Line]:
    """The lines of one Action that follow something, each once."""
    record, found = _record(action), {}
    for key in actions.keys_of(action):
        for name, span in record.lines_at(key).items():
            if name not in found and (line := _line(action, name, span, record.how(key, name))) is not None:
                found[name] = line
    return list(found.values())


def changes() -> list[Change]:
    """Lines whose sound lies elsewhere than their keys."""
    return [change for line in lines() if (change := look(line)) is not None]


def look(line: Line) -> Change | None:
    """What changed for a line; None when nothing did, or its strip was deleted or cannot be heard."""
    try:
        now = _now(line)
    except AudioError:
        return None
    if now is None:
        return None
    if now.path != os.path.basename(line.clip.path):
        return Change(line, now, None, "it has another sound now")
    fps = _fps(now, line)
    if abs(fps - line.fps) > 1e-6:
        return Change(line, now, None, f"the scene runs at {fps:g} frames per second now")
    if now.retiming != line.clip.retiming or (now.retiming and abs(now.length_s - line.clip.length_s) * fps > SAME):
        return Change(line, now, None, "its speed changed")
    ideal = now.start_frame + line.lead - now.first_s * fps
    zero = line.zero + round(ideal - line.zero)
    first = now.start_frame + line.lead
    last = first + round(now.length_s * fps) - 1 if math.isfinite(now.length_s) else zero + line.made[1]
    span = max(first, line.made[0] + zero), min(last, line.made[1] + zero)
    if span[0] > span[1]:
        span = (first, first)           # all of it is hidden
    missing = tuple(
        gap for gap in ((first, line.made[0] + zero - 1), (line.made[1] + zero + 1, last)) if line.whole and gap[1] - gap[0] + 1 > SAME + 0.5
    )
    reason = "more of it can be heard now" if missing else ("it was slipped by part of a frame" if abs(ideal - zero) > EXACT else "")
    if _lies_there(line, now, zero, span):
        return Change(line, now, None, reason, missing) if reason else None
    return Change(line, now, _move(line, now, zero, span), reason, missing)


def _lies_there(line: Line, now: Clip, zero: float, span: Span) -> bool:
    """Whether keys and note are as they should be."""
    clip = line.clip
    lengths = abs(now.length_s - clip.length_s) * line.fps if math.isfinite(now.length_s) else 0.0
    parts = (zero - line.zero, span[0] - line.span[0], span[1] - line.span[1], now.start_frame - clip.start_frame, (now.first_s - clip.first_s) * line.fps)
    return max(lengths, *map(abs, parts)) < SAME


def still(line: Line) -> Move:
    """The move of a line that stays: it is put down anew because a neighbour moves."""
    return _move(line, line.clip, line.zero, line.span)


def pieces(line: Line) -> tuple[str, Move, Move] | None:
    """What a line becomes when its strip was cut: the name of the other strip, and both lines as they lie now."""
    scene, original = find_strip(line)
    if scene is None or not line.clip.mark or line.clip.retiming:
        return None
    if original is None:
        return None
    for other in sound_strips.marked(scene, line.clip.mark, original):
        if other.sound != original.sound or any(one.name == other.name for one in lines_of(bpy.data.actions[line.action])):
            continue
        try:
            own, its = _content(original, scene), _content(other, scene)
        except AudioError:
            continue
        if its[0] >= own[1] - SAME or own[0] >= its[1] - SAME:       # a copy says the same again; a piece says something else
            return _cut(line, other, scene, its)
    return None


def _cut(line: Line, other: bpy.types.Strip, scene: bpy.types.Scene, its: Span) -> tuple[str, Move, Move] | None:
    """Divide the frames of a line at the end of the other strip that lies inside of them; its: content of the other strip in frames."""
    later = its[0] + line.zero > line.span[0]
    border = its[0] if later else its[1]
    if not line.span[0] < line.zero + border <= line.span[1]:
        return None
    low, high = (line.made[0], border - 1), (border, line.made[1])
    before, after = _part(line, low, (line.opened[0], True)), _part(line, high, (True, line.opened[1]))
    kept, new = (before, after) if later else (after, before)
    moved = _move(new, replace(new.clip, name=other.name, mark=sound_strips.mark(other, scene)), new.zero, new.span)
    how = {**moved.how, "hidden": "", "choices": {**_choices(line.how), "strip": other.name}}
    return other.name, _move(kept, kept.clip, kept.zero, kept.span), replace(moved, how=how)


def _part(line: Line, made: Span, opened: tuple[bool, bool]) -> Line:
    span = max(line.span[0], made[0] + line.zero), min(line.span[1], made[1] + line.zero)
    start, fps = span[0] - line.lead, line.fps
    clip = replace(line.clip, start_frame=start, first_s=(span[0] - line.zero) / fps, length_s=(span[1] - span[0] + 1) / fps)
    return replace(line, span=span, made=made, clip=clip, how={**line.how, "open": list(opened), "whole": line.whole})


def joins(before: Move, after: Move) -> bool:
    """Whether one line goes on where another ends, in one sound: there the face need not rest."""
    paths = [dict(one.how.get("clip") or {}).get("path") for one in (before, after)]
    return abs(before.zero_after - after.zero_after) < SAME and abs(before.span[1] + 1 - after.span[0]) < SAME and paths[0] == paths[1]


def _move(line: Line, now: Clip, zero: float, span: Span) -> Move:
    opened = line.opened
    cut = (line.made[0] + zero < span[0] - SAME or opened[0], line.made[1] + zero > span[1] + SAME or opened[1])
    clip = _plain({**asdict(replace(now, packed=None)), "path": line.clip.path, "channel": line.clip.channel})
    by = zero - line.zero
    closed = [[first + by, last + by] for first, last in Note("", 0, 0, "", line.how).closed]
    how = {
        **line.how, "clip": clip, "first_frame": now.start_frame + line.lead, "closed": closed, "zero": zero, "made": list(line.made),
        "whole": line.whole, "open": list(opened), "hidden": line.how.get("hidden") or uuid.uuid4().hex[:8], **_phones(line, now),
    }
    return Move(line.name, line.zero, zero, span, cut, line.fps, how)


def _phones(line: Line, now: Clip) -> dict[str, object]:
    """Edited phones, whose seconds count from the first one heard, for what is heard now; all of them are kept beside."""
    rows = line.how.get("phones_made")
    if rows is None:
        known = Note("", 0, 0, "", line.how).phones
        rows = None if known is None else [[label, start + line.clip.first_s, end + line.clip.first_s] for label, start, end in known]
    if rows is None:
        return {}
    end_s = now.first_s + now.length_s
    shown = [[label, max(start, now.first_s) - now.first_s, min(end, end_s) - now.first_s] for label, start, end in rows if start < end_s and end > now.first_s]
    return {"phones": shown, "phones_made": rows}


def _line(action: bpy.types.Action, name: str, span: Span, how: Mapping[str, object]) -> Line | None:
    clip, fps, first = Note(name, *span, action.name, how).clip, how.get("fps"), how.get("first_frame")
    if clip is None or not isinstance(fps, (int, float)) or not isinstance(first, (int, float)) or _choices(how).get("source") == 'FILE':
        return None
    zero = how.get("zero")
    zero = float(zero) if isinstance(zero, (int, float)) else first - clip.first_s * fps
    made = how.get("made")
    known = isinstance(made, list) and len(made) == 2
    lead = _choices(how).get("shift_frames")
    return Line(
        action.name, name, span, how, clip, float(fps), zero, (float(made[0]), float(made[1])) if known else (span[0] - zero, span[1] - zero),
        float(lead) if isinstance(lead, (int, float)) else 0.0,
    )


def _now(line: Line) -> Clip | None:
    """Where the sound of a line lies now, with the name of its file alone for a path; None when it is gone."""
    if _choices(line.how).get("source") == 'SPEAKER':
        speaker, home = bpy.data.objects.get(str(_choices(line.how).get("speaker"))), bpy.data.scenes.get(line.clip.home)
        if speaker is None or speaker.type != 'SPEAKER' or home is None:
            return None
        start = strip_audio.whole_from(strip_audio.speaker_start(speaker, home), scene_fps(home))
        return replace(line.clip, **start, packed=None, path=os.path.basename(line.clip.path))
    scene, strip = find_strip(line)
    if strip is None:
        return None
    home = bpy.data.scenes.get(line.clip.home) or scene
    original = bpy.data.scenes.get(line.clip.scene)
    if original not in (None, scene) and home == original and sound_strips.find_marked(original, line.clip.mark, line.clip.name) is not None:
        home = scene            # character and strip were copied together
    name = os.path.basename(bpy.path.abspath(strip.sound.filepath)) if strip.sound is not None else ""
    return replace(strip_audio.place_of(scene, strip, home), mark=line.clip.mark, path=name)


def find_strip(line: Line) -> tuple[bpy.types.Scene | None, bpy.types.Strip | None]:
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


def _in_copied_scene(line: Line, strip: bpy.types.Strip) -> tuple[bpy.types.Scene, bpy.types.Strip] | None:
    """The strip's twin in the scene of the character, where that came from a full copy of a scene: its notes still name the original."""
    twins = [
        (scene, twin) for scene in (bpy.data.scenes if line.clip.mark else ())
        if scene.name != line.clip.scene and scene.sequence_editor is not None
        and (twin := sound_strips.all_strips(scene).get(strip.name)) is not None and sound_strips.mark_of(twin) == line.clip.mark
    ]
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
    when = sound_strips.heard(scene, strip)
    return when.first - when.zero, when.right - when.zero


def _fps(now: Clip, line: Line) -> float:
    home = bpy.data.scenes.get(now.home) or bpy.data.scenes.get(now.scene)
    return scene_fps(home) if home is not None else line.fps


def _choices(how: Mapping[str, object]) -> Mapping[str, object]:
    choices = how.get("choices")
    return choices if isinstance(choices, dict) else {}


def _plain(clip: dict[str, object]) -> dict[str, object]:
    """A clip as notes.py keeps it."""
    clip = {name: value for name, value in clip.items() if name != "packed"}
    return {**clip, "length_s": clip["length_s"] if math.isfinite(clip["length_s"]) else None, "retiming": list(clip["retiming"])}


_known: dict[int, tuple[str, Record]] = {}


def _record(action: bpy.types.Action) -> Record:
    """The record of an Action; read anew only when its text changed."""
    text = str(action[OWNER])
    known = _known.get(action.session_uid)
    if known is None or known[0] != text:
        known = _known[action.session_uid] = text, Record.of(action)
    return known[1]
