"""What the phones of a clip say to the lips: recognised in the sound alone, or aligned to a transcript.

Between the decoder and postprocessing. Turns scores and text into phones with times and into cues for lips and jaw, as
sure as they are; a transcript that does not fit the sound is left out, with a warning. Knows ARKit channels; motion
without them passes through unchanged.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..motion import lip_contact
from ..motion.smooth import runs
from ..values.messages import number_of
from ..values.phones import VOWELS, Phone
from ..values.types import BoolArray, FloatArray, IntArray, Motion
from . import g2p
from .align import Alignment, align, free_labels, to_phones

SILENCE = "SIL"
# Nats a frame: texts of the clips reach 0.7 (0.8 in noise), those of other clips begin at 1.5 (tests/learn measures).
MISFIT = 1.4
DOUBTFUL = 0.9              # from here on a guessed language may be the wrong one: read in another, texts begin at 1.0
NEAR_S = 0.06               # an aligned phone may lie this far off: what is recognised there still counts
PAUSE_S = 0.10              # a pause at least this long brings rest
ROUNDED, SPREAD = ("W", "UW", "OW"), ("IY", "IH", "EH", "AE", "AA", "AH", "AX")
ROUNDISH = ("W", "UW", "OW", "AO", "UH", "UE", "OE")        # what a spread vowel may be mistaken for
ROUND_LEAST, SPREAD_MOST = 0.45, 0.20       # pucker + funnel on a rounded phone at least, in a spread vowel at most
NARROWED_FUNNEL, NARROWED_JAW = 0.25, 0.45  # mouthClose of rounded lips: share of the funnel, of jaw times rounding
PUCKER_SHARE = 0.6          # of what is added to the rounding
OPEN = ("AA", "AE", "AO")                                   # low jaw
CLOSE = ("IH", "UH", "S", "Z", "SH", "ZH", "CH", "JH")      # high jaw, which open neighbours draw down
OPEN_MORE, OPEN_JAW = 0.25, 0.42            # largest share by which the jaw opens more on OPEN; none where it is so low
CLOSE_LESS = 0.10           # share by which it opens less on CLOSE
HEARD_FROM, HEARD_AT = 0.3, 0.8             # score of a class at which it begins to count by itself, and counts wholly
FLAT_FROM, FLAT_AT = 0.15, 0.5              # the same of SPREAD
DOUBT_FROM, DOUBT_AT = 0.2, 0.4             # score of ROUNDISH from which on less is flattened, and nothing
CORE_S = 0.02               # of a vowel, from its ends: there the lips may still come from a contact, or go to one
EASE_S = 0.05               # half a ramp of what a transcript changes
SOFT_S = 0.02               # half a ramp of what is recognised, and of the jaw
CUES = ("apart", "rounded", "spread", "jaw", "voiced")      # one value a frame each
_OTHERS = {"AX": "AH"}      # phones that a model may lack, and what stands for them


@dataclass(frozen=True)
class PhonemeCues:
    """The phones of a clip, and what they say to the lips.

    Attributes:
        phones: all of the clip, without gaps.
        rate_hz: of the cues; row i stands for second i / rate_hz.
        contact: (t, 3) scores as lip_contact.contact_scores gives them.
        apart, rounded: (t,) 0..1, where a transcript parts the lips, or rounds them; 0 without one.
        spread: (t,) 0..1, where a vowel forbids rounding.
        jaw: (t,) 1 where an open vowel asks for a low jaw, -1 where a close vowel or a hiss asks for a high one.
        voiced: (t,) 0..1, inside of vowels, which need parted lips.
        misfit: of the transcript that is followed, in nats a frame; 0 without one.
        warning: why the transcript was not used, or empty.
        spoken: (t,) 0..1, where the user says that the face speaks however quiet the sound is; None otherwise.
    """

    phones: tuple[Phone, ...]
    rate_hz: float
    contact: FloatArray
    apart: FloatArray
    rounded: FloatArray
    spread: FloatArray
    jaw: FloatArray
    voiced: FloatArray
    misfit: float = 0.0
    warning: str = ""
    spoken: FloatArray | None = None


def find_cues(scores: FloatArray, names: tuple[str, ...], rate_hz: int, words: g2p.Words | None = None) -> PhonemeCues:
    """Phones and cues of a clip.

    Args:
        scores: (t, n_phones) of align.log_scores at rate_hz; names: the phone of each column.
        words: of g2p.read_words; None without a transcript.
    """
    free = free_labels(scores)
    from_sound = _from_sound(scores, free, names, rate_hz)
    if words is None:
        return from_sound
    aligned, warning = follow_words(scores, names, rate_hz, words)
    if aligned is None:
        return replace(from_sound, warning=warning)
    return _from_transcript(aligned, free, from_sound, names, rate_hz)


def follow_words(
    scores: FloatArray, names: tuple[str, ...], rate_hz: int, words: g2p.Words,
) -> tuple[Alignment | None, str]:
    """The transcript laid over the sound; or None, and why it is not followed. As find_cues()."""
    spoken = as_columns(words, names)
    n_phones = sum(map(len, spoken))
    if n_phones > len(scores):
        return None, (
            f"The transcript has {number_of(n_phones, 'phone')}, the sound of {len(scores) / rate_hz:.1f} s has time "
            f"for at most {len(scores)}: the sound alone is followed. Give the words of this sound only."
        )
    aligned = align(scores, spoken, names.index(SILENCE))
    if aligned.fit > MISFIT:
        return None, (
            "The transcript does not fit the sound: its phones are not heard where they should be (mismatch "
            f"{aligned.fit:.1f}; 0 is perfect, at most {MISFIT:g} is used), so the sound alone is followed. Check that "
            "the words are those of this sound, and their language."
        )
    return aligned, ""


def as_columns(words: g2p.Words, names: tuple[str, ...]) -> list[list[int]]:
    """Column of each phone, word by word; a phone that the model does not know is left out."""
    index = {name: column for column, name in enumerate(names)}
    known = [[index.get(phone, index.get(_OTHERS.get(phone, ""), -1)) for phone in word] for word in words]
    return [[column for column in word if column >= 0] for word in known]


def shape(motion: Motion, cues: PhonemeCues) -> Motion:
    """Make the mouth tell more clearly what is said; lip_contact.close_lips then closes it.

    Lips part where a transcript keeps them apart, and round where it rounds. Inside of a spread vowel little rounding
    stays: what a neighbour leaves of it would be read as another vowel. The jaw opens further on open vowels that it
    falls short of, as on all quick ones, and less on hisses and the ends of diphthongs, which are made with teeth or
    tongue that nearly meet; by shares, so that a small mouth stays small.

    Args:
        motion: ARKit motion, cues already on its clock (on_clock).
    """
    shaping = any(cue.any() for cue in (cues.apart, cues.rounded, cues.spread, cues.jaw))
    if not shaping or not lip_contact.has_lips(motion.channels):
        return motion
    weights = motion.weights.copy()
    column = {name: weights[:, index] for index, name in enumerate(motion.channels)}
    more = np.clip(1 - column["jawOpen"] / OPEN_JAW, 0, OPEN_MORE)
    column["jawOpen"] *= 1 + more * np.maximum(cues.jaw, 0)
    for name in ("jawOpen", "mouthClose"):      # as much of it as was closed stays closed
        column[name] *= 1 + CLOSE_LESS * np.minimum(cues.jaw, 0)
    for name in ("mouthPressLeft", "mouthPressRight", "mouthRollLower", "mouthRollUpper"):
        column[name] *= 1 - cues.apart
    narrowed = _narrowing(column)
    column["mouthClose"] -= cues.apart * np.maximum(column["mouthClose"] - narrowed, 0)
    if {"mouthPucker", "mouthFunnel"} <= set(column):
        rounding = column["mouthPucker"] + column["mouthFunnel"]
        share_left = SPREAD_MOST / np.maximum(rounding, SPREAD_MOST)        # of the rounding, where it is spread
        factor = 1 - cues.spread * (1 - share_left)
        lacking = np.maximum(0, ROUND_LEAST * cues.rounded - rounding * factor)
        for name, share in (("mouthPucker", PUCKER_SHARE), ("mouthFunnel", 1 - PUCKER_SHARE)):
            column[name] *= factor
            column[name] += share * lacking
        column["mouthClose"] += np.maximum(_narrowing(column) - narrowed, -column["mouthClose"])
    return replace(motion, weights=weights)


def _narrowing(column: dict[str, FloatArray]) -> FloatArray:
    """(n_frames,) of mouthClose that rounding alone asks for: it takes back what funnel and jaw part the lips by."""
    if not {"mouthPucker", "mouthFunnel"} <= set(column):
        return np.zeros_like(column["jawOpen"])
    rounding = np.clip(column["mouthPucker"] + column["mouthFunnel"], 0, 1)
    return np.asarray(NARROWED_FUNNEL * column["mouthFunnel"] + NARROWED_JAW * rounding * column["jawOpen"])


def on_clock(cues: PhonemeCues, n_frames: int, fps: float) -> PhonemeCues:
    """The cues at the frames of a motion; the phones stay as they are."""
    if fps == cues.rate_hz and n_frames == len(cues.contact):
        return cues
    rows, seconds = np.arange(len(cues.contact)) / cues.rate_hz, np.arange(n_frames) / fps

    def move(values: FloatArray) -> FloatArray:
        return np.interp(seconds, rows, values).astype(np.float32)

    moved: dict[str, Any] = {name: move(getattr(cues, name)) for name in CUES}
    contact = np.stack([move(values) for values in cues.contact.T], axis=1)
    spoken = None if cues.spoken is None else move(cues.spoken)
    return replace(cues, rate_hz=fps, contact=contact, spoken=spoken, **moved)


def _from_sound(scores: FloatArray, labels: IntArray, names: tuple[str, ...], rate_hz: int) -> PhonemeCues:
    """What the sound says by itself, no surer than its scores: where much is misrecognised, little is changed."""
    likelihood = np.exp(scores)

    def score(members: Collection[str]) -> FloatArray:
        # in the order of the columns: a set's own order, and with it the sum's last bit, changes from run to run
        columns = [column for column, name in enumerate(names) if name in members]
        return np.asarray(likelihood[:, columns].sum(axis=1), np.float32)

    def clear(values: FloatArray) -> FloatArray:
        return lip_contact.risen(values, HEARD_FROM, HEARD_AT)

    soft, core = max(1, round(SOFT_S * rate_hz)), max(1, round(CORE_S * rate_hz))
    flat = lip_contact.risen(score(SPREAD), FLAT_FROM, FLAT_AT)
    doubt = lip_contact.risen(score(ROUNDISH), DOUBT_FROM, DOUBT_AT)
    nothing = np.zeros(len(scores), np.float32)
    return PhonemeCues(
        phones=to_phones(labels, names, rate_hz), rate_hz=rate_hz, contact=lip_contact.contact_scores(scores, names),
        apart=nothing, rounded=nothing, spread=_eased(flat * (1 - doubt), soft),
        jaw=_eased(clear(score(OPEN)) - clear(score(CLOSE)), soft),
        voiced=clear(np.asarray(_inside(score(VOWELS), core), np.float32)),
    )


def _from_transcript(
    aligned: Alignment, free: IntArray, from_sound: PhonemeCues, names: tuple[str, ...], rate_hz: int,
) -> PhonemeCues:
    """Aligned phones as a prior: contacts where the transcript has them, the sound where it says nothing."""
    def frames(seconds: float) -> int:
        return max(1, round(seconds * rate_hz))

    def is_one_of(members: Collection[str]) -> BoolArray:
        return np.isin(aligned.labels, [column for column, name in enumerate(names) if name in members])

    known = aligned.labels >= 0
    contact = from_sound.contact.copy()
    touching = np.zeros(len(known), np.bool_)
    for column, members in enumerate(lip_contact.CONTACT_CLASSES[:2]):
        there = is_one_of(members)
        near = _widened(there, frames(NEAR_S))
        contact[:, column] = np.where(there, 1, np.where(known & ~near, 0, contact[:, column]))
        touching |= near
    pause = _without_short(aligned.labels == names.index(SILENCE), frames(PAUSE_S))
    contact[:, 2] = np.where(pause, 1, np.where(known, 0, contact[:, 2]))
    jaw = _eased(is_one_of(OPEN).astype(np.float32) - is_one_of(CLOSE), frames(SOFT_S))
    vowels = _inside(is_one_of(VOWELS), frames(CORE_S))
    return PhonemeCues(
        phones=to_phones(np.where(known, aligned.labels, free), names, rate_hz, aligned.places),
        rate_hz=rate_hz, contact=contact,
        apart=_eased(known & ~pause & ~touching, 1),
        rounded=_eased(_widened(is_one_of(ROUNDED), 1), frames(EASE_S)),
        spread=_eased(is_one_of(SPREAD), 1),
        jaw=np.where(known, jaw, from_sound.jaw),
        voiced=np.maximum(vowels, from_sound.voiced),
        misfit=aligned.fit,
    )


def _windows(values: NDArray[np.generic], reach: int) -> NDArray[np.generic]:
    return np.lib.stride_tricks.sliding_window_view(np.pad(values, reach, mode="edge"), 2 * reach + 1)


def _widened(mask: BoolArray, reach: int) -> BoolArray:
    return np.asarray(_windows(mask, reach).max(axis=1), np.bool_)


def _inside(values: NDArray[np.generic], reach: int) -> NDArray[np.generic]:
    """The values at their least within a reach: what is left of a run without its ends."""
    return np.asarray(_windows(values, reach).min(axis=1))


def _without_short(mask: BoolArray, least: int) -> BoolArray:
    """The mask without its runs that are shorter than `least` frames."""
    left = np.zeros(len(mask), np.bool_)
    for start, stop in runs(mask):
        left[start:stop] = stop - start >= least
    return left


def _eased(mask: NDArray[np.generic], reach: int) -> FloatArray:
    """A mask or cue with ramps at its edges."""
    return np.asarray(_windows(mask.astype(np.float32), reach).mean(axis=1), np.float32)
