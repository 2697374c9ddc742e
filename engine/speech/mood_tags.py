"""Moods that a transcript asks for by tags in square brackets: "[angry] You did this! [neutral] Sorry."

Knows texts and phones with their times; nothing of faces.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

from ..motion.mood import MoodChange
from ..values.errors import SettingError
from ..values.own_moods import read_own_moods
from ..values.phones import Phone
from ..values.settings import MOODS, Settings, mood_amounts
from . import g2p
from .cues import SILENCE

TAG = re.compile(r"\[([^\[\]]*)\]")
PAUSE_REACH_S = 0.5         # a change moves to the end of a pause so near: tags mostly stand where a sentence begins


def mood_changes(settings: Settings, phones: Sequence[Phone], end_s: float) -> tuple[MoodChange, ...]:
    """What the tags of a transcript change, and when; other notes in brackets change nothing.

    Args:
        settings: with the transcript, its language and the user's own moods.
        phones: of the clip, without gaps; () for a model without phones, where letters tell the time instead.
        end_s: length of the clip in seconds.
    Raises:
        SettingError: a mood whose number cannot be read, or is out of range.
    """
    changes, text, own = [], settings.transcript or "", settings.mood.own
    for tag in TAG.finditer(text):
        if _names_mood(tag[1], (*MOODS, *read_own_moods(own))):
            second = _second_of(text, tag.start(), settings.language, phones, end_s)
            changes.append(MoodChange(second, tuple(mood_amounts(tag[1], own).items())))
    return tuple(changes)


def _names_mood(note: str, known: Collection[str]) -> bool:
    names = [part.partition("=")[0].strip().lower() for part in note.split(",")]
    return all(name in known for name in names)


def _second_of(text: str, place: int, language: str, phones: Sequence[Phone], end_s: float) -> float:
    """When the words after this place of the text are spoken."""
    spoken = [phone for phone in phones if phone.label != SILENCE]
    before, after = text[:place], text[place:]
    if not spoken:
        letters = sum(map(str.isalnum, TAG.sub("", before))), sum(map(str.isalnum, TAG.sub("", after)))
        return end_s * letters[0] / max(1, sum(letters))
    counts = _n_phones(before, text, language), _n_phones(after, text, language)
    if not counts[0]:
        return 0.0
    number = round(len(spoken) * counts[0] / max(1, sum(counts)))
    second = spoken[number].start_s if number < len(spoken) else end_s
    pauses = [phone.end_s for phone in phones if phone.label == SILENCE and abs(phone.end_s - second) < PAUSE_REACH_S]
    return min(pauses, key=lambda end: abs(end - second), default=second)


def _n_phones(part: str, text: str, language: str) -> int:
    """Phones of a part of the text; 0 where it has no words."""
    try:
        return sum(map(len, g2p.read_words(part, language or g2p.guess(TAG.sub(" ", text)))))
    except SettingError:
        return 0
