"""How lips meet and part on a character's own mesh: what a result says of them, in head heights."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

HEAD_MM = 240.0         # a grown head from chin to crown, for people who read millimetres
MEETING = 0.5 / HEAD_MM     # lips within it are seen to meet
LEAST_PARTED = 4.0 / HEAD_MM    # a jaw that opens the lips by less than this at its widest is as good as empty


@dataclass(frozen=True)
class LipGaps:
    """The gap of each p, b and m on its tightest frame; below 0 the lips cross."""

    tightest: tuple[float, ...]

    @property
    def meet(self) -> int:
        """How many lips are within MEETING."""
        return sum(abs(gap) <= MEETING for gap in self.tightest)

    @property
    def crossing_mm(self) -> float:
        """The largest crossing, 0 for none."""
        return max(-min(self.tightest, default=0.0), 0.0) * HEAD_MM

    @property
    def open_mm(self) -> float:
        """The largest gap that is left, 0 for none."""
        return max(max(self.tightest, default=0.0), 0.0) * HEAD_MM


@dataclass(frozen=True)
class LipCheck:
    """What the keyed weights do to the lips of one character.

    Attributes:
        before, after: fitting to the mesh. fitted: whether it was asked for; else both are the same.
        widest: largest gap on any frame. opening: gap of the jaw alone, wide open; 0 where nothing opens the mouth.
        parting: key -> change of the gap with that key at 1, for every key of the mesh that moves the lips.
        tucks: how far the lower lip stays below the upper teeth on each f and v; none where the mesh has no teeth.
        through_teeth: the furthest that the face of the upper teeth comes through a lip.
    """

    before: LipGaps
    after: LipGaps
    widest: float
    opening: float
    fitted: bool
    parting: Mapping[str, float] = field(default_factory=dict)
    tucks: tuple[float, ...] = ()
    through_teeth: float = 0.0

    @property
    def tucked(self) -> int:
        """How many f and v have the lower lip at the teeth."""
        return sum(below <= MEETING for below in self.tucks)

    @property
    def through_teeth_mm(self) -> float:
        """How far teeth come through a lip, on a head of usual size."""
        return self.through_teeth * HEAD_MM

    @property
    def opens(self) -> bool:
        """Whether the mouth of this mesh opens at all."""
        return self.opening >= LEAST_PARTED

    @property
    def widest_mm(self) -> float:
        """The largest gap on a head of usual size."""
        return self.widest * HEAD_MM


SHUT = LipCheck(LipGaps(()), LipGaps(()), 0.0, 0.0, False)      # a mouth that nothing opens
