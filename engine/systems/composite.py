"""Composite and Regional at run time: a UniTalker's way through the graphs, with the style of a reference motion."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ..model import runtime
from ..model.decode import Track
from ..model.folder import MOTION_FILE
from ..model.style import Style, resolve
from ..model.style_from import mixed_style
from ..values.types import Settings
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
        style = resolve(settings, self.model)
        warnings: tuple[str, ...] = ()
        if settings.references:
            vector, warnings = mixed_style(settings.references, self.model, self._motion)
            style = Style(vector, style.pivot, settings.strength)
        # Strength moves the style itself, as the paper's factors and shifts: its output is no line between two others.
        vector = np.asarray(style.pivot + np.float32(style.strength) * (style.vector - style.pivot), np.float32)
        rest = None if settings.raw or head.rest is None else np.clip(vector @ head.rest[0] + head.rest[1], 0, 1)
        return Track(head, Style(vector, vector, 1.0), head.template, settings.raw, warnings, rest)
