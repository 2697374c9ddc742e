"""Mandarin syllables of two people: the sounds of Debian's `gcin-voice` (one voice GPL-3 or LGPL-3, one CC BY 3.0).

Each file is one syllable, named by its zhuyin letters and its tone; a few in a row, with short pauses, make a line.
One syllable in ten never trains.
"""

from __future__ import annotations

import random
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from .align import Word, foreign_word
from .read_voices import REPORTED_SHARE
from .utterance import SAMPLE_RATE_HZ

FOLDER = Path("/usr/share/gcin-voice/ogg")
SPEAKERS: Mapping[str, str] = {"gcin-three": "3.ogg", "gcin-five": "5.ogg"}
PARTS = 2
SYLLABLES = (3, 7)  # of a line
PAUSE_S = (0.0, 0.12)

_INITIALS = {
    "ㄅ": "P", "ㄆ": "P", "ㄇ": "M", "ㄈ": "F", "ㄉ": "T", "ㄊ": "T", "ㄋ": "N", "ㄌ": "L", "ㄍ": "K",
    "ㄎ": "K", "ㄏ": "HH",
    "ㄐ": "CH", "ㄑ": "CH", "ㄒ": "SH", "ㄓ": "CH", "ㄔ": "CH", "ㄕ": "SH", "ㄖ": "R", "ㄗ": "T S",
    "ㄘ": "T S", "ㄙ": "S",
}
_FINALS = {
    "": "IH", "ㄚ": "AA", "ㄛ": "AO", "ㄜ": "AH", "ㄝ": "EH", "ㄞ": "AA IH", "ㄟ": "EH IH", "ㄠ": "AA UH",
    "ㄡ": "OW UH", "ㄢ": "AA N", "ㄣ": "AX N", "ㄤ": "AA NG", "ㄥ": "AX NG", "ㄦ": "ER", "ㄧ": "IY", "ㄨ": "UW",
    "ㄩ": "UE",
    "ㄧㄢ": "Y EH N", "ㄧㄣ": "IY N", "ㄧㄥ": "IY NG", "ㄨㄥ": "UH NG", "ㄩㄝ": "UE EH", "ㄩㄢ": "UE EH N",
    "ㄩㄣ": "UE N", "ㄩㄥ": "Y UH NG",
}
_MEDIALS = {"ㄧ": "Y", "ㄨ": "W", "ㄩ": "UE"}

Line = tuple[NDArray[np.int16], list[Word]]


def sources() -> Mapping[str, int]:
    """Names of the two voices, with the number of shards of each; none where the package is missing."""
    return dict.fromkeys(SPEAKERS, PARTS) if FOLDER.is_dir() else {}


def classes_of_zhuyin(syllable: str) -> tuple[str, ...]:
    """Phone classes of a syllable, without its tone.

    >>> classes_of_zhuyin("ㄇㄧㄠ")
    ('M', 'Y', 'AA', 'UH')
    """
    initial = syllable[:1] if syllable[:1] in _INITIALS else ""
    final = syllable[len(initial):]
    classes = _FINALS.get(final) or f"{_MEDIALS[final[0]]} {_FINALS[final[1:]]}"
    return tuple(f"{_INITIALS.get(initial, '')} {classes}".split())


def lines(source: str, part: int, read: Callable[[Path], NDArray[np.int16]], folder: Path = FOLDER) -> Iterator[Line]:
    """Lines (n,) int16 16 kHz of the syllables that train, in random order, each syllable once.

    Args:
        source: key of SPEAKERS. read: gives the samples of a file.
    """
    rng = random.Random(f"{source} {part}")
    paths = [path for path in sorted(folder.glob(f"*/{SPEAKERS[source]}")) if not is_reported(path.parent.name)]
    rng.shuffle(paths)
    own = paths[part::PARTS]
    while own:
        count = rng.randint(*SYLLABLES)
        yield _line(own[:count], read, rng)
        own = own[count:]


def is_reported(name: str) -> bool:
    """Whether a syllable, whatever its tone, is only ever reported on."""
    return zlib.crc32(name.rstrip("12345").encode()) % REPORTED_SHARE == 0


def _line(paths: Sequence[Path], read: Callable[[Path], NDArray[np.int16]], rng: random.Random) -> Line:
    pieces: list[NDArray[np.int16]] = []
    for path in paths:
        pieces += [read(path), np.zeros(round(rng.uniform(*PAUSE_S) * SAMPLE_RATE_HZ), np.int16)]
    words = [foreign_word(classes_of_zhuyin(path.parent.name.rstrip("12345"))) for path in paths]
    return np.concatenate(pieces), words
