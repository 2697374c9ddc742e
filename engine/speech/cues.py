"""What is known of the phones: heard alone, or laid over the sound from a transcript; either sharpens the mouth as far as it is sure.

Between the decoder and the finish. Turns scores and text into phones with times and into cues for lips and jaw; a transcript that does not fit the
sound is left out and said so. Knows ARKit channels; motion without them passes through unchanged.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ..motion import lip_contact
from ..values.messages import number_of
from ..values.phones import VOWELS, Phone
from ..values.types import FloatArray, Motion
from . import g2p
from .align import Alignment, align, free_labels, to_phones

BoolArray = NDArray[np.bool_]

SILENCE = "SIL"
MISFIT = 1.4                # nats a frame: texts of the clips reach 0.7 (0.8 in noise), those of other clips begin at 1.5 (tests/learn/test_transcript_measures.py)
DOUBTFUL = 0.9              # from here on a language that was only guessed may be the wrong one: read in another one, texts begin at 1.0
NEAR_S = 0.06               # an aligned phone may lie this far off: what is heard there still counts
PAUSE_S = 0.10              # a pause at least this long brings rest
ROUNDED, SPREAD = ("W", "UW", "OW"), ("IY", "IH", "EH", "AE", "AA", "AH", "AX")
ROUNDISH = ("W", "UW", "OW", "AO", "UH", "UE", "OE")       # what a spread vowel may be mistaken for
ROUND_LEAST, SPREAD_MOST = 0.45, 0.20       # pucker + funnel on a rounded phone at least, inside of a spread vowel at most
PUCKER_SHARE = 0.6          # of what is added to the rounding
OPEN, CLOSE = ("AA", "AE", "AO"), ("IH", "UH", "S", "Z", "SH", "ZH", "CH", "JH")        # low jaw; high jaw, which open neighbours draw down
OPEN_MORE, OPEN_JAW = 0.25, 0.42            # share by which the jaw opens more on the first at the most; none where it is so low
CLOSE_LESS = 0.10           # share by which it opens less on the second
HEARD_FROM, HEARD_AT = 0.3, 0.8             # score of a class at which it begins to count where no transcript says it, and counts wholly
DOUBT_FROM, DOUBT_AT = 0.05, 0.2            # score of ROUNDISH from which on less is flattened, and nothing
CORE_S = 0.02               # of a vowel, from its ends: there the lips may still come from a contact, or go to one
EASE_S = 0.05               # half a ramp of what a transcript changes
SOFT_S = 0.02               # half a ramp of what is heard, and of the jaw
CUES = ("apart", "rounded", "spread", "jaw", "voiced")     # one value a frame each
_OTHERS = {"AX": "AH"}      # phones that a model may lack, and what stands for them


@dataclass(frozen=True)
class Heard:
    """The phones of a clip, and what they say to the lips.

    Attributes:
        phones: all of the clip, without gaps.
        rate_hz: of the cues; row i stands for second i / rate_hz.
        contact: (t, 3) scores as lips.contact_scores gives them.
        apart, rounded: (t,) 0..1, where a transcript parts the lips, or rounds them; 0 without one.
        spread: (t,) 0..1, where a vowel forbids rounding.
        jaw: (t,) 1 where an open vowel asks for a low jaw, -1 where a close vowel or a hiss asks for a high one.
        voiced: (t,) 0..1, inside of vowels, which need parted lips.
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
    jaw: FloatArray
    voiced: FloatArray
    misfit: float = 0.0
    warning: str = ""
    spoken: FloatArray | None = None


def listen(scores: FloatArray, names: tuple[str, ...], rate_hz: int, words: g2p.Words | None = None) -> Heard:
    """Phones and cues of a clip.

    Args:
        scores: (t, n_phones) of align.log_scores at rate_hz; names: the phone of each column.
        words: of g2p.read_words; None without a transcript.
    """
    free = free_labels(scores)
    alone = _alone(scores, free, names, rate_hz)
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
    """Make the mouth tell more clearly what is said; lips.meet then closes it.

    Lips part where a transcript keeps them apart, and round where it rounds. Inside of a spread vowel little rounding stays: what a neighbour
    leaves of it would be read as another vowel. The jaw opens further on open vowels that it falls short of, as on all quick ones, and less on
    hisses and the ends of diphthongs, which are made with teeth or tongue that nearly meet; by shares, so that a small mouth stays small.

    Args:
        motion: ARKit motion, cues already on its clock (on_clock).
    """
    if not lip_contact.has_lips(motion.channels) or not any(cue.any() for cue in (heard.apart, heard.rounded, heard.spread, heard.jaw)):
        return motion
    weights = motion.weights.copy()
    column = {name: weights[:, index] for index, name in enumerate(motion.channels)}
    column["jawOpen"] *= 1 + np.clip(1 - column["jawOpen"] / OPEN_JAW, 0, OPEN_MORE) * np.maximum(heard.jaw, 0)
    for name in ("jawOpen", "mouthClose"):      # as much of it as was closed stays closed
        column[name] *= 1 + CLOSE_LESS * np.minimum(heard.jaw, 0)
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
    return replace(
        heard, rate_hz=fps, contact=contact, apart=move(heard.apart), rounded=move(heard.rounded), spread=move(heard.spread),
        jaw=move(heard.jaw), voiced=move(heard.voiced), spoken=spoken,
    )


def _alone(scores: FloatArray, labels: NDArray[np.intp], names: tuple[str, ...], rate_hz: int) -> Heard:
    """What the sound says by itself: phones, and cues no surer than they are, so that where much is misheard little is changed."""
    likelihood = np.exp(scores)

    def score(members: Iterable[str]) -> FloatArray:
        return np.asarray(likelihood[:, [names.index(name) for name in members if name in names]].sum(axis=1), np.float32)

    soft, core = max(1, round(SOFT_S * rate_hz)), max(1, round(CORE_S * rate_hz))
    spread, opened, narrow = (lip_contact.step(score(members), HEARD_FROM, HEARD_AT) for members in (SPREAD, OPEN, CLOSE))
    spread *= 1 - lip_contact.step(score(ROUNDISH), DOUBT_FROM, DOUBT_AT)
    voiced = lip_contact.step(np.asarray(_inside(score(VOWELS), core), np.float32), HEARD_FROM, HEARD_AT)
    nothing = np.zeros(len(scores), np.float32)
    return Heard(
        to_phones(labels, names, rate_hz), rate_hz, lip_contact.contact_scores(scores, names), nothing, nothing,
        spread=_eased(spread, soft), jaw=_eased(opened - narrow, soft), voiced=voiced,
    )


def _told(told: Alignment, free: NDArray[np.intp], alone: Heard, names: tuple[str, ...], rate_hz: int) -> Heard:
    """Aligned phones as a prior: contacts where the transcript has them and nowhere else, what is heard where it says nothing."""
    reach = max(1, round(NEAR_S * rate_hz))
    known = told.labels >= 0
    contact = alone.contact.copy()
    touching = np.zeros(len(known), np.bool_)
    for column, members in enumerate(lip_contact.CONTACT_CLASSES[:2]):
        aligned = _is_one_of(told.labels, members, names)
        near = _widened(aligned, reach)
        contact[:, column] = np.where(aligned, 1, np.where(known & ~near, 0, contact[:, column]))
        touching |= near
    silent = told.labels == names.index(SILENCE)
    pause = _held(silent, max(1, round(PAUSE_S * rate_hz)))
    contact[:, 2] = np.where(pause, 1, np.where(known, 0, contact[:, 2]))
    soft, softest, core = (max(1, round(seconds * rate_hz)) for seconds in (SOFT_S, EASE_S, CORE_S))
    rounded, spread, opened, narrow, vowels = (_is_one_of(told.labels, members, names) for members in (ROUNDED, SPREAD, OPEN, CLOSE, VOWELS))
    jaw = _eased(opened.astype(np.float32) - narrow, soft)
    return Heard(
        phones=to_phones(np.where(known, told.labels, free), names, rate_hz, told.places), rate_hz=rate_hz, contact=contact,
        apart=_eased(known & ~pause & ~touching, 1), rounded=_eased(_widened(rounded, 1), softest), spread=_eased(spread, 1),
        jaw=np.where(known, jaw, alone.jaw), voiced=np.maximum(_inside(vowels, core), alone.voiced), misfit=told.fit,
    )


def _is_one_of(labels: NDArray[np.intp], members: Iterable[str], names: tuple[str, ...]) -> BoolArray:
    return np.isin(labels, [names.index(name) for name in members if name in names])


def _windows(values: NDArray[np.generic], reach: int) -> NDArray[np.generic]:
    return np.lib.stride_tricks.sliding_window_view(np.pad(values, reach, mode="edge"), 2 * reach + 1)


def _widened(mask: BoolArray, reach: int) -> BoolArray:
    return np.asarray(_windows(mask, reach).max(axis=1), np.bool_)


def _inside(values: NDArray[np.generic], reach: int) -> NDArray[np.generic]:
    """The values at their least within a reach: what is left of a run without its ends."""
    return np.asarray(_windows(values, reach).min(axis=1))


def _held(mask: BoolArray, least: int) -> BoolArray:
    """The mask without its runs that are shorter than `least` frames."""
    edges = np.flatnonzero(np.diff(mask.astype(np.int8), prepend=0, append=0))
    kept = np.zeros(len(mask), np.bool_)
    for start, stop in zip(edges[::2], edges[1::2], strict=True):
        kept[start:stop] = stop - start >= least
    return kept


def _eased(mask: NDArray[np.generic], reach: int) -> FloatArray:
    """A mask or cue with ramps at its edges."""
    return np.asarray(_windows(mask.astype(np.float32), reach).mean(axis=1), np.float32)
