"""Phones as an animator reads and types them: short symbols on markers, an example word for each class.

Consonants are small letters, vowels capitals: p, sh, AA. Knows no Blender.
"""

from __future__ import annotations

from functools import lru_cache

from ...engine.values.phones import PhoneSymbolError, classes_of_ipa

EXAMPLES = {
    "SIL": "silence", "P": "pie", "B": "boy", "M": "my", "F": "fine", "V": "vine", "TH": "thin", "DH": "this",
    "T": "tie", "D": "day", "N": "no",
    "L": "low", "S": "see", "Z": "zoo", "SH": "shoe", "ZH": "vision", "CH": "chair", "JH": "joy", "K": "key", "G": "go",
    "NG": "sing", "R": "red",
    "W": "we", "Y": "yes", "HH": "he", "AA": "father", "AE": "cat", "AH": "cup", "AO": "law", "EH": "bed", "ER": "bird",
    "IH": "sit", "IY": "see",
    "OW": "go", "UH": "book", "UW": "blue", "AX": "about", "UE": "German über", "OE": "German schön",
}
LETTERS = {     # what stands for a class in its example word
    "SIL": "", "P": "p", "B": "b", "M": "m", "F": "f", "V": "v", "TH": "th", "DH": "th", "T": "t", "D": "d", "N": "n",
    "L": "l", "S": "s", "Z": "z", "SH": "sh",
    "ZH": "si", "CH": "ch", "JH": "j", "K": "k", "G": "g", "NG": "ng", "R": "r", "W": "w", "Y": "y", "HH": "h",
    "AA": "a", "AE": "a", "AH": "u", "AO": "aw",
    "EH": "e", "ER": "ir", "IH": "i", "IY": "ee", "OW": "o", "UH": "oo", "UW": "ue", "AX": "a", "UE": "ü", "OE": "ö",
}
LABELS = list(EXAMPLES)
SYMBOLS = {"SIL": "sil", "HH": "h"}
VOWEL_LETTERS = "AEIOU"


@lru_cache(maxsize=64)
def symbol(label: str) -> str:
    """What stands on the marker of a phone class."""
    return SYMBOLS.get(label) or (label if label[0] in VOWEL_LETTERS else label.lower())


@lru_cache(maxsize=512)
def label_of(name: str) -> str:
    """The phone class of a name: a symbol, a class, or one sign of the IPA; empty for no phone."""
    name = name.strip()
    by_symbol = {symbol(label): label for label in EXAMPLES}
    if name in by_symbol:
        return by_symbol[name]
    if name.upper() in EXAMPLES:
        return name.upper()
    return _from_ipa(name)


@lru_cache(maxsize=512)
def is_symbol(name: str) -> bool:
    """Whether a marker is named exactly as those of phones are."""
    return any(symbol(label) == name for label in EXAMPLES)


def items() -> list[tuple[str, str, str]]:
    """The classes for a menu: "p   pie"."""
    return [(label, f"{symbol(label)}   {word}", _describe(label)) for label, word in EXAMPLES.items()]


def _describe(label: str) -> str:
    if label == "SIL":
        return "Nobody speaks: the mouth closes"
    return f"As {LETTERS[label]!r} in {EXAMPLES[label]!r}"


def _from_ipa(name: str) -> str:
    try:
        classes = classes_of_ipa(name, "marker") if name else ()
    except PhoneSymbolError:
        return ""
    return classes[0] if len(classes) == 1 else ""
