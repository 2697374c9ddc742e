"""Text in other languages, from Debian's word lists, spelling dictionaries and fortunes; each of them is optional."""

from __future__ import annotations

import random
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from .text import FORTUNES, LONGEST_TEXT, dictionary_words, fortune_lines, syllable_text, with_pauses

SPELLING = Path("/usr/share/hunspell")
FORTUNE_SHARE = 0.5


@dataclass(frozen=True)
class Language:
    """Where its text comes from: a Debian word list or a hunspell dictionary, fortunes, and a script for syllables."""

    words: str = ""
    spelling: str = ""
    fortunes: tuple[str, ...] = ()
    script: str = "latin"


# Language of espeak-ng -> its text. Only languages whose phones the IPA table maps.
LANGUAGES: Mapping[str, Language] = {
    "de": Language("ngerman", fortunes=("de",)), "fr": Language("french"), "es": Language("spanish", fortunes=("es",)),
    "it": Language("italian", fortunes=("it", "italia", "leggi", "formiche", "definizioni")),
    "pl": Language("polish", fortunes=("pl",)),
    "pt": Language("portuguese", fortunes=("brasil",)), "nl": Language("dutch"),
    "cs": Language(spelling="cs_CZ", fortunes=("cs", "cz")),
    "pt-br": Language("portuguese", fortunes=("brasil",)), "es-419": Language("spanish", fortunes=("es",)),
    "sv": Language("swedish"), "da": Language("danish"), "nb": Language("bokmaal"), "ca": Language("catalan"),
    "eo": Language("esperanto", fortunes=("eo",)), "ro": Language(spelling="ro_RO"), "hu": Language(spelling="hu_HU"),
    "hr": Language(spelling="hr_HR"), "sk": Language(spelling="sk_SK", fortunes=("sk",)),
    "tr": Language(spelling="tr_TR"),
    "lt": Language(spelling="lt_LT"), "lv": Language(spelling="lv_LV"), "id": Language(spelling="id_ID"),
    "is": Language(spelling="is_IS"),
    "sw": Language(spelling="sw_TZ"), "el": Language(spelling="el_GR", script=""), "fi": Language(), "sl": Language(),
    "et": Language(), "ru": Language(spelling="ru_RU", fortunes=("ru",), script="russian"),
    "uk": Language("ukrainian", script="russian"),
    "bg": Language("bulgarian", script="russian"), "ky": Language(spelling="ru_RU", script="russian"),
    "hi": Language(script="devanagari"), "te": Language(script="telugu"), "eu": Language(), "af": Language("dutch"),
    "sq": Language(),
}


def language_text(rng: random.Random, name: str) -> str:
    """A line in one of LANGUAGES: a fortune, words of a list, or syllables where neither is installed."""
    language = LANGUAGES[name]
    if language.fortunes and rng.random() < FORTUNE_SHARE:
        lines = _fortunes(language.fortunes)
        if lines:
            return rng.choice(lines)
    words = dictionary_words(language.words) if language.words else _spelling_words(language.spelling)
    if words and (not language.script or rng.random() > 0.2):
        return with_pauses(rng.sample(words, rng.randint(4, 8)), rng)
    return syllable_text(rng, language.script or "latin")


# Of hunspell dictionaries that are neither UTF-8 nor Western European.
OLD_ENCODINGS = {**dict.fromkeys(("cs_CZ", "hr_HR", "sk_SK", "hu_HU", "ro_RO"), "iso-8859-2"), "el_GR": "iso-8859-7"}


@cache
def _spelling_words(name: str) -> list[str]:
    """Plain lower-case words of 3 to 14 letters from a hunspell dictionary; empty where it is not installed."""
    path = SPELLING / f"{name}.dic"
    if not name or not path.exists():
        return []
    data = path.read_bytes()
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        text = data.decode(OLD_ENCODINGS.get(name, "iso-8859-1"))
    words = (line.split("/")[0].strip() for line in text.splitlines()[1:])
    return [word for word in words if word.isalpha() and word.islower() and 3 <= len(word) <= 14]


@cache
def _fortunes(names: tuple[str, ...]) -> list[str]:
    paths = [
        file
        for name in names
        for file in (sorted((FORTUNES / name).iterdir()) if (FORTUNES / name).is_dir() else [FORTUNES / name])
    ]
    return [line for line in fortune_lines(tuple(paths)) if _is_plain(line)]


def _is_plain(line: str) -> bool:
    """Letters and everyday marks only: a number is read as many words."""
    return len(line) <= LONGEST_TEXT and all(c in " .,;:!?'-\u2019" or unicodedata.category(c)[0] in "LM" for c in line)
