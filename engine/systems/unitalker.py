"""UniTalker at run time: encoder, decoder, heads; its one condition is a style vector."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ..model import runtime
from ..model.decode import Decoded, Track, decode, frame_count, phone_scores, resample
from ..model.encode import FeatureWindow
from ..model.heads import Head, read_template
from ..model.style import Style, missing_pivot, resolve
from ..values.errors import ModelError, SettingError
from ..values.messages import number_of
from ..values.types import FloatArray, Settings
from .encoded import EncodedSystem


@dataclass(frozen=True)
class UniTalkerSystem(EncodedSystem):
    """A System (see there); its graphs are opened when they are first needed."""

    @cached_property
    def _decoder(self) -> runtime.Graph:
        # small graphs run on the processor: copying to a GPU costs more than it saves
        return runtime.open_graph(self.model.folder / "decoder.onnx", "cpu", self.threads)

    @cached_property
    def _phones(self) -> runtime.Graph | None:
        if not self.model.phones:
            return None
        return runtime.open_graph(self.model.folder / "phones.onnx", "cpu", self.threads)

    def track(self, settings: Settings) -> Track:
        """Head and style that the settings name. Raises SettingError, ModelError."""
        if settings.references:
            raise SettingError(
                f"Model {self.model.id} cannot take its style from a motion. Choose a model that can, such as "
                "composite, or leave the reference out."
            )
        head = self.model.head(settings.head)
        template = read_template(settings.template, head) if settings.template else head.template
        warning = missing_pivot(settings, self.model)
        return Track(head, resolve(settings, self.model), template, settings.raw, (warning,) if warning else ())

    def decode(self, windows: Iterable[FeatureWindow], tracks: Sequence[Track], n_samples: int) -> list[Decoded]:
        """See System. Each window goes through decoder and heads by itself."""
        def run(window: FeatureWindow) -> tuple[list[FloatArray], FloatArray | None]:
            hidden: dict[object, FloatArray] = {}
            scores = phone_scores(window, self._phones, self.model) if self._phones else None
            return [self._of_window(window, track, hidden) for track in tracks], scores

        return decode(windows, self.model, tracks, n_samples, run)

    def _of_window(self, window: FeatureWindow, track: Track, hidden: dict[object, FloatArray]) -> FloatArray:
        """(frames, channels) of one window; `hidden` holds decoder outputs for tracks that differ in the head only."""
        head = track.head
        n_frames = frame_count(window.stop - window.start, head, self.model.encoder.rate_hz)
        at_features = head.resample == "features"
        features = resample(window.features, n_frames, head.align_corners) if at_features else window.features
        mixed = self._mixed(features, n_frames, head, track.style, hidden)
        return np.asarray(mixed @ head.weight + head.bias, np.float32)

    def _mixed(
        self, features: FloatArray, n_frames: int, head: Head, style: Style, hidden: dict[object, FloatArray],
    ) -> FloatArray:
        """What the head's matrix takes (n_frames, d); strength moves it on the line from the pivot's to the style's."""
        def last_hidden(vector: FloatArray) -> FloatArray:
            key = (len(features), head.align_corners, vector.tobytes())
            if key not in hidden:
                hidden[key] = self._run(features, vector, head)
            rows = hidden[key]
            if head.resample == "output":       # of the decoder: layers of the head come after it
                rows = resample(rows, n_frames, head.align_corners)
            for weight, bias in head.layers:
                rows = np.tanh(rows @ weight + bias)
            return rows

        if style.strength == 1 or np.array_equal(style.vector, style.pivot):
            return last_hidden(style.vector)
        pivot = last_hidden(style.pivot)
        if style.strength == 0:
            return pivot
        return np.asarray(pivot + np.float32(style.strength) * (last_hidden(style.vector) - pivot), np.float32)

    def _run(self, features: FloatArray, style: FloatArray, head: Head) -> FloatArray:
        hidden = self._decoder.run({"features": features[None], "style": style[None]})
        if hidden.ndim != 3 or hidden.shape[1:] != (len(features), len(head.weight)):
            raise ModelError(
                f"decoder.onnx of model {self.model.folder} gives shape {hidden.shape} for "
                f"{number_of(len(features), 'frame')}, head {head.id} needs (1, {len(features)}, {len(head.weight)}). "
                "Export the model again."
            )
        return np.asarray(hidden[0])
