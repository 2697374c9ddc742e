"""Eight small data sets in the layout of A2F-Bench, made by the project: what UniTalker's claims are tried on here.

A language each, spoken by espeak-ng; faces moved by the viseme model in the styles and with the gains of made speakers.
As with real sets, annotations disagree: two meshes at 25 and 30 fps, three orders of ARKit weights, parameters of a
FLAME-like head, and each set exaggerates some channels and damps others. One is sung.
"""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from ...values.channels import ARKIT_51, ARKIT_52, ETF_52, FLAME_413
from ...values.types import FloatArray
from ..data.official import Dataset
from ..synth.espeak import Espeak
from ..synth.languages import LANGUAGES, language_text
from ..synth.performance import perform
from ..synth.text import english_text
from ..synth.utterance import SAMPLE_RATE_HZ, Utterance
from ..visemes.curves import to_arkit, viseme_curves
from ..visemes.styles import STYLES

MADE = "made_sets"
COMPLETE = "made.json"      # written last
CLIPS = {"train": 24, "val": 4, "test": 8}
LONGEST_S = 5.0
PITCH, RANGE, WORDS_A_MINUTE = (30, 70), (40, 70), (140, 190)
ROUGHNESS = 0.25            # deviation of a set's, and of a speaker's, gains
WEIGHTS_MESH = "fine"       # that sets of weights are seen on
BASES = "bases"             # of blendshape sets, below the folder
FLAME_VERTICES, FLAME_BETAS = 60, 400


@dataclass(frozen=True)
class MadeSet:
    """What is made: facts as the official table has them, the rate on disk, language, mesh; sung or spoken."""

    facts: Dataset
    language: str
    stored_fps: int = 30
    mesh: str = ""
    sung: bool = False


SETS: tuple[MadeSet, ...] = (
    MadeSet(Dataset("M0", "M0_wide_mesh", "made_wide_vertices", 0.2, 3, True, 25), "de", 25, "wide"),
    MadeSet(Dataset("M1", "M1_fine_mesh", "made_fine_vertices", 1.0, 4, True, 30), "en-us", 60, "fine"),
    MadeSet(Dataset("M2", "M2_small_mesh", "made_small_vertices", 0.001, 4, True, 30), "it", 30, "small"),
    MadeSet(Dataset("M3", "M3_alphabetical", "made_52_alphabetical", 1.0, 4), "es"),
    MadeSet(Dataset("M4", "M4_alphabetical", "made_52_alphabetical", 1.0, 3), "pt"),
    MadeSet(Dataset("M5", "M5_parameters", "flame_params_from_dadhead", 1.0, 4), "fr"),
    MadeSet(Dataset("M6", "M6_arkit", "made_51_arkit", 1.0, 4), "pl", 60),
    MadeSet(Dataset("M7", "M7_song", "made_51_arkit", 1.0, 3), "cs", sung=True),
)
CHANNELS: Mapping[str, tuple[str, ...]] = {"made_52_alphabetical": ETF_52, "made_51_arkit": ARKIT_51}
MESHES: Mapping[str, tuple[int, int, float]] = {"wide": (14, 12, 5.0), "fine": (12, 10, 0.1), "small": (10, 9, 100.0)}


@dataclass(frozen=True)
class MadeMesh:
    """A grid over a face, half as wide as its unit is long; offsets (52, v, 3) for each of ARKIT_52."""

    points: FloatArray
    offsets: FloatArray

    def lips(self) -> NDArray[np.intp]:
        """Numbers of the vertices around the mouth."""
        return np.flatnonzero(np.abs(self.points[:, :2] / np.abs(self.points).max() - [0, -0.4]).max(axis=1) < 0.3)

    def upper(self) -> NDArray[np.intp]:
        """Numbers of the vertices above the nose."""
        return np.flatnonzero(self.points[:, 1] > 0.1 * np.abs(self.points).max())


def make_sets(folder: Path) -> Path:
    """Make the sets that are not there yet; returns the folder, which holds one folder a set.

    Raises:
        EngineError: espeak-ng is missing. OSError: the disk.
    """
    if not (folder / COMPLETE).is_file():
        folder.mkdir(parents=True, exist_ok=True)
        espeak = Espeak()
        for number, made in enumerate(SETS):
            shutil.rmtree(folder / made.facts.folder, ignore_errors=True)
            _make(made, number, espeak, folder)
        _write_bases(folder / BASES)
        (folder / COMPLETE).write_text(json.dumps([asdict(made.facts) for made in SETS]), encoding="utf-8")
    return folder


def mesh(name: str) -> MadeMesh:
    """A grid face by its name in MESHES: bumps that move as a channel's name says, left and right apart."""
    columns, rows, size = MESHES[name]
    x, y = np.meshgrid(np.linspace(-1, 1, columns), np.linspace(-1, 1, rows))
    flat = np.stack([x.ravel(), y.ravel(), 0.5 * (1 - x.ravel() ** 2)], axis=1)
    offsets = np.stack([_bump(channel, flat) for channel in ARKIT_52])
    return MadeMesh(np.asarray(flat * size, np.float32), np.asarray(offsets * size, np.float32))


def regions(made: MadeSet) -> dict[str, NDArray[np.intp]]:
    """Vertices of the lips and of the upper face, for measures; none for parameters, whose head is too small."""
    name = made.mesh or (WEIGHTS_MESH if made.facts.annotation in CHANNELS else "")
    if not name:
        return {}
    face = mesh(name)
    return {"lips": face.lips(), "upper": face.upper()}


# part of a channel's name -> (x, y of its centre on the grid, direction of its offset, reach)
_PLACES: tuple[tuple[str, tuple[float, float], tuple[float, float, float], float], ...] = (
    ("jawOpen", (0, -0.7), (0, -0.30, -0.05), 0.35), ("mouthClose", (0, -0.5), (0, 0.16, 0), 0.2),
    ("mouthFunnel", (0, -0.4), (0, 0, 0.20), 0.25), ("mouthPucker", (0, -0.4), (0, 0.02, 0.15), 0.18),
    ("LowerDown", (0.15, -0.5), (0, -0.12, 0), 0.15), ("UpperUp", (0.15, -0.3), (0, 0.10, 0), 0.15),
    ("Smile", (0.35, -0.35), (0.08, 0.10, 0), 0.2), ("Frown", (0.35, -0.45), (0.02, -0.10, 0), 0.2),
    ("Stretch", (0.35, -0.4), (0.12, 0, 0), 0.2), ("RollLower", (0, -0.5), (0, 0.05, -0.06), 0.15),
    ("RollUpper", (0, -0.3), (0, -0.05, -0.06), 0.15), ("Press", (0.2, -0.4), (0, 0.03, -0.04), 0.15),
    ("brow", (0.4, 0.7), (0, 0.12, 0), 0.25), ("Blink", (0.4, 0.4), (0, -0.08, 0), 0.15),
    ("cheek", (0.55, -0.05), (0.03, 0.05, 0.06), 0.25), ("nose", (0.12, 0.1), (0, 0.05, 0), 0.12),
)


def _bump(channel: str, flat: NDArray[np.float64]) -> NDArray[np.float64]:
    for part, centre, direction, reach in _PLACES:
        if part in channel:
            side = -1.0 if channel.endswith("Right") else 1.0
            away = (flat[:, :2] - np.array([side * centre[0], centre[1]])) / reach
            bump = np.exp(-0.5 * (away ** 2).sum(axis=1))[:, None] * (np.array(direction) * [side, 1, 1])
            return np.asarray(bump, np.float64)
    return np.zeros_like(flat)


def _make(made: MadeSet, number: int, espeak: Espeak, folder: Path) -> None:
    facts, rng = made.facts, random.Random(1000 + number)
    numbers = np.random.default_rng(1000 + number)
    place = folder / facts.folder
    (place / "clips").mkdir(parents=True)
    set_gain = _gains(numbers)
    speakers = [
        (list(STYLES)[(3 * number + row) % len(STYLES)], set_gain * _gains(numbers), rng.randint(*PITCH))
        for row in range(facts.subjects)
    ]
    templates = [_template(made, numbers) for _ in speakers]
    splits: dict[str, list[dict[str, object]]] = {}
    for split, count in CLIPS.items():
        for clip in range(count):
            row = clip % facts.subjects
            style, gain, pitch = speakers[row]
            spoken = _spoken(made, espeak, rng, pitch)
            n_frames = round(len(spoken.samples) / SAMPLE_RATE_HZ * made.stored_fps)
            curves = viseme_curves(spoken.phones, made.stored_fps, n_frames, STYLES[style])
            motion = _annotated(made, to_arkit(curves) * gain, templates[row], numbers)
            name = f"clips/{split}_{clip:02d}"
            np.save(place / f"{name}.npy", motion)
            soundfile.write(place / f"{name}.flac", spoken.samples, SAMPLE_RATE_HZ)
            splits.setdefault(split, []).append({
                "annot_path": f"{name}.npy", "audio_path": f"{name}.flac", "id": row, "annot_type": facts.annotation,
                "dataset": facts.id, "fps": made.stored_fps,
            })
    np.save(place / "id_template.npy", np.stack(templates))
    names = [f"{made.language} {row}" for row in range(facts.subjects)]
    for split, data in splits.items():
        content = {"info": {"id_list": names, "facts": asdict(facts)}, "data": data}
        (place / f"{split}.json").write_text(json.dumps(content), encoding="utf-8")


def _spoken(made: MadeSet, espeak: Espeak, rng: random.Random, pitch: int) -> Utterance:
    """A line of at most LONGEST_S."""
    while True:
        text = (language_text(rng, made.language) if made.language in LANGUAGES else english_text(rng))[:80]
        spoken = espeak.speak(text, made.language, rng.randint(*WORDS_A_MINUTE), pitch, rng.randint(*RANGE))
        if made.sung:
            spoken = perform(spoken, "sung", rng)
        if SAMPLE_RATE_HZ < len(spoken.samples) <= LONGEST_S * SAMPLE_RATE_HZ:
            return spoken


def _annotated(made: MadeSet, weights: FloatArray, template: FloatArray, numbers: np.random.Generator) -> FloatArray:
    """ARKit weights (t, 52) in the numbers of a set (t, width), with a little noise of the capture."""
    facts = made.facts
    if made.mesh:
        offsets = mesh(made.mesh).offsets.reshape(len(ARKIT_52), -1)
        noise = numbers.normal(0, 0.002 * np.abs(offsets).max(), (len(weights), offsets.shape[1]))
        return np.asarray(template + weights @ offsets + noise, np.float32)
    noisy = weights + numbers.normal(0, 0.004, weights.shape)
    if facts.annotation in CHANNELS:
        order = [ARKIT_52.index(name) for name in CHANNELS[facts.annotation]]
        return np.asarray(noisy[:, order] + template, np.float32)
    motion = np.tile(template, (len(weights), 1))
    motion[:, 300:300 + len(ARKIT_52)] += noisy
    motion[:, FLAME_BETAS] += 0.4 * noisy[:, ARKIT_52.index("jawOpen")]
    return np.asarray(motion, np.float32)


def _template(made: MadeSet, numbers: np.random.Generator) -> FloatArray:
    """A speaker's neutral face."""
    if made.mesh:
        face = mesh(made.mesh).points
        return np.asarray(face * numbers.normal(1.0, 0.05, (1, 3)), np.float32).reshape(-1)
    if made.facts.annotation in CHANNELS:
        return np.asarray(numbers.uniform(0, 0.04, len(CHANNELS[made.facts.annotation])), np.float32)
    template = np.zeros(len(FLAME_413), np.float32)
    template[:20] = numbers.normal(0, 0.3, 20)
    return template


def _gains(numbers: np.random.Generator) -> FloatArray:
    """A factor for each of ARKIT_52, the same for left and right."""
    bases = [name.removesuffix("Left").removesuffix("Right") for name in ARKIT_52]
    drawn = {base: float(np.exp(numbers.normal(0, ROUGHNESS))) for base in dict.fromkeys(bases)}
    return np.array([drawn[base] for base in bases], np.float32)


def _write_bases(folder: Path) -> None:
    """What makes vertices of the sets that have none: the fine mesh for weights, a FLAME-like model for parameters."""
    folder.mkdir(exist_ok=True)
    face = mesh(WEIGHTS_MESH)
    for annotation, names in CHANNELS.items():
        order = [ARKIT_52.index(name) for name in names]
        np.savez(folder / f"{annotation}.npz", meanshape=face.points, blendshape=face.offsets[order])
    numbers = np.random.default_rng(7)
    points = face.points[:FLAME_VERTICES]
    shapes = np.zeros((FLAME_VERTICES, 3, FLAME_BETAS), np.float32)
    shapes[:, :, 300:300 + len(ARKIT_52)] = face.offsets[:, :FLAME_VERTICES].transpose(1, 2, 0)
    weights = np.zeros((FLAME_VERTICES, 5), np.float32)
    weights[:, 2] = np.clip(-points[:, 1] / np.abs(face.points).max(), 0, 1)
    weights[:, 0] = 1 - weights[:, 2]
    regressor = np.full((5, FLAME_VERTICES), 1 / FLAME_VERTICES, np.float32)
    np.savez(
        folder / "flame.npz", v_template=points, shapedirs=shapes,
        posedirs=np.asarray(numbers.normal(0, 1e-3, (FLAME_VERTICES, 3, 36)), np.float32), J_regressor=regressor,
        kintree_table=np.array([[-1, 0, 1, 1, 1], [0, 1, 2, 3, 4]]), weights=weights,
    )
