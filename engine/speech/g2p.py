"""Which phones a text is read with, in any language that espeak-ng knows; Japanese by a list of its own.

The only file that knows espeak-ng: the wheel espeakng-loader, which the extension brings along, else the system's
library. It runs in a child process. Knows nothing of sound or time.
"""

from __future__ import annotations

import base64
import ctypes
import importlib.util
import json
import os
import re
import subprocess
import sys
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

from ..values.errors import EngineError, InstallError, SettingError
from ..values.messages import without_marks, without_notes
from ..values.phones import IPA, PhoneSymbolError, classes_of_ipa
from .japanese import read_japanese

Words = tuple[tuple[str, ...], ...]

MAX_CHARACTERS = 200_000        # about four hours of speech
PATIENCE_S = 60.0               # the longest text takes 2 s
LONGEST_PATH = 150              # bytes; the library cuts longer ones
WHEEL = "espeakng_loader"
WHEEL_LIBRARIES = {"win32": "espeak-ng.dll", "darwin": "libespeak-ng.dylib"}
SYSTEM_LIBRARIES = {
    "win32": (r"C:\Program Files\eSpeak NG\libespeak-ng.dll",),
    "darwin": ("libespeak-ng.1.dylib", "/opt/homebrew/lib/libespeak-ng.1.dylib", "/usr/local/lib/libespeak-ng.1.dylib"),
}
FILE_NAME = re.compile(r"^(~|\.{0,2})[/\\]|^[A-Za-z]:\\|\.(txt|md|srt|vtt|json|rtf|docx?|wav|flac|mp3)$")
UNSPOKEN = frozenset("/\\_*#<>|~^\"“”„«»()[]{}")     # of the punctuation; some of it would be read out
INSTALL = (
    "Install the extension zip made for this system (outside Blender: pip install espeakng-loader) or the program "
    "espeak-ng, or leave the transcript out."
)
NAMES = {
    "en": "en-us", "zh": "cmn", "zh-cn": "cmn", "zh-tw": "cmn", "zh-hans": "cmn", "zh-hant": "cmn", "zh-hk": "yue",
    "no": "nb", "jp": "ja",
}
JAPANESE = "ja"                 # read by japanese.py: espeak-ng knows no kanji, and no n before a b
TONE_LETTERS = {"cmn": "ɜ"}     # vowels elsewhere; here they are marks of a tone, which the lips do not show
# Who reads a script, the most speakers first: the guess for a text of it. Latin letters are read in every language.
READERS = {
    "LATIN": "en-us", "CYRILLIC": "ru uk be bg sr mk kk ky tt cv ba mn bs ab uz tg", "GREEK": "el grc",
    "ARABIC": "ar fa ur sd ug ku ps", "HEBREW": "he", "DEVANAGARI": "hi mr ne kok sa", "BENGALI": "bn as bpy",
    "GURMUKHI": "pa", "GUJARATI": "gu", "ORIYA": "or", "TAMIL": "ta", "TELUGU": "te", "KANNADA": "kn",
    "MALAYALAM": "ml", "SINHALA": "si", "THAI": "th", "MYANMAR": "my shn", "GEORGIAN": "ka",
    "ARMENIAN": "hy hyw", "ETHIOPIC": "am ti om", "CHEROKEE": "chr", "HANGUL": "ko", "HIRAGANA": "ja", "KATAKANA": "ja",
    "KATAKANA-HIRAGANA": "ja", "CJK": "cmn yue hak ja",
}


def read_words(text: str, language: str = "") -> Words:
    """The phone classes of each word, in order.

    Args:
        text: what is said, as people write it: numbers and abbreviations are read out, [notes in square brackets] are
            left out.
        language: for example "de", "en-gb" or "pt-BR"; empty guesses it by the script (Latin letters: en-us).
    Raises:
        SettingError: no words, too long, a file's name, an unknown language, or letters that it does not read.
        InstallError: no espeak-ng.
    """
    spoken = _spoken(text)
    return _read(spoken, language.strip().replace("_", "-").lower() or guess(spoken))


def read_each(texts: Sequence[str], language: str) -> Words:
    """The phone classes of each text by itself; () where it has none. Raises as read_words does."""
    name = NAMES.get(language, language)
    if name.partition("-")[0] == JAPANESE:
        return tuple(tuple(phone for word in read_japanese(text) for phone in word) for text in texts)
    reply = _ask("", [name, name.split("-")[0]], {"texts": list(texts)})
    if "texts" not in reply:
        raise _unknown(language, reply)
    return tuple(tuple(phone for word in _words(clauses, name) for phone in word) for clauses in reply["texts"])


def guess(text: str) -> str:
    """The language that a text is read in when none is given, by its script; American English for Latin letters."""
    scripts = Counter(_script(letter) for letter in text if letter.isalpha())
    if not scripts:
        return "en-us"      # numbers only
    kana = next((script for script in ("HIRAGANA", "KATAKANA") if script in scripts), "")
    script = kana or scripts.most_common(1)[0][0]
    return READERS.get(script, "en-us").split()[0]


def languages() -> tuple[str, ...]:
    """Names of the languages that can be read; empty without espeak-ng."""
    return _languages()


def read_file(path: str) -> str:
    """The text of a transcript file. Raises SettingError."""
    try:
        return Path(path).read_text(encoding="utf-8-sig")
    except (OSError, ValueError) as error:
        raise SettingError(f"Transcript file {path} cannot be read ({error}). Give a text file in UTF-8.") from error


def speak(text: str, language: str = "", speed: float = 1.0) -> tuple[bytes, int]:
    """A text spoken by espeak-ng: 16 bit samples, and how many there are a second.

    Args:
        speed: 1 is 175 words a minute.
    Raises:
        As read_words does.
    """
    spoken = _spoken(text)
    asked = language.strip().replace("_", "-").lower() or guess(spoken)
    name = NAMES.get(asked, asked)
    _refuse_other_scripts(spoken, name)
    reply = _ask(spoken, [name, name.split("-")[0]], {"speed": speed})
    if "sound" not in reply:
        raise _unknown(asked, reply)
    return base64.b64decode(reply["sound"]), int(reply["rate_hz"])


def check_words(text: str) -> None:
    """Whether there are words in a text. Raises SettingError."""
    _spoken(text)


def _spoken(text: str) -> str:
    """The text without what nobody says: notes in brackets, control characters, emoji and other signs."""
    if len(text) > MAX_CHARACTERS:
        raise SettingError(
            f"The transcript has {len(text)} characters, at most {MAX_CHARACTERS} can be used. "
            "Give the words of this sound only."
        )
    _refuse_file_name(text.strip())
    plain = unicodedata.normalize("NFC", without_notes(without_marks(text), "[", "]", " "))
    spoken = "".join(letter if _is_spoken(letter) else " " for letter in plain)
    if not any(letter.isalnum() for letter in spoken):
        raise SettingError(
            f"The transcript {_shortened(text)!r} has no words. "
            "Give the words that are spoken, or leave the transcript out."
        )
    return " ".join(spoken.split())


def _is_spoken(letter: str) -> bool:
    return (unicodedata.category(letter)[0] in "LMNP" and letter not in UNSPOKEN) or letter in "$€£¥%+&="


def _refuse_file_name(text: str) -> None:
    if FILE_NAME.search(text) if " " not in text else os.path.isfile(text):
        raise SettingError(
            f"The transcript {_shortened(text)!r} is a file's name, the words themselves are needed. "
            "Give the file with --transcript-file."
        )


def _script(letter: str) -> str:
    return unicodedata.name(letter, "?").split()[0].removeprefix("FULLWIDTH").removeprefix("HALFWIDTH") or "LATIN"


def _refuse_other_scripts(text: str, language: str) -> None:
    base = language.partition("-")[0]
    for letter in text:
        if letter.isalpha() and ord(letter) > 0x24F and (script := _script(letter)) not in ("LATIN", "MODIFIER"):
            readers = READERS.get(script, "").split()
            if base not in readers:
                able = f"it is read in: {', '.join(readers)}" if readers else "no language reads it"
                raise SettingError(
                    f"Language {language!r} does not read the transcript's letter {letter!r} "
                    f"({script.capitalize()}; {able}). "
                    "Choose the language that is spoken, or write these words in its letters."
                )


@lru_cache(maxsize=32)
def _read(text: str, language: str) -> Words:
    name = NAMES.get(language, language)
    _refuse_other_scripts(text, name)
    if name.partition("-")[0] == JAPANESE:
        return _filled(tuple(read_japanese(text)), text, name)
    reply = _ask(text, [name, name.split("-")[0]])
    if "clauses" not in reply:
        raise _unknown(language, reply)
    return _filled(_words(reply["clauses"], name), text, language)


def _words(clauses: Sequence[str], language: str) -> Words:
    words = [word for clause in clauses for word in without_notes(clause, "(", ")").split()]
    return tuple(filter(None, (_classes(word, language) for word in words)))


def _filled(read: Words, text: str, language: str) -> Words:
    if not read:
        raise SettingError(
            f"Language {language!r} finds nothing to say in the transcript {_shortened(text)!r}. "
            "Choose the language that is spoken."
        )
    return read


def _unknown(language: str, reply: dict[str, Any]) -> SettingError:
    known = ", ".join(_bases(reply["languages"]))
    return SettingError(f"Unknown transcript language {language!r}. Choose one of: {known}.")


def _bases(names: list[str]) -> list[str]:
    return sorted({name.partition("-")[0] for name in names})


def _classes(word: str, language: str) -> tuple[str, ...]:
    classes: list[str] = []
    tones = TONE_LETTERS.get(language.partition("-")[0], "")
    for symbol in word.split("_"):
        try:
            letters = [_without_marks(letter) for letter in symbol if letter not in tones]
            classes += classes_of_ipa("".join(letters), language)
        except PhoneSymbolError:        # one phone in a rare language: the alignment bridges it
            continue
    return tuple(classes)


def _without_marks(letter: str) -> str:
    if letter in IPA:
        return letter
    return "".join(part for part in unicodedata.normalize("NFD", letter) if unicodedata.category(part) != "Mn")


@lru_cache(maxsize=1)
def _languages() -> tuple[str, ...]:
    try:
        return tuple(_ask("", []).get("languages", ()))
    except EngineError:
        return ()


def _ask(text: str, names: list[str], more: Mapping[str, object] = MappingProxyType({})) -> dict[str, Any]:
    """Let the child process read. Raises InstallError without espeak-ng, SettingError when the text ends it."""
    request = json.dumps({"libraries": _libraries(), "text": text, "languages": names, **more}).encode()
    program = [sys.executable, "-I", "-S", str(Path(__file__).with_name("g2p_process.py"))]
    hidden = getattr(subprocess, "CREATE_NO_WINDOW", 0)         # Windows would flash a console
    try:
        done = subprocess.run(
            program, input=request, capture_output=True, check=False, timeout=PATIENCE_S, creationflags=hidden,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise SettingError(
            f"The transcript cannot be read: Python at {sys.executable!r} does not run it ({error}). "
            "Leave the transcript out."
        ) from error
    if done.returncode or not done.stdout:
        raise SettingError(
            f"espeak-ng failed on the transcript {_shortened(text)!r} (exit status {done.returncode}). "
            "Check its words and the language, or leave it out."
        )
    reply: dict[str, Any] = json.loads(done.stdout)
    if "problems" in reply:
        problems = "; ".join(reply["problems"])
        raise InstallError(f"A transcript needs espeak-ng, which cannot be loaded ({problems}). {INSTALL}")
    return reply


def _libraries() -> list[tuple[str, str | None]]:
    """(library, its data folder) in the order to try; the system's library knows its folder."""
    found: list[tuple[str, str | None]] = []
    spec = importlib.util.find_spec(WHEEL)      # found, not imported: its code does nothing that is needed here
    if spec is not None and spec.origin:
        folder = Path(_plain_path(str(Path(spec.origin).parent)))
        data = str(folder / "espeak-ng-data")
        if len(data.encode()) <= LONGEST_PATH:
            found.append((str(folder / WHEEL_LIBRARIES.get(sys.platform, "libespeak-ng.so")), data))
    of_system = SYSTEM_LIBRARIES.get(sys.platform, ("libespeak-ng.so.1", "libespeak-ng.so"))
    return [*found, *((name, None) for name in of_system)]


def _plain_path(path: str) -> str:
    """On Windows the short name of a folder whose path has letters that the library's C functions cannot open."""
    if sys.platform != "win32" or path.isascii():
        return path
    short = ctypes.create_unicode_buffer(1024)
    return short.value if ctypes.windll.kernel32.GetShortPathNameW(path, short, len(short)) else path


def _shortened(text: str) -> str:
    return text if len(text) <= 40 else text[:39] + "…"
