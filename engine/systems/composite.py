"""Composite and Regional at run time: a UniTalker's way through the graphs, with the style of a reference motion."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ..model import runtime
from ..model.decode import Track
from ..model.folder import MOTION_FILE
from ..model.heads import Head
from ..model.style import Style, resolve
from ..model.style_from import mixed_style
from ..values.settings import MANNER_REGIONS, RegionGains
from ..values.types import FloatArray, Settings
from .unitalker import UniTalkerSystem


@dataclass(frozen=True)
class CompositeSystem(UniTalkerSystem):
    """A System (see there)."""

    @cached_property
    def _motion(self) -> runtime.Graph:
        return runtime.open_graph(self.model.folder / MOTION_FILE, "cpu", self.threads)

    def track(self, settings: Settings) -> Track:
        """Head, style and resting face that the settings name. Raises SettingError, ModelError."""
        head = self.model.head(settings.head)
        style, warnings = resolve(settings, self.model), ()
        if settings.references:
            vector, warnings = mixed_style(settings.references, self.model, self._motion)
            style = Style(vector, style.pivot, settings.strength)
        # Strength moves the style itself, as the paper's factors and shifts: its output is no line between two others.
        vector = np.asarray(style.pivot + np.float32(style.strength) * (style.vector - style.pivot), np.float32)
        rest = None if settings.raw else _rest(head, vector, settings.regions)
        gains = None if settings.raw else _hidden_gains(head, settings.regions)
        return Track(head, Style(vector, vector, 1.0), head.template, settings.raw, warnings, rest, gains)


def _rest(head: Head, vector: FloatArray, regions: RegionGains) -> FloatArray | None:
    """The pose (k,) in which a face of this style rests, 0 to 1."""
    if head.rest is None:
        return None
    pose = np.clip(vector @ head.rest[0] + head.rest[1], 0, 1)
    gains = _hidden_gains(head, regions)
    if gains is not None:       # a channel rests as much less as its hidden values move it less
        reach = np.abs(head.weight)
        pose = pose * (gains @ reach) / np.maximum(reach.sum(axis=0), 1e-6)
    return np.asarray(np.clip(pose, 0, 1), np.float32)


def _hidden_gains(head: Head, regions: RegionGains) -> FloatArray | None:
    """Factor of each hidden value (d,); None where all stay."""
    if head.regions is None or regions == RegionGains():
        return None
    wanted = np.array([getattr(regions, name) for name in MANNER_REGIONS], np.float32)
    return np.asarray(wanted @ head.regions, np.float32)
