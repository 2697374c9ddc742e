"""Readers of published data sets of faces, and of an artist's own takes: a folder in, a DataSet out.

A reader lists files at once and reads each when it is asked for, so one wrong file costs itself alone. Nothing is
unpickled: where a release keeps neutral faces in a pickle, they are saved once as an .npz, or as .npy files.
"""

from __future__ import annotations

import json
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...audio.read import read_audio
from ...files.motion import read_motion
from ...motion.retime import rows_at
from ...values.array_files import ArrayFileError, read_array, read_arrays
from ...values.channels import ARKIT_52, ETF_52
from ...values.errors import EngineError, SettingError
from ...values.types import SAMPLE_RATE_HZ, FloatArray
from ..data.official import CHANNELS, DATASETS, FLAME_TYPES, Dataset
from .made_sets import CHANNELS as MADE_CHANNELS
from .samples import BLENDSHAPES, FLAME, KEPT_FRAMES, SPLITS, VERTICES, DataSet, Recording, Sample, Space

SOUNDS = (".wav", ".flac", ".ogg", ".opus", ".mp3", ".aiff", ".npy")
TAKES = (".npz", ".csv", ".json")
ARKIT = Space("arkit52", BLENDSHAPES, len(ARKIT_52), ARKIT_52)
RELEASED_BASIS = "pca.npz"      # beside a vertex set of A2F-Bench, in scaled units
FPS = 30                        # of takes at a rate that is none of the data sets'
VAL_EVERY, TEST_EVERY = 10, 5   # of takes without a split of their own: by their order
DAMAGE = (OSError, ArrayFileError, ValueError, KeyError, TypeError, IndexError, RecursionError)


class Reader(ABC):
    """One layout of files."""

    @abstractmethod
    def open(self, folder: Path) -> DataSet:
        """List a data set. Raises SettingError: the folder is none of this layout."""


@dataclass(frozen=True)
class A2fBench(Reader):
    """A folder of UniTalker's A2F-Bench, or of the same layout: train, val and test.json, id_template.npy, and what
    they name.

    Attributes:
        facts: of the set; None takes those in `info` of its train.json, else those of the official table, by the
            folder's name or the id in its files.
    """

    facts: Dataset | None = None

    def open(self, folder: Path) -> DataSet:
        """As the contract says."""
        splits = {split: _json(folder / f"{split}.json") for split in SPLITS if (folder / f"{split}.json").is_file()}
        if "train" not in splits:
            raise SettingError(f"{folder} has no train.json. Give a folder of the A2F-Bench layout.")
        try:
            ids = [str(name) for name in splits["train"]["info"]["id_list"]]
            entries = [(split, entry) for split, content in splits.items() for entry in content["data"]]
            own = splits["train"]["info"].get("facts")
            facts = self.facts or (Dataset(**own) if own else _official(folder, entries))
            templates = read_array(folder / "id_template.npy")
            others = [split for split, content in splits.items() if list(map(str, content["info"]["id_list"])) != ids]
            if others or len(templates) != len(ids):
                raise ValueError(f"id_list of {', '.join(others) or 'train'} and id_template.npy do not agree")
            space = _space(facts, int(templates[0].size))
            recordings = tuple(
                Recording(str(entry["annot_path"]), split, partial(_read_entry, folder, entry, templates, ids, space))
                for split, entry in entries
            )
        except DAMAGE as error:
            raise SettingError(f"{folder} cannot be used as A2F-Bench data: {_words(error)}.") from error
        basis = folder / RELEASED_BASIS
        return DataSet(facts.id, space, tuple(ids), recordings, facts.scale, basis if basis.is_file() else None)


@dataclass(frozen=True)
class VertexPairs(Reader):
    """Pairs NAME.npy, NAME.wav of one topology in the folders `vertices_npy` and `wav`, or both in the folder itself.

    Attributes:
        name: groups `subject` and `sentence` of a file's stem.
        split: (subject, sentence) -> train, val, test, or "" for what is left out.
        neutral: .npz of neutral faces by subject; a folder of .npy files serves as well.
    """

    annotation: str
    vertices: int
    fps: int
    scale: float
    name: re.Pattern[str]
    split: Callable[[str, int], str]
    neutral: str = "templates.npz"

    def open(self, folder: Path) -> DataSet:
        """As the contract says."""
        space = Space(self.annotation, VERTICES, 3 * self.vertices)
        faces = _files(folder, "vertices_npy", (".npy",))
        found = {file.stem: file for file in faces if self.name.fullmatch(file.stem)}
        sounds = {file.stem: file for file in _files(folder, "wav", SOUNDS) if file.suffix != ".npy"}
        neutral = _neutral_faces(folder, self.neutral)
        recordings, subjects = [], []
        for stem, file in sorted(found.items()):
            match = self.name.fullmatch(stem)
            assert match is not None
            subject, sentence = match["subject"], int(match["sentence"])
            split = self.split(subject, sentence)
            if split:
                subjects.append(subject)
                read = partial(_read_pair, file, sounds.get(stem), (subject, neutral.get(subject)), space, self.fps)
                recordings.append(Recording(stem, split, read))
        if not recordings:
            raise SettingError(f"{folder} has no files named as {self.name.pattern}. Give the files as released.")
        return DataSet(folder.name, space, tuple(dict.fromkeys(subjects)), tuple(recordings), self.scale)


@dataclass(frozen=True)
class ChannelPairs(Reader):
    """Takes of channel weights with a sound of the same name beside each: Live Link Face csv, our npz and json, BEAT's
    json, or .npy arrays in the order of `channels`.

    Attributes:
        identity: the speaker, from a path below the folder.
    """

    channels: tuple[str, ...] = ARKIT_52
    annotation: str = ARKIT.annotation
    suffixes: tuple[str, ...] = TAKES
    fps: int = FPS
    identity: Callable[[Path], str] = lambda path: path.parent.name or "one"

    def open(self, folder: Path) -> DataSet:
        """As the contract says; every fifth take is for the test, every tenth of the others for choosing."""
        space = Space(self.annotation, BLENDSHAPES, len(self.channels), self.channels)
        files = sorted(folder.rglob("*"))
        sounds = {file.with_suffix(""): file for file in files if file.suffix.lower() in SOUNDS[:-1]}
        takes = [
            file for file in files
            if file.suffix.lower() in self.suffixes and file.with_suffix("") in sounds
        ]
        if not takes:
            raise SettingError(
                f"{folder} has no take ({', '.join(self.suffixes)}) with a sound of the same name beside it. Put "
                "NAME.wav beside NAME.csv."
            )
        splits = _splits(len(takes))
        speakers = [self.identity(file.relative_to(folder)) for file in takes]
        recordings = tuple(
            Recording(
                str(file.relative_to(folder)), split,
                partial(_read_take, file, sounds[file.with_suffix("")], space, self.fps, speaker),
            )
            for file, split, speaker in zip(takes, splits, speakers, strict=True)
        )
        return DataSet(folder.name, space, tuple(dict.fromkeys(speakers)), recordings)


def _vocaset_split(subject: str, sentence: int) -> str:
    """The released split: 8, 2 and 2 speakers; of those that judge, sentences 21 to 40."""
    judges = {
        "FaceTalk_170811_03275_TA": "val", "FaceTalk_170908_03277_TA": "val",
        "FaceTalk_170809_00138_TA": "test", "FaceTalk_170731_00024_TA": "test",
    }
    return "train" if subject not in judges else judges[subject] if sentence > 20 else ""


def _biwi_split(subject: str, sentence: int) -> str:
    """Six speakers train on 32 sentences, choose on 4 and are tested on 4 (Test-A)."""
    if subject not in ("F2", "F3", "F4", "M3", "M4", "M5"):
        return ""
    return "train" if sentence <= 32 else "val" if sentence <= 36 else "test" if sentence <= 40 else ""


def _multiface_split(subject: str, sentence: int) -> str:
    """Of each speaker every tenth sentence chooses and every tenth is tested."""
    return {9: "val", 0: "test"}.get(sentence % 10, "train")


READERS: Mapping[str, Reader] = {
    "a2f": A2fBench(),
    "vocaset": VertexPairs(
        "FLAME_5023_vertices", 5023, 60, 1.0, re.compile(r"(?P<subject>FaceTalk_\w+_TA)_sentence(?P<sentence>\d+)"),
        _vocaset_split,
    ),
    "biwi": VertexPairs(
        "BIWI_23370_vertices", 23370, 25, 0.2, re.compile(r"(?P<subject>[FM]\d)_e(?P<sentence>\d+)"), _biwi_split,
    ),
    "multiface": VertexPairs(
        "meshtalk_6172_vertices", 6172, 30, 0.001, re.compile(r"(?P<subject>\w+?)_(?:\w+_)?(?P<sentence>\d+)"),
        _multiface_split,
    ),
    "3detf": ChannelPairs(
        ETF_52, "3DETF_blendshape_weight", (".npy",), 30, lambda path: re.split(r"[-_]", path.stem)[-1],
    ),
    "beat": ChannelPairs(suffixes=(".json",), fps=60, identity=lambda path: path.stem.split("_")[0]),
    "takes": ChannelPairs(),
}


def open_set(reader: str, folder: Path) -> DataSet:
    """A data set on disk. Raises SettingError: no such reader, or not its layout."""
    if reader not in READERS:
        raise SettingError(f"No reader {reader!r}. Known: {', '.join(READERS)}.")
    if not folder.is_dir():
        raise SettingError(f"Data set folder not found: {folder}. Check the path.")
    return READERS[reader].open(folder)


def _official(folder: Path, entries: Sequence[tuple[str, Mapping[str, object]]]) -> Dataset:
    named = {entry.get("dataset") for _, entry in entries}
    known = [facts for facts in DATASETS.values() if Path(facts.folder).name == folder.name or facts.id in named]
    if not known:
        raise ValueError(f"neither its name nor its files name one of {', '.join(DATASETS)}")
    return known[0]


def _space(facts: Dataset, width: int) -> Space:
    names = CHANNELS.get(facts.annotation, MADE_CHANNELS.get(facts.annotation, ()))
    kind = FLAME if facts.annotation in FLAME_TYPES else VERTICES if facts.pca else BLENDSHAPES
    return Space(facts.annotation, kind, width, names if len(names) == width else ())


def _read_entry(
    folder: Path, entry: Mapping[str, object], templates: NDArray[np.floating], ids: Sequence[str], space: Space,
) -> Sample:
    try:
        row = int(str(entry["id"]))
        motion = read_array(folder / str(entry["annot_path"]))
        wave = _sound(folder / str(entry["audio_path"]))
        if not 0 <= row < len(ids):
            raise ValueError(f"id {row} is none of its {len(ids)} speakers")
        fps = round(float(str(entry["fps"])))
        return Sample(wave, _rows(motion), templates[row], space, fps, ids[row], str(entry.get("text", "")))
    except DAMAGE as error:
        raise SettingError(f"{_words(error)}.") from error


def _read_pair(
    file: Path, sound: Path | None, speaker: tuple[str, NDArray[np.floating] | None], space: Space, fps: int,
) -> Sample:
    subject, neutral = speaker
    if sound is None:
        raise SettingError(f"There is no sound {file.stem}.wav beside it.")
    if neutral is None:
        raise SettingError(
            f"There is no neutral face of {subject}. Save those of the release once: numpy.savez('templates.npz', "
            "**faces)."
        )
    try:
        return Sample(_sound(sound), _rows(read_array(file)), neutral, space, fps, subject)
    except DAMAGE as error:
        raise SettingError(f"{_words(error)}.") from error


def _read_take(file: Path, sound: Path, space: Space, fps: int, speaker: str) -> Sample:
    try:
        if file.suffix == ".npy":
            rate, weights = float(fps), _rows(read_array(file))
        else:
            rate, weights = _weights(file, space.channels, fps)
        wave, text = _sound(sound), file.with_suffix(".txt")
        words = text.read_text(encoding="utf-8").strip() if text.is_file() else ""
    except DAMAGE as error:
        raise SettingError(f"{_words(error)}.") from error
    if round(rate) not in KEPT_FRAMES:
        weights, rate = rows_at(weights, np.arange(int((len(weights) - 1) / rate * FPS) + 1) / FPS * rate), FPS
    return Sample(wave, weights, np.zeros(space.width, np.float32), space, round(rate), speaker, words)


def _weights(file: Path, channels: Sequence[str], fps: int) -> tuple[float, FloatArray]:
    """(frames per second, weights (t, k) in the order of `channels`); channels that a take lacks are 0."""
    if file.suffix == ".json" and "frames" in (content := _json(file)) and "names" in content:     # BEAT
        names = [str(name) for name in content["names"]]
        values, rate = np.asarray([frame["weights"] for frame in content["frames"]], np.float32), float(fps)
    else:
        motion = read_motion(file)
        names, values, rate = list(motion.channels), motion.weights, motion.fps
    if values.ndim != 2 or values.shape[1] != len(names) or not set(names) & set(channels):
        raise ValueError(f"{values.shape} numbers for {len(names)} names, of which none may be known")
    weights = np.zeros((len(values), len(channels)), np.float32)
    for column, name in enumerate(channels):
        if name in names:
            weights[:, column] = values[:, names.index(name)]
    return rate, weights


def _sound(file: Path) -> FloatArray:
    """Samples at 16 kHz; an .npy holds them as they are."""
    if file.suffix == ".npy":
        samples = np.asarray(read_array(file), np.float32).reshape(-1)
    else:
        samples = read_audio(file).samples
    if len(samples) < SAMPLE_RATE_HZ // 40:
        raise ValueError(f"{file.name} holds {len(samples)} samples, which is no sound")
    return samples


def _rows(array: NDArray[np.floating]) -> NDArray[np.floating]:
    if array.dtype.kind not in "fiu" or array.ndim < 2:
        raise ValueError(f"it holds {array.dtype} numbers of shape {array.shape}, not frames of motion")
    return array.reshape(len(array), -1)


def _neutral_faces(folder: Path, name: str) -> Mapping[str, NDArray[np.floating]]:
    single = {file.stem: file for file in (folder / Path(name).stem).glob("*.npy")}
    try:
        return read_arrays(folder / name) if (folder / name).is_file() else {
            subject: read_array(file) for subject, file in single.items()
        }
    except DAMAGE as error:
        raise SettingError(f"The neutral faces {folder / name} cannot be read: {_words(error)}.") from error


def _files(folder: Path, inner: str, suffixes: Iterable[str]) -> list[Path]:
    place = folder / inner if (folder / inner).is_dir() else folder
    return [file for file in sorted(place.iterdir()) if file.suffix.lower() in suffixes]


def _splits(count: int) -> list[str]:
    """Train, val or test of each of `count` takes; with fewer than five all train."""
    if count < TEST_EVERY:
        return ["train"] * count
    return [
        "test" if i % TEST_EVERY == TEST_EVERY - 1 else "val" if i % VAL_EVERY == VAL_EVERY - 2 else "train"
        for i in range(count)
    ]


def _json(file: Path) -> dict:  # type: ignore[type-arg]
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except DAMAGE as error:
        raise SettingError(f"{file} cannot be read: {_words(error)}.") from error
    if not isinstance(content, dict):
        raise SettingError(f"{file} holds no JSON object.")
    return content


def _words(error: Exception) -> str:
    """One line of an error's own words."""
    if isinstance(error, EngineError):
        return str(error).rstrip(".")
    return " ".join(f"{type(error).__name__}: {error}".split())[:200]
