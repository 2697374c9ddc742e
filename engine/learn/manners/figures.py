"""How well a model takes over manners that it never saw, from voices that it never heard.

    python -m engine.learn.manners.figures weights/composite --data FOLDER --json docs/figures/composite.json

A held-out manner speaks the known phones of some recordings (the reference) and of others (the truth); the model hears
the others and sees the reference. FOLDER holds speech/english_aligned and paired/.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from ...audio.read import from_array, read_audio
from ...files.whole_file import part_of
from ...model.folder import open_model
from ...model.style_from import reference_of
from ...motion import smooth
from ...pipeline import animate
from ...values.channels import ARKIT_52, manner_region
from ...values.settings import MANNER_REGIONS, Life, Reference
from ...values.types import SAMPLE_RATE_HZ, FloatArray, Motion, Settings, Waveform
from ..data.filmed_lips import filmed_clips
from ..data.recordings import RealSpeech
from ..evaluate.lips import lip_gap
from ..evaluate.metrics import measure, seen_mouth
from ..synth.effort import phone_efforts_db
from ..synth.phones import Phone
from ..synth.utterance import Utterance
from .manners import FPS, Manner, draw_manner, perform, rest_pose
from .real_manners import ANIMATED, ANIMATED_FPS, ARRAYS, FILMED, REPORTED, animated_motion, tracked_motion

FIRST_SEED = 1_000_000      # manners from here on never train
MANNERS, CLIPS_EACH, REFERENCE_CLIPS = 40, 3, 3
SHORTEST_S = 2.0
PAUSE_S = 0.3               # of silence, in whose middle the face rests
CLEAR_SIDE, CLEAR_MOTION = 0.1, 0.02    # from which a side leads, of a mouth that moves so much
NEAR_REST = 0.03
REGION_FROM = 0.05          # of the largest weight of a hidden value, below which none counts
SPEECH = "speech/english_aligned"


@dataclass(frozen=True)
class _Said:
    """One recording with the phones in it, and the effort of each in dB."""

    wave: Waveform
    phones: tuple[Phone, ...] = ()
    efforts_db: tuple[float, ...] = ()


def figures(model: str, data: Path, manners: int = MANNERS) -> dict[str, float]:
    """Every row by its name; of the rows of real people those whose recordings are there."""
    said = _recordings(data)
    found = _of_manners(model, said, manners)
    found["hidden values, share in their main region"] = float(
        learned_regions(open_model(model).head("").weight).max(axis=0).mean()
    )
    for name, rows in (("animators", _animators), ("filmed", _filmed)):
        found.update({f"{name}: {row}": value for row, value in rows(model, data).items()})
    return found


def _recordings(data: Path) -> list[_Said]:
    half = RealSpeech.read(data / SPEECH).half_of_the_voices(second=True)
    found = []
    for clip in half.clips:
        if clip.samples.size > SHORTEST_S * SAMPLE_RATE_HZ:
            loud = Utterance(np.round(clip.samples * 32767).astype(np.int16), tuple(clip.phones), clip.voice)
            efforts_db = tuple(phone_efforts_db(loud).tolist())
            found.append(_Said(from_array(clip.samples, SAMPLE_RATE_HZ), tuple(clip.phones), efforts_db))
    return found


def _of_manners(model: str, said: Sequence[_Said], manners: int) -> dict[str, float]:
    """Amplitude, rest, side and contacts over held-out manners."""
    spreads: dict[str, list[tuple[float, float]]] = {region: [] for region in MANNER_REGIONS}
    rests: list[FloatArray] = []
    sides: list[bool] = []
    events: list[Mapping[str, float]] = []
    for number in range(manners):
        manner = draw_manner(FIRST_SEED + number)
        rng = np.random.default_rng(number)
        drawn = [said[i] for i in rng.permutation(len(said))[:REFERENCE_CLIPS + CLIPS_EACH]]
        shown = [_performed(clip, manner) for clip in drawn[:REFERENCE_CLIPS]]
        joined = Motion(np.concatenate([motion.weights for motion in shown]), ARKIT_52, float(FPS))
        reference, clips = reference_of(joined, "held out"), drawn[REFERENCE_CLIPS:]
        given = [_spoken(model, clip, reference) for clip in clips]
        truth = [_performed(clip, manner) for clip in clips]
        for region in MANNER_REGIONS:
            spreads[region].append((_spread(truth, region), _spread(given, region)))
        rests += _rest_errors(given, clips, rest_pose(manner))
        sides += _side_right(truth, given, manner)
        events += [_seen(motion, clip) for motion, clip in zip(given, clips, strict=True)]
    found = {f"amplitude r, {region}": _correlation(pairs) for region, pairs in spreads.items()}
    errors = np.concatenate(rests) if rests else np.zeros(0)
    found["rest, mean error"] = float(errors.mean())
    found["rest, share within .03"] = float((errors < NEAR_REST).mean())
    found["leading side right"] = float(np.mean(sides))
    for name in ("pbm_recall", "closure_precision", "vowels_shut", "p_length_ms", "b_length_ms", "m_length_ms"):
        found[name] = float(np.nanmean([one[name] for one in events]))
    return found


def _performed(clip: _Said, manner: Manner) -> Motion:
    n_frames = int(clip.wave.duration_s * FPS)
    return Motion(perform(clip.phones, n_frames, manner, clip.efforts_db), ARKIT_52, float(FPS))


def _spoken(model: str, clip: _Said, *references: Reference) -> Motion:
    settings = Settings(model=model, fps=FPS, device="cpu", threads=1, life=Life(blinks=0), references=references)
    return animate(clip.wave, settings).motion


def _spread(motions: Sequence[Motion], region: str) -> float:
    """Deviation over time of a region's channels, together, between the ends where a face comes from neutral."""
    names = [name for name in ARKIT_52 if manner_region(name) == region]
    inside = slice(round(smooth.REST_OUT_S * FPS), -round(smooth.REST_OUT_S * FPS))
    return float(np.sqrt(sum(np.mean([motion[name][inside].var() for motion in motions]) for name in names)))


def _rest_errors(given: Sequence[Motion], clips: Sequence[_Said], rest: FloatArray) -> list[FloatArray]:
    """Errors (n,) of the channels that rest away from 0, in the middle of each long pause inside of a clip."""
    resting = np.flatnonzero(rest > NEAR_REST)
    found = []
    for motion, clip in zip(given, clips, strict=True):
        for phone in clip.phones[1:-1]:
            if phone.label == "SIL" and phone.end_s - phone.start_s > PAUSE_S:
                row = motion.weights[round((phone.start_s + phone.end_s) / 2 * FPS)]
                found.append(np.abs(row[resting] - rest[resting]))
    return found


def _side_right(truth: Sequence[Motion], given: Sequence[Motion], manner: Manner) -> list[bool]:
    """Whether the side of the mouth that leads is the right one, where one does."""
    if abs(manner.side) < CLEAR_SIDE:
        return []
    wanted, found = (_side(motions) for motions in (truth, given))
    return [np.sign(wanted) == np.sign(found)] if abs(wanted) > CLEAR_MOTION * abs(manner.side) else []


def _side(motions: Sequence[Motion]) -> float:
    """Left less right of how far the lips part and stretch."""
    names = ("mouthLowerDown", "mouthUpperUp", "mouthStretch", "mouthSmile")
    return float(np.mean([
        sum(motion[f"{name}Left"].std() - motion[f"{name}Right"].std() for name in names) for motion in motions
    ]))


def _seen(motion: Motion, clip: _Said) -> dict[str, float]:
    found = measure({"clip": seen_mouth(motion.weights, motion.channels)}, {"clip": clip.phones})
    return {name: float(getattr(found, name)) for name in vars(found)}


def learned_regions(embedding: FloatArray) -> FloatArray:
    """How much each hidden value belongs to each of MANNER_REGIONS, (r, width), columns add up to 1.

    Of each hidden value's row of the embedding (width, 52) counts what reaches REGION_FROM of its largest weight.
    """
    size = np.abs(embedding)
    size = np.where(size >= REGION_FROM * size.max(axis=1, keepdims=True), size, 0)
    regions = [manner_region(name) for name in ARKIT_52]
    shares = np.stack([size[:, [name == of for of in regions]].sum(axis=1) for name in MANNER_REGIONS])
    return np.asarray(shares / np.maximum(shares.sum(axis=0), 1e-9), np.float32)


def _correlation(pairs: Sequence[tuple[float, float]]) -> float:
    truth, given = np.array(pairs).T
    return float(np.corrcoef(truth, given)[0, 1])


def _animators(model: str, data: Path) -> dict[str, float]:
    """The Mandarin line that taught nothing, with another clip of its animators as reference and with the null."""
    source = data / ANIMATED
    if not (source / ARRAYS).exists():
        return {}
    with np.load(source / ARRAYS, allow_pickle=False) as arrays:
        names = [str(name) for name in arrays["names"]]
        curves = {clip: animated_motion(arrays[f"bs_{clip}"], names) for clip in ("1114_2_01", *REPORTED)}
    truth, wave = curves[REPORTED[0]], read_audio(source / f"{REPORTED[0]}.flac")
    reference = reference_of(curves["1114_2_01"], "1114_2_01")
    found = {}
    for row, references in (("null", ()), ("reference", (reference,))):
        settings = Settings(model=model, fps=ANIMATED_FPS, device="cpu", threads=1, life=Life(blinks=0))
        motion = animate(wave, replace(settings, references=references)).motion
        found.update({f"{name}, {row}": value for name, value in _closeness(motion, truth).items()})
    return found


def _closeness(motion: Motion, truth: Motion) -> dict[str, float]:
    """r, and deviation as a share of the animators', of jaw and rounding."""
    kinds: Mapping[str, Callable[[Motion], FloatArray]] = {
        "jaw": lambda m: np.asarray(m["jawOpen"]),
        "rounding": lambda m: np.asarray(m["mouthFunnel"] + m["mouthPucker"]),
    }
    found = {}
    for name, curve in kinds.items():
        n = min(len(motion.weights), len(truth.weights))
        ours, theirs = curve(motion)[:n], curve(truth)[:n]
        found[f"{name} r"] = float(np.corrcoef(ours, theirs)[0, 1])
        found[f"{name} amplitude"] = float(ours.std() / theirs.std())
    return found


def _filmed(model: str, data: Path) -> dict[str, float]:
    """Filmed clips that taught nothing, with his other clips as reference and with the null: r with the film."""
    source = data / FILMED
    if not source.exists():
        return {}
    taught = list(filmed_clips(source, reported=False))[:12]
    with np.load(source / "motion.npz", allow_pickle=False) as arrays:
        film = {name: arrays[name] for name in ("clips", "start", "frames", "curves", "names", "fps")}
    reference = reference_of(tracked_motion(film, [clip.name for clip in taught]), "grid_s1")
    clips = list(filmed_clips(source, reported=True))[::4]
    rows: dict[str, list[FloatArray]] = {}
    for clip in clips:
        wave = from_array(clip.samples, SAMPLE_RATE_HZ)
        frames = clip.seconds * FPS
        for row, references in (("null", ()), ("reference", (reference,))):
            motion = _spoken(model, _Said(wave), *references)
            gap, jaw = lip_gap(motion.weights, motion.channels), motion["jawOpen"]
            at = np.arange(len(gap))
            rows.setdefault(f"gap r, {row}", []).append(_stacked(np.interp(frames, at, gap), clip.gap))
            rows.setdefault(f"jaw r, {row}", []).append(_stacked(np.interp(frames, at, jaw), clip.chin))
    return {name: _pooled(parts) for name, parts in rows.items()}


def _stacked(ours: FloatArray, theirs: FloatArray) -> FloatArray:
    return np.stack([ours - ours.mean(), theirs - theirs.mean()])


def _pooled(parts: Sequence[FloatArray]) -> float:
    """r over clips, each round its own mean."""
    ours, theirs = np.concatenate(parts, axis=1)
    return float((ours * theirs).sum() / np.sqrt((ours ** 2).sum() * (theirs ** 2).sum()))


def main(given: Sequence[str] | None = None) -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--manners", type=int, default=MANNERS)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args(given)
    found = {name: round(value, 4) for name, value in figures(options.model, options.data, options.manners).items()}
    text = json.dumps(found, indent=1) + "\n"
    sys.stdout.write(text)
    if options.json:
        part = Path(part_of(str(options.json)))
        part.write_text(text, encoding="utf-8")
        part.replace(options.json)


if __name__ == "__main__":
    main()
