"""How well a mouth follows the phones that were spoken: measures that a viewer would notice, on curves at 50 Hz.

Needs phone times of real speech. Event measures ask what is seen at a phone; the r rows compare with the viseme model's curves.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..channels import ARKIT_52
from .synth.phones import BILABIALS, LABIODENTALS, VOWELS, Phone
from .synth.visemes import to_arkit, viseme_curves

FloatArray = NDArray[Any]

FPS = 50.0
SHUT_BELOW = 0.06  # seen lip opening
TUCKED_ABOVE, ROUND_ABOVE, OPEN_ABOVE, SILENT_BELOW = 0.2, 0.3, 0.3, 0.1
NEAR_S, TOUCH_S, ROUND_NEAR_S = 0.040, 0.060, 0.020
LONG_PAUSE_S, PAUSE_EDGE_S, LONG_PHONE_S = 0.25, 0.100, 0.060
LARGEST_LAG_FRAMES = 8
ROUNDED = frozenset(["W", "UW", "OW"])
SPREAD = frozenset(["IY", "IH", "EH", "AE", "AA", "AH"])
OPEN = frozenset(["AA", "AE", "AO"])
NARROW = frozenset(["IY", "UW", "IH", "UH", "S", "Z", "SH", "T"])


@dataclass(frozen=True)
class SeenMouth:
    """What a viewer sees, (n_frames,) each at 50 Hz: lip opening, jaw, rounding, lip tuck, lip closure."""

    opening: FloatArray
    jaw: FloatArray
    rounding: FloatArray
    tuck: FloatArray
    closure: FloatArray


@dataclass(frozen=True)
class Measures:
    """Shares are 0..1; r_* are correlations; lag_ms is positive where the mouth is late. NaN: no such event."""

    pbm_recall: float
    closure_auc: float
    closure_precision: float
    vowels_shut: float
    fv_recall: float
    fv_precision: float
    round_recall: float
    round_false: float
    round_auc: float
    open_recall: float
    open_auc: float
    silence_shut: float
    r_lip: float
    r_jaw: float
    r_round: float
    r_closure: float
    lag_ms: float


LOWER_IS_BETTER = frozenset({"vowels_shut", "round_false"})
# A mouth that never rounds, or opens on everything, is perfect on these; the area under the curve judges it.
ONE_SIDED = frozenset({"round_false", "open_recall"})


@dataclass
class _Events:
    """Values gathered over clips."""

    values: dict[str, list[float]] = field(default_factory=dict)

    def add(self, name: str, value: float) -> None:
        self.values.setdefault(name, []).append(value)

    def share(self, name: str) -> float:
        found = self.values.get(name)
        return float(np.mean(found)) if found else float("nan")

    def array(self, name: str) -> FloatArray:
        return np.array(self.values.get(name, []))


def seen_mouth(weights: FloatArray, channels: Sequence[str]) -> SeenMouth:
    """What is seen of ARKit weights (n_frames, n_channels)."""
    column = {name: weights[:, i].astype(np.float64) for i, name in enumerate(channels)}

    def both(name: str) -> FloatArray:
        return np.asarray((column[name + "Left"] + column[name + "Right"]) / 2)

    parting = both("mouthLowerDown") + both("mouthUpperUp")
    opening = column["jawOpen"] - column["mouthClose"] + 0.35 * parting
    opening = opening - 0.15 * (both("mouthPress") + column["mouthRollLower"])
    rounding = column["mouthPucker"] + column["mouthFunnel"]
    return SeenMouth(opening, column["jawOpen"], rounding, column["mouthRollLower"], column["mouthClose"])


def reference_mouth(phones: Sequence[Phone], n_frames: int) -> SeenMouth:
    """What the viseme model makes of the phones, in its neutral style."""
    return seen_mouth(to_arkit(viseme_curves(phones, FPS, n_frames)), ARKIT_52)


def measure(mouths: Mapping[str, SeenMouth], phones: Mapping[str, Sequence[Phone]]) -> Measures:
    """Measure clips together.

    Args:
        mouths: by clip name, at 50 Hz.
        phones: by clip name, in time order; must hold every clip of mouths.
    """
    events = _Events()
    pairs: list[tuple[SeenMouth, SeenMouth]] = []
    for name, mouth in mouths.items():
        _add_phone_events(events, mouth, phones[name])
        _add_run_events(events, mouth, phones[name])
        pairs.append((mouth, reference_mouth(phones[name], len(mouth.opening))))
    return Measures(
        pbm_recall=events.share("pbm shut"),
        closure_auc=auc(-events.array("pbm lowest"), -events.array("other lowest")),
        closure_precision=events.share("closure right"),
        vowels_shut=events.share("vowel shut"),
        fv_recall=events.share("fv tucked"),
        fv_precision=events.share("tuck right"),
        round_recall=events.share("rounded"),
        round_false=events.share("spread rounded"),
        round_auc=auc(events.array("rounded most"), events.array("spread most")),
        open_recall=events.share("opened"),
        open_auc=auc(events.array("open most"), events.array("narrow most")),
        silence_shut=events.share("silent frame shut"),
        r_lip=_weighted_r(pairs, "opening"),
        r_jaw=_weighted_r(pairs, "jaw"),
        r_round=_weighted_r(pairs, "rounding"),
        r_closure=_weighted_r(pairs, "closure"),
        lag_ms=_lag_ms(pairs),
    )


def auc(positives: FloatArray, negatives: FloatArray) -> float:
    """Chance that a positive scores above a negative, ties count half; NaN without either."""
    if not positives.size or not negatives.size:
        return float("nan")
    above = (positives[:, None] > negatives[None]).mean()
    return float(above + 0.5 * (positives[:, None] == negatives[None]).mean())


def beats(ours: Measures, baseline: Measures) -> dict[str, bool]:
    """Per measure, ONE_SIDED left out, whether ours is at least as good to two decimals; a baseline without such events is beaten."""
    result = {}
    for item in fields(Measures):
        mine, theirs = getattr(ours, item.name), getattr(baseline, item.name)
        if item.name in ONE_SIDED:
            continue
        if item.name == "lag_ms":
            mine, theirs = -abs(mine) / 1000, -abs(theirs) / 1000
        elif item.name in LOWER_IS_BETTER:
            mine, theirs = -mine, -theirs
        result[item.name] = bool(np.isnan(theirs) or round(mine, 2) >= round(theirs, 2))
    return result


def _span(start_s: float, end_s: float, n_frames: int) -> slice:
    """Frames whose second lies in [start, end], at least one."""
    first = min(max(int(np.ceil(start_s * FPS - 1e-6)), 0), n_frames - 1)
    last = min(max(int(np.floor(end_s * FPS + 1e-6)), first), n_frames - 1)
    return slice(first, last + 1)


def _add_phone_events(events: _Events, mouth: SeenMouth, phones: Sequence[Phone]) -> None:
    n = len(mouth.opening)
    closers = [p for p in phones if p.label in BILABIALS]
    for phone in phones:
        start_s, end_s, length_s = phone.start_s, phone.end_s, phone.end_s - phone.start_s
        near = _span(start_s - NEAR_S, end_s + NEAR_S, n)
        lowest = float(mouth.opening[near].min())
        if phone.label in BILABIALS:
            events.add("pbm shut", lowest < SHUT_BELOW)
            events.add("pbm lowest", lowest)
        elif phone.label in LABIODENTALS:
            events.add("fv tucked", mouth.tuck[near].max() > TUCKED_ABOVE)
        elif phone.label != "SIL" and not _touches(closers, start_s, end_s):
            events.add("other lowest", lowest)
        if phone.label in VOWELS and length_s > LONG_PHONE_S:
            middle = _span(start_s + 0.3 * length_s, end_s - 0.3 * length_s, n)
            events.add("vowel shut", mouth.opening[middle].mean() < SHUT_BELOW)
        if phone.label in ROUNDED:
            most = float(mouth.rounding[_span(start_s - ROUND_NEAR_S, end_s + ROUND_NEAR_S, n)].max())
            events.add("rounded", most > ROUND_ABOVE)
            events.add("rounded most", most)
        if phone.label in SPREAD:
            middle = _span(start_s + 0.25 * length_s, end_s - 0.25 * length_s, n)
            events.add("spread rounded", mouth.rounding[middle].mean() > ROUND_ABOVE)
            events.add("spread most", float(mouth.rounding[middle].mean()))
        inside = float(mouth.jaw[_span(start_s, end_s, n)].max())
        if phone.label in OPEN and length_s > LONG_PHONE_S:
            events.add("opened", inside > OPEN_ABOVE)
            events.add("open most", inside)
        elif phone.label in NARROW:
            events.add("narrow most", inside)
        if phone.label == "SIL" and length_s > LONG_PAUSE_S:
            for value in mouth.opening[_span(start_s + PAUSE_EDGE_S, end_s - PAUSE_EDGE_S, n)]:
                events.add("silent frame shut", value < SILENT_BELOW)


def _add_run_events(events: _Events, mouth: SeenMouth, phones: Sequence[Phone]) -> None:
    contacts = [p for p in phones if p.label in BILABIALS | LABIODENTALS]
    tucks = [p for p in phones if p.label in LABIODENTALS]
    pauses = [p for p in phones if p.label == "SIL"]
    for name, frames, wanted in (
        ("closure right", mouth.opening < SHUT_BELOW, contacts), ("tuck right", mouth.tuck > TUCKED_ABOVE, tucks)
    ):
        for first, last in _runs(frames):
            if not _touches(pauses, first / FPS, last / FPS, margin_s=0.0):
                events.add(name, _touches(wanted, first / FPS, last / FPS))


def _touches(phones: Sequence[Phone], start_s: float, end_s: float, margin_s: float = TOUCH_S) -> bool:
    return any(p.start_s - margin_s <= end_s and start_s <= p.end_s + margin_s for p in phones)


def _runs(frames: FloatArray) -> list[tuple[int, int]]:
    """First and last index of every run of True."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], frames.astype(np.int8), [0]])))
    return [(int(a), int(b) - 1) for a, b in zip(edges[::2], edges[1::2], strict=True)]


def _r(a: FloatArray, b: FloatArray) -> float:
    if a.std() < 1e-9 or b.std() < 1e-9:
        return 0.0
    return float(np.corrcoef(a, b)[0, 1])


def _weighted_r(pairs: Sequence[tuple[SeenMouth, SeenMouth]], name: str) -> float:
    lengths = [len(ours.opening) for ours, _ in pairs]
    return float(np.average([_r(getattr(a, name), getattr(b, name)) for a, b in pairs], weights=lengths))


def _lag_ms(pairs: Sequence[tuple[SeenMouth, SeenMouth]]) -> float:
    """Shift of the best correlation of the lip opening, by a parabola through the best three shifts."""
    shifts = np.arange(-LARGEST_LAG_FRAMES, LARGEST_LAG_FRAMES + 1)
    scores = np.zeros(len(shifts))
    for ours, reference in pairs:
        n = len(ours.opening)
        if n <= 4 * LARGEST_LAG_FRAMES:
            continue
        core = reference.opening[LARGEST_LAG_FRAMES:n - LARGEST_LAG_FRAMES]
        for i, shift in enumerate(shifts):
            start = LARGEST_LAG_FRAMES + shift
            scores[i] += n * _r(ours.opening[start:start + len(core)], core)
    best = int(np.clip(scores.argmax(), 1, len(shifts) - 2))
    left, top, right = scores[best - 1:best + 2]
    curvature = left - 2 * top + right
    offset = 0.0 if abs(curvature) < 1e-12 else 0.5 * (left - right) / curvature
    return float((shifts[best] + np.clip(offset, -1, 1)) * 1000 / FPS)
