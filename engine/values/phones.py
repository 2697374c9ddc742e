"""The phone classes that the phone head tells apart, and how the International Phonetic Alphabet maps to them.

Shared by the transcript and by the corpus that the models learn from, so that both mean the same by a phone. A symbol
that no table knows is an error: were it skipped, the mouth would shut where the voice goes on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from .errors import EngineError

PHONES: tuple[str, ...] = (
    "SIL", "P", "B", "M", "F", "V", "TH", "DH", "T", "D", "N", "L", "S", "Z", "SH", "ZH", "CH", "JH", "K", "G", "NG",
    "R", "W", "Y", "HH",
    "AA", "AE", "AH", "AO", "EH", "ER", "IH", "IY", "OW", "UH", "UW", "AX", "UE", "OE",
)
PHONE_INDEX: Mapping[str, int] = {name: i for i, name in enumerate(PHONES)}
VOWELS = frozenset(["AA", "AE", "AH", "AO", "EH", "ER", "IH", "IY", "OW", "UH", "UW", "AX", "UE", "OE"])
BILABIALS = frozenset(["P", "B", "M"])
LABIODENTALS = frozenset(["F", "V"])
# Kind of mouth that people see: its phones. The first kind that has a phone counts.
MOUTH_KINDS: Mapping[str, frozenset[str]] = {
    "closed": BILABIALS, "open": frozenset(["AA", "AE", "AO", "AH"]),
    "round": frozenset(["UW", "OW", "UH", "W", "UE", "OE"]),
    "teeth on lip": LABIODENTALS, "spread": frozenset(["IY", "IH", "EH"]), "vowel": VOWELS,
}
SECOND_PART_SHARE = 0.4  # of a diphthong's or affricate's length


class PhoneSymbolError(EngineError):
    """A speech program used a phone symbol that the map of its language lacks."""


@dataclass(frozen=True)
class Phone:
    """One phone: class name of PHONES, start and end in seconds."""

    label: str
    start_s: float
    end_s: float


def mouth_kind(label: str) -> str:
    """Kind of mouth of a phone, a key of MOUTH_KINDS; "" for what shows little."""
    return next((kind for kind, labels in MOUTH_KINDS.items() if label in labels), "")


# International Phonetic Alphabet letters, for espeak-ng; length marks and diacritics carry no lip shape.
IPA: Mapping[str, str] = {
    "p": "P", "b": "B", "m": "M", "f": "F", "v": "V", "ʋ": "V", "θ": "TH", "ð": "DH", "t": "T", "d": "D", "n": "N",
    "ɲ": "N", "ɳ": "N", "l": "L", "ʎ": "L", "ɫ": "L", "ɭ": "L", "s": "S", "z": "Z", "ʃ": "SH", "ʒ": "ZH", "ɕ": "SH",
    "ʑ": "ZH", "ʂ": "SH", "ʐ": "ZH", "k": "K", "ɡ": "G", "g": "G", "x": "HH", "ɣ": "G", "χ": "HH", "q": "K",
    "ŋ": "NG", "r": "R", "ɹ": "R", "ɾ": "D", "ʁ": "HH", "ʀ": "HH", "ɻ": "R", "w": "W", "ʍ": "W", "ɥ": "UE", "j": "Y",
    "ʝ": "Y", "ç": "Y", "c": "K", "ɟ": "G", "h": "HH", "ɦ": "HH", "ħ": "HH", "β": "V", "ɸ": "F", "ʔ": "HH",
    "?": "HH", "a": "AA", "ɑ": "AA", "ɒ": "AO", "æ": "AE", "ɐ": "AH", "ʌ": "AH", "ɔ": "AO", "o": "OW", "ɤ": "AH",
    "e": "EH", "ɛ": "EH", "ə": "AX", "ɘ": "AX", "ɜ": "ER", "ɚ": "ER", "ɝ": "ER", "ɞ": "ER", "i": "IY", "ɪ": "IH",
    "ɨ": "IH", "ᵻ": "IH", "u": "UW", "ʊ": "UH", "ʉ": "UW", "ɯ": "IH", "y": "UE", "ʏ": "UE", "ø": "OE", "œ": "OE",
    "ɵ": "OE", "ɶ": "OE", "ä": "AA", "ε": "EH", "ɖ": "D", "ʈ": "T", "ɱ": "M", "ɽ": "R", "ɺ": "L", "ɬ": "L", "ɮ": "L",
    "ʟ": "L", "ɴ": "NG",
    "ʕ": "HH", "ʜ": "HH", "ʢ": "HH", "ʡ": "HH", "ɧ": "SH", "ʦ": "T S", "ʣ": "D Z", "ɰ": "G", "ɢ": "G", "ɠ": "G",
    "ʛ": "G", "ɓ": "B", "ʙ": "B",
    "ɗ": "D", "ʄ": "JH", "ⱱ": "V", "Φ": "F", "ʘ": "P", "ǀ": "T", "ǃ": "T", "ǂ": "K", "ǁ": "L",
    # espeak-ng's own letters, in languages without an IPA name for a phoneme
    "S": "SH", "Z": "ZH", "N": "NG", "X": "HH", "K": "K", "F": "F", "A": "AA",
}
IPA_SILENT_MARKS = frozenset(
    "ːˑ:ʲʰʷˠˤˈˌ̩̯̪̃̊͡'‿`|-\u0329\u032f\u0303\u0361\u031e\u033b\u033a\u031d\u0306ᵐᵑⁿᵝ#+^[].\"0123456789"
)
_IPA_SINGLE = {"tʃ": "CH", "dʒ": "JH", "tɕ": "CH", "dʑ": "JH"}


def classes_of(symbol: str, table: Mapping[str, str], voice: str) -> tuple[str, ...]:
    """The one or two phone classes of a symbol.

    Raises:
        PhoneSymbolError: the table lacks the symbol.
    """
    if symbol not in table:
        raise PhoneSymbolError(
            f"Voice {voice} used phone {symbol!r}, which its phone map lacks ({len(table)} symbols). "
            "Add it to the table."
        )
    return tuple(table[symbol].split())


def classes_of_ipa(symbol: str, voice: str) -> tuple[str, ...]:
    """The phone classes of an IPA string such as "oʊ" or "tʃ"; repeated classes are merged, () if it has no letter.

    Raises:
        PhoneSymbolError: a letter is unknown.
    """
    letters = "".join(c for c in symbol if c not in IPA_SILENT_MARKS)
    if letters in _IPA_SINGLE:
        return (_IPA_SINGLE[letters],)
    classes: list[str] = []
    for letter in letters:
        for label in classes_of(letter, IPA, voice):
            if not classes or classes[-1] != label:
                classes.append(label)
    return tuple(classes)


def split_evenly(classes: Sequence[str], start_s: float, end_s: float) -> list[Phone]:
    """Lay one symbol's classes over its time: two classes take 60 % and 40 %, more take equal parts."""
    if len(classes) == 2:
        middle_s = start_s + (1.0 - SECOND_PART_SHARE) * (end_s - start_s)
        return [Phone(classes[0], start_s, middle_s), Phone(classes[1], middle_s, end_s)]
    step_s = (end_s - start_s) / max(len(classes), 1)
    return [Phone(label, start_s + i * step_s, start_s + (i + 1) * step_s) for i, label in enumerate(classes)]


def merge_silences(phones: Sequence[Phone]) -> list[Phone]:
    """Join neighbouring silences and drop empty phones."""
    merged: list[Phone] = []
    for phone in phones:
        if phone.end_s - phone.start_s < 1e-4:
            continue
        if merged and phone.label == "SIL" and merged[-1].label == "SIL":
            merged[-1] = Phone("SIL", merged[-1].start_s, phone.end_s)
        else:
            merged.append(phone)
    return merged
