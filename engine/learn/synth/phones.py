"""How the symbols of each speech program map to the phone classes of engine/values.

A symbol that no table knows is an error: were it skipped, the mouth would shut where the voice goes on.
"""

from collections.abc import Mapping

from ...values.phones import (
    BILABIALS,
    IPA,
    IPA_SILENT_MARKS,
    LABIODENTALS,
    PHONE_INDEX,
    PHONES,
    VOWELS,
    Phone,
    PhoneSymbolError,
    classes_of,
    classes_of_ipa,
    merge_silences,
    split_evenly,
)

__all__ = [
    "BILABIALS", "IPA", "IPA_SILENT_MARKS", "LABIODENTALS", "PHONES", "PHONE_INDEX", "VOWELS", "Phone",
    "PhoneSymbolError", "classes_of", "classes_of_ipa", "merge_silences", "split_evenly",
]

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
