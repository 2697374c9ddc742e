"""The words of a transcript with their times, and how strongly each is stressed: by capitals, or between asterisks.

"I NEVER said *that*, *really=1.5*." Knows texts and phones with their times; nothing of faces.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from ..values.errors import SettingError
from ..values.messages import MARK, without_marks
from ..values.phones import Phone
from ..values.settings import MAX_EMPHASIS
from . import g2p
from .cues import SILENCE

TOKEN = re.compile(r"\[[^\[\]]*\]|[^\s\[\]]+")      # a note in brackets, or a word with its punctuation
LIKE_TRANSCRIPT = 0.8           # share of phones that follow the transcript, below which no words are named


@dataclass(frozen=True)
class WrittenWord:
    """A word of a transcript: its place in the text without marks, and its emphasis, 0 to MAX_EMPHASIS."""

    start: int
    end: int
    text: str
    emphasis: float


@dataclass(frozen=True)
class SpokenWord:
    """A word when it is spoken, in seconds of the clip. Number: its place among the words of the transcript."""

    number: int
    text: str
    start_s: float
    end_s: float
    emphasis: float


def written_words(transcript: str) -> tuple[WrittenWord, ...]:
    """The words of a transcript, as people write them.

    Raises:
        SettingError: an emphasis whose number is no number, or is out of range.
    """
    shouts = without_marks(transcript).isupper()        # a text that is all capitals stresses nothing by them
    return tuple(
        WrittenWord(start, start + len(text), text, _by_capitals(text) * (not shouts) if amount is None else amount)
        for start, text, amount in _pieces(transcript)
    )


def with_emphasis(transcript: str, amounts: Mapping[int, float]) -> str:
    """The transcript with the emphasis (0: none) of these words, by their numbers."""
    text, at, parts = without_marks(transcript), 0, []
    for number, word in enumerate(written_words(transcript)):
        amount = amounts.get(number, word.emphasis)
        unmarked = _by_capitals(word.text) * (not text.isupper())
        parts.append(text[at:word.start] + (word.text if amount == unmarked else _marked(word.text, amount)))
        at = word.end
    return "".join((*parts, text[at:]))


def spoken_words(transcript: str, language: str, phones: Sequence[Phone]) -> tuple[SpokenWord, ...]:
    """The words of a transcript that are found among the phones of a clip, in order.

    Raises:
        SettingError, InstallError: as written_words and g2p.read_words do.
    """
    written = written_words(transcript)
    numbers = word_of_each(phones, _read(transcript, [word.text for word in written], language))
    found = []
    for number, word in enumerate(written):
        own = [phone for phone, of in zip(phones, numbers, strict=True) if of == number]
        if own:
            found.append(SpokenWord(number, word.text, own[0].start_s, own[-1].end_s, word.emphasis))
    return tuple(found)


def stressed(transcript: str, language: str, phones: Sequence[Phone]) -> tuple[SpokenWord, ...]:
    """The words with an emphasis; nothing is read where the text stresses none. Raises as spoken_words()."""
    if not any(word.emphasis for word in written_words(transcript)):
        return ()
    return tuple(word for word in spoken_words(transcript, language, phones) if word.emphasis)


def word_of_each(phones: Sequence[Phone], words: Sequence[Sequence[str]]) -> list[int]:
    """Number of the word of each phone; -1 where it is not known.

    The phones that the transcript was aligned to follow it but for a few; others get no words at all.

    Args:
        words: phone labels of each word.
    """
    numbers = [-1] * len(phones)
    written = [(label, number) for number, word in enumerate(words) for label in word]
    spoken = [index for index, phone in enumerate(phones) if phone.label != SILENCE]
    labels = [label for label, _ in written], [phones[index].label for index in spoken]
    matcher = SequenceMatcher(None, *labels, autojunk=False)
    if matcher.ratio() >= LIKE_TRANSCRIPT:
        for block in matcher.get_matching_blocks():
            for step in range(block.size):
                numbers[spoken[block.b + step]] = written[block.a + step][1]
    return numbers


def _read(transcript: str, texts: list[str], language: str) -> g2p.Words:
    """Phones of each word: of the running text where that has as many words, else of each word by itself."""
    words = g2p.read_words(transcript, language)
    if len(words) == len(texts):
        return words
    return g2p.read_each(texts, language or g2p.guess(" ".join(texts)))


def _pieces(transcript: str) -> Iterator[tuple[int, str, float | None]]:
    """Place, text and marked emphasis of each word, in the text without marks; None where it has no mark."""
    at, offset = 0, 0
    for mark in MARK.finditer(transcript):
        yield from _words_in(transcript[at:mark.start()], offset, None)
        offset += mark.start() - at
        yield from _words_in(mark[1], offset, _number(mark))
        offset, at = offset + len(mark[1]), mark.end()
    yield from _words_in(transcript[at:], offset, None)


def _words_in(text: str, offset: int, amount: float | None) -> Iterator[tuple[int, str, float | None]]:
    for token in TOKEN.finditer(text):
        letters = [place for place, letter in enumerate(token[0]) if letter.isalnum()]
        if letters and not token[0].startswith("["):
            word = token[0][letters[0]:letters[-1] + 1]
            yield offset + token.start() + letters[0], word, amount


def _by_capitals(word: str) -> float:
    return float(word.isupper() and sum(map(str.isalpha, word)) > 1)


def _number(mark: re.Match[str]) -> float:
    if mark[2] is None:
        return 1.0
    try:
        amount = float(mark[2])
    except ValueError:
        amount = -1.0
    if not 0 <= amount <= MAX_EMPHASIS:
        raise SettingError(
            f"Emphasis of {mark[1]!r} must be a number from 0 to {MAX_EMPHASIS:g}, got {mark[2]!r}. Change it in the "
            "transcript."
        )
    return amount


def _marked(word: str, amount: float) -> str:
    return f"*{word}*" if amount == 1 else f"*{word}={amount:g}*"
