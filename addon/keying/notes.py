"""The lines of speech that a character is keyed with: found by the ledgers of its Actions, and the note of a line that
is being written."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields

from ...engine import LipContacts, SettingError, Settings, runs
from ...engine.values.messages import without_marks
from ..actions import actions
from ..actions.ledger import ClipNote, Ledger, Span, TakeNote, TimedPhone
from ..character.character import Character
from ..host.scene import same_rate
from ..sound.clip import SoundClip
from .parts import Line

# options that decide which phones are recognised
DECIDE_PHONES = ("model", "transcript", "transcript_text", "language")
SAME_SOUND = ("path", "first_s", "length_s", "channel", "retiming")         # fields of clips with the same sound


@dataclass(frozen=True)
class NotedLine:
    """One line of a character: its frames, its Action, and how it was made (None where that is not known)."""

    line: str
    first_frame: float
    last_frame: float
    action: str
    note: TakeNote | None

    @property
    def clip(self) -> ClipNote | None:
        """Its sound, where that is known."""
        return self.note.clip if self.note is not None else None

    @property
    def start_frame(self) -> float | None:
        """The frame on which its sound starts, where that is known."""
        return self.clip.start_frame if self.clip is not None else None


def all_of(character: Character) -> list[NotedLine]:
    """The lines of a character, in the order of their frames."""
    found: dict[str, NotedLine] = {}
    for noted in _walk(character):
        if noted.line not in found or (noted.note is not None and found[noted.line].note is None):
            found[noted.line] = noted
    return sorted(found.values(), key=lambda noted: (noted.first_frame, noted.line))


def find(character: Character, line: str) -> NotedLine | None:
    """One line of a character."""
    return next((noted for noted in all_of(character) if noted.line == line), None)


def of_file(character: Character, line: str) -> list[NotedLine]:
    """The takes of one sound file, which a shot may use again later: of the name that its path gives, and numbered."""
    return [noted for noted in all_of(character) if re.fullmatch(rf"{re.escape(line)}( \(\d+\))?", noted.line)]


def name_of_file(character: Character, line: str, start_frame: float) -> str:
    """The name of a sound file's take from a frame on: that of one there, which is made again, else a new one."""
    known = of_file(character, line)
    near = [noted for noted in known if _is_near(noted, start_frame)]
    if near:
        return min(near, key=lambda noted: abs((noted.start_frame or 0.0) - start_frame)).line
    names = {noted.line for noted in known}
    numbered = (f"{line} ({number})" for number in range(2, len(known) + 3))
    return next(name for name in (line, *numbered) if name not in names)


def _is_near(noted: NotedLine, start_frame: float) -> bool:
    """Whether a take overlaps one as long that starts on a frame; true where its start is not known."""
    return noted.start_frame is None or abs(noted.start_frame - start_frame) <= noted.last_frame - noted.first_frame


def edited_phones(
    character: Character, line: str, clip: SoundClip, choices: Mapping[str, object]
) -> tuple[TimedPhone, ...] | None:
    """The phones that the artist edited in a take; None without any, or where sound, words or model changed."""
    noted = find(character, line)
    if noted is None or noted.clip is None or noted.note.phones is None:
        return None
    same_sound = all(getattr(noted.clip, name) == getattr(clip, name) for name in SAME_SOUND)
    same_words = all(_unmarked(noted.note.choices.get(name)) == _unmarked(choices[name]) for name in DECIDE_PHONES)
    return noted.note.phones if same_sound and same_words else None


def stressed_anew(before: Mapping[str, object], now: Mapping[str, object]) -> Mapping[str, object]:
    """The choices of a take, with the emphasis of its words as it is now."""
    words = now["transcript"]
    same_words = bool(words) and _unmarked(before.get("transcript")) == _unmarked(words)
    return {**before, "transcript": words} if same_words else before


def _unmarked(choice: object) -> str:
    return without_marks(str(choice)).casefold()


def _walk(character: Character) -> Iterator[NotedLine]:
    for target in character.targets:
        for use in actions.own_uses(target.find()):
            ledger, key = Ledger.of(use.action), actions.binding_key(use)
            for line, (first, last) in ledger.binding(key).spans.items():
                yield NotedLine(line, first, last, use.action.name, ledger.note(key, line))


def new_note(choices: Mapping[str, object], clip: SoundClip, settings: Settings, closed: Sequence[Span]) -> TakeNote:
    """The note for keys that are being written.

    Args:
        choices: all options by name, as plain JSON values.
    """
    return TakeNote(
        character=str(choices["character"]),
        choices=choices,
        clip=noted_clip(clip),
        packed=clip.packed is not None,
        fps=settings.fps,
        first_frame=clip.start_frame + choices["shift_frames"],
        phones=None if settings.phones is None
        else tuple((phone.label, phone.start_s, phone.end_s) for phone in settings.phones),
        closed=tuple(closed),
    )


def noted_clip(clip: SoundClip) -> ClipNote:
    """A clip as the ledger has it."""
    return ClipNote(**{field.name: getattr(clip, field.name) for field in fields(ClipNote)})


def clip_of(noted: ClipNote) -> SoundClip:
    """The clip of a note, without sound that lay in the .blend file."""
    return SoundClip(**vars(noted), packed=None)


def closed_spans(contacts: LipContacts, first_frame: float) -> list[Span]:
    """Spans of frames on which the lips touch."""
    return [(float(first_frame + start), float(first_frame + stop - 1)) for start, stop in runs(contacts.closed)]


def merge_closed(before: Sequence[Span], now: Sequence[Span], frames: Span) -> tuple[Span, ...]:
    """Closures of before outside of some frames, and of now inside."""
    first, last = frames
    pieces = [piece for start, end in before for piece in ((start, min(end, first - 1)), (max(start, last + 1), end))]
    outside = [piece for piece in pieces if piece[0] <= piece[1]]
    inside = [(max(start, first), min(end, last)) for start, end in now if start <= last and first <= end]
    return tuple(sorted(outside + inside))


def refuse_moved(note: TakeNote, line: Line) -> None:
    """Raise SettingError where a part of a line would not lie where the rest of it lies."""
    first, fps = note.first_frame, note.fps
    if first is None or fps is None:
        return
    if abs(first - line.first_frame) > 1e-3 or not same_rate(fps, line.fps):
        raise SettingError(
            f"The lip sync of {line.name!r} starts on frame {first:g} at {fps:g} frames per second, its sound now on "
            f"{line.first_frame:g} at {line.fps:g}: a part of it would not fit the rest. Switch Only a Range off and "
            "generate all of it first."
        )
