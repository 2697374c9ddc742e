"""How far any learner could come on the Mandarin curves of teach.py: `python -m tests.bench.teach --ceiling`.

The clips are isolated words, about a hundred each. Words are cut out by loudness and laid on each other in time by what
the decoder sees of them (dynamic time warping), so timing costs nothing. Then:
* how well the animators' curves agree where two words sound most alike;
* what comes out when each held-out word gets the curves of the taught word that sounds most like it;
* what comes out when it gets the curves of the taught word that fit the answer best, which only somebody who knows the
answer can choose. And one teaching from all clips (as much of each as a take may be long) instead of one for each,
beside the best fixed mapping of the same.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from engine import RigChannel, Settings, Waveform, animate, read_audio
from engine.fit_head.fit import MAX_TAKE_S, KeyedTake, fit_take
from engine.model.encode import encode
from engine.model.folder import open_model
from engine.rig.fitted_head import features_of, hidden_track
from engine.systems.system import open_system

from . import teach as bench

# of cutting words: level between quiet and loud, pauses inside a word, margins
BLOCK_S, QUIET, GAP_S, EDGE_S, LEAST_S = 0.02, 0.35, 0.3, 0.14, 0.16
SLANT = 0.3                 # cost of a frame that is held while the other word goes on, against one of both
PAIRS = 50


@dataclass(frozen=True)
class Word:
    """One spoken word: clip, first frame, features (n, d) and curves (n, k) at the curves' frame rate; taught tells the
    part."""

    clip: str
    first: int
    features: np.ndarray
    curves: np.ndarray
    taught: bool


def main(settings: Settings) -> None:
    """Print the figures."""
    _all_clips(settings)
    words = [word for clip in bench.CLIPS for word in _words(clip, settings)]
    print(f"  ceiling: {len(words)} words, {sum(word.taught for word in words)} of them taught")
    within, across, alike, pairs = [], [], [], []
    for clip in bench.CLIPS:
        keyed, cut = _curves(clip)
        counts = (keyed[:cut].std(axis=0) > bench.MOVES) & (keyed[cut:].std(axis=0) > bench.MOVES)
        made = {name: np.zeros_like(keyed) for name in ("alike", "within", "across")}
        for word in (word for word in words if word.clip == clip and not word.taught):
            others = [other for other in words if other.taught]
            cost, warped = _warp(word, others)
            same = np.array([other.clip == clip for other in others])
            fit = np.array([((curves - word.curves) ** 2)[:, counts].sum() for curves in warped])
            rows = slice(word.first, word.first + len(word.curves))
            made["alike"][rows] = warped[np.where(same, cost, np.inf).argmin()]
            made["within"][rows], made["across"][rows] = warped[
                np.where(same, fit, np.inf).argmin()
            ], warped[fit.argmin()]
            pairs.append((cost.min(), word.curves, warped[cost.argmin()]))
        for name, rows_of in (("alike", alike), ("within", within), ("across", across)):
            rows_of.append(bench._mean_r(made[name][cut:, counts], keyed[cut:, counts]))
    print(
        f"    curves of the {PAIRS} pairs of held-out and taught words that sound most alike agree with r "
        f"{_agreement(pairs):.3f}"
    )
    print(f"    held-out words with the curves of the taught word that sounds most alike: {np.mean(alike):.3f}")
    print(
        f"    ... of the taught word whose curves fit the answer best: {np.mean(within):.3f} of the same clip, "
        f"{np.mean(across):.3f} of all clips"
    )


def _all_clips(settings: Settings) -> None:
    """One take of the beginnings of all clips."""
    length = int(MAX_TAKE_S / len(bench.CLIPS) - 1) * bench.PAIRED_FPS
    sounds, keyed, channels = [], [], []
    for clip in bench.CLIPS:
        sounds.append(read_audio(bench.PAIRED / f"{clip}.flac"))
        keyed.append(_curves(clip)[0])
        channels.append(animate(sounds[-1], replace(settings, fps=bench.PAIRED_FPS)).motion.weights.astype(np.float64))
    samples = length * bench.RATE_HZ // bench.PAIRED_FPS
    values = np.concatenate([curves[:length] for curves in keyed])
    controls = tuple(RigChannel("shape_key", f"Regler {number:03d}") for number in range(values.shape[1]))
    sound = Waveform(np.concatenate([wave.samples[:samples] for wave in sounds]))
    result = fit_take(sound, KeyedTake(controls, np.arange(len(values)) / bench.PAIRED_FPS, values), settings)
    rows = []
    for wave, curves, seen in zip(sounds, keyed, channels, strict=True):
        cut = round(bench.PART * len(curves))
        end = min(len(curves), len(seen))
        said = bench._play(result, wave, settings, controls)[cut:end]
        counts = (curves[:cut].std(axis=0) > bench.MOVES) & (curves[cut:].std(axis=0) > bench.MOVES)
        inputs = np.concatenate([*(one[:length] for one in channels), seen[cut:end]])
        single, squares = bench._fixed(inputs, np.concatenate([values, curves[cut:end]])[:, counts], len(values))
        rows.append((single, squares, bench._mean_r(said[:, counts], curves[cut:end, counts])))
    single, squares, taught = np.mean(rows, axis=0)
    print(
        f"  one teaching from {len(values) / bench.PAIRED_FPS:.0f} s of all clips: one channel {single:.3f}, least "
        f"squares {squares:.3f}, taught {taught:.3f}: " f"{taught - max(single, squares):+.3f}"
    )


def _curves(clip: str) -> tuple[np.ndarray, int]:
    with np.load(bench.PAIRED / "facegood_bs.npz") as arrays:
        keyed = arrays[f"bs_{clip}"].astype(np.float64)
    return keyed, round(bench.PART * len(keyed))


def _words(clip: str, settings: Settings) -> list[Word]:
    wave = read_audio(bench.PAIRED / f"{clip}.flac")
    keyed, cut = _curves(clip)
    features = _features(wave, settings, len(keyed))
    return [
        Word(clip, first, features[first:last], keyed[first:last], last <= cut)
        for first, last in _cut(wave, len(keyed)) if last <= cut or first >= cut
    ]


def _features(wave: Waveform, settings: Settings, n_frames: int) -> np.ndarray:
    """What a taught head sees, each of its two groups with deviation 1, on the curves' frames."""
    model = open_model(settings.model, settings.model_folders)
    head = model.head(settings.head)
    system = open_system(model, settings)
    track = hidden_track(head, system.track(settings))
    decoded = system.decode(encode(wave, model, system.encoder), [track], len(wave.samples))[0]
    seen = features_of(decoded)
    groups = [
        group / group.std(axis=0).mean() / np.sqrt(group.shape[1])
        for group in np.split(seen, [len(head.weight)], axis=1)
    ]
    seconds = np.arange(len(seen)) / head.fps
    return np.stack(
        [
            np.interp(np.arange(n_frames) / bench.PAIRED_FPS, seconds, column)
            for column in np.concatenate(groups, axis=1).T
        ], axis=1,
    )


def _cut(wave: Waveform, n_frames: int) -> list[tuple[int, int]]:
    """First and last frame of each word."""
    block = round(BLOCK_S * bench.RATE_HZ)
    level = np.log((wave.samples[:len(wave.samples) // block * block].reshape(-1, block) ** 2).sum(axis=1) + 1e-5)
    level = np.convolve(level, np.ones(5) / 5, mode="same")
    low, high = np.percentile(level, (10, 95))
    edges = np.flatnonzero(np.diff(np.r_[0, (level > low + QUIET * (high - low)).astype(int), 0])) * BLOCK_S
    found: list[list[float]] = []
    for start, end in edges.reshape(-1, 2):
        if found and start - found[-1][1] < GAP_S:
            found[-1][1] = end
        else:
            found.append([start, end])
    fps = bench.PAIRED_FPS
    return [
        (max(0, round((start - EDGE_S) * fps)), min(n_frames, round((end + EDGE_S) * fps)))
        for start, end in found if end - start > LEAST_S
    ]


def _warp(word: Word, others: list[Word]) -> tuple[np.ndarray, list[np.ndarray]]:
    """Cost of laying each other word on this one, per frame, and the curves (n, k) of each on this word's frames."""
    length = max(len(other.features) for other in others)
    padded = np.stack([np.pad(other.features, ((0, length - len(other.features)), (0, 0))) for other in others])
    away = np.sqrt(((word.features[None, :, None] - padded[:, None]) ** 2).sum(axis=-1))        # (others, n, length)
    total = np.full((len(others), len(word.features) + 1, length + 1), np.inf)
    total[:, 0, 0] = 0
    came = np.zeros(total.shape, np.int8)
    for row in range(1, total.shape[1]):
        for column in range(1, length + 1):
            here = away[:, row - 1, column - 1]
            ways = np.stack([
                total[:, row - 1, column - 1], total[:, row - 1, column] + SLANT * here,
                total[:, row, column - 1] + SLANT * here,
            ])
            came[:, row, column] = ways.argmin(axis=0)
            total[:, row, column] = ways.min(axis=0) + here
    costs, curves = [], []
    for number, other in enumerate(others):
        row, column, at = len(word.features), len(other.features), np.zeros(len(word.features), int)
        costs.append(total[number, row, column] / (row + column))
        while row and column:
            at[row - 1] = column - 1
            way = came[number, row, column]
            row, column = row - (way != 2), column - (way != 1)
        curves.append(other.curves[at])
    return np.array(costs), curves


def _agreement(pairs: list[tuple[float, np.ndarray, np.ndarray]]) -> float:
    """Mean r, over controls that both use, of the pairs that sound most alike."""
    first, second = (
        np.concatenate(part) for part in list(zip(*sorted(pairs, key=lambda pair: pair[0])[:PAIRS], strict=True))[1:]
    )
    used = (first.std(axis=0) > 0.01) & (second.std(axis=0) > 0.01)
    return bench._mean_r(first[:, used], second[:, used])
