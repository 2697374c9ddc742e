"""Which frames of a take show how it speaks: at the phones that matter, or evenly. Plain values, no Blender."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from ...engine.values.phones import BILABIALS, LABIODENTALS, VOWELS, Phone

SILENCE = "SIL"
OPEN, ROUND, SPREAD = frozenset(["AA", "AE", "AO", "AH"]), frozenset(["UW", "OW", "UH", "W", "UE", "OE"]), frozenset(["IY", "IH", "EH"])
KINDS = (       # kind of mouth, its phones, and how much a person looks at it
    ("closed", BILABIALS, 1.0), ("open", OPEN, 0.9), ("round", ROUND, 0.9), ("teeth on lip", LABIODENTALS, 0.8), ("spread", SPREAD, 0.6),
    ("vowel", VOWELS, 0.4),
)
OTHER, QUIET = 0.2, 0.05        # consonants inside the mouth; silence
SEEN_OFTEN = 0.25               # less with each picture of the same kind
LIKE_TRANSCRIPT = 0.8           # share of phones that follow the transcript, below which no words are named
STEADY_S = 0.12                 # phones at least so long reach their shape


@dataclass(frozen=True)
class Moment:
    """A frame, and the phone on it with its place in the list; -1 and "" without one."""

    frame: int
    phone: str = ""
    index: int = -1


def at_phones(phones: Sequence[Phone], first_frame: float, fps: float, last_frame: float, count: int) -> tuple[Moment, ...]:
    """The middles of the phones that show most: the take is cut into equal parts, and each gives its most telling phone.

    Args:
        phones: of the take; second 0 falls on first_frame.
        last_frame: of the take; a phone after it is left out.
    Returns:
        At most count moments, rising, each on a frame of its own; fewer where there are not so many phones.
    """
    spoken = [index for index, phone in enumerate(phones) if phone.label != SILENCE and first_frame + _middle(phone) * fps <= last_frame + 0.5]
    chosen: list[int] = []
    seen: Counter[str] = Counter()
    for part in range(min(count, len(spoken))):
        low, high = part * len(spoken) // count if count < len(spoken) else part, (part + 1) * len(spoken) // count if count < len(spoken) else part + 1
        best = max(spoken[low:high], key=lambda index: _worth(phones[index], seen))
        seen[kind_of(phones[best].label)] += 1
        chosen.append(best)
    moments: dict[int, Moment] = {}
    for index in chosen:
        frame = round(first_frame + _middle(phones[index]) * fps)
        moments.setdefault(frame, Moment(frame, phones[index].label, index))
    return tuple(moments.values())


def evenly(phones: Sequence[Phone], first_frame: float, fps: float, last_frame: float, count: int) -> tuple[Moment, ...]:
    """The middles of equal parts of the take, with the phone that is spoken there."""
    frames = int(last_frame - first_frame) + 1
    count = min(count, frames)
    chosen = [int(first_frame) + int((part + 0.5) * frames / count) for part in range(count)]
    return tuple(_moment(frame, phones, (frame - first_frame) / fps) for frame in chosen)


def kind_of(label: str) -> str:
    """Kind of mouth of a phone; "" for what shows little."""
    return next((kind for kind, members, _ in KINDS if label in members), "")


def words_of_phones(phones: Sequence[Phone], words: Sequence[Sequence[str]], spelled: Sequence[str]) -> tuple[str, ...]:
    """The written word of each phone, "" where it is not known: the phones that are laid over the sound follow the transcript but for a few.

    Args:
        words: phone labels of each word (g2p.read_words); spelled: the words as written, as many, else nothing is said.
    """
    found = [""] * len(phones)
    told = [(label, place) for place, word in enumerate(words) for label in word]
    heard = [index for index, phone in enumerate(phones) if phone.label != SILENCE]
    matcher = SequenceMatcher(None, [label for label, _ in told], [phones[index].label for index in heard], autojunk=False)
    if len(words) == len(spelled) and matcher.ratio() >= LIKE_TRANSCRIPT:
        for block in matcher.get_matching_blocks():
            for step in range(block.size):
                found[heard[block.b + step]] = spelled[told[block.a + step][1]]
    return tuple(found)


def _middle(phone: Phone) -> float:
    return (phone.start_s + phone.end_s) / 2


def _worth(phone: Phone, seen: Counter[str]) -> float:
    """How much a phone shows; less after others of its kind, and where it is too short to reach its shape."""
    kind = kind_of(phone.label)
    worth = next((value for name, _, value in KINDS if name == kind), QUIET if phone.label == SILENCE else OTHER)
    steady = min(1.0, 0.5 + 0.5 * (phone.end_s - phone.start_s) / STEADY_S)
    return worth * steady / (1 + SEEN_OFTEN * seen[kind])


def _moment(frame: int, phones: Sequence[Phone], second: float) -> Moment:
    for index, phone in enumerate(phones):
        if phone.start_s <= second < phone.end_s:
            return Moment(frame, "" if phone.label == SILENCE else phone.label, index)
    return Moment(frame)
