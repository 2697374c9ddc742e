"""Teach a model folder to hear manners of voices: `python -m engine.learn.manners.voice_manners SPEECH CORPUS MODEL`.

Recordings and corpus voices are changed into shouts, whispers, songs, calm, hurried and laughing speech
(synth/performance.py); shrunk linear discriminants tell them apart. Real shouting, whispering and laughing people were
not to be had, and real songs only to report on.
"""

from __future__ import annotations

import hashlib
import json
import logging
import random
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

from ...audio.read import read_audio
from ...audio.voice_manner import manner_statistics
from ...model.folder import VOICE_FILE
from ...pipeline import animate
from ...values.types import FloatArray, Settings, Waveform
from ..augment.tempo_and_pitch import tempo
from ..data import split
from ..synth.laughter import laugh
from ..synth.performance import PERFORMANCES, calmed, perform
from ..synth.phones import Phone
from ..synth.utterance import Utterance, load_shard, make_utterance

# What each manner asks of the styles of the bundled model.
MANNERS: Mapping[str, Mapping[str, float]] = {
    "calm": {}, "shouted": {"energetic": 1.2}, "whispered": {"soft": 0.5}, "sung": {"singing": 1.0},
    "hurried": {"relaxed": 0.5}, "laughing": {"wide": 0.7},
}
TAUGHT = ("voices/kathleen_en", "voices/kerstin_de", "voices/nathalie_nl", "matthes_en", "cmu_time_awb")
SOUNDS = (".flac", ".opus", ".wav")
CLIPS = 6                   # of a recorded voice; CORPUS_CLIPS: of one of the corpus
CORPUS_CLIPS = 2
UNSEEN, UNSEEN_CLIPS = "english_aligned", 2
LONGEST_S = 4.5
HURRY = (1.25, 1.6)
SHRINK = 0.3                # of the covariance towards independent numbers
MILD, MILD_PRIOR = ("calm", "hurried"), 2.0     # added to their scores: a doubtful voice hardly moves a face

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class VoiceEar:
    """A linear map of the numbers of a voice to scores of MANNERS."""

    mean: FloatArray
    scale: FloatArray
    weight: FloatArray
    bias: FloatArray

    def scores(self, numbers: FloatArray) -> FloatArray:
        """(..., n) -> (..., m)."""
        return np.asarray((numbers - self.mean) / self.scale @ self.weight + self.bias)


def fit_ear(numbers: FloatArray, manners: Sequence[int]) -> VoiceEar:
    """Linear discriminants with a common covariance, shrunk.

    Args:
        numbers: (clips, n). manners: row of MANNERS of each clip.
    """
    labels = np.asarray(manners)
    mean, scale = numbers.mean(axis=0), numbers.std(axis=0) + 1e-3
    normal = (numbers - mean) / scale
    centres = np.stack([normal[labels == row].mean(axis=0) for row in range(len(MANNERS))])
    rest = normal - centres[labels]
    covariance = (1 - SHRINK) * rest.T @ rest / len(rest) + SHRINK * np.eye(len(mean))
    weight = np.linalg.solve(covariance, centres.T)
    bias = -0.5 * np.einsum("mn,nm->m", centres, weight)
    bias[[list(MANNERS).index(name) for name in MILD]] += MILD_PRIOR
    return VoiceEar(*(np.asarray(part, np.float32) for part in (mean, scale, weight, bias)))


def manners_of(utterance: Utterance, rng: random.Random) -> Iterator[tuple[str, FloatArray]]:
    """The utterance in each manner: name, samples."""
    plain = (utterance.samples / 32768).astype(np.float32)
    yield "calm", plain
    yield "calm", calmed(utterance, rng).samples / 32768
    for way in PERFORMANCES:
        yield way, perform(utterance, way, rng).samples / 32768
    yield "hurried", tempo(plain, rng.uniform(*HURRY))
    laughed = laugh(utterance, rng)
    if laughed is not None:
        yield "laughing", laughed.samples / 32768


def utterance_of(wave: Waveform, voice: str) -> Utterance | None:
    """The beginning of a recording with the phones that the bundled model recognises; None where it says little."""
    short = Waveform(wave.samples[:round(LONGEST_S * 16000)])
    phones = animate(short, Settings(raw=True, device="cpu", threads=1)).phones
    try:
        return make_utterance(short.samples, 16000, [Phone(p.label, p.start_s, p.end_s) for p in phones], voice)
    except ValueError:
        return None


def taught_voices(speech: Path, corpus: Path) -> Iterator[Utterance]:
    """Utterances of the voices that teach: people's, and those of the corpus."""
    rng = random.Random(0)
    for name in TAUGHT:
        files = sorted(path for path in (speech / name).glob("*") if path.suffix in SOUNDS)
        for path in rng.sample(files, min(CLIPS, len(files))):
            utterance = utterance_of(read_audio(path), name)
            if utterance is not None:
                yield utterance
    for shard in sorted(corpus.glob("*_000.npz")):
        if not shard.stem.startswith(("real_", *(f"{way}_" for way in (*PERFORMANCES, "laughed")))):
            spoken = load_shard(shard)
            for voice in dict.fromkeys(utterance.voice for utterance in spoken):
                own = [utterance for utterance in spoken if utterance.voice == voice]
                yield from rng.sample(own, min(CORPUS_CLIPS, len(own)))


def unseen_voices(speech: Path, clips: int = UNSEEN_CLIPS) -> Iterator[Utterance]:
    """Utterances of the voices of english_aligned, none of which teaches: the longest `clips` of each."""
    folder = speech / UNSEEN
    lengths = {path: soundfile.info(path).frames for path in sorted(folder.glob("*.flac"))}
    owners = split.by_clip(UNSEEN)
    for voice in dict.fromkeys(owners[path.stem].voice for path in lengths if path.stem in owners):
        own = [path for path in lengths if path.stem in owners and owners[path.stem].voice == voice]
        for path in sorted(own, key=lambda path: -lengths[path])[:clips]:
            utterance = utterance_of(read_audio(path), voice)
            if utterance is not None:
                yield utterance


def heard_shares(ear: VoiceEar, utterances: Iterator[Utterance]) -> dict[str, tuple[float, int]]:
    """Of each manner the share of versions in which it is heard, and how many versions there are."""
    numbers, labels = examples(utterances)
    heard = ear.scores(numbers).argmax(axis=-1)
    rows = np.asarray(labels)
    return {
        name: (float((heard[rows == row] == row).mean()), int((rows == row).sum()))
        for row, name in enumerate(MANNERS) if (rows == row).any()
    }


def examples(utterances: Iterator[Utterance]) -> tuple[FloatArray, list[int]]:
    """Numbers (clips, n) and manners of all that can be made of the utterances."""
    rng = random.Random(0)
    rows, labels = [], []
    for utterance in utterances:
        for manner, samples in manners_of(utterance, rng):
            numbers = manner_statistics(Waveform(np.asarray(samples, np.float32)))
            if numbers is not None:
                rows.append(numbers)
                labels.append(list(MANNERS).index(manner))
    return np.stack(rows), labels


def write_ear(ear: VoiceEar, folder: Path) -> None:
    """Put an ear into a model folder; model.json gets its manners and its hash."""
    np.savez(folder / VOICE_FILE, mean=ear.mean, scale=ear.scale, weight=ear.weight, bias=ear.bias)
    info = json.loads((folder / "model.json").read_text(encoding="utf-8"))
    info["manners"] = {name: dict(styles) for name, styles in MANNERS.items()}
    info["sha256"][VOICE_FILE] = hashlib.sha256((folder / VOICE_FILE).read_bytes()).hexdigest()
    partial = folder / "model.json.part"
    partial.write_text(json.dumps(info, indent=1) + "\n", encoding="utf-8")
    partial.replace(folder / "model.json")


def main(arguments: Sequence[str]) -> None:
    """The command."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    speech, corpus, folder = map(Path, arguments)
    numbers, labels = examples(taught_voices(speech, corpus))
    ear = fit_ear(numbers, labels)
    write_ear(ear, folder)
    log.info("%s: %d clips", folder, len(labels))
    for name, (share, count) in heard_shares(ear, unseen_voices(speech)).items():
        log.info("unseen voices, %s: %.0f %% of %d", name, 100 * share, count)


if __name__ == "__main__":
    main(sys.argv[1:])
