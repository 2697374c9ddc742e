"""The phone classes of the corpus, and how the symbols of each speech program map to them.

A symbol that no table knows is an error: were it skipped, the mouth would shut where the voice goes on.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ...errors import EngineError

PHONES: tuple[str, ...] = (
    "SIL", "P", "B", "M", "F", "V", "TH", "DH", "T", "D", "N", "L", "S", "Z", "SH", "ZH", "CH", "JH", "K", "G", "NG", "R", "W", "Y", "HH",
    "AA", "AE", "AH", "AO", "EH", "ER", "IH", "IY", "OW", "UH", "UW", "AX", "UE", "OE",
)
PHONE_INDEX: Mapping[str, int] = {name: i for i, name in enumerate(PHONES)}
VOWELS = frozenset(["AA", "AE", "AH", "AO", "EH", "ER", "IH", "IY", "OW", "UH", "UW", "AX", "UE", "OE"])
BILABIALS = frozenset(["P", "B", "M"])
LABIODENTALS = frozenset(["F", "V"])
SECOND_PART_SHARE = 0.4  # of a diphthong's or affricate's length


class PhoneSymbolError(EngineError):
    """A speech program used a phone symbol that the map of its language lacks."""


@dataclass(frozen=True)
class Phone:
    """One phone: class name of PHONES, start and end in seconds."""

    label: str
    start_s: float
    end_s: float


# ARPAbet as flite and festival's English voices write it.
ARPABET: Mapping[str, str] = {
    "pau": "SIL", "h#": "SIL", "brth": "SIL", "ssil": "SIL", "sil": "SIL", "#": "SIL",
    "aa": "AA", "ae": "AE", "ah": "AH", "ao": "AO", "aw": "AA UH", "ax": "AX", "axr": "ER", "ay": "AA IH",
    "eh": "EH", "er": "ER", "ey": "EH IH", "ih": "IH", "iy": "IY", "ow": "OW UH", "oy": "AO IH", "uh": "UH",
    "uw": "UW", "b": "B", "ch": "CH", "d": "D", "dh": "DH", "dx": "D", "el": "AX L", "em": "AX M", "en": "AX N",
    "f": "F", "g": "G", "hh": "HH", "hv": "HH", "jh": "JH", "k": "K", "l": "L", "m": "M", "n": "N", "nx": "N",
    "ng": "NG", "p": "P", "r": "R", "s": "S", "sh": "SH", "t": "T", "th": "TH", "v": "V", "w": "W", "y": "Y",
    "z": "Z", "zh": "ZH",
}
ITALIAN: Mapping[str, str] = {
    "#": "SIL", "pau": "SIL", "i": "IY", "e": "EH", "E": "EH", "a": "AA", "o": "OW", "O": "AO", "u": "UW",
    "i1": "IY", "e1": "EH", "E1": "EH", "a1": "AA", "o1": "OW", "O1": "AO", "u1": "UW", "j": "Y", "w": "W",
    "p": "P", "t": "T", "k": "K", "b": "B", "d": "D", "g": "G", "f": "F", "s": "S", "S": "SH", "v": "V", "z": "Z",
    "Z": "ZH", "ts": "T S", "tS": "CH", "dz": "D Z", "dZ": "JH", "m": "M", "n": "N", "J": "N", "ng": "NG",
    "nf": "M", "l": "L", "L": "L", "r": "R",
}
CZECH: Mapping[str, str] = {
    "#": "SIL", "_": "SIL", "a": "AA", "a:": "AA", "e": "EH", "e:": "EH", "i": "IY", "i:": "IY", "o": "AO",
    "o:": "AO", "u": "UW", "u:": "UW", "b": "B", "c": "T S", "c~": "CH", "ch": "HH", "d": "D", "d~": "D",
    "dz": "D Z", "dz~": "JH", "f": "F", "g": "G", "h": "HH", "j": "Y", "k": "K", "l": "L", "m": "M", "n": "N",
    "n*": "NG", "n~": "N", "p": "P", "r": "R", "r~": "ZH", "r~*": "SH", "s": "S", "s~": "SH", "t": "T", "t~": "T",
    "v": "V", "z": "Z", "z~": "ZH",
}
FINNISH: Mapping[str, str] = {
    "#": "SIL", "##": "SIL", "a": "AA", "e": "EH", "i": "IY", "o": "OW", "u": "UW", "y": "UE", "@": "AE", "7": "OE",
    "&": "AX", "p": "P", "t": "T", "k": "K", "b": "B", "d": "D", "g": "G", "f": "F", "T": "TH", "s": "S", "S": "SH",
    "h": "HH", "v": "V", "m": "M", "n": "N", "N": "NG", "l": "L", "L": "L", "r": "R", "j": "Y", "w": "W", "D": "DH",
    "z": "Z", "Z": "ZH",
}
INDIC: Mapping[str, str] = {
    "pau": "SIL", "a": "AH", "aa": "AA", "ih": "IH", "iy": "IY", "uh": "UH", "uw": "UW", "eh": "EH", "ee": "EH",
    "ay": "AA IH", "oh": "OW", "oo": "OW", "aw": "AA UH", "f": "F", "k": "K", "g": "G", "ch": "CH", "T": "T",
    "D": "D", "N": "N", "th": "T", "dh": "D", "n": "N", "p": "P", "b": "B", "m": "M", "y": "Y", "r": "R", "l": "L",
    "v": "V", "L": "L", "R": "R", "s": "S", "sh": "SH", "j": "JH", "h": "HH", "ksh": "K SH", "sri": "S R",
    "kh": "K", "gh": "G", "td": "T", "tth": "T", "ddh": "D", "bh": "B", "zh": "ZH", "@": "AX", "w": "V",
}
RUSSIAN: Mapping[str, str] = {
    "pau": "SIL", "ii": "IY", "yy": "IH", "uu": "UW", "ee": "EH", "oo": "AO", "aa": "AA", "a": "AH", "e": "EH",
    "i": "IH", "y": "IH", "u": "UH", "ae": "AX", "ay": "AX", "ur": "UH", "p": "P", "pp": "P", "b": "B", "bb": "B",
    "t": "T", "tt": "T", "d": "D", "dd": "D", "k": "K", "kk": "K", "g": "G", "gg": "G", "c": "T S", "ch": "CH",
    "f": "F", "ff": "F", "v": "V", "vv": "V", "s": "S", "ss": "S", "z": "Z", "zz": "Z", "sh": "SH", "sch": "SH",
    "zh": "ZH", "h": "HH", "hh": "HH", "m": "M", "mm": "M", "n": "N", "nn": "N", "l": "L", "ll": "L", "r": "R",
    "rr": "R", "j": "Y",
}
CATALAN: Mapping[str, str] = {
    "pau": "SIL", "_": "SIL", "#": "SIL", "ax": "AX", "a": "AA", "a1": "AA", "b": "B", "d": "D", "e": "EH",
    "e1": "EH", "E": "EH", "E1": "EH", "f": "F", "g": "G", "i": "IY", "i1": "IY", "j": "Y", "J": "N", "k": "K",
    "l": "L", "L": "L", "m": "M", "n": "N", "o": "OW", "o1": "OW", "O": "AO", "O1": "AO", "p": "P", "r": "R",
    "rr": "R", "s": "S", "S": "SH", "t": "T", "u": "UW", "u1": "UW", "w": "W", "z": "Z", "Z": "ZH",
}
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
    "ɵ": "OE",
}
IPA_SILENT_MARKS = frozenset("ːˑ:ʲʰʷˠˤˈˌ̩̯̪̃̊͡'‿`|-\u0329\u032f\u0303\u0361")
_IPA_SINGLE = {"tʃ": "CH", "dʒ": "JH", "tɕ": "CH", "dʑ": "JH"}


def classes_of(symbol: str, table: Mapping[str, str], voice: str) -> tuple[str, ...]:
    """The one or two phone classes of a symbol.

    Raises:
        PhoneSymbolError: the table lacks the symbol.
    """
    if symbol not in table:
        raise PhoneSymbolError(
            f"Voice {voice} used phone {symbol!r}, which its phone map lacks ({len(table)} symbols). "
            "Add it to engine/learn/synth/phones.py."
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
