"""Suggest which control of a rig a face channel could mean, where the names are alike but not the same.

Names that are surely the same are found without a person. The rest, "Mouth Open" for jawOpen or "Smile_L" for
mouthSmileLeft, are suggestions: a person decides, and nothing is mapped here.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import lru_cache

MIN_SCORE = 0.55        # below, a suggestion is more often wrong than right
LIKE_WORDS = 0.75       # two words that share so much of their letters may be one word, misspelled or shortened
NO_SIDE = 0.8           # of a name without a side for a channel of one side: "Smile" for mouthSmileLeft
PLACE_WEIGHT = 0.5      # of a word that only says where: "mouth" in mouthSmile tells less than "smile"
_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[^\W\d_A-Za-z]+")
_SIDES = {
    **dict.fromkeys(("l", "left", "lt", "lft"), "left"), **dict.fromkeys(("r", "right", "rt", "rgt"), "right"),
}
_PLACES = frozenset({"mouth", "jaw", "eye", "brow", "cheek", "nose", "tongue"})
# Words that riggers use for one thing. Each channel word stands for the others of its line too.
_SAME = (
    ("mouth", "lip", "lips", "mth"), ("jaw", "chin", "mouth"), ("open", "drop"), ("brow", "eyebrow", "brows"),
    ("eye", "eyes", "eyelid", "lid"), ("blink", "close", "closed", "shut"), ("close", "closed", "shut", "together"),
    ("smile", "happy", "grin"), ("frown", "sad"), ("funnel", "o", "oh"), ("pucker", "kiss", "u", "oo", "ooh"),
    ("stretch", "wide"), ("sneer", "wrinkle", "snarl"), ("roll", "suck"), ("puff", "blow"), ("up", "raise", "raiser"),
    ("down", "lower", "depress", "lowerer"), ("squint", "raiser", "lower"), ("out", "stick", "show"),
    ("forward", "fwd", "thrust"), ("press", "tight", "tightener"), ("dimple", "dimpler"),
    ("wide", "surprise", "surprised"), ("cheek", "cheeks"), ("tongue", "tng"), ("upper", "up", "top"),
    ("lower", "low", "bottom"),
)


@dataclass(frozen=True)
class Hint:
    """A control that could be meant. score: 0 to 1, how much of both names agrees."""

    name: str
    score: float


def suggest(wanted: Sequence[str], have: Collection[str], limit: int = 3) -> dict[str, tuple[Hint, ...]]:
    """For each wanted name the names of have that it could mean, best first, at most limit; () where nothing is alike.

    A name of the other side of the face is never suggested; a name without a side may be suggested for both.
    """
    known = [(name, *_parts(name)) for name in sorted(have)]
    found = {}
    for channel in wanted:
        words, side = _parts(channel)
        hints = [Hint(name, _score(words, side, others, its_side)) for name, others, its_side in known]
        likely = [hint for hint in hints if hint.score >= MIN_SCORE]
        found[channel] = tuple(sorted(likely, key=lambda hint: (-hint.score, hint.name))[:limit])
    return found


def _score(words: tuple[str, ...], side: str, others: tuple[str, ...], its_side: str) -> float:
    """How much of both names agrees, each word by its weight."""
    if not words or not others or (side != its_side and side and its_side) or (its_side and not side):
        return 0.0
    best = [max(_likeness(word, other) for other in others) for word in words]
    back = [max(_likeness(word, other) for word in words) for other in others]
    telling = [score for word, score in zip(words, best, strict=True) if word not in _PLACES]
    if max(telling or best) < LIKE_WORDS:
        return 0.0      # only the place agrees
    agreement = (_mean(words, best) + _mean(others, back)) / 2
    return agreement * (1.0 if side == its_side else NO_SIDE)


def _mean(words: tuple[str, ...], scores: list[float]) -> float:
    weights = [PLACE_WEIGHT if word in _PLACES else 1.0 for word in words]
    return sum(weight * score for weight, score in zip(weights, scores, strict=True)) / sum(weights)


@lru_cache(maxsize=100_000)
def _likeness(word: str, other: str) -> float:
    """Of two words of a channel and of a rig, 0 to 1."""
    if word == other:
        return 1.0
    if any(word == group[0] and other in group for group in _SAME):
        return 0.9
    if min(len(word), len(other)) >= 3 and (word.startswith(other) or other.startswith(word)):
        return 0.85
    matcher = difflib.SequenceMatcher(None, word, other, autojunk=False)
    if min(len(word), len(other)) < 4 or matcher.quick_ratio() < LIKE_WORDS:
        return 0.0
    ratio = matcher.ratio()
    return ratio if ratio >= LIKE_WORDS else 0.0


@lru_cache(maxsize=10_000)
def _parts(name: str) -> tuple[tuple[str, ...], str]:
    """Words in lower case without the side, and the side: "left", "right" or "". A name with both sides has none."""
    words = [word.lower() for word in _WORDS.findall(name)]
    sides = {_SIDES[word] for word in words if word in _SIDES}
    return tuple(word for word in words if word not in _SIDES), next(iter(sides)) if len(sides) == 1 else ""
