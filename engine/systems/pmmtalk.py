"""PMMTalk at run time: cues of the voice, a transcript and a face picture where they are given, causal fusion.

The encoder's features are joined first; then the clip goes through the graphs in pieces, and the fusion gets the keys
and values of earlier frames, so pieces equal the whole and memory does not grow. A transcript alone needs the whole
clip's phone scores before the first frame.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from ..model import runtime
from ..model.decode import Decoded, Track, decoded, frame_count, joined_features, resample
from ..model.encode import FeatureWindow
from ..model.folder import PICTURE_FILE, Memory
from ..model.heads import read_template
from ..model.style import missing_pivot, resolve
from ..speech import g2p
from ..speech.align import log_scores
from ..speech.cues import SILENCE, follow_words
from ..values.errors import ModelError
from ..values.types import FloatArray, Settings
from .encoded import EncodedSystem
from .still import read_still

PIECE_FRAMES = 512          # that go through the graphs at once
MARGIN_FRAMES = 16          # of features on both sides, more than any cue sees; even, so that pictures stay in step
FACE_RATE = 2               # features for one picture of a talking face


@dataclass(frozen=True)
class CueTrack(Track):
    """A track with its cues: what is said, and a still lower face (3, 48, 48); None where they are not given."""

    words: g2p.Words | None = None
    still: FloatArray | None = field(default=None, compare=False)


@dataclass(frozen=True)
class _Piece:
    """Features (t, c) of frames first - left ... ; `count` frames from `first` on are its own, others are margin."""

    first: int
    left: int
    count: int
    features: FloatArray

    def own(self, rows: FloatArray) -> FloatArray:
        return rows[self.left:self.left + self.count]


class _Stream:
    """One style of one track on its way through a clip."""

    def __init__(self, vector: FloatArray, memory: Memory) -> None:
        self._vector, self._memory = vector, memory
        self._past = np.zeros((1, 0, memory.width), np.float32)

    def run(self, graph: runtime.Graph, cues: FloatArray, first: int) -> FloatArray:
        """Hidden state (t, d) of the next frames."""
        output = graph.run({
            "cues": cues[None], "style": self._vector[None], "first": np.array([first], np.int64), "past": self._past,
        })
        width = output.shape[2] - self._memory.width
        self._past = np.concatenate([self._past, output[:, :, width:]], axis=1)[:, -self._memory.frames:]
        return np.asarray(output[0, :, :width])


@dataclass(frozen=True)
class PmmTalkSystem(EncodedSystem):
    """A System (see there); its graphs are opened when they are first needed."""

    def _graph(self, name: str) -> runtime.Graph:
        # small graphs run on the processor: copying to a GPU costs more than it saves
        return runtime.open_graph(self.model.folder / name, "cpu", self.threads)

    def track(self, settings: Settings) -> CueTrack:
        """Head, style and cues that the settings name. Raises SettingError, ModelError."""
        head = self.model.head(settings.head)
        template = read_template(settings.template, head) if settings.template else head.template
        words = None
        if settings.transcript is not None and SILENCE in self.model.phones and not settings.raw:
            words = g2p.read_words(settings.transcript, settings.language)
        still = read_still(settings.picture) if settings.picture else None
        warning = missing_pivot(settings, self.model)
        digest = hashlib.blake2b(repr(words).encode(), digest_size=16)
        digest.update(b"-" if still is None else np.ascontiguousarray(still).data)
        return CueTrack(
            head, resolve(settings, self.model), template, settings.raw, (warning,) if warning else (),
            conditions=digest.hexdigest(), words=words, still=still,
        )

    def decode(self, windows: Iterable[FeatureWindow], tracks: Sequence[Track], n_samples: int) -> list[Decoded]:
        """See System."""
        if self.model.memory is None:
            raise ModelError(f"Model {self.model.folder} does not say what its decoder remembers. Export it again.")
        given = [track if isinstance(track, CueTrack) else CueTrack(track.head, track.style) for track in tracks]
        pieces: Iterable[_Piece] = _pieces(joined_features(windows, self.model.encoder, n_samples))
        spoken: dict[str, FloatArray] = {}
        if any(track.words for track in given):
            pieces = list(pieces)
            scores = np.concatenate([piece.own(self._scores(piece)) for piece in pieces])
            spoken = {track.conditions: self._text_of(track, scores) for track in given}
        runs = [_TrackRun(self, track, spoken.get(track.conditions)) for track in given]
        all_scores = []
        for piece in pieces:
            piece_scores = self._scores(piece)
            all_scores.append(piece.own(piece_scores))
            for run in runs:
                run.take(piece, piece_scores)
        return [run.result(np.concatenate(all_scores), n_samples) for run in runs]

    def _scores(self, piece: _Piece) -> FloatArray:
        """Logarithm of the phone probabilities (t, phones) of a piece with its margins."""
        logits = self._graph("phones.onnx").run({"features": piece.features[None]})
        if logits.shape != (1, len(piece.features), len(self.model.phones)):
            raise ModelError(
                f"phones.onnx of model {self.model.folder} gives shape {logits.shape}, "
                f"(1, {len(piece.features)}, {len(self.model.phones)}) is needed. Export the model again."
            )
        return log_scores(logits[0])

    def _text_of(self, track: CueTrack, scores: FloatArray) -> FloatArray:
        """Phone probabilities (t, phones) of a clip: those of the transcript where it says something, else of the
        sound."""
        heard = np.exp(scores)
        if track.words is None:
            return heard
        aligned, _ = follow_words(scores, self.model.phones, self.model.encoder.rate_hz, track.words)
        if aligned is None:     # the cues of the pipeline say why
            return heard
        known = aligned.labels >= 0
        heard[known] = np.eye(len(self.model.phones), dtype=np.float32)[aligned.labels[known]]
        return heard

    def cues(self, piece: _Piece, text: FloatArray, still: FloatArray | None) -> FloatArray:
        """What the fusion gets of a piece's own frames (t, width of all cues).

        Args:
            text: (t, phones) probabilities of the piece with its margins.
        """
        features = piece.features[None]
        if still is None:
            picture = self._graph("picture.onnx").run({"features": features})
        else:
            even = np.concatenate([features, features[:, -1:]], axis=1) if features.shape[1] % FACE_RATE else features
            picture = self._graph(PICTURE_FILE).run({"features": even, "still": still[None]})
        words = self._graph("text.onnx").run({"phones": text[None]})
        return piece.own(np.concatenate([piece.features, words[0], picture[0, :len(words[0])]], axis=1))

    @property
    def fusion(self) -> runtime.Graph:
        """The graph that the cues end in."""
        return self._graph("decoder.onnx")


class _TrackRun:
    """One track on its way through a clip: a stream for its style, and one for the pivot where strength needs it."""

    def __init__(self, system: PmmTalkSystem, track: CueTrack, text: FloatArray | None) -> None:
        self._system, self._track, self._text = system, track, text
        memory, style = system.model.memory, track.style
        assert memory is not None
        is_pivot = style.strength == 0 or np.array_equal(style.vector, style.pivot)
        self._streams = [(_Stream(style.pivot, memory), 1.0)]
        if not is_pivot:
            shares = ((style.pivot, 1 - style.strength), (style.vector, style.strength))
            self._streams = [(_Stream(vector, memory), share) for vector, share in shares if share]
        self._rows: list[FloatArray] = []

    def take(self, piece: _Piece, scores: FloatArray) -> None:
        """Run the next piece; scores: of it with its margins."""
        begin = piece.first - piece.left
        text = np.exp(scores) if self._text is None else self._text[begin:begin + len(piece.features)]
        cues = self._system.cues(piece, text, self._track.still)
        fusion, first = self._system.fusion, piece.first
        parts = [np.float32(share) * stream.run(fusion, cues, first) for stream, share in self._streams]
        hidden = np.sum(parts, axis=0)
        head = self._track.head
        if hidden.shape[1] != len(head.weight):
            raise ModelError(
                f"decoder.onnx of model {self._system.model.folder} gives {hidden.shape[1]} hidden values, head "
                f"{head.id} needs {len(head.weight)}. Export the model again."
            )
        for weight, bias in head.layers:
            hidden = np.tanh(hidden @ weight + bias)
        self._rows.append(np.asarray(hidden @ head.weight + head.bias, np.float32))

    def result(self, scores: FloatArray, n_samples: int) -> Decoded:
        """Motion of the whole clip."""
        head, model = self._track.head, self._system.model
        rows = np.concatenate(self._rows)
        if head.resample != "none":
            rows = resample(rows, frame_count(n_samples, head, model.encoder.rate_hz), head.align_corners)
        return decoded(rows, self._track, model, scores)


def _pieces(blocks: Iterable[FloatArray]) -> Iterator[_Piece]:
    """Features of a clip, in pieces that know a margin to both sides; where the clip ends there is none."""
    held, begin, first = np.zeros((0, 0), np.float32), 0, 0     # rows from `begin` on are held, from `first` on wait
    for block in blocks:
        held = np.concatenate([held, block]) if held.size else block
        while begin + len(held) - first >= PIECE_FRAMES + MARGIN_FRAMES:
            yield _piece(held, begin, first, PIECE_FRAMES)
            first += PIECE_FRAMES
            drop = max(0, first - MARGIN_FRAMES - begin)
            held, begin = held[drop:], begin + drop
    if begin + len(held) > first:
        yield _piece(held, begin, first, begin + len(held) - first)


def _piece(held: FloatArray, begin: int, first: int, count: int) -> _Piece:
    start = max(begin, first - MARGIN_FRAMES)
    return _Piece(first, first - start, count, held[start - begin:first + count + MARGIN_FRAMES - begin])
