"""What is known of the phones: heard alone, or laid over the sound from a transcript, which then sharpens the mouth.

Between the decoder and the finish. Turns scores and text into phones with times and into cues for the lips; a transcript that does not fit the
sound is left out and said so. Knows ARKit channels; motion without them passes through unchanged.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from . import g2p, lips
from .align import Alignment, align, free_labels, to_phones
from .phones import Phone
from .types import FloatArray, Motion
from .wording import number_of

BoolArray = NDArray[np.bool_]

SILENCE = "SIL"
MISFIT = 1.4                # nats a frame: texts of the clips reach 0.7 (0.8 in noise), those of other clips begin at 1.5 (tests/learn/test_transcript_measures.py)
DOUBTFUL = 0.9              # from here on a language that was only guessed may be the wrong one: read in another one, texts begin at 1.0
NEAR_S = 0.06               # an aligned phone may lie this far off: what is heard there still counts
PAUSE_S = 0.10              # a pause at least this long brings rest
ROUNDED, SPREAD = ("W", "UW", "OW"), ("IY", "IH", "EH", "AE", "AA", "AH", "AX")
ROUND_LEAST, SPREAD_MOST = 0.45, 0.20       # pucker + funnel on a rounded phone at least, inside of a spread vowel at most
PUCKER_SHARE = 0.6          # of what is added to the rounding
EASE_S = 0.05               # half a ramp of what a transcript changes
_OTHERS = {"AX": "AH"}      # phones that a model may lack, and what stands for them


@dataclass(frozen=True)
class Heard:
    """The phones of a clip, and what they say to the lips.

    Attributes:
        phones: all of the clip, without gaps.
        rate_hz: of the cues; row i stands for second i / rate_hz.
        contact: (t, 3) scores as lips.contact_scores gives them.
        apart, rounded, spread: (t,) 0..1, where a transcript parts the lips, rounds them, or forbids it; 0 without one.
        misfit: of the transcript that is followed, in nats a frame; 0 without one.
        warning: why the transcript was not used, or empty.
        spoken: (t,) 0..1, where the user says that the face speaks however quiet the sound is; None where he did not.
    """

    phones: tuple[Phone, ...]
    rate_hz: float
    contact: FloatArray
    apart: FloatArray
    rounded: FloatArray
    spread: FloatArray
    misfit: float = 0.0
    warning: str = ""
    spoken: FloatArray | None = None


def listen(scores: FloatArray, names: tuple[str, ...], rate_hz: int, words: g2p.Words | None = None) -> Heard:
    """Phones and cues of a clip.

    Args:
        scores: (t, n_phones) of align.log_scores at rate_hz; names: the phone of each column.
        words: of g2p.read_words; None without a transcript.
    """
    nothing = np.zeros(len(scores), np.float32)
    free = free_labels(scores)
    alone = Heard(to_phones(free, names, rate_hz), rate_hz, lips.contact_scores(scores, names), nothing, nothing, nothing)
    if words is None:
        return alone
    spoken = as_columns(words, names)
    n_phones = sum(map(len, spoken))
    if n_phones > len(scores):
        return replace(alone, warning=(
            f"The transcript has {number_of(n_phones, 'phone')}, the sound of {len(scores) / rate_hz:.1f} s has time for at most {len(scores)}: the sound alone "
            "is followed. Give the words of this sound only."))
    told = align(scores, spoken, names.index(SILENCE))
    if told.fit > MISFIT:
        return replace(alone, warning=(
            f"The transcript does not fit the sound (misfit {told.fit:.1f}, at most {MISFIT:g} is used): the sound alone is followed. "
            "Check that the words are those of this sound, and their language."))
    return _told(told, free, alone, names, rate_hz)


def as_columns(words: g2p.Words, names: tuple[str, ...]) -> list[list[int]]:
    """Column of each phone, word by word; a phone that the model does not know is left out."""
    index = {name: column for column, name in enumerate(names)}
    known = [[index.get(phone, index.get(_OTHERS.get(phone, ""), -1)) for phone in word] for word in words]
    return [[column for column in word if column >= 0] for word in known]


def shape(motion: Motion, heard: Heard) -> Motion:
    """Part lips that a transcript keeps apart, round them where it rounds and flatten them where it spreads; lips.meet then closes them.

    Args:
        motion: ARKit motion, cues already on its clock (on_clock).
    """
    if not lips.has_lips(motion.channels) or not (heard.apart.any() or heard.rounded.any() or heard.spread.any()):
        return motion
    weights = motion.weights.copy()
    column = {name: weights[:, index] for index, name in enumerate(motion.channels)}
    for name in ("mouthClose", "mouthPressLeft", "mouthPressRight", "mouthRollLower", "mouthRollUpper"):
        column[name] *= 1 - heard.apart
    if {"mouthPucker", "mouthFunnel"} <= set(column):
        rounding = column["mouthPucker"] + column["mouthFunnel"]
        kept = SPREAD_MOST / np.maximum(rounding, SPREAD_MOST)      # of the rounding, where it is spread
        factor = 1 - heard.spread * (1 - kept)
        lacking = np.maximum(0, ROUND_LEAST * heard.rounded - rounding * factor)
        for name, share in (("mouthPucker", PUCKER_SHARE), ("mouthFunnel", 1 - PUCKER_SHARE)):
            column[name] *= factor
            column[name] += share * lacking
    return replace(motion, weights=weights)


def on_clock(heard: Heard, n_frames: int, fps: float) -> Heard:
    """The cues at the frames of a motion; the phones stay as they are."""
    if fps == heard.rate_hz and n_frames == len(heard.contact):
        return heard
    rows, seconds = np.arange(len(heard.contact)) / heard.rate_hz, np.arange(n_frames) / fps

    def move(values: FloatArray) -> FloatArray:
        return np.interp(seconds, rows, values).astype(np.float32)

    contact = np.stack([move(values) for values in heard.contact.T], axis=1)
    spoken = None if heard.spoken is None else move(heard.spoken)
    return replace(heard, rate_hz=fps, contact=contact, apart=move(heard.apart), rounded=move(heard.rounded), spread=move(heard.spread), spoken=spoken)


def _told(told: Alignment, free: NDArray[np.intp], alone: Heard, names: tuple[str, ...], rate_hz: int) -> Heard:
    """Aligned phones as a prior: contacts where the transcript has them and nowhere else, what is heard where it says nothing."""
    reach = max(1, round(NEAR_S * rate_hz))
    known = told.labels >= 0
    contact = alone.contact.copy()
    touching = np.zeros(len(known), np.bool_)
    for column, members in enumerate(lips.CONTACT_CLASSES[:2]):
        aligned = _is_one_of(told.labels, members, names)
        near = _widened(aligned, reach)
        contact[:, column] = np.where(aligned, 1, np.where(known & ~near, 0, contact[:, column]))
        touching |= near
    silent = told.labels == names.index(SILENCE)
    pause = _held(silent, max(1, round(PAUSE_S * rate_hz)))
    contact[:, 2] = np.where(pause, 1, np.where(known, 0, contact[:, 2]))
    soft = max(1, round(EASE_S * rate_hz))
    rounded = _is_one_of(told.labels, ROUNDED, names)
    spread = _is_one_of(told.labels, SPREAD, names)
    return Heard(
        phones=to_phones(np.where(known, told.labels, free), names, rate_hz, told.places), rate_hz=rate_hz, contact=contact,
        apart=_eased(known & ~pause & ~touching, 1), rounded=_eased(_widened(rounded, 1), soft), spread=_eased(spread, 1),
        misfit=told.fit,
    )


def _is_one_of(labels: NDArray[np.intp], members: Sequence[str], names: tuple[str, ...]) -> BoolArray:
    return np.isin(labels, [names.index(name) for name in members if name in names])


def _windows(values: NDArray[np.generic], reach: int) -> NDArray[np.generic]:
    return np.lib.stride_tricks.sliding_window_view(np.pad(values, reach, mode="edge"), 2 * reach + 1)


def _widened(mask: BoolArray, reach: int) -> BoolArray:
    return np.asarray(_windows(mask, reach).max(axis=1), np.bool_)


def _held(mask: BoolArray, least: int) -> BoolArray:
    """The mask without its runs that are shorter than `least` frames."""
    edges = np.flatnonzero(np.diff(mask.astype(np.int8), prepend=0, append=0))
    kept = np.zeros(len(mask), np.bool_)
    for start, stop in zip(edges[::2], edges[1::2], strict=True):
        kept[start:stop] = stop - start >= least
    return kept


def _eased(mask: BoolArray, reach: int) -> FloatArray:
    """The mask with ramps at its edges."""
    return np.asarray(_windows(mask.astype(np.float32), reach).mean(axis=1), np.float32)
