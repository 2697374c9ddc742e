"""How written words are spoken: English through a pronouncing dictionary, other languages through espeak-ng."""

from __future__ import annotations

import ctypes
import re
from collections.abc import Sequence
from functools import cache

from ...values.errors import EngineError
from .align import Spelling, Word, english_dictionary, english_spelling, foreign_word
from .espeak import Espeak
from .phones import classes_of_ipa

ABBREVIATIONS = {
    "mr": "mister", "mrs": "missus", "ms": "miz", "dr": "doctor", "st": "saint", "prof": "professor",
    "etc": "et cetera", "vs": "versus", "jr": "junior", "sr": "senior", "no": "number", "vol": "volume",
    "rev": "reverend", "hon": "honourable", "capt": "captain", "col": "colonel", "gen": "general", "lt": "lieutenant",
    "ft": "feet", "co": "company", "esq": "esquire", "&": "and", "%": "percent",
}
# Words of their own without it.
ONLY_WITH_DOT = frozenset(["no", "st", "co", "col", "gen", "hon", "ms", "sr", "vol", "ft"])
ONES = [
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
    "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"
]
TENS = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
ORDINALS = {
    "one": "first", "two": "second", "three": "third", "five": "fifth", "eight": "eighth", "nine": "ninth",
    "twelve": "twelfth"
}
OWN_CLASSES: dict[str, tuple[str, ...]] = {"r\u031d": ("ZH",)}  # Czech r with a hook: lips as for zh


def english_words(text: str) -> list[Word]:
    """The words of an English text, each with the pronunciations of the dictionary, or flite's guess where it has none.

    Raises:
        EngineError: flite is not installed.
    """
    names = plain_words(text)
    return [_english_word(name) for name in names]


def foreign_words(text: str, language: str, espeak: Espeak) -> list[Word]:
    """The words of a text in a language of espeak-ng, for example "cs".

    Raises:
        PhoneSymbolError: a phone that the map lacks.
        EngineError: espeak-ng lacks the language.
    """
    words: list[Word] = []
    for symbols in espeak.pronounce(text, language):
        classes: list[str] = []
        for symbol in symbols:
            classes += OWN_CLASSES.get(symbol[:2]) or classes_of_ipa(symbol, language)
        if classes:
            words.append(foreign_word(tuple(classes)))
    return words


def plain_words(text: str) -> list[str]:
    """Lower-case words as they are said: numbers and abbreviations written out, marks left out.

    >>> plain_words("In 1455 Mr. Gutenberg's 42 types")
    ['in', 'fourteen', 'fifty', 'five', 'mister', "gutenberg's", 'forty', 'two', 'types']
    """
    text = text.replace("\u2019", "'").replace("\u2018", "'").lower()
    words: list[str] = []
    for match in re.finditer(r"(\d[\d,]*)(st|nd|rd|th)?\b|([a-z][a-z']*)(\.?)|[&%]", text):
        number, ordinal, word, dot = match.groups()
        if number:
            value = int(number.replace(",", ""))
            is_year = "," not in number and not ordinal and 1100 <= value <= 1999
            words += _year(value) if is_year else _number(value, bool(ordinal))
        elif word is None:
            words.append(ABBREVIATIONS[match.group()])
        elif word in ABBREVIATIONS and (dot or word not in ONLY_WITH_DOT):
            words += ABBREVIATIONS[word].split()
        else:
            words.append(word.strip("'"))
    return [word for word in words if word]


def _year(value: int) -> list[str]:
    rest = value % 100
    last = ["hundred"] if rest == 0 else (["oh"] if rest < 10 else []) + _number(rest, False)
    return _number(value // 100, False) + last


def _number(value: int, ordinal: bool) -> list[str]:
    words: list[str] = []
    for size, name in ((1_000_000, "million"), (1000, "thousand"), (100, "hundred")):
        if value >= size:
            words += [*_number(value // size, False), name]
            value %= size
    if value >= 20:
        words.append(TENS[value // 10 - 2])
        value %= 10
    if value or not words:
        words.append(ONES[value])
    if ordinal:
        last_word = words[-1]
        words[-1] = ORDINALS.get(last_word, last_word[:-1] + "ieth" if last_word.endswith("y") else last_word + "th")
    return words


@cache
def _english_word(name: str) -> Word:
    known = english_dictionary().get(name)
    if known and not any("AH" in sounds for sounds in known):
        return tuple(english_spelling(sounds) for sounds in known)
    guess = _flite_phones(name)
    if known is None:
        return (english_spelling(guess),) if guess else ()
    return tuple(dict.fromkeys(_with_schwas(sounds, guess) for sounds in known))


def _with_schwas(sounds: Sequence[str], guess: Sequence[str]) -> Spelling:
    """The dictionary writes AH for the schwa too; where flite says the word alike, its schwas are taken over."""
    if len(sounds) != len(guess):
        return english_spelling(sounds)
    return english_spelling(
        ["ax" if sound == "AH" and other == "ax" else sound for sound, other in zip(sounds, guess, strict=True)]
    )


def _flite_phones(name: str) -> tuple[str, ...]:
    """ARPAbet of one word by flite's lexicon, or by its letter-to-sound rules."""
    library, lexicon = _flite_lexicon()
    value = library.lex_lookup(lexicon, name.encode(), None, None)
    sounds: list[str] = []
    while value:
        symbol = library.val_string(library.val_car(value)).decode()
        sounds.append({"ah0": "ax"}.get(symbol, symbol.rstrip("012")))
        value = library.val_cdr(value)
    return tuple(sounds)


@cache
def _flite_lexicon() -> tuple[ctypes.CDLL, int]:
    try:
        library, lexicons = ctypes.CDLL("libflite.so.1"), ctypes.CDLL("libflite_cmulex.so.1")
    except OSError as error:
        raise EngineError(f"flite's lexicon cannot be loaded ({error}). Install the package flite.") from error
    pointer = ctypes.c_void_p
    library.lex_lookup.restype, library.lex_lookup.argtypes = pointer, [
        pointer, ctypes.c_char_p, ctypes.c_char_p, pointer
    ]
    for function, result in (
        (library.val_car, pointer), (library.val_cdr, pointer), (library.val_string, ctypes.c_char_p)
    ):
        function.restype, function.argtypes = result, [pointer]
    lexicons.cmu_lex_init.restype = pointer
    return library, lexicons.cmu_lex_init()
