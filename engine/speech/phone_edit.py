"""Phones that the user moved, replaced, deleted or added, as motion: the face moves differently only around them.

Between the decoder and postprocessing. Where a phone moved, time is bent, so that its mouth goes with it. Where it is
another one, the typical mouth of what was recognised is taken away and that of what is wanted is laid on, both as
strong as this clip and style show them, and the cues tell the lips to meet, to round or to part. Knows ARKit channels;
other heads cannot follow phones.

How far a change reaches: REACH_S to each side of the phones that differ. Beyond, every number is as without it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from ..motion.articulation import PRECISE_WIDE_S, RELAXED_S
from ..motion.lip_contact import CONTACT_CLASSES, FADE_S
from ..motion.retime import rows_at
from ..motion.smooth import MAX_SMOOTH_S, smooth_step
from ..values.channels import region
from ..values.errors import SettingError
from ..values.messages import number_of
from ..values.phones import PHONES, VOWELS, Phone
from ..values.types import FloatArray, IntArray, Motion, Settings
from . import cues as speech
from .coarticulation import FAR_S, mouths, table
from .cues import PhonemeCues
from .phone_match import PhoneChange, changes, complete, time_map

Seconds = NDArray[np.float64]

REACH_S = FAR_S             # of one change, to each side: no phone shows farther off
BLEND_S = 0.12              # within which the typical mouth of a phone still shows beside it
CORE_EASE_S = 0.05          # within which what was recognised gives way to a new phone
OWN_SHARE = 0.4             # of how a clip differs from the typical mouth stays: loudness and mood, not the old phone
CUE_EASE_S = 0.04           # before and after a phone, within which the lips come together for it and part again
CLEAR_S = 0.08              # round a phone that is gone, in which its contact goes too
CUT_S = 0.05                # to each side of a cut where a phone was deleted
LEAST_GAIN, MOST_GAIN = 0.3, 2.0        # of a clip's mouth against the typical one
GAIN_TRUST = 0.1            # share of the typical energy that counts as seen at gain 1: little speech proves little
GAIN_FRAMES = 3000          # frames that a gain is measured on at the most
MOST_PHONES_PER_S = 100     # over the whole sound; people say 15, and phones are recognised on 50 frames a second
LENGTH_SLACK_S = 0.05       # by which phones may end after the sound: frames of the encoder are 20 ms
N_FADES = 4                 # steps of postprocessing that fade to contacts, at most


@dataclass(frozen=True)
class _Place:
    """Frames on which the mouth gets another shape.

    Attributes:
        rows: of the motion. now, before: their seconds, and those where their motion was taken from.
        pairs: recognised phone, wanted phone, and when the new mouth is wholly itself.
    """

    rows: IntArray
    now: Seconds
    before: Seconds
    pairs: tuple[tuple[Phone | None, Phone | None, tuple[float, float]], ...]


def check(phones: Sequence[Phone], duration_s: float) -> None:
    """Raise SettingError for the first phone of an unknown class, out of order, overlapping or outside the sound.

    Or for far more phones than anybody can say.
    """
    most = round(MOST_PHONES_PER_S * (duration_s + 1))
    if len(phones) > most:
        raise SettingError(
            f"{number_of(len(phones), 'phone')} for {duration_s:.2f} s of sound cannot be used, at most {most} can. "
            "Give the phones of this sound only."
        )
    end_s = 0.0
    for number, phone in enumerate(phones, start=1):
        what = f"Phone {number} ({phone.label}, {phone.start_s:g} to {phone.end_s:g} s)"
        if phone.label not in PHONES:
            raise SettingError(
                f"Phone {number} is of class {phone.label!r}, which is unknown. Choose one of: {' '.join(PHONES)}."
            )
        if not (math.isfinite(phone.start_s) and math.isfinite(phone.end_s)):
            raise SettingError(f"{what} has a time that is no number. Give both times in seconds.")
        if phone.start_s < 0:
            raise SettingError(f"{what} begins before the sound, which begins at 0 s. Move it later.")
        if phone.end_s <= phone.start_s:
            raise SettingError(
                f"{what} has no length: its end must be later than its start. Make it longer, or delete it."
            )
        if phone.end_s > duration_s + LENGTH_SLACK_S:
            raise SettingError(
                f"{what} ends after the sound, which is {duration_s:.2f} s long. Move it earlier, or shorten it."
            )
        if phone.start_s < end_s - 1e-3:
            before = phones[number - 2]
            raise SettingError(
                f"{what} begins before phone {number - 1} ({before.label}) ends, at {end_s:g} s. "
                "Put phones in order of time, without overlaps."
            )
        end_s = phone.end_s


def follow(motion: Motion, cues: PhonemeCues, phones: Sequence[Phone]) -> tuple[Motion, PhonemeCues]:
    """Motion and cues for the phones that the user wants.

    Args:
        motion: ARKit motion as the decoder gives it, at any frame rate; not changed.
        cues: of the same clip.
        phones: checked; gaps are silence.
    Returns:
        The same where nothing differs; else cues with the wanted phones, on the motion's clock.
    """
    wanted = complete(phones, cues.phones[-1].end_s)
    found = changes(cues.phones, wanted)
    if not found:
        return motion, cues
    cues = speech.on_clock(cues, len(motion.weights), motion.fps)
    seconds = np.arange(len(motion.weights)) / motion.fps
    old_seconds = seconds + np.interp(seconds, *time_map(found))
    bent = _bent(motion, seconds, old_seconds)
    new_cues = _bent_cues(cues, seconds, old_seconds)
    gains = _gains(motion, cues.phones, seconds)
    weights = bent.weights.copy()
    for change in _merged([change for change in found if change.reshaped]):
        rows = np.flatnonzero(_near(seconds, change.start_s, change.end_s) < REACH_S)
        if len(rows):
            place = _Place(rows, seconds[rows], old_seconds[rows], _reshaped_pairs(change))
            weights[rows] = _reshaped(bent, place, cues.phones, wanted, gains)
            _tell_lips(new_cues, place, wanted)
    return replace(motion, weights=weights), replace(new_cues, phones=wanted, spoken=_spoken(found, seconds))


def changed_spans(
    before: Sequence[Phone], after: Sequence[Phone], settings: Settings, stressed: Sequence[tuple[float, float]] = (),
) -> tuple[tuple[float, float], ...]:
    """Seconds (start, end) outside of which two lists of phones give the same motion, in order and apart.

    Args:
        stressed: start and end of words whose emphasis differs, too.
    """
    end_s = max([phone.end_s for phone in (*before, *after)], default=0.0)
    reach_s = REACH_S + postprocess_reach_s(settings)
    found = [(change.start_s, change.end_s) for change in changes(complete(before, end_s), complete(after, end_s))]
    spans: list[tuple[float, float]] = []
    for first_s, last_s in sorted([*found, *stressed]):
        start_s, stop_s = max(0.0, first_s - reach_s), min(end_s, last_s + reach_s)
        if spans and start_s <= spans[-1][1]:
            start_s, stop_s = spans[-1][0], max(stop_s, spans.pop()[1])
        spans.append((start_s, stop_s))
    return tuple(spans)


def postprocess_reach_s(settings: Settings) -> float:
    """How far postprocessing carries a change of the mouth, in seconds."""
    regions, delays = settings.region_smooth, settings.delays
    latest = max(abs(delays.jaw), abs(delays.lips), abs(delays.cheeks))
    deviations = (
        MAX_SMOOTH_S * (settings.smooth + max(regions.jaw, regions.lips, regions.cheeks)),
        PRECISE_WIDE_S * (settings.articulation > 0),
        RELAXED_S * max(0, -settings.articulation),
        N_FADES * FADE_S,
    )
    return 3 * sum(deviations) + settings.anticipation_s + latest + 2 / settings.fps


def _spoken(found: Sequence[PhoneChange], seconds: Seconds) -> FloatArray:
    """Where the changed phones sound, (n_frames,) 0 to 1: there the face speaks even if the sound is cut to nothing."""
    spoken = np.zeros(len(seconds), np.float32)
    for phone in [new for change in found for _, new in change.pairs if new and new.label != "SIL"]:
        rows = slice(*np.searchsorted(seconds, (phone.start_s - BLEND_S, phone.end_s + BLEND_S)))
        distance = _near(seconds[rows], phone.start_s, phone.end_s)
        spoken[rows] = np.maximum(spoken[rows], _fall(distance, BLEND_S))
    return spoken


def _rows_near(seconds: Seconds, span: tuple[float, float]) -> slice:
    """The rows that a stretch of time can change: all that depends on the distance from it has faded beyond."""
    return slice(*np.searchsorted(seconds, (span[0] - BLEND_S, span[1] + BLEND_S)))


def _near(seconds: Seconds, start_s: float, end_s: float) -> Seconds:
    """How far each second lies outside of a stretch; 0 in it."""
    return np.maximum(np.maximum(start_s - seconds, seconds - end_s), 0)


def _merged(found: Sequence[PhoneChange]) -> list[PhoneChange]:
    """Changes whose reaches touch are one."""
    groups: list[list[PhoneChange]] = []
    for change in found:
        if groups and change.start_s - groups[-1][-1].end_s < 2 * REACH_S:
            groups[-1].append(change)
        else:
            groups.append([change])
    return [
        PhoneChange(group[0].start_s, group[-1].end_s, tuple(chain.from_iterable(change.pairs for change in group)))
        for group in groups
    ]


def _bent(motion: Motion, seconds: Seconds, old_seconds: Seconds) -> Motion:
    """The mouth of each frame as it was at its old second; brows and eyes stay when they are."""
    columns = [
        column for column, name in enumerate(motion.channels)
        if name == "tongueOut" or region(name) in ("jaw", "lips", "cheeks")
    ]
    weights = motion.weights.copy()
    rows = np.flatnonzero(old_seconds != seconds)
    if len(rows):
        weights[rows[:, None], columns] = _sampled(motion.weights[:, columns], old_seconds[rows] * motion.fps)
    return replace(motion, weights=weights)


def _sampled(values: FloatArray, places: Seconds) -> FloatArray:
    """Rows (n, c) at places between the rows of values (m, c); whole frames stay what they are."""
    whole = np.round(places)
    return rows_at(values, np.where(np.abs(places - whole) < 1e-4, whole, places))


def _bent_cues(cues: PhonemeCues, seconds: Seconds, old_seconds: Seconds) -> PhonemeCues:
    """Copies of the cues, which go where their phones went."""
    rows = np.flatnonzero(old_seconds != seconds)
    copies = {name: getattr(cues, name).copy() for name in ("contact", *speech.CUES)}
    for values in copies.values():
        if len(rows):
            flat = values.reshape(len(values), -1)      # a view
            flat[rows] = _sampled(flat.copy(), old_seconds[rows] * cues.rate_hz)
    return replace(cues, **copies)


def _gains(motion: Motion, phones: Sequence[Phone], seconds: Seconds) -> FloatArray:
    """How strong this clip's mouth is against the typical one, (n_channels of the table,): its style and voice."""
    rows = np.unique(np.linspace(0, len(seconds) - 1, min(len(seconds), GAIN_FRAMES)).astype(np.intp))
    known, columns = _shared(motion.channels)
    typical, seen = mouths(phones, seconds[rows]), motion.weights[rows[:, None], columns]
    energy = (typical ** 2).sum(axis=0)
    trust = GAIN_TRUST * (energy + energy.mean() + 1e-6)
    measured = ((typical[:, known] * seen).sum(axis=0) + trust[known]) / (energy + trust)[known]
    gains = np.ones(len(energy), np.float32)
    gains[known] = np.clip(measured, LEAST_GAIN, MOST_GAIN)
    return gains


def _shared(channels: tuple[str, ...]) -> tuple[list[int], list[int]]:
    """Columns of the table, and of a motion with these channels, that mean the same."""
    both = [(known, channels.index(name)) for known, name in enumerate(table().channels) if name in channels]
    return [known for known, _ in both], [column for _, column in both]


def _reshaped(
    bent: Motion, place: _Place, phones: Sequence[Phone], wanted: Sequence[Phone], gains: FloatArray,
) -> FloatArray:
    """Weights (n_rows, n_channels) with the mouths of other phones."""
    distance = np.full(len(place.rows), REACH_S)
    for _, _, span in place.pairs:
        near = _rows_near(place.now, span)
        distance[near] = np.minimum(distance[near], _near(place.now[near], *span))
    blend, core = (_fall(distance, ease_s)[:, None] for ease_s in (BLEND_S, CORE_EASE_S))
    known, columns = _shared(bent.channels)
    old, new = (
        (gains * mouths(side, seconds))[:, known] for side, seconds in ((phones, place.before), (wanted, place.now))
    )
    weights = bent.weights[place.rows]
    seen = weights[:, columns]
    weights[:, columns] = np.maximum(0, seen + blend * (new - old) - (1 - OWN_SHARE) * core * (seen - old))
    rest = np.zeros(len(place.rows), np.float32)
    for span in (span for _, phone, span in place.pairs if phone and phone.label == "SIL"):
        near = _rows_near(place.now, span)
        rest[near] = np.maximum(rest[near], _hold(place.now[near], *span))
    weights[:, columns] *= 1 - rest[:, None]
    jaw, close = (bent.channels.index(name) for name in ("jawOpen", "mouthClose"))
    # lips do not pass through each other farther than they did
    pressed = np.maximum(0, bent.weights[place.rows, close] - bent.weights[place.rows, jaw])
    weights[:, close] = np.minimum(weights[:, close], weights[:, jaw] + pressed)
    return weights


def _tell_lips(cues: PhonemeCues, place: _Place, wanted: Sequence[Phone]) -> None:
    """Write the cues of one place: contacts where phones that make one are new, none where they are gone."""
    contact, apart = cues.contact[place.rows], cues.apart[place.rows]
    rounded, spread, jaw, voiced = (getattr(cues, name)[place.rows] for name in ("rounded", "spread", "jaw", "voiced"))
    staying = [_contact_of(members, place, wanted) for members in CONTACT_CLASSES[:2]]
    anywhere = np.maximum(staying[0], staying[1])
    for old, new, span in place.pairs:
        near = _rows_near(place.now, span)
        now, touch, part = place.now[near], contact[near], apart[near]      # views
        distance = _near(now, *span)
        label = new.label if new else ""
        for column, members in enumerate(CONTACT_CLASSES[:2]):
            if label in members:
                touch[:, column] = np.maximum(touch[:, column], _fall(distance, CUE_EASE_S))
                continue
            was_contact = old is not None and old.label in members
            outside = np.maximum(0, distance - CLEAR_S / 2)
            gone = _fall(outside, CLEAR_S / 2) if was_contact else _fall(distance, CUE_EASE_S / 2)
            touch[:, column] *= 1 - gone * (1 - staying[column][near])
            if label != "SIL":
                part[:] = np.maximum(part, gone * (1 - anywhere[near]))
        held = _hold(now, *span) if label == "SIL" else 0
        speaks = label not in ("SIL", "")
        touch[:, 2] = np.maximum(touch[:, 2] * (1 - _fall(distance, CUE_EASE_S) * speaks), held)
        part *= 1 - held
        share = _fall(distance, speech.EASE_S) * bool(label)
        rounded[near] += share * (float(label in speech.ROUNDED) - rounded[near])
        spread[near] += share * (float(label in speech.SPREAD) - spread[near])
        jaw[near] += share * (float(label in speech.OPEN) - float(label in speech.CLOSE) - jaw[near])
        vowel = _hold(now, *span) if label in VOWELS else 0
        voiced[near] = np.maximum(voiced[near] * (1 - _fall(distance, CUE_EASE_S)), vowel)
    apart *= 1 - anywhere
    cues.contact[place.rows] = contact
    for name, values in zip(speech.CUES, (apart, rounded, spread, jaw, voiced), strict=True):
        getattr(cues, name)[place.rows] = values


def _contact_of(members: Sequence[str], place: _Place, wanted: Sequence[Phone]) -> FloatArray:
    """How much each frame of a place (n_rows,) belongs to wanted phones of a contact class, 0 to 1."""
    most = np.zeros(len(place.rows), np.float32)
    for phone in (phone for phone in wanted if phone.label in members):
        near = _rows_near(place.now, (phone.start_s, phone.end_s))
        distance = _near(place.now[near], phone.start_s, phone.end_s)
        most[near] = np.maximum(most[near], _fall(distance, CUE_EASE_S))
    return most


def _reshaped_pairs(change: PhoneChange) -> tuple[tuple[Phone | None, Phone | None, tuple[float, float]], ...]:
    """The pairs whose phone is another one, and when the new one sounds, or round when the old one is missed."""
    cut_s, found = change.end_s, []
    for old, new in reversed(change.pairs):
        span = (new.start_s, new.end_s) if new else (cut_s - CUT_S, cut_s + CUT_S)
        if not (old and new and old.label == new.label):
            found.append((old, new, span))
        cut_s = span[0] if new else cut_s
    return tuple(reversed(found))


def _fall(distance: Seconds, ease_s: float) -> FloatArray:
    """1 at distance 0, in a soft curve to 0 at ease_s."""
    return smooth_step(1 - distance / ease_s)


def _hold(seconds: Seconds, start_s: float, end_s: float) -> FloatArray:
    """1 inside of a stretch, in soft curves to 0 at its ends."""
    inside = np.minimum(seconds - start_s, end_s - seconds)
    ease_s = min(CUE_EASE_S, (end_s - start_s) / 3)
    return _fall(np.maximum(0, ease_s - inside), ease_s)
