"""FaceFormer and CodeTalker at run time: each frame is made from the one before, with a cache of what was attended to.

Windows of sound become rows of audio memory, which are joined as windows of motion are; frames are then made one after
another over the whole clip, so nothing is cut and a clip may be of any length. A folder of this system has memory.onnx
(features -> memory), decoder.onnx (one step: the fed-back frame, its memory and the cache -> hidden state, or codes,
and the longer cache), for CodeTalker codes.onnx (codes of all frames -> hidden states), and talker.npz: `span` audio
rows of a frame, `cache` the shape of an empty one, `weight` and `bias` from a hidden state to the frame that is fed
back. A style is added to each fed-back frame, and is the first one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np

from ..model import runtime
from ..model.decode import Decoded, Track, decode, frame_count, phone_scores, resample
from ..model.encode import FeatureWindow
from ..model.folder import Model
from ..model.heads import Head, broken, load_arrays, read_template
from ..model.style import Style, missing_pivot, resolve
from ..values.errors import ModelError
from ..values.types import FloatArray, Motion, Settings
from .encoded import EncodedSystem

CODES_FILE, ARRAYS_FILE = "codes.onnx", "talker.npz"
# CodeTalker's motion decoder sees the whole clip and runs again for every frame that is fed back; where the reference's
# own numbers are not asked for, it runs for each FEEDBACK_EVERY-th frame, on the last FEEDBACK_FRAMES.
FEEDBACK_EVERY, FEEDBACK_FRAMES = 4, 150


@dataclass(frozen=True)
class Talker:
    """What talker.npz holds.

    Attributes:
        span: audio rows of one frame. cache: shape of an empty cache.
        weight, bias: (hidden, d) and (d,), from a hidden state to the frame that is fed back, without the style.
    """

    span: int
    cache: tuple[int, ...]
    weight: FloatArray
    bias: FloatArray

    @property
    def width(self) -> int:
        """Numbers of a row of memory, of a fed-back frame and of a style."""
        return len(self.bias)


def read_talker(folder: Path) -> Talker:
    """talker.npz of a model folder. Raises ModelError."""
    arrays = load_arrays(folder, ARRAYS_FILE)
    try:
        cache = tuple(int(size) for size in arrays["cache"])
        talker = Talker(int(arrays["span"]), cache, arrays["weight"], arrays["bias"])
    except (KeyError, TypeError, ValueError) as error:
        raise broken(folder, f"{ARRAYS_FILE} lacks or misshapes {error}") from error
    is_cache = len(cache) == 6 and 0 not in (*cache[:4], cache[5])
    if talker.span < 1 or not is_cache or talker.weight.ndim != 2 or talker.weight.shape[1:] != talker.bias.shape:
        raise broken(folder, f"{ARRAYS_FILE} holds a span of {talker.span}, a cache {cache}, {talker.weight.shape}")
    return talker


@dataclass(frozen=True)
class AutoregressiveSystem(EncodedSystem):
    """A System (see there); its graphs are opened when they are first needed."""

    @cached_property
    def _talker(self) -> Talker:
        return read_talker(self.model.folder)

    def track(self, settings: Settings) -> Track:
        """Head and style that the settings name. Raises SettingError, ModelError."""
        head = self.model.head(settings.head)
        template = read_template(settings.template, head) if settings.template else head.template
        warning = missing_pivot(settings, self.model)
        return Track(head, resolve(settings, self.model), template, settings.raw, (warning,) if warning else ())

    def decode(self, windows: Iterable[FeatureWindow], tracks: Sequence[Track], n_samples: int) -> list[Decoded]:
        """See System. The encoder's windows are joined as memory; frames run over the whole clip."""
        memories = [self._memory_track(track) for track in tracks]

        def run(window: FeatureWindow) -> tuple[list[FloatArray], FloatArray | None]:
            scores = phone_scores(window, self._graph("phones.onnx"), self.model) if self.model.phones else None
            return [self._listen(window, track.head) for track in memories], scores

        heard = decode(windows, self.model, memories, n_samples, run)
        spoken: dict[bytes, FloatArray] = {}
        return [self._result(track, given, spoken) for track, given in zip(tracks, heard, strict=True)]

    def _graph(self, name: str) -> runtime.Graph:
        # small graphs run on the processor: copying to a GPU costs more than it saves
        return runtime.open_graph(self.model.folder / name, "cpu", self.threads)

    def _memory_track(self, track: Track) -> Track:
        """A track whose channels are the audio rows of its head's frames."""
        names = tuple(f"memory{number}" for number in range(self._talker.span * self._talker.width))
        return replace(track, head=replace(track.head, channels=names, basis=None), template=None)

    def _listen(self, window: FeatureWindow, head: Head) -> FloatArray:
        """Memory (frames, span * d) of one window; where rows lack, the last one is repeated."""
        n_frames, span = frame_count(window.stop - window.start, head, self.model.encoder.rate_hz), self._talker.span
        rows = window.features
        if head.resample == "features" and span == 1:
            rows = resample(rows, n_frames, head.align_corners)
        memory = self._graph("memory.onnx").run({"features": rows[None]})
        if memory.ndim != 3 or memory.shape[2] != self._talker.width or not memory.shape[1]:
            raise ModelError(
                f"memory.onnx of model {self.model.folder} gives shape {memory.shape}, (1, t, {self._talker.width}) is "
                "needed. Convert the model again."
            )
        wanted = np.minimum(np.arange(n_frames * span), memory.shape[1] - 1)
        return np.asarray(memory[0, wanted].reshape(n_frames, -1))

    def _result(self, track: Track, memory: Decoded, spoken: dict[bytes, FloatArray]) -> Decoded:
        """Motion of a track; `spoken` holds hidden states for tracks that differ in the head only."""
        def speak(vector: FloatArray) -> FloatArray:
            key = b"".join((memory.motion.weights.tobytes(), vector.tobytes(), bytes([track.exact])))
            if key not in spoken:
                spoken[key] = self._speak(memory.motion.weights, vector, track.exact)
            return spoken[key]

        hidden = _mixed(track.style, speak)
        weights = np.asarray(hidden @ track.head.weight + track.head.bias, np.float32)
        if not np.isfinite(weights).all():
            raise ModelError(
                f"Model {self.model.folder}, head {track.head.id}, gives values that are not finite. Convert it again."
            )
        if track.template is not None and track.head.basis is None:
            weights = np.asarray(weights + track.template, np.float32)
        return Decoded(Motion(weights, track.head.channels, float(track.head.fps)), memory.scores, memory.rate_hz)

    def _speak(self, memory: FloatArray, style: FloatArray, exact: bool) -> FloatArray:
        """Hidden states (frames, h) of a clip's memory (frames, span * d)."""
        if style.shape != self._talker.bias.shape:
            raise broken(self.model.folder, f"its styles have {style.size} numbers, {self._talker.width} are needed")
        motion = _MotionDecoder(self.model, self.threads, exact) if self._has_codes else None
        step = self._graph("decoder.onnx")
        return unroll(step, self._talker, memory, style, motion)

    @cached_property
    def _has_codes(self) -> bool:
        return CODES_FILE in dict(self.model.hashes)


def unroll(
    step: runtime.Graph, talker: Talker, memory: FloatArray, style: FloatArray, motion: _MotionDecoder | None = None,
) -> FloatArray:
    """Hidden states (frames, h) of memory (frames, span * d), one frame after another.

    Args:
        step: decoder.onnx. motion: CodeTalker's second graph.
    """
    rows = memory.reshape(len(memory), 1, 1, talker.span, talker.width)
    cache, given = np.zeros(talker.cache, np.float32), style
    made: list[FloatArray] = []
    for row in rows:
        out, cache = step.run_all({"frame": given[None, None], "memory": row, "cache": cache})
        made.append(out[0])
        last = out[0, -1] if motion is None else motion.last(made)
        given = np.asarray(last @ talker.weight + talker.bias + style, np.float32)
    return np.concatenate(made) if motion is None else motion.all(made)


class _MotionDecoder:
    """CodeTalker's codes of some frames -> their hidden states."""

    def __init__(self, model: Model, threads: int, exact: bool) -> None:
        self._graph = runtime.open_graph(model.folder / CODES_FILE, "cpu", threads)
        self._every, self._frames = (1, 0) if exact else (FEEDBACK_EVERY, FEEDBACK_FRAMES)
        self._last: FloatArray | None = None

    def last(self, codes: Sequence[FloatArray]) -> FloatArray:
        """(h,) of the newest of frames (1, codes, code_dim), or where it need not be new, of the last one made."""
        if self._last is None or (len(codes) - 1) % self._every == 0:
            self._last = self.all(codes[-self._frames:])[-1]
        return self._last

    def all(self, codes: Sequence[FloatArray]) -> FloatArray:
        """(frames, h); a single frame is doubled, since it is normalised over time."""
        given = np.concatenate([*codes, codes[-1]] if len(codes) == 1 else codes)
        return self._graph.run({"codes": given[None]})[0, :len(codes)]


def _mixed(style: Style, speak: Callable[[FloatArray], FloatArray]) -> FloatArray:
    """Hidden states of a style; strength moves them along the line from the pivot's to the style's."""
    if style.strength == 1 or np.array_equal(style.vector, style.pivot):
        return speak(style.vector)
    pivot = speak(style.pivot)
    if style.strength == 0:
        return pivot
    return np.asarray(pivot + np.float32(style.strength) * (speak(style.vector) - pivot), np.float32)
