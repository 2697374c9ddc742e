"""What differs between the phones that were recognised and those that the user wants: where, and how time moved.

Knows phones and seconds; nothing of faces. Phones that are the same on both sides part the clip into independent
changes, so that a change here never depends on one elsewhere.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..values.phones import Phone

SAME_S = 0.0015             # times nearer than this are one: files keep milliseconds
SHIFT_S = 0.4               # a phone that moved so far costs as much as one that was replaced
REPLACED, ADDED = 1.0, 0.75     # costs of a phone of another class in the place of one, and of one more or one less
LONGEST_SEARCH = 1500       # phones that are matched at a time: a matrix of 20 MB
SPREAD_S = 0.030            # to each side of a cut, over which the time of a deleted phone is passed
SPREAD_SHARE = 0.4          # of the phones at the cut, at most

Pair = tuple[Phone | None, Phone | None]        # recognised and wanted


@dataclass(frozen=True)
class PhoneChange:
    """One stretch of time on which the phones differ.

    Attributes:
        start_s, end_s: the stretch, the same on both sides.
        pairs: its phones in time order: (recognised, wanted); (recognised, None) is deleted, (None, wanted) is new.
    """

    start_s: float
    end_s: float
    pairs: tuple[Pair, ...]

    @property
    def reshaped(self) -> tuple[Pair, ...]:
        """The pairs whose phone is another one: replaced, deleted or new; a phone that only moved is none."""
        return tuple(pair for pair in self.pairs if not (pair[0] and pair[1] and pair[0].label == pair[1].label))


def complete(phones: Sequence[Phone], end_s: float) -> tuple[Phone, ...]:
    """The phones from second 0 to the end, gaps filled with silence."""
    filled: list[Phone] = []
    at_s = 0.0
    for phone in phones:
        if phone.start_s > at_s + SAME_S:
            filled.append(Phone("SIL", at_s, phone.start_s))
        filled.append(phone)
        at_s = phone.end_s
    if end_s > at_s + SAME_S:
        filled.append(Phone("SIL", at_s, end_s))
    return tuple(filled)


def changes(recognised: Sequence[Phone], wanted: Sequence[Phone]) -> tuple[PhoneChange, ...]:
    """The changes from one list of phones to another, in time order; both cover the same time without gaps."""
    found: list[PhoneChange] = []
    i = j = 0
    while i < len(recognised) or j < len(wanted):
        if i < len(recognised) and j < len(wanted) and _is_same(recognised[i], wanted[j]):
            i, j = i + 1, j + 1
            continue
        last_i, last_j = _until_same(recognised, wanted, i, j)
        found.append(_change(recognised[i:last_i], wanted[j:last_j]))
        i, j = last_i, last_j
    return tuple(found)


def time_map(found: Sequence[PhoneChange]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """How time moved: at seconds (n,) of the wanted phones, motion comes from (n,) seconds later (negative: earlier).

    Between the seconds the shift runs in straight lines; outside of them nothing moved.
    """
    at_s, shift_s = [-1.0], [0.0]
    for change in found:
        for wanted_s, heard_s in _knots(change):
            at_s.append(max(wanted_s, at_s[-1]))
            shift_s.append(heard_s - wanted_s)
    return np.array(at_s), np.array(shift_s)


def _is_same(one: Phone, other: Phone) -> bool:
    apart_s = max(abs(one.start_s - other.start_s), abs(one.end_s - other.end_s))
    return one.label == other.label and apart_s < SAME_S


def _until_same(recognised: Sequence[Phone], wanted: Sequence[Phone], i: int, j: int) -> tuple[int, int]:
    """The next phones from i and j on that are the same, or the ends."""
    while i < len(recognised) and j < len(wanted):
        if _is_same(recognised[i], wanted[j]):
            return i, j
        later_s = recognised[i].start_s - wanted[j].start_s
        if later_s < -SAME_S or (later_s < SAME_S and recognised[i].end_s < wanted[j].end_s):
            i += 1
        else:
            j += 1
    return len(recognised), len(wanted)


def _change(recognised: Sequence[Phone], wanted: Sequence[Phone]) -> PhoneChange:
    pairs: list[Pair] = []
    i = j = 0
    while max(len(recognised) - i, len(wanted) - j) > LONGEST_SEARCH:
        if len(recognised) - i > LONGEST_SEARCH:
            last_i = i + LONGEST_SEARCH
            last_j = j + _begun(wanted[j:j + 4 * LONGEST_SEARCH], recognised[last_i].start_s)
        else:
            last_j = j + LONGEST_SEARCH
            last_i = i + _begun(recognised[i:], wanted[last_j].start_s)
        pairs += _pairs(recognised[i:last_i], wanted[j:last_j])
        i, j = last_i, last_j
    pairs += _pairs(recognised[i:], wanted[j:])
    both = [*recognised, *wanted]
    return PhoneChange(min(phone.start_s for phone in both), max(phone.end_s for phone in both), tuple(pairs))


def _begun(phones: Sequence[Phone], second: float) -> int:
    """How many phones begin before a second."""
    return sum(phone.start_s < second for phone in phones)


def _pairs(recognised: Sequence[Phone], wanted: Sequence[Phone]) -> list[Pair]:
    """The cheapest way from one list to the other.

    Source: Needleman and Wunsch (1970), a row at a time.
    """
    middles_s = [np.array([(phone.start_s + phone.end_s) / 2 for phone in side]) for side in (recognised, wanted)]
    labels = [np.array([phone.label for phone in side], dtype=object) for side in (recognised, wanted)]
    steps = np.arange(len(wanted) + 1) * ADDED
    totals = np.zeros((len(recognised) + 1, len(wanted) + 1))
    totals[0] = steps
    for row in range(len(recognised)):
        moved = np.abs(middles_s[1] - middles_s[0][row]) / SHIFT_S
        stays = totals[row, :-1] + moved + REPLACED * (labels[1] != labels[0][row])
        best = totals[row] + ADDED
        best[1:] = np.minimum(best[1:], stays)
        totals[row + 1] = np.minimum.accumulate(best - steps) + steps
    return _trace(recognised, wanted, totals)


def _trace(recognised: Sequence[Phone], wanted: Sequence[Phone], totals: NDArray[np.float64]) -> list[Pair]:
    """The steps that lead to the last total, from the first on."""
    pairs: list[Pair] = []
    i, j = len(recognised), len(wanted)
    while i or j:
        if i and abs(totals[i - 1, j] + ADDED - totals[i, j]) < 1e-9:
            i -= 1
            pairs.append((recognised[i], None))
        elif j and abs(totals[i, j - 1] + ADDED - totals[i, j]) < 1e-9:
            j -= 1
            pairs.append((None, wanted[j]))
        else:
            i, j = i - 1, j - 1
            pairs.append((recognised[i], wanted[j]))
    return pairs[::-1]


def _knots(change: PhoneChange) -> list[tuple[float, float]]:
    """(wanted second, recognised second), between which time runs evenly.

    What was deleted is passed quickly, while a new phone stands still.
    """
    # wanted from, wanted to, recognised from, recognised to
    pieces = [(change.start_s - 1, change.start_s, change.start_s - 1, change.start_s)]
    for old, new in change.pairs:
        if new is not None:
            old_span = (old.start_s, old.end_s) if old else (pieces[-1][3], pieces[-1][3])
            pieces.append((new.start_s, new.end_s, *old_span))
    pieces.append((change.end_s, change.end_s + 1, change.end_s, change.end_s + 1))
    knots: list[tuple[float, float]] = []
    for left, right in itertools.pairwise(pieces):
        if abs(left[3] - right[2]) < SAME_S:
            knots.append((right[0], right[2]))
            continue
        reach = min(SPREAD_S, SPREAD_SHARE * (left[1] - left[0]), SPREAD_SHARE * (right[1] - right[0]))
        knots.append((right[0] - reach, _along(left, left[1] - reach)))
        knots.append((right[0] + reach, _along(right, right[0] + reach)))
    if knots[0][0] < change.start_s:        # a cut reaches into the phone before: from there on time moves
        knots.insert(0, (knots[0][0], knots[0][0]))
    return knots


def _along(piece: tuple[float, float, float, float], wanted_s: float) -> float:
    return piece[2] + (wanted_s - piece[0]) / (piece[1] - piece[0]) * (piece[3] - piece[2])
