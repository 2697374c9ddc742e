"""Which phones a Japanese text is read with: kanji by a list of words, kana by a table.

The list comes from the IPA dictionary (learn/data/japanese_words.py makes it); each stretch is cut into the words that
are likeliest by themselves. Knows nothing of sound.
"""

from __future__ import annotations

import lzma
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from ..values.errors import SettingError

WORDS = Path(__file__).with_name("japanese_words.txt.xz")
LONGEST = 6                 # letters of a word in the list
KANA_COST, WORD_COST = 45, 30       # of a letter of kana by itself, and what each word costs besides its own

_ROWS = {
    "": "アイウエオ", "K": "カキクケコ", "G": "ガギグゲゴ", "S": "サ.スセソ", "Z": "ザ.ズゼゾ", "T": "タ..テト",
    "D": "ダヂヅデド", "N": "ナニヌネノ", "HH": "ハヒ.ヘホ", "B": "バビブベボ", "P": "パピプペポ", "M": "マミムメモ",
    "Y": "ヤ.ユ.ヨ", "W": "ワヰ.ヱ.",
}
_VOWELS = ("AA", "IY", "UH", "EH", "OW")
_ALONE = {
    "シ": "SH IY", "ジ": "JH IY", "チ": "CH IY", "ツ": "T S UH", "フ": "F UH", "ヲ": "OW", "ヴ": "V UH",
    "ラ": "D AA", "リ": "D IY", "ル": "D UH", "レ": "D EH", "ロ": "D OW", "ヂ": "JH IY", "ヅ": "Z UH",
}
_MORAE = {
    letter: f"{consonant} {vowel}"
    for consonant, row in _ROWS.items()
    for letter, vowel in zip(row, _VOWELS, strict=True) if letter != "."
} | _ALONE
_SMALL = dict(zip("ァィゥェォャュョヮ", ("AA", "IY", "UH", "EH", "OW", "Y AA", "Y UH", "Y OW", "W AA"), strict=True))
_HISSES = frozenset(["SH", "JH", "CH"])
_NASAL_BEFORE = {"P": "M", "B": "M", "M": "M", "K": "NG", "G": "NG"}
_LONG_AFTER = {"ウ": "OW", "イ": "EH"}      # what only lengthens the vowel before
_DIGITS = "〇一二三四五六七八九"
_COUNTERS = {
    "年": "ネン", "人": "ニン", "月": "ガツ", "日": "ニチ", "時": "ジ", "円": "エン",
    "歳": "サイ", "回": "カイ",
}
_PARTICLES = "デニトラレカノ"
_TENS, _MYRIADS = ("", "十", "百", "千"), ("", "万", "億", "兆")
KATAKANA = frozenset("".join(_ROWS.values()).replace(".", "")) | set(_ALONE) | set(_SMALL) | set("ンッー")


@dataclass(frozen=True)
class Entry:
    """How a word is said, in katakana, and its cost: the rarer, the higher."""

    said: str
    cost: int


def is_kanji(letter: str) -> bool:
    """Whether the list has to read a letter.

    >>> [is_kanji(letter) for letter in "東々カか"]
    [True, True, False, False]
    """
    return letter in "々〆ヶ" or unicodedata.name(letter, "").startswith("CJK")


def read_japanese(text: str) -> list[tuple[str, ...]]:
    """Phone classes of each word of a text in kanji and kana; other letters part words.

    Raises:
        SettingError: a kanji that the list does not know.
    """
    plain = to_katakana(_numbers_in_kanji(unicodedata.normalize("NFKC", text)))
    stretches = "".join(letter if letter in KATAKANA or is_kanji(letter) else " " for letter in plain).split()
    return [classes for stretch in stretches for classes in map(classes_of_kana, _said(stretch)) if classes]


def read_parts(spelt: str, words: Mapping[str, Entry]) -> list[Entry] | None:
    """The likeliest words that a spelling is made of, kana by the letter; None where a kanji is left over."""
    best: list[tuple[int, list[Entry]] | None] = [(0, [])]
    for end in range(1, len(spelt) + 1):
        found: tuple[int, list[Entry]] | None = None
        for start in range(max(0, end - LONGEST), end):
            before, part = best[start], spelt[start:end]
            entry = words.get(part)
            if entry is None and len(part) == 1 and not is_kanji(part):
                entry = Entry(to_katakana(part), KANA_COST)
            if before is None or entry is None:
                continue
            total = before[0] + entry.cost + WORD_COST
            if found is None or total < found[0]:
                found = total, [*before[1], entry]
        best.append(found)
    last = best[-1]
    return None if last is None else last[1]


def classes_of_kana(said: str) -> tuple[str, ...]:
    """Phone classes of katakana as it is said.

    >>> classes_of_kana("シンブン"), classes_of_kana("キョー")
    (('SH', 'IY', 'M', 'B', 'UH', 'N'), ('K', 'Y', 'OW'))
    """
    classes: list[str] = []
    for letter in said:
        if letter in "ッー" or (classes and classes[-1] == _LONG_AFTER.get(letter)):
            continue
        if letter in _SMALL:
            _soften(classes, _SMALL[letter].split())
        else:
            classes += "N" if letter == "ン" else _MORAE[letter].split()
    for place in range(len(classes) - 1):
        if classes[place] == "N":
            classes[place] = _NASAL_BEFORE.get(classes[place + 1], "N")
    return tuple(classes)


def _soften(classes: list[str], small: list[str]) -> None:
    """A small vowel takes the place of the one before; after a hiss the glide is not heard."""
    if classes and classes[-1] in _VOWELS:
        classes.pop()
    classes += small[1:] if classes and classes[-1] in _HISSES else small


def _said(stretch: str) -> list[str]:
    """Katakana of each word of a stretch; kana between kanji stays with the word before it."""
    parts = read_parts(_with_particles(_with_counters(stretch)), _words())
    if parts is None:
        unknown = next(letter for letter in stretch if is_kanji(letter) and letter not in _words())
        raise SettingError(
            f"The transcript's {unknown!r} cannot be read in Japanese. Write this word in kana, for example とうきょう "
            "for 東京."
        )
    return ["".join(part.said for part in parts)]


def _with_particles(stretch: str) -> str:
    """は after a kanji, and は and へ after other particles at the end of a phrase, are the particles wa and e."""
    letters = list(stretch.replace("コンニチハ", "コンニチワ").replace("コンバンハ", "コンバンワ"))
    for place in range(1, len(letters)):
        before, ends = letters[place - 1], place + 1 == len(letters) or is_kanji(letters[place + 1])
        if letters[place] == "ハ" and (is_kanji(before) or (ends and before in _PARTICLES)):
            letters[place] = "ワ"
        elif letters[place] == "ヘ" and ends and (is_kanji(before) or before in _PARTICLES):
            letters[place] = "エ"
    return "".join(letters)


def _with_counters(stretch: str) -> str:
    """Kanji that count what stands before them, as they are said there."""
    letters = list(stretch)
    for place in range(1, len(letters)):
        if letters[place - 1] in _DIGITS + "十百千万" and stretch[place - 1:place + 1] not in ("一人", "二人"):
            letters[place] = _COUNTERS.get(letters[place], letters[place])
    return "".join(letters)


def _numbers_in_kanji(text: str) -> str:
    """
    >>> _numbers_in_kanji("2015年に25人")
    '二千十五年に二十五人'
    """
    out, digits = "", ""
    for letter in text + " ":
        if letter.isdigit() and letter.isascii():
            digits += letter
            continue
        out, digits = out + _number(digits) + letter, ""
    return out[:-1]


def _number(digits: str) -> str:
    if not digits or len(digits) > 16:
        return "".join(_DIGITS[int(digit)] for digit in digits)
    if int(digits) == 0:
        return "〇"
    groups = [digits[max(0, end - 4):end] for end in range(len(digits), 0, -4)]
    named = [_group(group) + unit for group, unit in zip(groups, _MYRIADS, strict=False) if int(group)]
    return "".join(reversed(named))


def _group(digits: str) -> str:
    named = ""
    for digit, unit in zip(digits, reversed(_TENS[:len(digits)]), strict=True):
        if digit != "0":
            named += ("" if digit == "1" and unit else _DIGITS[int(digit)]) + unit
    return named


def to_katakana(text: str) -> str:
    """Hiragana as katakana, other letters as they are."""
    return "".join(chr(ord(letter) + 0x60) if "ぁ" <= letter <= "ゖ" else letter for letter in text)


@lru_cache(maxsize=1)
def _words() -> Mapping[str, Entry]:
    """The list; kana in it is katakana, as in the texts that are looked up."""
    lines = lzma.decompress(WORDS.read_bytes()).decode().splitlines()
    split = (line.split("\t") for line in lines)
    return {spelt: Entry(said, int(cost)) for spelt, said, cost in split}
