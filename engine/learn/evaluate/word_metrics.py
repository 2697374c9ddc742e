"""What can be asked of a mouth where only word times are known: does it shut in words with p b m, and stay open in words without?

Each word is one event and one draw of the bootstrap, since such sets are single sentences.
"""

from collections.abc import Sequence

import numpy as np

from ..data.labels import Word, pauses
from ..synth.phones import BILABIALS, LABIODENTALS
from .bootstrap import Area, Ratio, Statistic
from .metrics import NEAR_S, ROUND_ABOVE, ROUNDED, SHUT_BELOW, TUCKED_ABOVE, ClipEvents, SeenMouth, add_pause, span

LIP_ROUNDED = ROUNDED | frozenset(["UE", "OE"])
ROUNDISH = ROUNDED | frozenset(["UE", "OE", "AO", "UH", "R", "SH", "ZH", "CH", "JH", "ER"])  # a word with none of these stays flat
MEANS = {
    "word_shut": "contact word shut", "word_shut_false": "free word shut", "word_tucked": "fv word tucked", "word_round": "round word round",
    "word_round_false": "flat word round", "silence_shut": "silent frame shut",
}
AREAS = {"word_shut_auc": ("contact closeness", "free closeness"), "word_round_auc": ("round most", "flat most")}


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
    statistics: dict[str, Statistic] = {}
    for name, event in MEANS.items():
        values = [item.array(event) for item in items]
        sizes = np.array([value.size for value in values])
        statistics[name] = Ratio(np.array([value.sum() for value in values]), sizes, int(sizes.sum()))
    for name, (positives, negatives) in AREAS.items():
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


