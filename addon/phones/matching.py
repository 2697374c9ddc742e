"""Which marker is which, after the artist moved, renamed, copied and deleted some with Blender's own tools.

Markers carry nothing of ours (from Blender 5.0 on they cannot) but keep their order in the scene through all of that;
so the markers as they were seen last and as they are now are matched in order, by name and frame. Knows no Blender:
names, frames and positions only.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

# costs; one marker gone and one new cost a little more than one that is moved and renamed
MOVED, RENAMED, BOTH, GONE = 0.5, 0.5, 0.95, 0.5
# more for what became a name that is no phone's, on another frame: rather one gone, and another of the artist's own
ODD = 0.3
MOST_CELLS = 4_000_000      # of one search: two thousand markers that all changed

Marker = tuple[str, int]    # name and frame


def match(seen: Sequence[Marker], now: Sequence[Marker], phones: frozenset[str]) -> list[tuple[int | None, int | None]]:
    """Pairs of positions in `seen` and in `now`, in order: (i, j) is the same marker, (i, None) is gone, (None, j) is
    new.

    Args:
        phones: the names in `now` that are those of a phone.
    """
    if any([marker[part] for marker in seen] == [marker[part] for marker in now] for part in (0, 1)):
        return [(i, i) for i in range(len(now))]        # only moved, or only renamed
    first = _same_from(seen, now)
    last = _same_from(seen[first:][::-1], now[first:][::-1])
    pairs: list[tuple[int | None, int | None]] = [(i, i) for i in range(first)]
    middle = _search(seen[first:len(seen) - last], now[first:len(now) - last], phones)
    pairs += [(None if i is None else i + first, None if j is None else j + first) for i, j in middle]
    return pairs + [(len(seen) - last + i, len(now) - last + i) for i in range(last)]


def _same_from(seen: Sequence[Marker], now: Sequence[Marker]) -> int:
    pairs = enumerate(zip(seen, now, strict=False))
    return next((i for i, (before, after) in pairs if before != after), min(len(seen), len(now)))


def _search(
    seen: Sequence[Marker], now: Sequence[Marker], phones: frozenset[str]
) -> list[tuple[int | None, int | None]]:
    """The cheapest way from one list to the other."""
    if len(seen) == len(now) and (not seen or len(seen) * len(now) > MOST_CELLS):
        return [(i, i) for i in range(len(seen))]
    if not seen or not now or len(seen) * len(now) > MOST_CELLS:
        return [(i, None) for i in range(len(seen))] + [(None, j) for j in range(len(now))]
    names = np.array([name for name, _ in now], dtype=object)
    frames = np.array([frame for _, frame in now])
    odd = ODD * np.array([name not in phones for name in names])
    steps = np.arange(len(now) + 1) * GONE
    totals = np.zeros((len(seen) + 1, len(now) + 1))
    totals[0] = steps
    for row, (name, frame) in enumerate(seen):
        renamed, moved = names != name, frames != frame
        costs = np.where(renamed & moved, BOTH + odd, np.where(renamed, RENAMED, np.where(moved, MOVED, 0.0)))
        best = totals[row] + GONE
        best[1:] = np.minimum(best[1:], totals[row, :-1] + costs)
        totals[row + 1] = np.minimum.accumulate(best - steps) + steps
    return _trace(totals)


def _trace(totals: np.ndarray) -> list[tuple[int | None, int | None]]:
    pairs: list[tuple[int | None, int | None]] = []
    i, j = (length - 1 for length in totals.shape)
    while i or j:
        if i and abs(totals[i - 1, j] + GONE - totals[i, j]) < 1e-9:
            i -= 1
            pairs.append((i, None))
        elif j and abs(totals[i, j - 1] + GONE - totals[i, j]) < 1e-9:
            j -= 1
            pairs.append((None, j))
        else:
            i, j = i - 1, j - 1
            pairs.append((i, j))
    return pairs[::-1]
