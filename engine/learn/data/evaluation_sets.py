"""The recordings that the evaluator measures on, each set read by the layout that it was published in."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from ...audio.read import read_audio
from ...values.errors import EngineError
from ..synth.align import Aligner, align_english
from ..synth.espeak import Espeak
from ..synth.phones import Phone
from ..synth.read_voices import READ_VOICES, sentences
from ..synth.spelling import english_words, foreign_words
from . import labels, split
from .labels import Word
from .recordings import Clip, RealSpeech

CHECKOUT = Path(__file__).parents[3]
TRANSCRIPTS = Path(__file__).parent / "evaluation_transcripts.json"  # of recordings that were published without
SPEECH, PAIRED = "speech", "paired"
SENTENCES = 25  # of each voice whose other sentences train
# By which published labels lead their sound: found with the loudness of the voice.
LABELS_EARLY_S: Mapping[str, float] = {"pjs001_song": 0.25}
RHUBARB_FOLDERS = ("rhubarb", "../../peer_outputs/rhubarb_aligned")  # from a set's folder; where Rhubarb's cues may lie

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class EvaluationSet:
    """Recordings of one corpus.

    Attributes:
        name: folder name, which the split knows.
        language: as espeak-ng calls it, for example "en".
        title: for a reader.
        clips: the recordings; phones are empty where only word times are known.
        words: by clip name, where only word times are known.
        kinds: kind of recording by clip name.
        unseen: clips that neither trained nor chose anything.
        transcripts: what is said, by clip name, where it is known.
        cues: folder of Rhubarb's cues, None where there are none.
    """

    name: str
    language: str
    title: str
    clips: tuple[Clip, ...]
    words: Mapping[str, tuple[Word, ...]] = field(default_factory=dict)
    kinds: Mapping[str, str] = field(default_factory=dict)
    unseen: frozenset[str] = frozenset()
    transcripts: Mapping[str, str] = field(default_factory=dict)
    cues: Path | None = None

    @property
    def phones(self) -> dict[str, tuple[Phone, ...]]:
        """Phones by clip, of the clips that have them."""
        return {clip.name: clip.phones for clip in self.clips if clip.phones}

    @property
    def seconds(self) -> float:
        """Length of all clips."""
        return sum(clip.samples.size for clip in self.clips) / 16000


def data_folder(given: Path | None) -> Path:
    """The folder with speech/ and paired/: the given one, or one beside the checkout.

    Raises:
        EngineError: it is not there.
    """
    if given is not None:
        if not (given / SPEECH).is_dir():
            raise EngineError(
                f"Data folder {given} has no folder {SPEECH}. Give the one that holds {SPEECH}/ and {PAIRED}/ with "
                "--data."
            )
        return given
    beside = CHECKOUT.parent
    for folder in [
        beside, *sorted(path for path in beside.iterdir() if path.is_dir()),
        *sorted(path for path in beside.glob("*/data") if path.is_dir())
    ]:
        if (folder / SPEECH / "english_aligned").is_dir():
            return folder
    raise EngineError(
        f"No recordings beside the checkout: {beside} and its folders hold no {SPEECH}/english_aligned. Name their "
        "folder with --data."
    )


def read_sets(data: Path) -> list[EvaluationSet]:
    """All sets of a data folder with phone or word times; what this machine cannot label is left out, with a warning.

    Raises:
        EngineError: none is there, or the labels of one are broken.
    """
    sets = [read_set(data / SPEECH / name) for name in READERS if (data / SPEECH / name).is_dir()]
    found = [one for group in sets for one in group]
    if not found:
        raise EngineError(
            f"{data / SPEECH} has none of the folders {', '.join(READERS)}. Name the data folder with --data."
        )
    return found


def read_set(folder: Path) -> list[EvaluationSet]:
    """One folder of recordings; several languages in one folder are several sets.

    Raises:
        EngineError: the folder has no labels in a known layout, or a broken one.
    """
    if not folder.is_dir():
        raise EngineError(
            f"There is no folder {folder}. Give a folder of recordings with phone times, or the word speech or "
            "robustness."
        )
    reader = READERS.get(folder.resolve().name) or _read_aligned
    return reader(folder)


def _read_aligned(folder: Path) -> list[EvaluationSet]:
    speech = RealSpeech.read(folder)
    unseen = frozenset(clip.name for clip in speech.half_of_the_voices(second=True).clips)
    cues = next((folder / name for name in RHUBARB_FOLDERS if (folder / name).is_dir()), None)
    kinds = {clip: voice.kind for clip, voice in split.by_clip(speech.name).items()}
    texts = json.loads(TRANSCRIPTS.read_text(encoding="utf-8")).get(speech.name, {})
    title = "English, many voices" if speech.name == "english_aligned" else "recordings with phone times"
    return [
        EvaluationSet(speech.name, "en", title, speech.clips, kinds=kinds, unseen=unseen, transcripts=texts, cues=cues)
    ]


def _read_labelled(
    folder: Path, language: str, title: str, read: Callable[[Path], tuple[Phone, ...]], pattern: str,
) -> list[EvaluationSet]:
    """A set with one label file per clip: pattern holds the clip's name as {}, for example "{}.lab"."""
    listed = split.by_clip(folder.resolve().name)
    clips = []
    for name, voice in listed.items():
        sound = next((path for path in (folder / f"{name}.flac", folder / f"{name}.wav") if path.exists()), None)
        if sound is None:
            raise EngineError(
                f"{folder / name}.flac or .wav is missing, but the split lists it. Give the whole corpus."
            )
        wave = read_audio(sound)
        late_s = LABELS_EARLY_S.get(name, 0.0)
        phones = labels.with_silence(labels.shifted(read(folder / pattern.format(name)), late_s), wave.duration_s)
        clips.append(Clip(name, voice.voice, wave.samples, phones))
    return [_of_one_kind(folder, language, title, tuple(clips))]


def _read_emu(folder: Path) -> list[EvaluationSet]:
    sets = _read_labelled(folder, "en", "Australian English, hand labels", labels.read_emu, "{}_annot.json")
    texts = {clip.name: labels.emu_text(folder / f"{clip.name}_annot.json") for clip in sets[0].clips}
    return [replace(sets[0], transcripts=texts)]


def _read_cmu(folder: Path) -> list[EvaluationSet]:
    sets = _read_labelled(folder, "en", "Scottish English, corpus labels", labels.read_festvox, "{}.lab")
    return [replace(sets[0], transcripts=labels.festvox_texts(folder / "time.data"))]


def _read_singing(folder: Path) -> list[EvaluationSet]:
    return _read_labelled(folder, "ja", "Japanese, singing, corpus labels", labels.read_htk, "{}.lab")


def _read_multilang(folder: Path) -> list[EvaluationSet]:
    """English by alignment of its transcript, the others by their word times and espeak-ng's phones per word."""
    listing = folder / "test_data.json"
    if not listing.exists():
        raise EngineError(f"{listing} is missing. Give the corpus as it was published.")
    voices = split.by_clip("multilang")
    sets = []
    for test in json.loads(listing.read_text(encoding="utf-8"))["tests"]["language_tests"]:
        sound, language = folder / test["audio_file"], str(test["language"])
        if sound.stem not in voices or not sound.exists():
            continue
        samples = read_audio(sound).samples
        try:
            if language == "en":
                clip = Clip(
                    sound.stem, voices[sound.stem].voice, samples,
                    align_english(samples, test["transcript"], sound.name)
                )
                found = _of_one_kind(folder, language, "English, one sentence, aligned", (clip,))
            else:
                clip = Clip(sound.stem, voices[sound.stem].voice, samples, ())
                spelt = labels.spoken_classes([word["word"] for word in test["words"]], language)
                words = tuple(
                    Word(w["word"], w["start_sec"], w["end_sec"], c) for w, c in zip(test["words"], spelt, strict=True)
                )
                found = _of_one_kind(
                    folder, language, f"{LANGUAGES[language]}, one sentence, word times", (clip,), {clip.name: words}
                )
            sets.append(replace(found, transcripts={clip.name: test["transcript"]}))
        except EngineError as error:
            log.warning("multilang %s is left out: %s", language, error)
    return sets


def _read_sentences(folder: Path) -> list[EvaluationSet]:
    """Aligned sentences that never train, of voices of which others do; what cannot be aligned here is left out."""
    sets = []
    for name, voice in READ_VOICES.items():
        if not (folder / Path(voice.folder).name).is_dir():
            continue
        try:
            clips, texts = _aligned_sentences(folder.parents[1], name, voice.language)
        except EngineError as error:
            log.warning("%s is left out: %s", name, error)
            continue
        title = f"{LANGUAGES.get(voice.language, 'English')}, sentences kept back of a voice that trains, aligned"
        sets.append(EvaluationSet(name, voice.language, title, clips, unseen=frozenset(texts), transcripts=texts))
    return sets


def _aligned_sentences(recordings: Path, name: str, language: str) -> tuple[tuple[Clip, ...], dict[str, str]]:
    """Clips, and their texts by name."""
    aligner, espeak = Aligner(), Espeak()
    kept = sorted(sentences(recordings, name, reported=True))
    clips, texts = [], {}
    for path, text in kept[::max(1, len(kept) // SENTENCES)][:SENTENCES]:
        wave = read_audio(path)
        words = english_words(text) if language == "en" else foreign_words(text, language, espeak)
        phones = aligner.align(words, np.round(wave.samples * 32767).astype(np.int16))
        if phones is not None:
            clips.append(Clip(path.stem, name, wave.samples, labels.with_silence(phones, wave.duration_s)))
            texts[path.stem] = text
    return tuple(clips), texts


def _of_one_kind(
    folder: Path, language: str, title: str, clips: tuple[Clip, ...],
    words: Mapping[str, tuple[Word, ...]] | None = None,
) -> EvaluationSet:
    voices = split.by_clip(folder.resolve().name)
    unseen = frozenset(clip.name for clip in clips if voices[clip.name].role == split.REPORT)
    return EvaluationSet(
        folder.resolve().name, language, title, clips, words or {},
        {clip.name: voices[clip.name].kind for clip in clips}, unseen
    )


LANGUAGES: Mapping[str, str] = {
    "de": "German", "fr": "French", "es": "Spanish", "it": "Italian", "ja": "Japanese", "ko": "Korean", "nl": "Dutch",
    "pt": "Portuguese",
}
READERS: Mapping[str, Callable[[Path], list[EvaluationSet]]] = {
    "english_aligned": _read_aligned, "emu_ae_en_au": _read_emu, "cmu_time_awb": _read_cmu,
    "multilang": _read_multilang,
    "singing_ja": _read_singing, "voices": _read_sentences,
}
