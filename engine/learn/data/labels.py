"""Phone and word times that came with recordings: the label files of several corpora, read as our phone classes.

A symbol that no table knows is an error, as in synth: were it skipped, the mouth would be asked to shut where
the voice goes on.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ...values.errors import EngineError
from ..synth.phones import ARPABET, BILABIALS, Phone, classes_of, classes_of_ipa, merge_silences, split_evenly

# The hand labels of the Australian English set; O before a nasal or glide is its voiceless onset, H an aspiration, two
# letters two closures in one.
AUSTRALIAN: Mapping[str, str] = {
    "@": "AX", "@:": "ER", "@u": "OW UH", "A": "AE", "E": "EH", "I": "IH", "O": "AO", "V": "AH", "ai": "AA IH",
    "ei": "EH IH", "i:": "IY", "o:": "AO", "u:": "UW", "H": "HH", "h": "HH", "D": "DH", "T": "TH", "S": "SH", "Z": "ZH",
    "N": "NG", "j": "Y", "b": "B", "d": "D", "f": "F", "k": "K", "l": "L", "m": "M", "n": "N", "p": "P", "r": "R",
    "s": "S", "t": "T", "v": "V", "w": "W", "z": "Z", "zs": "Z", "On": "N", "Om": "M", "Or": "R", "Ow": "W", "NH": "NG",
    "dH": "D", "db": "D B", "pt": "P T", "kt": "K T",
}
# Japanese in Roman letters. u is compressed rather than rounded, f is breathed between the lips: neither is asked for
# rounding or a lip tuck.
JAPANESE: Mapping[str, str] = {
    "pau": "SIL", "sil": "SIL", "br": "SIL", "cl": "SIL", "a": "AA", "i": "IY", "u": "UH", "e": "EH", "o": "OW",
    "N": "NG", "k": "K", "g": "G", "s": "S", "z": "Z", "t": "T", "d": "D", "n": "N", "h": "HH", "b": "B", "p": "P",
    "m": "M", "y": "Y", "r": "D", "w": "W", "f": "HH", "v": "V", "j": "JH", "ch": "CH", "sh": "SH", "ts": "T S",
    "ky": "K Y", "gy": "G Y", "ny": "N Y", "hy": "HH Y", "by": "B Y", "py": "P Y", "my": "M Y", "ry": "D Y",
    "dy": "D Y", "ty": "T Y",
}
SECONDS_PER_TICK = 1e-7  # of HTK labels
UR_IN_GERMAN = ("??", "ʊɐ")  # espeak-ng 1.51 prints so for the ur of "wurde"
SHORTEST_GAP_S = 0.010  # between labels; less is rounding


@dataclass(frozen=True)
class Word:
    """One spoken word, its times in seconds, and its phone classes in order where they could be had."""

    text: str
    start_s: float
    end_s: float
    classes: tuple[str, ...]


def read_festvox(path: Path) -> tuple[Phone, ...]:
    """Festvox .lab: after a line "#", lines of `end_s number symbol`."""
    phones: list[Phone] = []
    start_s = 0.0
    for line in _text(path).split("#\n", 1)[-1].splitlines():
        fields = line.split()
        if len(fields) != 3:
            raise EngineError(
                f"{path} has the line {line!r}; `seconds number phone` is needed. Give the corpus as it was published."
            )
        end_s = float(fields[0])
        phones.extend(split_evenly(classes_of(fields[2], ARPABET, str(path)), start_s, end_s))
        start_s = end_s
    return tuple(merge_silences(phones))


def read_emu(path: Path) -> tuple[Phone, ...]:
    """EMU annotation (JSON): the segments of its level Phonetic."""
    content = json.loads(_text(path))
    segments = [level["items"] for level in content["levels"] if level["name"] == "Phonetic"]
    if not segments:
        raise EngineError(f"{path} has no level Phonetic. Give the hand-labelled set.")
    phones: list[Phone] = []
    for item in segments[0]:
        symbol = next(label["value"] for label in item["labels"] if label["name"] == "Phonetic")
        start_s = item["sampleStart"] / content["sampleRate"]
        # Durations count to the last sample.
        end_s = (item["sampleStart"] + item["sampleDur"] + 1) / content["sampleRate"]
        phones.extend(split_evenly(classes_of(symbol, AUSTRALIAN, str(path)), start_s, end_s))
    return tuple(_joined(phones))


def emu_text(path: Path) -> str:
    """The words of an EMU annotation."""
    words = [item for level in json.loads(_text(path))["levels"] if level["name"] == "Word" for item in level["items"]]
    return " ".join(label["value"] for word in words for label in word["labels"] if label["name"] == "Text")


def festvox_texts(path: Path) -> dict[str, str]:
    """The texts of a festvox prompt file, by utterance: lines of `( name "text" )`."""
    return dict(re.findall(r'\(\s*(\S+)\s+"([^"]*)"\s*\)', _text(path)))


def read_htk(path: Path) -> tuple[Phone, ...]:
    """HTK label file of Japanese: lines of `start end symbol` in 100 ns; N before p b m is m."""
    rows = [line.split() for line in _text(path).splitlines() if line.strip()]
    phones: list[Phone] = []
    for (start, end, symbol), following in zip(rows, [*rows[1:], ["", "", ""]], strict=True):
        classes = classes_of(symbol, JAPANESE, str(path))
        if symbol == "N" and following[2] and JAPANESE.get(following[2], "").split(" ")[0] in BILABIALS:
            classes = ("M",)
        phones.extend(split_evenly(classes, int(start) * SECONDS_PER_TICK, int(end) * SECONDS_PER_TICK))
    return tuple(merge_silences(phones))


def spoken_classes(words: Sequence[str], language: str) -> list[tuple[str, ...]]:
    """Phone classes of words by espeak-ng's rules, each word by itself.

    Raises:
        EngineError: espeak-ng is not installed or lacks the language.
        PhoneSymbolError: it used a letter that our IPA table lacks.
    """
    found = []
    # Elsewhere it prints ? for letters, which would be a glottal stop.
    environment = {**os.environ, "LC_ALL": "C.UTF-8"}
    for word in words:
        command = ["espeak-ng", "-q", "--ipa", "-v", language, "--", word]
        try:
            done = subprocess.run(
                command, capture_output=True, encoding="utf-8", timeout=20, check=True, env=environment
            )
        except (OSError, subprocess.SubprocessError) as error:
            raise EngineError(f"espeak-ng cannot spell {word!r} in {language} ({error}). Install espeak-ng.") from error
        found.append(classes_of_ipa("".join(done.stdout.split()).replace(*UR_IN_GERMAN), f"espeak-ng {language}"))
    return found


def pauses(words: Sequence[Word], duration_s: float) -> list[tuple[float, float]]:
    """Seconds (start, end) outside of the words."""
    edges = [0.0, *(second for word in words for second in (word.start_s, word.end_s)), duration_s]
    return [(start, end) for start, end in zip(edges[::2], edges[1::2], strict=True) if end > start]


def shifted(phones: Sequence[Phone], late_s: float) -> tuple[Phone, ...]:
    """The same phones so much later."""
    return tuple(Phone(phone.label, phone.start_s + late_s, phone.end_s + late_s) for phone in phones)


def with_silence(phones: Sequence[Phone], duration_s: float) -> tuple[Phone, ...]:
    """The phones of a recording with silence wherever none is labelled for longer than SHORTEST_GAP_S."""
    filled: list[Phone] = []
    end_s = 0.0
    for phone in [*phones, Phone("SIL", duration_s, duration_s)]:
        if phone.start_s - end_s > SHORTEST_GAP_S:
            filled.append(Phone("SIL", end_s, phone.start_s))
        filled.append(phone)
        end_s = max(end_s, phone.end_s)
    return tuple(merge_silences(filled))


def _joined(phones: Sequence[Phone]) -> list[Phone]:
    """Neighbours of one class as one phone: a nasal's voiceless onset and the nasal."""
    joined: list[Phone] = []
    for phone in phones:
        if joined and joined[-1].label == phone.label and abs(joined[-1].end_s - phone.start_s) < 1e-3:
            joined[-1] = Phone(phone.label, joined[-1].start_s, phone.end_s)
        else:
            joined.append(phone)
    return joined


def _text(path: Path) -> str:
    if not path.exists():
        raise EngineError(f"Label file {path} is missing. Give the corpus as it was published.")
    return path.read_text(encoding="utf-8")
