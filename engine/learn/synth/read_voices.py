"""Read sentences of single people under CC0: which of them train, and which tenth is only ever reported on.

The split goes by the sentence, so that a sentence read three times is on one side. Sentences of the evaluation are
left out of both.
"""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

REPORTED_SHARE = 10  # one sentence in so many is reported on
TRANSCRIPTS = Path(__file__).parents[1] / "data" / "evaluation_transcripts.json"


@dataclass(frozen=True)
class ReadVoice:
    """A folder below the recordings, its language as espeak-ng calls it, and how many shards it is divided into."""

    folder: str
    language: str
    parts: int


READ_VOICES: Mapping[str, ReadVoice] = {
    "kathleen-en": ReadVoice("speech/voices/kathleen_en", "en", 14),
    "kerstin-de": ReadVoice("speech/voices/kerstin_de", "de", 14),
    "nathalie-nl": ReadVoice("speech/voices/nathalie_nl", "nl", 8),
}


def sentences(recordings: Path, name: str, reported: bool) -> Iterator[tuple[Path, str]]:
    """Sound file and text of the sentences of a voice that train, or of those that are reported on."""
    folder = recordings / READ_VOICES[name].folder
    evaluated = _evaluated(recordings)
    for line in (folder / "transcript.psv").read_text(encoding="utf-8").splitlines():
        stem, _, text = line.partition("|")
        key = plain(text)
        path = folder / f"{stem}.opus"
        if path.exists() and key not in evaluated and is_reported(key) == reported:
            yield path, text


def is_reported(key: str) -> bool:
    """Whether a sentence, as `plain` writes it, belongs to the tenth that never trains."""
    return zlib.crc32(key.encode()) % REPORTED_SHARE == 0


def plain(text: str) -> str:
    """Letters alone: two spellings of a sentence are one.

    >>> plain("Author of the danger trail, Philip Steels, etc.")
    'author of the danger trail philip steels etc'
    """
    return " ".join(re.findall(r"[^\W\d_]+", text.lower()))


def _evaluated(recordings: Path) -> frozenset[str]:
    """Sentences of the evaluation, and of a voice that trains already."""
    texts = [text for clips in json.loads(TRANSCRIPTS.read_text(encoding="utf-8")).values() for text in clips.values()]
    matthes = recordings / "speech/matthes_en/transcript.psv"
    if matthes.exists():
        texts += [line.split("|")[2] for line in matthes.read_text(encoding="utf-8").splitlines()]
    return frozenset(map(plain, texts))
