"""Only some frames of a take: what is keyed there when the curves outside must stay as they are.

At both ends of the window the old curve turns into the new one, over some frames inside of it. Lips that are closed in
the one or the other stay closed meanwhile: on such a frame the closed one counts alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import bpy
import numpy as np

from ...engine import RigChannel, RigCurves, reduce_for_curves, reduce_for_lines
from ...engine.values.types import Curve
from ..actions import keys
from ..actions.keys import Points
from ..actions.ledger import Channel, Span
from .parts import Line

NEAR = 0.02                     # frames, to tell how steep a curve is
SAME_VALUE = 1e-5               # a key that was not touched since it was written still has its value to within this


@dataclass(frozen=True)
class Window:
    """The frames that may change.

    Attributes:
        first, last: frames. crossfade: frames in which old turns into new, at each end.
        closed, was_closed: spans of frames on which the lips touch in the new motion, and touched in the old.
        max_error: keys may be left out while the curve moves by less; None keeps one on every frame.
        slack: (n_frames,) of the line, how far curves may move on each frame without parting the lips.
        punched: the frames lie in another line, so that both ends turn into it, also those of the new line.
    """

    first: float
    last: float
    crossfade: float
    closed: list[Span] = field(default_factory=list)
    was_closed: list[Span] = field(default_factory=list)
    max_error: float | None = None
    slack: np.ndarray | None = None
    punched: bool = False

    def fades(self, line: Line) -> tuple[bool, bool]:
        """Whether the old curve goes on before the first and after the last frame."""
        return self.punched or self.first > line.first_frame, self.punched or self.last < line.last_frame

    @property
    def span(self) -> Span:
        """First and last frame."""
        return self.first, self.last


@dataclass(frozen=True)
class Old:
    """The curves of a data-block as they are: find gives a channel's curve, and its value where it has none."""

    data_block: object
    find: Callable[[Channel], tuple[bpy.types.FCurve | None, float]]


class _Before:
    """What was there before a window was first written: a fade into what was faded already would be shorter."""

    def __init__(self) -> None:
        self._window: object = None
        self._curves: dict[object, tuple[np.ndarray, np.ndarray]] = {}

    def values(self, window: object, curve: object, now: np.ndarray) -> np.ndarray:
        """The values before, where what was written then still stands; else those of now."""
        if window != self._window:
            self._window, self._curves = window, {}
        written, before = self._curves.get(curve, (None, now))
        if written is None or len(written) != len(now):
            return now
        return before if np.abs(written - now).max(initial=0) < SAME_VALUE else now

    def keep(self, curve: object, before: np.ndarray, written: np.ndarray) -> None:
        """Remember both."""
        self._curves[curve] = written.copy(), before.copy()


_before = _Before()


def compose(points: Mapping[Channel, Points], line: Line, window: Window, mode: str, old: Old) -> dict[Channel, Points]:
    """The keys inside of the window.

    Args:
        points: keys of the whole line.
        mode: 'LINEAR', 'BEZIER' or 'CONSTANT'.
    """
    count = round(line.last_frame - line.first_frame) + 1
    dense = line.first_frame + np.arange(count)
    inside = keys.within(dense, [window.span])
    edges = [edge for edge in window.span if line.first_frame < edge < line.last_frame]
    frames = np.unique(np.round(np.concatenate([dense[inside], edges]), 4))
    share = _share(frames, line, window)
    made: dict[Channel, Points] = {}
    for channel, rows in points.items():
        curve, rest = old.find(channel)
        if mode == 'CONSTANT':
            made[channel] = _stepped(rows, curve, rest, line, window)
            continue
        now = np.array([curve.evaluate(frame) if curve is not None else rest for frame in frames[share < 1]])
        mark = window.span, window.crossfade, line.name, line.first_frame, line.fps
        before = _before.values(mark, (old.data_block, channel), now)
        values = np.interp(frames, rows[:, 0], rows[:, 1])
        values[share < 1] = share[share < 1] * values[share < 1] + (1 - share[share < 1]) * before
        _before.keep((old.data_block, channel), before, values[share < 1].astype(np.float32))
        made[channel] = np.stack([frames, values], 1).astype(np.float32)
    return made if window.max_error is None or mode == 'CONSTANT' else _reduced(made, share, line, window, mode)


@dataclass(frozen=True)
class Lead:
    """The pose in which a line begins: that of the frame on which the last one ended, turned into the line's own motion
    over some frames. closed: spans of frames on which the lips touch in the line; those after its start do at once."""

    frame: float
    frames: float
    closed: list[Span] = field(default_factory=list)


def led_in(points: Mapping[Channel, Points], line: Line, lead: Lead, old: Old) -> dict[Channel, Points]:
    """The keys of a line that begins in the pose of a frame before it; a key on each frame meanwhile."""
    end = min(line.first_frame + max(lead.frames, 1.0), line.last_frame)
    frames = np.arange(line.first_frame, end, 1.0)
    spoken = [span for span in lead.closed if span[0] > line.first_frame + keys.SAME_FRAME]     # before it, all rests
    share = np.where(keys.within(frames, spoken), 1.0, (frames - line.first_frame) / (end - line.first_frame))
    made: dict[Channel, Points] = {}
    for channel, rows in points.items():
        curve, rest = old.find(channel)
        pose = curve.evaluate(lead.frame) if curve is not None else rest
        values = share * np.interp(frames, rows[:, 0], rows[:, 1]) + (1 - share) * pose
        later = rows[rows[:, 0] >= end - keys.SAME_FRAME]
        made[channel] = np.concatenate([np.column_stack([frames, values]), later]).astype(np.float32)
    return made


def edges_of(curve: bpy.types.FCurve, line: Line, window: Window) -> list[keys.Edge]:
    """Where the old curve meets the window, before it is written."""
    found = []
    fades_in, fades_out = window.fades(line)
    if fades_in:
        slope = (curve.evaluate(window.first) - curve.evaluate(window.first - NEAR)) / NEAR
        found.append(keys.Edge(window.first, "handle_left", slope))
    if fades_out:
        slope = (curve.evaluate(window.last + NEAR) - curve.evaluate(window.last)) / NEAR
        found.append(keys.Edge(window.last, "handle_right", slope))
    return found


def _share(frames: np.ndarray, line: Line, window: Window) -> np.ndarray:
    """How much of the new curve counts on each frame, 0 to 1."""
    fade = min(window.crossfade, (window.last - window.first) / 2)
    knots: dict[float, float] = {}
    fades_in, fades_out = window.fades(line)
    if fades_in and fade > 0:
        knots |= {window.first: 0.0, window.first + fade: 1.0}
    if fades_out and fade > 0:
        knots |= {window.last: 0.0} | ({window.last - fade: 1.0} if window.last - fade not in knots else {})
    if not knots:
        return np.ones(len(frames))
    share = _between(frames, knots)
    # on its first and last frame the old curve goes on
    fading = (share < 1) & (frames > window.first) & (frames < window.last)
    closed, was_closed = (keys.within(frames, spans) & fading for spans in (window.closed, window.was_closed))
    knots |= dict.fromkeys(frames[closed & ~was_closed].tolist(), 1.0)
    knots |= dict.fromkeys(frames[was_closed & ~closed].tolist(), 0.0)
    return _between(frames, knots)


def _between(frames: np.ndarray, knots: Mapping[float, float]) -> np.ndarray:
    times = sorted(knots)
    return np.interp(frames, times, [knots[time] for time in times])


def _stepped(rows: Points, curve: bpy.types.FCurve | None, rest: float, line: Line, window: Window) -> Points:
    """Held values do not fade: the new ones from the first frame on, the old one again on the last."""
    def held(frame: float) -> float:
        return float(rows[max(np.searchsorted(rows[:, 0], frame + keys.SAME_FRAME) - 1, 0), 1])

    first = max(window.first, line.first_frame)
    inner = rows[(rows[:, 0] > first + keys.SAME_FRAME) & (rows[:, 0] <= window.last + keys.SAME_FRAME)]
    made = [(first, held(first)), *inner.tolist()]
    if window.fades(line)[1]:
        made = [key for key in made if key[0] < window.last - keys.SAME_FRAME]
        made.append((window.last, curve.evaluate(window.last) if curve is not None else rest))
    return np.array(made, np.float32)


def _reduced(
    made: Mapping[Channel, Points], share: np.ndarray, line: Line, window: Window, mode: str
) -> dict[Channel, Points]:
    """Fewer keys; all stay where old turns into new."""
    frames = next(iter(made.values()))[:, 0].astype(np.float64)
    slack = np.full(len(frames), np.inf)
    if window.slack is not None:
        slack = window.slack[np.round(frames - line.first_frame).astype(np.intp).clip(0, len(window.slack) - 1)]
    slack = np.where(share < 1, 0.0, slack).astype(np.float32)
    curves = {
        RigChannel("property", path, "", index): Curve(frames / line.fps, rows[:, 1])
        for (path, index), rows in made.items()
    }
    reduce_keys = reduce_for_curves if mode == 'BEZIER' else reduce_for_lines
    fewer = reduce_keys(RigCurves(curves, "", (), ()), window.max_error, slack).curves
    return {
        (channel.name, channel.index): np.stack(
            [np.round(curve.seconds * line.fps, 4), curve.values], 1
        ).astype(np.float32)
        for channel, curve in fewer.items()
    }
