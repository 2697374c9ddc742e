"""Which frames of a take show how it speaks: at the phones that matter, or evenly. Plain values, no Blender."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from ...engine.values.phones import PHONES, Phone, mouth_kind

SILENCE = PHONES[0]
# How much people look at a kind of mouth.
WORTH = {"closed": 1.0, "open": 0.9, "round": 0.9, "teeth on lip": 0.8, "spread": 0.6, "vowel": 0.4, "": 0.2}
WORTH_OF_SILENCE = 0.05
SEEN_OFTEN = 0.25               # less with each picture of the same kind
STEADY_S = 0.12                 # phones at least so long reach their shape


@dataclass(frozen=True)
class Moment:
    """A frame, and the phone on it with its place in the list; -1 and "" without one."""

    frame: int
    phone: str = ""
    index: int = -1


def at_phones(
    phones: Sequence[Phone], first_frame: float, fps: float, last_frame: float, count: int,
) -> tuple[Moment, ...]:
    """The middles of the phones that show most: of each of equal parts of the take the one that people look at most.

    Args:
        phones: of the take; second 0 falls on first_frame.
        last_frame: of the take; a phone after it is left out.
    Returns:
        At most count moments, rising, each on a frame of its own; fewer where there are not so many phones.
    """
    middles = [first_frame + (phone.start_s + phone.end_s) / 2 * fps for phone in phones]
    spoken = [index for index in _spoken(phones) if middles[index] <= last_frame + 0.5]
    parts = min(count, len(spoken))
    seen: Counter[str] = Counter()
    moments: dict[int, Moment] = {}
    for part in range(parts):
        of_part = spoken[part * len(spoken) // parts:(part + 1) * len(spoken) // parts]
        best = max(of_part, key=lambda index: _worth(phones[index], seen))
        seen[mouth_kind(phones[best].label)] += 1
        frame = round(middles[best])
        moments.setdefault(frame, Moment(frame, phones[best].label, best))
    return tuple(moments.values())


def evenly(
    phones: Sequence[Phone], first_frame: float, fps: float, last_frame: float, count: int,
) -> tuple[Moment, ...]:
    """The middles of equal parts of the take, with the phone that is spoken there."""
    frames = int(last_frame - first_frame) + 1
    count = min(count, frames)
    chosen = [int(first_frame) + int((part + 0.5) * frames / count) for part in range(count)]
    return tuple(_moment(frame, phones, (frame - first_frame) / fps) for frame in chosen)


def _spoken(phones: Sequence[Phone]) -> list[int]:
    """Which phones are not silence."""
    return [index for index, phone in enumerate(phones) if phone.label != SILENCE]


def _worth(phone: Phone, seen: Counter[str]) -> float:
    """How much a phone shows; less after others of its kind, and where it is too short to reach its shape."""
    kind = mouth_kind(phone.label)
    worth = WORTH_OF_SILENCE if phone.label == SILENCE else WORTH[kind]
    steady = min(1.0, 0.5 + 0.5 * (phone.end_s - phone.start_s) / STEADY_S)
    return worth * steady / (1 + SEEN_OFTEN * seen[kind])


def _moment(frame: int, phones: Sequence[Phone], second: float) -> Moment:
    for index, phone in enumerate(phones):
        if phone.start_s <= second < phone.end_s:
            return Moment(frame, "" if phone.label == SILENCE else phone.label, index)
    return Moment(frame)
