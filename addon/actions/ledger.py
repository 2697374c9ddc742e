"""The ledger of an Action: which lines of speech it holds, how each was made, and what was there before we wrote to it.

A ledger is JSON text in a custom property of its Action, so that undo, copies and saved files keep both together. This
is the one file that knows its keys. What cannot be read, because a later version wrote it or because somebody edited
it, counts as absent. Version 0.1 wrote no schema number; its ledgers are read like any other.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache

import bpy

SCHEMA = 2                      # of to_json; 0.1 wrote none, which stands for 1
OWNER = "unitalker"             # custom property of Actions that we write to: the ledger
SLOTS = "unitalker_slots"       # custom property of host Actions: handles of those of their slots that are ours
HIDDEN = "unitalker_hidden"     # custom property of Actions that we write to: keys that are not shown now
BESIDE = 0.01                   # frames: how near the keys of two lines may come to each other
LEDGERS_KNOWN = 16              # texts that are not read again: a panel asks for the same few at every draw
MAX_NOTE_BYTES = 2_000_000      # of one note: an hour of phones; a longer one would slow down every save of the file

Span = tuple[float, float]              # first and last frame
Channel = tuple[str, int]               # data path and array index
TimedPhone = tuple[str, float, float]   # class, start and end in seconds
# lowest and highest value before the slider was widened, then after it
SliderRange = tuple[float, float, float, float]


@dataclass(frozen=True)
class ClipNote:
    """The sound of a take, as the fields of a SoundClip. length_s is infinite where it plays to the end of its file."""

    name: str
    path: str
    first_s: float
    length_s: float
    start_frame: float
    channel: int = 0
    mark: str = ""
    scene: str = ""
    home: str = ""
    retiming: tuple[int, ...] = ()


@dataclass(frozen=True)
class TakeNote:
    """How the keys of one line were made. A field is None where that is not known.

    Attributes:
        character: name of the object. choices: the options by name; those of another version may lack some and have
            others.
        clip: the sound. packed: whether it lay in the .blend file.
        fps: frames per second of the scene. first_frame: frame of the take's first key.
        phones: the phones that the artist edited; None where they are as recognised. closed: frames on which the lips
            touch.
        zero: frame on which second 0 of the sound lies for the keys. made: first and last frame that have keys, counted
            from zero.
        whole: whether there are keys for all of the sound. open_ends: which ends are cut within the sound, so that the
            face does not rest there.
        hidden: token of those keys of this take that are not shown. phones_made: the edited phones of all the sound,
            seconds counted from zero.
    """

    character: str = ""
    choices: Mapping[str, object] = field(default_factory=dict)
    clip: ClipNote | None = None
    packed: bool = False
    fps: float | None = None
    first_frame: float | None = None
    phones: tuple[TimedPhone, ...] | None = None
    closed: tuple[Span, ...] = ()
    zero: float | None = None
    made: Span | None = None
    whole: bool | None = None
    open_ends: tuple[bool, bool] = (False, False)
    hidden: str = ""
    phones_made: tuple[TimedPhone, ...] | None = None


@dataclass(frozen=True)
class KeyedLine:
    """Frames of a line's keys on a data-block, and the name of its note, which a character's data-blocks share."""

    first: float
    last: float
    take: str = ""

    @property
    def span(self) -> Span:
        """First and last frame."""
        return self.first, self.last


@dataclass(frozen=True)
class StripNote:
    """What we last gave the NLA strip of a binding; what differs on the strip is the artist's.

    Attributes:
        span: frames of the Action. made: whether we made the strip. The others are None until we set them.
    """

    span: Span | None = None
    made: bool = False
    blend: str | None = None
    influence: float | None = None
    extrapolation: str | None = None


@dataclass(frozen=True)
class Binding:
    """What is noted for one data-block that an Action moves.

    Attributes:
        lines: the lines by name, the latest last. rest: values from before the first key.
        sliders: shape keys whose sliders were widened. strip: the NLA strip that plays the keys.
        mine: frames whose keys belong to the artist, so that we never touch them again. moved: NLA track to which the
            artist's Action was moved.
    """

    lines: Mapping[str, KeyedLine] = field(default_factory=dict)
    rest: Mapping[Channel, float] = field(default_factory=dict)
    sliders: Mapping[str, SliderRange] = field(default_factory=dict)
    strip: StripNote = StripNote()
    mine: tuple[Span, ...] = ()
    moved: str = ""

    @property
    def spans(self) -> dict[str, Span]:
        """First and last frame of each line."""
        return {name: line.span for name, line in self.lines.items()}

    @property
    def whole_span(self) -> Span:
        """First and last frame of all lines and of the artist's frames; there must be some."""
        spans = [*self.spans.values(), *self.mine]
        return min(first for first, _ in spans), max(last for _, last in spans)


@dataclass
class Ledger:
    """The notes on one Action, to be read, changed and stored again.

    Attributes:
        bindings: by what actions.binding_key() calls a data-block. takes: the notes by the names that KeyedLine gives.
        lines: frames of each line on every data-block that bindings lacks, from files written before takes were noted.
        asked, given: the name that was wanted for the Action, and the one that Blender gave it instead; else empty.
    """

    bindings: dict[str, Binding] = field(default_factory=dict)
    takes: dict[str, TakeNote] = field(default_factory=dict)
    lines: dict[str, Span] = field(default_factory=dict)
    asked: str = ""
    given: str = ""

    @classmethod
    def of(cls, action: bpy.types.Action) -> Ledger:
        """The ledger of an Action, with the bindings that the slots of this Blender have."""
        ledger = from_json(action.get(OWNER))
        if "" in ledger.bindings:
            ledger.bindings.setdefault(key_now(action, ""), ledger.bindings.pop(""))
        kept = ledger._readable_here(action)
        if kept is not None:
            ledger.bindings[""] = ledger.bindings[kept]
        return ledger

    def store(self, action: bpy.types.Action) -> None:
        """Keep it in the Action, without notes that no line has any more."""
        used = {line.take for binding in self.bindings.values() for line in binding.lines.values()}
        self.takes = {name: note for name, note in self.takes.items() if name in used}
        action[OWNER] = to_json(self)

    def binding(self, key: str) -> Binding:
        """What is noted for a data-block."""
        return self.bindings.get(key) or Binding({name: KeyedLine(*span) for name, span in self.lines.items()})

    def is_cleared(self, key: str) -> bool:
        """Whether all that we wrote for a data-block was taken back; not where it is unknown what that was."""
        return key in self.bindings and not self.bindings[key].lines and not self.bindings[key].rest

    def note(self, key: str, line: str) -> TakeNote | None:
        """How a line was made; None where that is not known."""
        keyed = self.binding(key).lines.get(line)
        return self.takes.get(keyed.take) if keyed is not None else None

    def put(self, key: str, line: str, keyed: KeyedLine, note: TakeNote | None) -> None:
        """Set frames and note of a line, which becomes the latest. A note that is too long is left out."""
        self.remove(key, line)
        binding = self.bindings[key]
        self.bindings[key] = replace(binding, lines={**binding.lines, line: keyed})
        self.takes.pop(keyed.take, None)
        if note is not None and len(json.dumps(_note_to_json(note))) <= MAX_NOTE_BYTES:
            self.takes[keyed.take] = note

    def remove(self, key: str, line: str) -> None:
        """Leave out a line of a data-block."""
        binding = self.binding(key)
        lines = {name: keyed for name, keyed in binding.lines.items() if name != line}
        self.bindings[key] = replace(binding, lines=lines)

    def holders(self, line: str) -> list[str]:
        """The bindings that have a line of this name."""
        return [key for key, binding in self.bindings.items() if line in binding.lines]

    def _readable_here(self, action: bpy.types.Action) -> str | None:
        """Without slots: the binding whose curves are left of an Action that had slots; else None."""
        if "slots" in bpy.types.Action.bl_rna.properties or "" in self.bindings or not self.bindings:
            return None
        there = {(curve.data_path, curve.array_index) for curve in action.fcurves}
        return max(self.bindings, key=lambda key: len(there & self.bindings[key].rest.keys()))


def key_now(action: bpy.types.Action, key: str) -> str:
    """What a binding is called in this Blender: 4.2 knew no slots, a later one gives each of its Actions one."""
    slots = getattr(action, "slots", ())
    return str(slots[0].handle) if key == "" and len(slots) else key


def is_of_later_blender(action: bpy.types.Action) -> bool:
    """Whether this Blender reads one data-block of an Action alone, and its takes were not made again here."""
    bindings = from_json(action.get(OWNER)).bindings
    return "slots" not in bpy.types.Action.bl_rna.properties and bool(bindings) and "" not in bindings


def without(span: Span, others: list[Span]) -> list[Span]:
    """What is left of some frames without those of others."""
    left = [span]
    for first, last in others:
        before = [(start, min(end, first - BESIDE)) for start, end in left]
        after = [(max(start, last + BESIDE), end) for start, end in left]
        left = sorted(piece for piece in (*before, *after) if piece[0] <= piece[1])
    return left


# ---- JSON

def to_json(ledger: Ledger) -> str:
    """A ledger as text."""
    bindings = ledger.bindings
    return json.dumps({
        "schema": SCHEMA,
        "lines": ledger.lines,
        "spans": {
            key: {name: (*line.span, line.take) for name, line in binding.lines.items()}
            for key, binding in bindings.items()
        },
        "takes": {name: _note_to_json(note) for name, note in ledger.takes.items()},
        "mine": {key: binding.mine for key, binding in bindings.items() if binding.mine},
        "rest": {
            key: {f"{path}|{index}": value for (path, index), value in binding.rest.items()}
            for key, binding in bindings.items()
        },
        "moved": {key: binding.moved for key, binding in bindings.items() if binding.moved},
        "sliders": {key: dict(binding.sliders) for key, binding in bindings.items() if binding.sliders},
        "strips": {
            key: _set_fields(binding.strip) for key, binding in bindings.items() if binding.strip.span is not None
        },
        "asked": ledger.asked,
        "given": ledger.given,
    })


def from_json(text: object) -> Ledger:
    """The ledger that a text holds. Raises nothing: what cannot be read is absent."""
    read = _read(text if isinstance(text, str) else "")
    return replace(read, bindings={**read.bindings}, takes={**read.takes}, lines={**read.lines})


@lru_cache(LEDGERS_KNOWN)
def _read(text: str) -> Ledger:
    try:
        stored = json.loads(text)
    except (ValueError, RecursionError):
        stored = {}
    root = _mapping(stored)
    lines = {name: span for name, value in _items(root, "lines") if (span := _span(value)) is not None}
    notes = ("spans", "rest", "sliders", "strips", "mine", "moved")
    keys = dict.fromkeys(key for name in notes for key in _mapping(root.get(name)))
    bindings = {key: _binding({name: _mapping(root.get(name)).get(key) for name in notes}, lines) for key in keys}
    takes = {name: _note(value) for name, value in _items(root, "takes") if isinstance(value, dict)}
    return Ledger(bindings, takes, lines, _text(root.get("asked")), _text(root.get("given")))


def _binding(stored: Mapping[str, object], old_lines: Mapping[str, Span]) -> Binding:
    lines = {name: KeyedLine(*span) for name, span in old_lines.items()}
    if isinstance(stored["spans"], dict):
        lines = {name: line for name, value in stored["spans"].items() if (line := _keyed_line(value)) is not None}
    ranges = {name: tuple(value) for name, value in _items(stored, "sliders") if _is_numbers(value, 4)}
    rest, strip = dict(_rest(_mapping(stored["rest"]))), _strip(_mapping(stored["strips"]))
    return Binding(lines, rest, ranges, strip, _spans(stored["mine"]), _text(stored["moved"]))


def _keyed_line(value: object) -> KeyedLine | None:
    if not isinstance(value, list) or len(value) != 3 or not _is_numbers(value[:2], 2) or not isinstance(value[2], str):
        return None
    return KeyedLine(*value)


def _rest(stored: Mapping[str, object]) -> Iterator[tuple[Channel, float]]:
    for name, value in stored.items():
        path, _, index = name.rpartition("|")
        if index.isdecimal() and (isinstance(value, bool) or _number(value) is not None):
            yield (path, int(index)), value


def _strip(stored: Mapping[str, object]) -> StripNote:
    span = _span(stored.get("span"))
    if span is None:
        return StripNote()
    texts = {name: stored[name] for name in ("blend", "extrapolation") if isinstance(stored.get(name), str)}
    return StripNote(span, bool(stored.get("made")), influence=_number(stored.get("influence")), **texts)


def _note_to_json(note: TakeNote) -> dict[str, object]:
    """A note as plain JSON values, without the fields that are not known."""
    stored = {STORED_AS.get(name, name): value for name, value in _set_fields(note).items()}
    if note.clip is not None:
        length_s = note.clip.length_s if math.isfinite(note.clip.length_s) else None
        stored["clip"] = {**vars(note.clip), "length_s": length_s}
    return stored


def _note(stored: Mapping[str, object]) -> TakeNote:
    return TakeNote(**{name: read(stored.get(STORED_AS.get(name, name))) for name, read in NOTE_READERS.items()})


def _clip(value: object) -> ClipNote | None:
    stored = {"mark": "", "scene": "", "home": "", "channel": 0, **_mapping(value)}
    texts = {name: stored.get(name) for name in ("name", "path", "mark", "scene", "home")}
    numbers = {name: _number(stored.get(name)) for name in ("first_s", "length_s", "start_frame")}
    if stored.get("length_s") is None:
        numbers["length_s"] = math.inf
    channel, retiming = stored["channel"], stored.get("retiming") or []
    if None in numbers.values() or not all(isinstance(text, str) for text in texts.values()):
        return None
    if not isinstance(retiming, list) or not all(isinstance(number, int) for number in (channel, *retiming)):
        return None
    return ClipNote(**texts, **numbers, channel=channel, retiming=tuple(retiming))


def _phones(stored: object) -> tuple[TimedPhone, ...] | None:
    """All of them, or None where one cannot be read."""
    if not isinstance(stored, list):
        return None
    for row in stored:
        if not isinstance(row, list) or len(row) != 3 or not isinstance(row[0], str) or not _is_numbers(row[1:], 2):
            return None
    return tuple((label, float(start_s), float(end_s)) for label, start_s, end_s in stored)


def _spans(stored: object) -> tuple[Span, ...]:
    return tuple(span for value in (stored if isinstance(stored, list) else ()) if (span := _span(value)) is not None)


def _open_ends(stored: object) -> tuple[bool, bool]:
    return (bool(stored[0]), bool(stored[1])) if isinstance(stored, list) and len(stored) == 2 else (False, False)


def _positive(value: object) -> float | None:
    number = _number(value)
    return number if number is not None and number > 0 else None


def _set_fields(value: object) -> dict[str, object]:
    return {name: stored for name, stored in vars(value).items() if stored is not None}


def _items(stored: Mapping[str, object], name: str) -> list[tuple[str, object]]:
    return list(_mapping(stored.get(name)).items())


def _mapping(value: object) -> dict[str, object]:
    return value if isinstance(value, dict) else {}


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _truth(value: object) -> bool | None:
    return value if isinstance(value, bool) else None


def _span(value: object) -> Span | None:
    return (value[0], value[1]) if _is_numbers(value, 2) else None


def _is_numbers(value: object, count: int) -> bool:
    return isinstance(value, list) and len(value) == count and all(_number(number) is not None for number in value)


def _number(value: object) -> float | None:
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
    return value if is_number else None


STORED_AS = {"open_ends": "open"}       # fields of a note that the JSON calls otherwise
NOTE_READERS: dict[str, Callable[[object], object]] = {
    "character": _text, "choices": _mapping, "clip": _clip, "packed": bool, "fps": _positive, "first_frame": _number,
    "phones": _phones, "closed": _spans, "zero": _number, "made": _span, "whole": _truth, "open_ends": _open_ends,
    "hidden": _text, "phones_made": _phones,
}
