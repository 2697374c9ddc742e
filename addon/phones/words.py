"""Words of a shown take: what their markers are called, and how strongly that stresses them.

A word in capitals is stressed; a number behind it says how strongly: never 1.5.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

import bpy

from ...engine.values.errors import SettingError
from ...engine.values.settings import MAX_EMPHASIS
from . import rows as phone_rows

NUMBERED = re.compile(r"(.*\S)\s+(\d+(?:\.\d*)?)\s*")

Word = bpy.types.PropertyGroup
ShownTake = bpy.types.PropertyGroup


def fill(take: ShownTake, words: Iterable[object], new_uid: Iterable[int]) -> None:
    """Rows for spoken words (engine.spoken_words), in the place of any others."""
    take.words.clear()
    for word, uid in zip(words, new_uid, strict=False):
        row = take.words.add()
        row.uid, row.number, row.text, row.start_s, row.end_s = uid, word.number, word.text, word.start_s, word.end_s
        row.emphasis = row.solved = word.emphasis


def marker_name(word: Word) -> str:
    """What stands on its marker."""
    if word.problem:
        return word.problem
    plain = next((name for name in (word.text, word.text.upper()) if _emphasis(name) == word.emphasis), "")
    return plain or f"{word.text} {word.emphasis:g}"


def rename(word: Word, name: str) -> None:
    """Read the emphasis that the artist wrote on its marker; the letters themselves change nothing."""
    amount = _emphasis(name)
    word.problem = name if amount > MAX_EMPHASIS else ""
    word.emphasis = min(amount, MAX_EMPHASIS)


def move(take: ShownTake, word: Word, by_s: float) -> None:
    """Let a word begin elsewhere: its phones go along. Call rows.order() after the last of several."""
    for row in take.rows:
        if word.start_s - phone_rows.TOUCH_S <= row.start_s < word.end_s - phone_rows.TOUCH_S:
            phone_rows.move(take, row, row.start_s + by_s)
    word.start_s, word.end_s = word.start_s + by_s, word.end_s + by_s


def stressed_anew(take: ShownTake) -> list[Word]:
    """Words whose emphasis is not as the keys have it. Raises SettingError: one that is too strong."""
    for word in take.words:
        if word.problem:
            raise SettingError(
                f"Marker {word.problem!r} asks for more emphasis than {MAX_EMPHASIS:g}. Write a number from 0 to "
                f"{MAX_EMPHASIS:g} behind the word, or the word in capitals."
            )
    return [word for word in take.words if word.emphasis != word.solved]


def edits(take: ShownTake) -> int:
    """How many words are not stressed as the keys have them."""
    return sum(word.emphasis != word.solved or bool(word.problem) for word in take.words)


def tell(
    owners: Sequence[bpy.types.PropertyGroup], block: bpy.types.Text | None, texts: tuple[str, str],
) -> None:
    """The same words in the take's text block, the panel and the list of lines get the same emphasis.

    Args:
        texts: the transcript before, and now.
    """
    old, new = texts
    blocks = {text for text in (block, *(owner.transcript_text for owner in owners)) if text is not None}
    for text in blocks:
        if text.as_string().strip() == old.strip():
            text.clear()
            text.write(new)
    for owner in owners:
        if owner.transcript == old:
            owner.transcript = new


def _emphasis(name: str) -> float:
    numbered = NUMBERED.fullmatch(name)
    if numbered:
        return float(numbered[2])
    return float(name.isupper() and sum(map(str.isalpha, name)) > 1)
