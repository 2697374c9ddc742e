"""Do moods change what the lips do? The rows of docs/MODEL.md on p b m, run again under every mood at its most.

`python -m tests.bench.moods [--performance natural]` prints a row for each mood at 1.5 and for each intensity, over the
46 recordings of english_aligned; every row must be that of neutral. Never fails on a figure.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np

from engine import Life, Settings
from engine.learn.data.evaluation_sets import EvaluationSet, read_set
from engine.learn.evaluate.baselines import evaluation_settings, our_motion
from engine.learn.evaluate.metrics import SHUT_BELOW, ClipEvents, gather, measures, pool, reference_mouth, seen_mouth
from engine.values.settings import MAX_MOOD, MOODS, Mood

ROOT = Path(__file__).resolve().parents[2]
SPEECH = ROOT.parent / "shared" / "data" / "speech" / "english_aligned"
INTENSITIES = (0.5, 1.5, 2.0)
PARTS = ("start", "end", "length")


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    options.add_argument("--performance", default="")
    performance = options.parse_args().performance
    recordings, plain = read_set(SPEECH)[0], evaluation_settings("mini")
    if performance:
        plain = replace(plain, life=Life(performance=performance))
    print("| | p b m recall | closure AUC | closures right | p: meets, parts, length | b | m | frames that differ |")
    print("|---|---|---|---|---|---|---|---|")
    shut = None
    for name, settings in _wanted(plain):
        row, now = _row(recordings, settings)
        shut = now if shut is None else shut
        differing = sum(int((before != after).sum()) for before, after in zip(shut, now, strict=True))
        print(f"| {name} | {row} | {differing} of {sum(map(len, now))} |", flush=True)


def _wanted(plain: Settings) -> list[tuple[str, Settings]]:
    moods = [(mood, replace(plain, mood=Mood(mood, MAX_MOOD))) for mood in MOODS]
    return moods + [(f"intensity {amount:g}", replace(plain, intensity=amount)) for amount in INTENSITIES]


def _row(recordings: EvaluationSet, settings: Settings) -> tuple[str, list[np.ndarray]]:
    events, shut = [], []
    for clip in recordings.clips:
        motion = our_motion(clip.samples, settings)
        mouth = seen_mouth(motion.weights, motion.channels)
        shut.append(mouth.opening < SHUT_BELOW)
        phones = recordings.phones[clip.name]
        events.append(gather(mouth, phones, reference_mouth(phones, len(mouth.opening))))
    found = measures(pool(events))
    edges = [
        " ".join(f"{_median(events, f'{label} {part}'):+.0f}" for part in PARTS) for label in "PBM"
    ]
    rates = " | ".join(f"{getattr(found, name):.3f}" for name in ("pbm_recall", "closure_auc", "closure_precision"))
    return f"{rates} | {' | '.join(edges)}", shut


def _median(events: list[ClipEvents], name: str) -> float:
    return float(np.median(np.concatenate([one.array(name) for one in events])))


if __name__ == "__main__":
    main()
