"""How long the lips stay shut on p, b and m between vowels, against the labels: when they meet, when they part, in milliseconds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..synth.phones import BILABIALS, VOWELS, Phone

FloatArray = NDArray[Any]

SEARCH_S = 0.04  # beyond the phone's ends, where the lips may be shut instead


def closure_edges(opening: FloatArray, phones: Sequence[Phone], fps: float, shut_below: float) -> Iterator[tuple[str, float, float]]:
    """Of every p, b and m between vowels on which the lips meet: the phone, and by how many ms they meet and part after its ends say.

    Negative is early. Times between frames are read off the straight line between them.

    Args:
        opening: (n_frames,) of the lips at fps.
    """
    last = len(opening) - 1
    for before, phone, after in zip(phones, phones[1:], phones[2:], strict=False):
        if phone.label not in BILABIALS or before.label not in VOWELS or after.label not in VOWELS:
            continue
        first = max(int(np.floor((phone.start_s - SEARCH_S) * fps)), 0)
        near = opening[first:int(np.ceil((phone.end_s + SEARCH_S) * fps)) + 1]
        if not near.size or near.min() >= shut_below:
            continue
        left = right = first + int(near.argmin())
        while left > 0 and opening[left - 1] < shut_below:
            left -= 1
        while right < last and opening[right + 1] < shut_below:
            right += 1
        meet = left - (_crossing(opening[left], opening[left - 1], shut_below) if left > 0 else 0.0)
        part = right + (_crossing(opening[right], opening[right + 1], shut_below) if right < last else 0.0)
        yield phone.label, 1000 * (meet / fps - phone.start_s), 1000 * (part / fps - phone.end_s)


def _crossing(inside: float, outside: float, level: float) -> float:
    """Part of a frame from the one below the level to where the line to the next reaches it."""
    return float((level - inside) / (outside - inside))
