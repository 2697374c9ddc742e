"""Real recordings with phone times, for choosing checkpoints and for measuring."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import soundfile

from ...values.errors import EngineError
from ...values.types import FloatArray
from ..synth.phones import Phone
from . import split

SAMPLES_PER_FRAME = 320  # 50 Hz at 16 kHz
VOICE_PREFIX_PARTS = {"sb": 2, "nv": 2}  # file names of one voice begin alike: sb_spk1_..., LJ001-...


@dataclass(frozen=True)
class Clip:
    """A recording (n,) float32 at 16 kHz with its phones and its voice."""

    name: str
    voice: str
    samples: FloatArray
    phones: tuple[Phone, ...]

    @property
    def frames(self) -> int:
        """Started frames of 20 ms."""
        return -(-self.samples.size // SAMPLES_PER_FRAME)


@dataclass(frozen=True)
class RealSpeech:
    """Recordings with phone times; the name of their folder is what the split knows them by."""

    clips: tuple[Clip, ...]
    name: str = ""

    @classmethod
    def read(cls, folder: Path) -> RealSpeech:
        """Read phones.json ({clip: {duration_s, phones: [[class, start_s, end_s], ...]}}) and its flac files.

        Raises:
            EngineError: the folder has no phones.json, or a recording is missing or not 16 kHz mono.
        """
        index = folder / "phones.json"
        if not index.exists():
            raise EngineError(f"{folder} has no phones.json. Give a folder of recordings with phone times.")
        clips = []
        for name, entry in sorted(json.loads(index.read_text(encoding="utf-8")).items()):
            path = folder / f"{name}.flac"
            if not path.exists():
                raise EngineError(f"{path} is missing, but {index} lists it.")
            samples, rate_hz = soundfile.read(path, dtype="float32")
            if rate_hz != 16000 or samples.ndim != 1:
                raise EngineError(f"{path} is {rate_hz} Hz with shape {samples.shape}; 16000 Hz mono is needed.")
            clips.append(Clip(name, voice_of(name), samples, tuple(Phone(*phone) for phone in entry["phones"])))
        return cls(tuple(clips), folder.resolve().name)

    def half_of_the_voices(self, second: bool) -> RealSpeech:
        """The voices that choose checkpoints, or (second) those that only report, as evaluation_split.json says."""
        first = split.choosing({clip.name: clip.voice for clip in self.clips}, self.name)
        return RealSpeech(tuple(clip for clip in self.clips if (clip.name in first) != second), self.name)

    @property
    def phones(self) -> Mapping[str, Sequence[Phone]]:
        """Phones by clip name."""
        return {clip.name: clip.phones for clip in self.clips}


def voice_of(name: str) -> str:
    """Voice of a clip by its file name: "sb_spk1_snt2" -> "sb_spk1", "LJ001-0003" -> "LJ001"."""
    parts = name.replace("-", "_").split("_")
    return "_".join(parts[:VOICE_PREFIX_PARTS.get(parts[0], 1)])
