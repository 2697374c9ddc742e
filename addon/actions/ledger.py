"""What we know of an Action that we wrote to: its lines of sound, how each was made, and what was there before. Kept in the Action itself.

The notes are plain JSON in a custom property. What cannot be read, because a later version wrote it or somebody edited it, counts as not there.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeVar

import bpy

OWNER = "unitalker"             # custom property on Actions that we write to: JSON of Record
SLOTS = "unitalker_slots"       # custom property on Actions of the artist: handles of those slots in them that are ours
HIDDEN = "unitalker_hidden"     # custom property on Actions that we write to: keys out of sight, as hidden_keys.py packs them
BESIDE = 0.01                   # frames: as near as keys of two lines come
MAX_NOTE_BYTES = 2_000_000      # of one take: an hour of phones; more would make every save of the file slow

Span = tuple[float, float]      # first and last frame
Entry = TypeVar("Entry")


@dataclass
class Record:
    """The notes of one Action. "place" is what actions.key_of() calls one of its data-blocks.

    Attributes:
        lines: name of a line of sound -> first and last frame, for every place that spans lacks: how files were written before takes were kept.
        spans: place -> name of a line -> first and last frame of its keys, and name in takes.
        takes: how a line was made, as takes.py writes and reads it.
        mine: place -> spans of frames whose keys the artist has made his own: nothing of ours touches them again.
        rest: place -> channel as "path|index" -> value before the first key.
        moved: place -> NLA track to which the artist's Action was moved.
        sliders: place -> shape key -> lowest and highest value before widening, then after it.
        strips: place -> what we last gave its NLA strip: "span" of the Action's frames, "blend", "influence" and "extrapolation" once we set them,
            "made" where we made it. What differs on the strip is the artist's.
        asked, given: name that was wanted for the Action, and the one it got where Blender shortened it or it was taken; else empty.
    """

    lines: dict[str, Span] = field(default_factory=dict)
    spans: dict[str, dict[str, tuple[float, float, str]]] = field(default_factory=dict)
    takes: dict[str, dict[str, object]] = field(default_factory=dict)
    mine: dict[str, list[Span]] = field(default_factory=dict)
    rest: dict[str, dict[str, float]] = field(default_factory=dict)
    moved: dict[str, str] = field(default_factory=dict)
    sliders: dict[str, dict[str, list[float]]] = field(default_factory=dict)
    strips: dict[str, dict[str, object]] = field(default_factory=dict)
    asked: str = ""
    given: str = ""

    @classmethod
    def of(cls, action: bpy.types.Action) -> Record:
        """The record of an Action."""
        try:
            stored = dict(json.loads(action[OWNER]))
        except (KeyError, TypeError, ValueError, RecursionError):
            stored = {}
        empty = cls()
        record = cls(**{name: value for name, value in stored.items() if name in empty.__dict__ and type(value) is type(getattr(empty, name))})
        record.lines = {name: (span[0], span[1]) for name, span in record.lines.items() if _is_span(span)}
        record.spans = {place: _readable(lines) for place, lines in record.spans.items() if isinstance(lines, dict)}
        record.mine = {place: [(span[0], span[1]) for span in spans if _is_span(span)] for place, spans in record.mine.items() if isinstance(spans, list)}
        record.rest = {place: {name: value for name, value in rest.items() if _is_number(value) or isinstance(value, bool)} for place, rest in record.rest.items() if isinstance(rest, dict)}
        record.moved = {place: track for place, track in record.moved.items() if isinstance(track, str)}
        record.sliders = {place: _ranges(ranges) for place, ranges in record.sliders.items() if isinstance(ranges, dict)}
        record.strips = {place: given for place, given in record.strips.items() if isinstance(given, dict) and _is_span(given.get("span"))}
        for notes in (record.spans, record.mine, record.rest, record.moved, record.sliders, record.strips):
            if "" in notes:
                notes.setdefault(place_now(action, ""), notes.pop(""))
        if (kept := record.kept_of(action)) is not None:
            for notes in (record.spans, record.mine, record.rest, record.moved, record.sliders, record.strips):
                if kept in notes:
                    notes[""] = notes[kept]
        return record

    def kept_of(self, action: bpy.types.Action) -> str | None:
        """The place whose keys an Action of a later Blender still has in one without slots, which reads those of one place only; else None."""
        if "slots" in bpy.types.Action.bl_rna.properties or "" in self.spans or not self.spans:
            return None
        there = {f"{curve.data_path}|{curve.array_index}" for curve in action.fcurves}
        return max(self.spans, key=lambda place: len(there & self.rest.get(place, {}).keys()))

    def store(self, action: bpy.types.Action) -> None:
        """Keep it in the Action, without takes that no line has any more."""
        used = {take for lines in self.spans.values() for _, _, take in lines.values()}
        self.takes = {name: how for name, how in self.takes.items() if name in used}
        action[OWNER] = json.dumps(self.__dict__)

    def lines_at(self, place: str) -> dict[str, Span]:
        """Name of each line at a place -> first and last frame, the latest last."""
        return {name: (first, last) for name, (first, last, _) in self._entries(place).items()}

    def how(self, place: str, line: str) -> Mapping[str, object]:
        """How a line was made; empty when that is not known."""
        entry = self._entries(place).get(line)
        found = self.takes.get(entry[2]) if entry else None
        return found if isinstance(found, dict) else {}

    def note(self, place: str, line: str, span: Span, take: str, how: Mapping[str, object]) -> None:
        """Set a line's frames and how it was made; a note that is too long is left out: the take can then be cleared, but not made again."""
        self.forget(place, line)
        self.spans[place][line] = (*span, take)
        self.takes.pop(take, None)
        if how and len(json.dumps(how)) <= MAX_NOTE_BYTES:
            self.takes[take] = dict(how)

    def forget(self, place: str, line: str) -> None:
        """Leave a line of a place out."""
        self.spans[place] = self._entries(place)
        self.spans[place].pop(line, None)

    def forget_place(self, place: str) -> None:
        """Leave out all that is known of a place."""
        for notes in (self.mine, self.rest, self.moved, self.sliders, self.strips):
            notes.pop(place, None)
        self.spans[place] = {}

    def _entries(self, place: str) -> dict[str, tuple[float, float, str]]:
        return self.spans.get(place) if place in self.spans else {name: (*span, "") for name, span in self.lines.items()}


def place_now(action: bpy.types.Action, place: str) -> str:
    """What a place is called in this Blender: a file of 4.2 knew no slots, and its Actions get one each when a later Blender opens it."""
    slots = getattr(action, "slots", ())
    return str(slots[0].handle) if place == "" and len(slots) else place


def is_of_later_blender(action: bpy.types.Action) -> bool:
    """Whether an Action of ours, of which this Blender reads the keys of one data-block only, was not made again here yet."""
    try:
        spans = json.loads(action[OWNER])["spans"]
    except (KeyError, TypeError, ValueError, RecursionError):
        return False
    return "slots" not in bpy.types.Action.bl_rna.properties and isinstance(spans, dict) and bool(spans) and "" not in spans


def without(span: Span, others: list[Span]) -> list[Span]:
    """What is left of some frames without those of others."""
    left = [span]
    for first, last in others:
        left = [piece for start, end in left for piece in ((start, min(end, first - BESIDE)), (max(start, last + BESIDE), end)) if piece[0] <= piece[1]]
    return left


def _readable(lines: dict[str, object]) -> dict[str, tuple[float, float, str]]:
    return {
        name: (entry[0], entry[1], entry[2]) for name, entry in lines.items()
        if isinstance(entry, (list, tuple)) and len(entry) == 3 and _is_span(entry[:2]) and isinstance(entry[2], str)
    }


def _ranges(sliders: dict[str, object]) -> dict[str, list[float]]:
    return {name: list(ends) for name, ends in sliders.items() if isinstance(ends, list) and len(ends) in (2, 4) and all(map(_is_number, ends))}


def _is_span(value: object) -> bool:
    """Whether a value from a file is a first and a last frame."""
    return isinstance(value, (list, tuple)) and len(value) == 2 and all(map(_is_number, value))


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
