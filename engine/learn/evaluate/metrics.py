"""How well a mouth follows the phones that were spoken: measures that a viewer would notice, on curves at 50 Hz.

Needs phone or word times of real speech. Event measures ask what is seen at a phone; the r rows compare with the viseme
model's curves; temporal measures ask how the mouth moves between events.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace

import numpy as np
from numpy.typing import NDArray

from ...motion.smooth import runs
from ...values.channels import ARKIT_52
from ...values.types import FloatArray
from ..data.labels import Word, pauses
from ..synth.phones import BILABIALS, LABIODENTALS, VOWELS, Phone
from ..visemes.curves import to_arkit, viseme_curves
from .bootstrap import Area, Peak, Ratio, Statistic, value_of
from .lips import closure_edges, lip_gap

FPS = 50.0
SHUT_BELOW = 0.06  # seen lip opening
TUCKED_ABOVE, ROUND_ABOVE, OPEN_ABOVE, SILENT_BELOW = 0.2, 0.3, 0.3, 0.1
OVER_OPEN_BY = 0.15  # a viewer sees a mouth that is open so much wider than the sound asks for
NEAR_S, TOUCH_S, ROUND_NEAR_S = 0.040, 0.060, 0.020
LONG_PAUSE_S, PAUSE_EDGE_S, LONG_PHONE_S = 0.25, 0.100, 0.060
HOLD_EDGE_S = 0.020  # of a phone, on each side, where the mouth may still be on its way
LARGEST_LAG_FRAMES = 8
ROUNDED = frozenset(["W", "UW", "OW"])
SPREAD = frozenset(["IY", "IH", "EH", "AE", "AA", "AH"])
OPEN = frozenset(["AA", "AE", "AO"])
NARROW = frozenset(["IY", "UW", "IH", "UH", "S", "Z", "SH", "T"])

# Shares and means: measure -> the event whose mean it is.
MEANS = {
    "pbm_recall": "pbm shut", "closure_precision": "closure right", "closure_inside": "closure right inside",
    "vowels_shut": "vowel shut",
    "fv_recall": "fv tucked", "fv_precision": "tuck right", "round_recall": "rounded", "round_false": "spread rounded",
    "open_recall": "opened", "f_recall": "F tucked", "v_recall": "V tucked",
    **{f"{phone.lower()}_{edge}_ms": f"{phone} {edge}" for phone in "PBM" for edge in ("start", "end", "length")},
    "silence_shut": "silent frame shut", "jitter": "held jerk", "over_open": "frame over-open",
    "shut_share": "frame shut",
}
# Areas under the curve: measure -> scores of the positives and of the negatives.
AREAS = {
    "closure_auc": ("pbm closeness", "other closeness"), "round_auc": ("rounded most", "spread most"),
    "open_auc": ("open most", "narrow most"),
}
# The same of words, where only their times are known; each word is one event and one draw of the bootstrap, since such
# sets are single sentences.
LIP_ROUNDED = ROUNDED | frozenset(["UE", "OE"])
# A word with none of these stays flat.
ROUNDISH = ROUNDED | frozenset(["UE", "OE", "AO", "UH", "R", "SH", "ZH", "CH", "JH", "ER"])
WORD_MEANS = {
    "word_shut": "contact word shut", "word_shut_false": "free word shut", "word_tucked": "fv word tucked",
    "word_round": "round word round",
    "word_round_false": "flat word round", "silence_shut": "silent frame shut",
}
WORD_AREAS = {"word_shut_auc": ("contact closeness", "free closeness"), "word_round_auc": ("round most", "flat most")}
CORRELATIONS = {"r_lip": "opening", "r_jaw": "jaw", "r_round": "rounding", "r_closure": "closure"}


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
    """Shares are 0..1; r_* are correlations; lag_ms is positive where the mouth is late. NaN: no such event.

    closure_inside is closure_precision without the rest at a clip's first and last frame. The last four look at the
    motion: jitter is the mean |second difference| of the seen opening per frame where phones hold, over_open the share
    of speech frames that are OVER_OPEN_BY wider than the reference, shut_share the share of speech frames with closed
    lips, amplitude the spread of the opening against the reference's.
    """

    pbm_recall: float
    closure_auc: float
    closure_precision: float
    closure_inside: float
    vowels_shut: float
    fv_recall: float
    fv_precision: float
    f_recall: float
    v_recall: float
    p_start_ms: float
    p_end_ms: float
    p_length_ms: float
    b_start_ms: float
    b_end_ms: float
    b_length_ms: float
    m_start_ms: float
    m_end_ms: float
    m_length_ms: float
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
    jitter: float
    over_open: float
    shut_share: float
    amplitude: float


LOWER_IS_BETTER = frozenset({"vowels_shut", "round_false"})
# A mouth that never rounds, never closes, or opens on everything, is perfect on these; the area under the curve judges
# it.
ONE_SIDED = frozenset({"round_false", "vowels_shut", "open_recall"})
# These describe the motion; neither more nor less is better by itself.
TEMPORAL = frozenset({"jitter", "over_open", "shut_share", "amplitude"})
# How much earlier or later than the labels the lips meet and part on p, b, m between vowels, and how much longer they
# stay shut: 0 is right.
CLOSURE_TIMES = frozenset(name for name in MEANS if name.endswith("_ms"))


@dataclass
class ClipEvents:
    """What one clip, or one piece of it, adds to the measures.

    Attributes:
        values: by event name, one number per event.
        r: correlations with the reference, by the names of CORRELATIONS; those of curves that the reference moves.
        frames: length, the weight of r.
        lag_scores: (2 * LARGEST_LAG_FRAMES + 1,) frames times r of the opening at each shift.
    """

    frames: int
    values: dict[str, list[float]] = field(default_factory=dict)
    r: dict[str, float] = field(default_factory=dict)
    lag_scores: FloatArray = field(default_factory=lambda: np.zeros(2 * LARGEST_LAG_FRAMES + 1))

    def add(self, name: str, value: float) -> None:
        """Note one event."""
        self.values.setdefault(name, []).append(float(value))

    def extend(self, name: str, values: FloatArray | NDArray[np.bool_]) -> None:
        """Note many events."""
        self.values.setdefault(name, []).extend(np.asarray(values, np.float64).tolist())

    def array(self, name: str) -> FloatArray:
        """All values of an event, (n,)."""
        return np.array(self.values.get(name, []), np.float64)


def seen_mouth(weights: FloatArray, channels: Sequence[str]) -> SeenMouth:
    """What is seen of ARKit weights (n_frames, n_channels); the opening is the gap of a real head's lips."""
    return replace(formula_mouth(weights, channels), opening=lip_gap(weights, channels))


def formula_mouth(weights: FloatArray, channels: Sequence[str]) -> SeenMouth:
    """With 0.1's opening A = jawOpen - mouthClose + .35 (lowerDown + upperUp) - .15 (press + rollLower)."""
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
    return measures(pool([gather(mouth, phones[name]) for name, mouth in mouths.items()]))


def gather(mouth: SeenMouth, phones: Sequence[Phone], reference: SeenMouth | None = None) -> ClipEvents:
    """The events of one clip; the reference is reference_mouth of its phones, made here if it is not given."""
    n = len(mouth.opening)
    reference = reference_mouth(phones, n) if reference is None else _first_frames(reference, n)
    events = ClipEvents(n)
    _add_phone_events(events, mouth, phones)
    _add_run_events(events, mouth, phones)
    for label, start_ms, end_ms in closure_edges(mouth.opening, phones, FPS, SHUT_BELOW):
        for edge, value in (("start", start_ms), ("end", end_ms), ("length", end_ms - start_ms)):
            events.add(f"{label} {edge}", value)
    _add_motion(events, mouth, reference, phones)
    for name, curve in CORRELATIONS.items():
        wanted = getattr(reference, curve)
        if moves(wanted):  # a clip without p b m f v asks for no closure
            events.r[name] = correlation(getattr(mouth, curve), wanted)
    events.lag_scores = _lag_scores(mouth.opening, reference.opening)
    return events


def pool(clips: Sequence[ClipEvents]) -> dict[str, Statistic]:
    """The measures of clips together, by the names of Measures."""
    statistics = _pool_events(clips, MEANS, AREAS)
    for name in CORRELATIONS:
        frames = np.array([clip.frames if name in clip.r else 0 for clip in clips])
        statistics[name] = Ratio(
            frames * np.array([clip.r.get(name, 0.0) for clip in clips]), frames, int(frames.sum())
        )
    lag_scores = np.array([clip.lag_scores for clip in clips]).reshape(len(clips), -1)
    shifts = np.arange(-LARGEST_LAG_FRAMES, LARGEST_LAG_FRAMES + 1) * 1000 / FPS
    statistics["lag_ms"] = Peak(lag_scores, shifts, sum(clip.frames for clip in clips if clip.lag_scores.any()))
    swing, wanted = ([clip.array(name) for clip in clips] for name in ("swing", "reference swing"))
    n_frames = sum(value.size for value in swing)
    statistics["amplitude"] = Ratio(
        np.array([v.sum() for v in swing]), np.array([v.sum() for v in wanted]), n_frames, root=True
    )
    return {item.name: statistics[item.name] for item in fields(Measures)}


def gather_words(mouth: SeenMouth, words: Sequence[Word], duration_s: float) -> list[ClipEvents]:
    """The events of one recording: one item per word, one per pause."""
    n = len(mouth.opening)
    items = [_word_events(mouth, word) for word in words]
    for start_s, end_s in pauses(words, duration_s):
        events = ClipEvents(n)
        add_pause(events, mouth, start_s, end_s)
        items.append(events)
    return items


def pool_words(items: Sequence[ClipEvents]) -> dict[str, Statistic]:
    """The word measures of all items together."""
    return _pool_events(items, WORD_MEANS, WORD_AREAS)


def measures(statistics: Mapping[str, Statistic]) -> Measures:
    """The plain values."""
    return Measures(**{item.name: value_of(statistics[item.name]) for item in fields(Measures)})


def auc(positives: FloatArray, negatives: FloatArray) -> float:
    """Chance that a positive scores above a negative, ties count half; NaN without either."""
    return value_of(Area.of([positives], [negatives]))


def beats(ours: Measures, baseline: Measures) -> dict[str, bool]:
    """Per judged measure, whether ours is as good to two decimals; a baseline without such events is beaten."""
    result = {}
    for item in fields(Measures):
        mine, theirs = getattr(ours, item.name), getattr(baseline, item.name)
        if item.name in ONE_SIDED | TEMPORAL:
            continue
        if item.name == "lag_ms" or item.name in CLOSURE_TIMES:
            mine, theirs = -abs(mine) / 1000, -abs(theirs) / 1000
        elif item.name in LOWER_IS_BETTER:
            mine, theirs = -mine, -theirs
        result[item.name] = bool(np.isnan(theirs) or round(mine, 2) >= round(theirs, 2))
    return result


def correlation(a: FloatArray, b: FloatArray) -> float:
    """Pearson's r; 0 where a curve does not move."""
    if not (moves(a) and moves(b)):
        return 0.0
    return float(np.corrcoef(a, b)[0, 1])


def moves(curve: FloatArray) -> bool:
    """Whether a curve is more than a constant."""
    return bool(curve.std() >= 1e-9)


def span(start_s: float, end_s: float, n_frames: int) -> slice:
    """Frames whose second lies in [start, end], at least one."""
    first = min(max(int(np.ceil(start_s * FPS - 1e-6)), 0), n_frames - 1)
    last = min(max(int(np.floor(end_s * FPS + 1e-6)), first), n_frames - 1)
    return slice(first, last + 1)


def touches(phones: Sequence[Phone], start_s: float, end_s: float, margin_s: float = TOUCH_S) -> bool:
    """Whether one of the phones lies within a margin of a time span."""
    return any(p.start_s - margin_s <= end_s and start_s <= p.end_s + margin_s for p in phones)


def add_pause(events: ClipEvents, mouth: SeenMouth, start_s: float, end_s: float) -> None:
    """Note for each frame inside of a long pause whether the mouth is at rest."""
    if end_s - start_s > LONG_PAUSE_S:
        inside = span(start_s + PAUSE_EDGE_S, end_s - PAUSE_EDGE_S, len(mouth.opening))
        events.extend("silent frame shut", mouth.opening[inside] < SILENT_BELOW)


def _pool_events(
    items: Sequence[ClipEvents], means: Mapping[str, str], areas: Mapping[str, tuple[str, str]],
) -> dict[str, Statistic]:
    statistics: dict[str, Statistic] = {}
    for name, event in means.items():
        values = [item.array(event) for item in items]
        sizes = np.array([value.size for value in values])
        statistics[name] = Ratio(np.array([value.sum() for value in values]), sizes, int(sizes.sum()))
    for name, (positives, negatives) in areas.items():
        statistics[name] = Area.of([item.array(positives) for item in items], [item.array(negatives) for item in items])
    return statistics


def _word_events(mouth: SeenMouth, word: Word) -> ClipEvents:
    n = len(mouth.opening)
    events = ClipEvents(n)
    classes = frozenset(word.classes)
    near = span(word.start_s - NEAR_S, word.end_s + NEAR_S, n)
    inside = span(word.start_s + NEAR_S, max(word.end_s - NEAR_S, word.start_s + NEAR_S), n)  # not the neighbours' lips
    if classes & BILABIALS:
        _note_contact(events, "contact", float(mouth.opening[near].min()))
    elif not classes & LABIODENTALS:
        _note_contact(events, "free", float(mouth.opening[inside].min()))
    if classes & LABIODENTALS:
        events.add("fv word tucked", mouth.tuck[near].max() > TUCKED_ABOVE)
    if classes & LIP_ROUNDED:
        _note_rounding(events, "round", float(mouth.rounding[near].max()))
    elif not classes & ROUNDISH:
        _note_rounding(events, "flat", float(mouth.rounding[inside].max()))
    return events


def _note_contact(events: ClipEvents, kind: str, lowest: float) -> None:
    events.add(f"{kind} word shut", lowest < SHUT_BELOW)
    events.add(f"{kind} closeness", -lowest)


def _note_rounding(events: ClipEvents, kind: str, most: float) -> None:
    events.add(f"{kind} word round", most > ROUND_ABOVE)
    events.add(f"{kind} most", most)


def _add_phone_events(events: ClipEvents, mouth: SeenMouth, phones: Sequence[Phone]) -> None:
    n = len(mouth.opening)
    closers = [p for p in phones if p.label in BILABIALS]
    for phone in phones:
        start_s, end_s, length_s = phone.start_s, phone.end_s, phone.end_s - phone.start_s
        near = span(start_s - NEAR_S, end_s + NEAR_S, n)
        lowest = float(mouth.opening[near].min())
        if phone.label in BILABIALS:
            events.add("pbm shut", lowest < SHUT_BELOW)
            events.add("pbm closeness", -lowest)
        elif phone.label in LABIODENTALS:
            tucked = bool(mouth.tuck[near].max() > TUCKED_ABOVE)
            events.add("fv tucked", tucked)
            events.add(f"{phone.label} tucked", tucked)
        elif phone.label != "SIL" and not touches(closers, start_s, end_s):
            events.add("other closeness", -lowest)
        if phone.label in VOWELS and length_s > LONG_PHONE_S:
            middle = span(start_s + 0.3 * length_s, end_s - 0.3 * length_s, n)
            events.add("vowel shut", mouth.opening[middle].mean() < SHUT_BELOW)
        if phone.label in ROUNDED:
            most = float(mouth.rounding[span(start_s - ROUND_NEAR_S, end_s + ROUND_NEAR_S, n)].max())
            events.add("rounded", most > ROUND_ABOVE)
            events.add("rounded most", most)
        if phone.label in SPREAD:
            middle = span(start_s + 0.25 * length_s, end_s - 0.25 * length_s, n)
            events.add("spread rounded", mouth.rounding[middle].mean() > ROUND_ABOVE)
            events.add("spread most", float(mouth.rounding[middle].mean()))
        inside = float(mouth.jaw[span(start_s, end_s, n)].max())
        if phone.label in OPEN and length_s > LONG_PHONE_S:
            events.add("opened", inside > OPEN_ABOVE)
            events.add("open most", inside)
        elif phone.label in NARROW:
            events.add("narrow most", inside)
        if phone.label == "SIL":
            add_pause(events, mouth, start_s, end_s)


def _add_run_events(events: ClipEvents, mouth: SeenMouth, phones: Sequence[Phone]) -> None:
    contacts = [p for p in phones if p.label in BILABIALS | LABIODENTALS]
    tucks = [p for p in phones if p.label in LABIODENTALS]
    pauses = [p for p in phones if p.label == "SIL"]
    for name, frames, wanted in (
        ("closure right", mouth.opening < SHUT_BELOW, contacts), ("tuck right", mouth.tuck > TUCKED_ABOVE, tucks)
    ):
        for first, stop in runs(frames):
            last = stop - 1
            if touches(pauses, first / FPS, last / FPS, margin_s=0.0):
                continue
            events.add(name, touches(wanted, first / FPS, last / FPS))
            if first > 0 and last < len(frames) - 1:  # a clip starts and ends at rest
                events.add(f"{name} inside", touches(wanted, first / FPS, last / FPS))


def _add_motion(events: ClipEvents, mouth: SeenMouth, reference: SeenMouth, phones: Sequence[Phone]) -> None:
    n = len(mouth.opening)
    jerk = np.abs(np.diff(mouth.opening, 2))  # row i looks at frames i, i + 1, i + 2
    speech = np.zeros(n, bool)
    for phone in phones:
        first, last = (phone.start_s + HOLD_EDGE_S) * FPS, (phone.end_s - HOLD_EDGE_S) * FPS
        rows = np.arange(max(int(np.ceil(first - 1e-6)), 0), min(int(np.floor(last + 1e-6)), n - 1) - 1)
        if phone.label != "SIL":
            events.extend("held jerk", jerk[rows])
            speech[span(phone.start_s, phone.end_s, n)] = True
    events.extend("frame over-open", mouth.opening[speech] > reference.opening[speech] + OVER_OPEN_BY)
    events.extend("frame shut", mouth.opening[speech] < SHUT_BELOW)
    for name, curve in (("swing", mouth.opening), ("reference swing", reference.opening)):
        events.extend(name, (curve[speech] - curve[speech].mean()) ** 2 if speech.any() else curve[:0])


def _first_frames(mouth: SeenMouth, n: int) -> SeenMouth:
    return SeenMouth(*(getattr(mouth, item.name)[:n] for item in fields(SeenMouth)))


def _lag_scores(ours: FloatArray, reference: FloatArray) -> FloatArray:
    """Frames times r for each shift; zeros for a clip too short to shift."""
    shifts = range(-LARGEST_LAG_FRAMES, LARGEST_LAG_FRAMES + 1)
    n = len(ours)
    if n <= 4 * LARGEST_LAG_FRAMES:
        return np.zeros(len(shifts))
    core = reference[LARGEST_LAG_FRAMES:n - LARGEST_LAG_FRAMES]
    return np.array([n * correlation(ours[LARGEST_LAG_FRAMES + shift:][:len(core)], core) for shift in shifts])
