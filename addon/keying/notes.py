"""How a line of sound was made, in plain JSON that is kept with its keys: written by take.py, read by takes.py and whoever shows takes.

What a note holds: "version", "character" (object), "choices" (the options by name), "clip" (the sound and its place), "fps", "first_frame",
"phones" (where the user edited them), "closed" (spans of frames on which the lips touch).
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING

import numpy as np

from ...engine import Motion, SettingError, Settings
from ...engine.motion import lip_contact
from ..actions import actions
from ..actions.ledger import Record, Span
from ..character.character import Character
from ..sound.clip import Clip
from .clearing import own_places
from .parts import Line

if TYPE_CHECKING:
    from ..take.options import Options

VERSION = 1
HEARD_BY = ("model", "transcript", "transcript_text", "language")       # choices that decide which phones are heard
Phones = Sequence[tuple[str, float, float]] | None      # label, start and end in seconds; None is as heard


@dataclass(frozen=True)
class Note:
    """One line of sound on a character: its frames, the Action that holds it, and how it was made (empty where that is not known)."""

    line: str
    first_frame: float
    last_frame: float
    action: str
    how: Mapping[str, object]

    @property
    def closed(self) -> list[Span]:
        """Spans of frames on which the lips touch."""
        spans = self.how.get("closed")
        pairs = spans if isinstance(spans, list) else []
        return [(float(pair[0]), float(pair[1])) for pair in pairs if isinstance(pair, list) and len(pair) == 2 and all(map(_is_number, pair))]

    @property
    def phones(self) -> Phones:
        """What the user says is spoken when, None where it is as heard."""
        rows = self.how.get("phones")
        if not isinstance(rows, list):
            return None
        good = all(isinstance(row, list) and len(row) == 3 and isinstance(row[0], str) and _is_number(row[1]) and _is_number(row[2]) for row in rows)
        return [(row[0], float(row[1]), float(row[2])) for row in rows] if good else None

    @property
    def clip(self) -> Clip | None:
        """The sound and its place, None where it is not known or lay in the .blend file."""
        return _clip(self.how.get("clip"))

    @property
    def fps(self) -> float | None:
        """Frames per second of the scene when it was made, None where that is not known."""
        fps = self.how.get("fps")
        return float(fps) if _is_number(fps) and fps > 0 else None

    @property
    def choices(self) -> Mapping[str, object]:
        """The options that it was made with; those of another version of the add-on may lack some and have others."""
        choices = self.how.get("choices")
        return choices if isinstance(choices, dict) else {}


def all_of(character: Character) -> list[Note]:
    """The lines of a character, in the order of their frames."""
    found: dict[str, Note] = {}
    for note in _walk(character):
        if note.line not in found or (note.how and not found[note.line].how):
            found[note.line] = note
    return sorted(found.values(), key=lambda note: (note.first_frame, note.line))


def find(character: Character, line: str) -> Note | None:
    """One line of a character."""
    return next((note for note in all_of(character) if note.line == line), None)


def of_file(character: Character, line: str) -> list[Note]:
    """The takes of one sound file, which may be said again later in a shot: of the name that its path gives, and numbered."""
    return [note for note in all_of(character) if re.fullmatch(rf"{re.escape(line)}( \(\d+\))?", note.line)]


def name_of_file(character: Character, line: str, start_frame: float) -> str:
    """The name of the take that a sound file makes from a frame on: one that it has there, or that it would overlap, is made again; else a further one."""
    known = of_file(character, line)
    near = [note for note in known if _begins(note) is None or abs(_begins(note) - start_frame) <= note.last_frame - note.first_frame]
    if near:
        return min(near, key=lambda note: abs((_begins(note) or 0.0) - start_frame)).line
    names = {note.line for note in known}
    return next(name for name in (line, *(f"{line} ({number})" for number in range(2, len(known) + 3))) if name not in names)


def _begins(note: Note) -> float | None:
    """The frame on which the sound of a take starts; None where that is not known."""
    return note.clip.start_frame if note.clip is not None else None


def edited_phones(character: Character, line: str, clip: Clip, options: Options) -> Phones:
    """The phones that the user edited in a line's take; None without any, or where sound, words or model are others now."""
    note = find(character, line)
    if note is None or note.phones is None or note.clip is None:
        return None
    same_sound = all(getattr(note.clip, name) == getattr(clip, name) for name in ("path", "first_s", "length_s", "channel", "retiming"))
    same_words = all(note.choices.get(name) == getattr(options, name) for name in HEARD_BY)
    return note.phones if same_sound and same_words else None


def _walk(character: Character) -> Iterator[Note]:
    for target in character.targets:
        for place in own_places(target.find()):
            record, key = Record.of(place.action), actions.key_of(place)
            for line, (first, last) in record.lines_at(key).items():
                yield Note(line, first, last, place.action.name, record.how(key, line))


def how(options: Options, clip: Clip, settings: Settings, closed: list[Span]) -> dict[str, object]:
    """A note for keys that are being written."""
    kept = {field.name: getattr(clip, field.name) for field in fields(clip) if field.name != "packed"}
    kept["length_s"] = clip.length_s if math.isfinite(clip.length_s) else None
    phones = None if settings.phones is None else [[phone.label, phone.start_s, phone.end_s] for phone in settings.phones]
    return {
        "version": VERSION, "character": options.character, "choices": asdict(options), "clip": kept, "packed": clip.packed is not None,
        "fps": settings.fps, "first_frame": clip.start_frame + options.shift_frames, "phones": phones, "closed": [list(span) for span in closed],
    }


def closed_spans(motion: Motion, first_frame: float) -> list[Span]:
    """Spans of frames on which the lips touch."""
    shut = np.flatnonzero(np.diff(np.concatenate([[False], lip_contact.shut_frames(motion), [False]]).astype(np.int8)))
    return [(first_frame + float(start), first_frame + float(end - 1)) for start, end in shut.reshape(-1, 2)]


def merge_closed(before: list[Span], now: list[Span], frames: Span) -> list[list[float]]:
    """Closures of before outside of some frames, and of now inside."""
    first, last = frames
    outside = [piece for start, end in before for piece in ((start, min(end, first - 1)), (max(start, last + 1), end)) if piece[0] <= piece[1]]
    inside = [(max(start, first), min(end, last)) for start, end in now if start <= last and first <= end]
    return [list(span) for span in sorted(outside + inside)]


def refuse_moved(note: Note, line: Line) -> None:
    """Raise SettingError where a part of a line would not lie where the rest of it lies."""
    first, fps = note.how.get("first_frame"), note.how.get("fps")
    if not _is_number(first) or not _is_number(fps):
        return
    if abs(first - line.first_frame) > 1e-3 or abs(fps - line.fps) > 1e-6:
        raise SettingError(
            f"The lip sync of {line.name!r} starts on frame {first:g} at {fps:g} frames per second, its sound now on {line.first_frame:g} at {line.fps:g}: "
            "a part of it would not fit the rest. Switch Only a Range off and generate all of it first."
        )


def _clip(stored: object) -> Clip | None:
    if not isinstance(stored, dict):
        return None
    values = {field.name: stored[field.name] for field in fields(Clip) if field.name in stored}
    values["length_s"] = math.inf if values.get("length_s") is None else values["length_s"]
    values["retiming"] = tuple(values.get("retiming") or ())
    texts = all(isinstance(values.get(name, ""), str) for name in ("name", "path", "mark", "scene", "home"))
    numbers = all(_is_number(values.get(name)) or values.get(name) == math.inf for name in ("first_s", "length_s", "start_frame"))
    whole = isinstance(values.get("channel", 0), int) and all(isinstance(number, int) for number in values["retiming"])
    return Clip(**{**values, "packed": None}) if texts and numbers and whole and "name" in values and "path" in values else None


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
