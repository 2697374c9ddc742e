"""Export Takes for Training: what plays on the characters of a scene, line by line with its sound, as a folder that
`python -m engine finetune` reads."""

from __future__ import annotations

import json
import math
import os
import re
import shutil
import wave
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import bpy
import numpy as np

from ... import engine
from ...engine import EngineError, OutputError, SettingError
from ...engine.files.motion import write_motion
from ...engine.files.whole_file import part_of
from ...engine.values.types import SAMPLE_RATE_HZ, FloatArray
from ..actions import actions
from ..character.character import Character, gather
from ..host.scene import scene_fps
from ..keying import notes
from ..sound import cache
from ..sound.clip import SoundClip, find_strip
from ..sound.strips import sequencer_scene, sound_strips
from ..take import takes
from . import played

LIST = "takes.json"         # in the folder, by which an export is known
LONGEST_S = 15.0            # of a piece; training cuts at 20 s
SHORTEST_S = 0.5            # training leaves shorter ones out
STILL = 1e-3                # a face that moves less was not keyed
INT16_MAX = 32767


@dataclass(frozen=True)
class LineWithSound:
    """A line that is to be written: its character, preset, sound, what is said, and the frames on which it plays."""

    character: Character
    name: str
    preset: str
    clip: SoundClip
    text: str
    first_frame: int
    last_frame: int


@dataclass(frozen=True)
class TrainingPiece:
    """One pair of files, as takes.json lists it; file: without its endings, below the folder."""

    file: str
    character: str
    line: str
    first_frame: int
    fps: float
    seconds: float
    text: str


@dataclass(frozen=True)
class WrittenTakes:
    """What was written, and a sentence on each line that was not."""

    pieces: tuple[TrainingPiece, ...]
    left_out: tuple[str, ...]

    @property
    def seconds(self) -> float:
        """Of all pieces."""
        return sum(piece.seconds for piece in self.pieces)

    @property
    def characters(self) -> int:
        """How many speak."""
        return len({piece.character for piece in self.pieces})


def suggested() -> str:
    """A folder beside the .blend file, called after its name."""
    known = Path(bpy.data.filepath) if bpy.data.filepath else Path.home() / "untitled.blend"
    return str(known.with_name(f"{known.stem}_takes"))


def write(context: bpy.types.Context, folder: Path) -> WrittenTakes:
    """Write every line of the scene; the folder appears whole or not at all.

    Raises:
        EngineError: nothing can be written, or not there; then nothing was touched.
    """
    _check(folder)
    part = Path(part_of(str(folder)))
    left_out: list[str] = []
    pieces: list[TrainingPiece] = []
    try:
        part.mkdir()
        for line in _lines(context, left_out):
            try:
                pieces += _write_line(context, line, part)
            except EngineError as error:
                left_out.append(_left_out(line.character.name, line.name, error))
        if not pieces:
            raise SettingError(
                " ".join(["No line with keys and sound can be written. Generate a lip sync first.", *left_out])
            )
        (part / LIST).write_text(json.dumps([asdict(piece) for piece in pieces], indent=1) + "\n", encoding="utf-8")
        _put_in_place(part, folder)
    except OSError as error:
        raise OutputError(f"Cannot write {folder}: {error.strerror}. Choose another folder.") from error
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return WrittenTakes(tuple(pieces), tuple(left_out))


def _check(folder: Path) -> None:
    if not folder.parent.is_dir():
        raise OutputError(f"Folder {folder.parent} does not exist. Make it, or write somewhere else.")
    if folder.exists() and not (folder / LIST).is_file():
        raise OutputError(f"{folder} is there and is no earlier export of takes. Give another name.")


def _put_in_place(part: Path, folder: Path) -> None:
    """Rename the finished folder; an earlier export goes when the new one is there."""
    if not folder.exists():
        os.rename(part, folder)
        return
    old = Path(part_of(str(part)))
    os.rename(folder, old)
    os.rename(part, folder)
    shutil.rmtree(old, ignore_errors=True)


# --- which lines ------------------------------------------------------------------------------------------------------

def _lines(context: bpy.types.Context, left_out: list[str]) -> Iterator[LineWithSound]:
    """The takes of every character, then sound strips without a take over which the panel's character is keyed."""
    covered: set[tuple[str, str]] = set()
    for character in _characters(context):
        for take in takes.takes_of(context, character.name):
            covered.add((character.name, take.line))
            try:
                yield _line_of(context, character, take)
            except EngineError as error:
                left_out.append(_left_out(character.name, take.line, error))
    yield from _keyed_by_hand(context, covered)


def _characters(context: bpy.types.Context) -> list[Character]:
    """Of the scene, those with takes; each once, whichever of its objects was found first."""
    found: dict[frozenset[str], Character] = {}
    for obj in context.scene.objects:
        try:
            character = gather(context, obj.name)
        except EngineError:     # nothing of it can move
            continue
        found.setdefault(frozenset(target.object_name for target in character.targets), character)
    return [character for character in found.values() if notes.all_of(character)]


def _line_of(context: bpy.types.Context, character: Character, take: takes.Take) -> LineWithSound:
    request = takes.request(context, take, {})
    text = request.settings.transcript or ""
    first, last = math.ceil(take.first_frame), math.floor(take.last_frame)
    return LineWithSound(character, take.line, str(take.choices.get("preset", "auto")), request.clip, text, first, last)


def _keyed_by_hand(context: bpy.types.Context, covered: set[tuple[str, str]]) -> Iterator[LineWithSound]:
    """Sound strips of which no take speaks, on the character of the panel."""
    settings = context.scene.unitalker
    try:
        character = gather(context, settings.character_name, settings.with_related)
    except EngineError:
        return
    for strip in sound_strips(sequencer_scene(context)):
        if (character.name, strip.name) in covered or strip.mute:
            continue
        try:
            clip = find_strip(context, strip.name)
        except EngineError:     # muted, missing or inaudible: no line of this character
            continue
        first = math.ceil(clip.start_frame)
        last = first + math.floor(clip.length_s * scene_fps(context.scene)) - 1
        if _is_keyed(character, first, last):
            yield LineWithSound(character, strip.name, settings.preset, clip, "", first, last)


def _is_keyed(character: Character, first: int, last: int) -> bool:
    """Whether a curve of the character has a key on some of these frames."""
    return any(
        first <= point.co[0] <= last
        for target in character.targets for use in actions.uses(target.find()) if not use.muted
        for curve in actions.curves_of(use) for point in curve.keyframe_points
    )


# --- files ------------------------------------------------------------------------------------------------------------

def _write_line(context: bpy.types.Context, line: LineWithSound, folder: Path) -> list[TrainingPiece]:
    """Write a line in pieces of equal length; each with its sound, and its text where it is whole."""
    fps = scene_fps(context.scene)
    samples = cache.read(line.clip).samples
    last_heard = math.floor(line.clip.start_frame + len(samples) / SAMPLE_RATE_HZ * fps) - 1
    first, last = max(line.first_frame, math.ceil(line.clip.start_frame)), min(line.last_frame, last_heard)
    frames = last - first + 1
    if frames < SHORTEST_S * fps:
        raise SettingError(f"Sound and keys share {max(0, frames) / fps:.2f} s; {SHORTEST_S:g} s are needed.")
    motion = played.read(context, line.character, line.preset, (first, last))
    if float(np.ptp(motion.weights, axis=0).max()) < STILL:
        raise SettingError("Nothing moves there.")
    count = math.ceil(frames / fps / LONGEST_S)
    bounds = [round(number * frames / count) for number in range(count + 1)]
    pieces = []
    for number in range(count):
        start, stop = bounds[number], bounds[number + 1]
        name = _file_name(folder, line, number if count > 1 else None)
        text = line.text if count == 1 else ""
        piece = TrainingPiece(name, line.character.name, line.name, first + start, fps, (stop - start) / fps, text)
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        cut = engine.Motion(motion.weights[start:stop], motion.channels, motion.fps)
        write_motion(cut, path.with_name(f"{path.name}.npz"), {"character": piece.character, "sound": piece.line})
        at_s = (first + start - line.clip.start_frame) / fps
        _write_sound(samples[round(at_s * SAMPLE_RATE_HZ):][:round(piece.seconds * SAMPLE_RATE_HZ)], path)
        if text:
            path.with_name(f"{path.name}.txt").write_text(f"{text}\n", encoding="utf-8")
        pieces.append(piece)
    return pieces


def _file_name(folder: Path, line: LineWithSound, number: int | None) -> str:
    """CHARACTER/LINE, which no other line has; dots would be taken for an ending."""
    stem = f"{_plain(line.character.name)}/{_plain(line.name)}" + ("" if number is None else f"_{number + 1}")
    name, again = stem, 1
    while (folder / f"{name}.npz").exists():
        again += 1
        name = f"{stem}_{again}"
    return name


def _plain(name: str) -> str:
    return re.sub(r"[^\w-]+", "_", name).strip("_") or "line"


def _write_sound(samples: FloatArray, path: Path) -> None:
    with wave.open(str(path.with_name(f"{path.name}.wav")), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(SAMPLE_RATE_HZ)
        file.writeframes((samples.clip(-1, 1) * INT16_MAX).astype("<i2").tobytes())


def _left_out(character: str, line: str, error: EngineError) -> str:
    return f"{line!r} on {character!r} is left out: {error}"
