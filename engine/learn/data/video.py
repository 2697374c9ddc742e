"""A film of a face: its sound, and for each picture 52 curves and 478 landmarks by MediaPipe.

The only file that knows MediaPipe and PyAV, both of the extra `track`; they need NumPy below 2, so they live in an
environment of their own. Left and right are the face's own; in a mirrored film they are swapped, which nobody can see.
What was found on each picture is a FoundFace, from which on nothing knows where it came from.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...files.face_track import LANDMARKS, FaceTrack, arkit_name
from ...values.errors import InstallError, SettingError
from ...values.types import SAMPLE_RATE_HZ, FloatArray, Waveform

LEAST_S = 1.0               # of a film
LEAST_FACE_PX = 60          # from the highest to the lowest landmark: smaller mouths are a few pixels
LEAST_FPS = 15.0            # slower films miss syllables
INSTALL = "Install it in an environment of its own: pip install 'unitalker[track]'."

Av = Any                     # PyAV carries no types


@dataclass(frozen=True)
class TrackedFilm:
    """A tracked film; the sound begins `sound_s` seconds after the first picture."""

    track: FaceTrack
    wave: Waveform
    sound_s: float


@dataclass(frozen=True)
class FoundFace:
    """What was found on one picture.

    Attributes:
        second: of the picture on the film's clock. faces: how many there are.
        names: of the scores; empty without a face.
        scores: (len(names),) of the largest face; points: (LANDMARKS, 3) in pixels; None where there is none.
    """

    second: float
    faces: int = 0
    names: tuple[str, ...] = ()
    scores: FloatArray | None = None
    points: FloatArray | None = None


def read_film(path: Path, landmarker: Path) -> TrackedFilm:
    """Track the face of a film.

    Args:
        landmarker: face_landmarker.task with blendshapes.
    Raises:
        SettingError: no film, too short or slow, without sound, without a face or with several, or a face too small.
        InstallError: a package of the extra is missing.
    """
    if not landmarker.is_file():
        raise SettingError(
            f"Model file {landmarker} not found. Download face_landmarker.task from Google's MediaPipe pages, and name "
            "it with --landmarker."
        )
    if not path.is_file():
        raise SettingError(f"Film {path} not found. Check the path.")
    try:
        import av
    except ImportError as error:
        raise InstallError(f"PyAV is not installed ({error}). {INSTALL}") from error
    try:
        wave, sound_s = _sound(av, path)
        return tracked_film(path, _found(av, path, landmarker), wave, sound_s)
    except av.FFmpegError as error:
        raise SettingError(f"Film {path} cannot be read ({error}). Give an mp4, mov, mkv or webm file.") from error


def _sound(av: Av, path: Path) -> tuple[Waveform, float]:
    """The sound as mono 16 kHz, and when it begins on the film's clock."""
    with av.open(str(path)) as film:
        if not film.streams.video:
            raise SettingError(f"Film {path} has no pictures. Give the film, not its sound.")
        if not film.streams.audio:
            raise SettingError(f"Film {path} has no sound. Give the film as the camera saved it.")
        resampler = av.AudioResampler(format="s16", layout="mono", rate=SAMPLE_RATE_HZ)
        parts: list[NDArray[np.int16]] = []
        start_s: float | None = None
        for frame in film.decode(audio=0):
            start_s = float(frame.pts * frame.time_base) if start_s is None else start_s
            parts += [part.to_ndarray().ravel() for part in resampler.resample(frame)]
    samples = np.concatenate(parts) if parts else np.zeros(0, np.int16)
    return Waveform(samples.astype(np.float32) / 32768), start_s or 0.0


def _found(av: Av, path: Path, landmarker: Path) -> list[FoundFace]:
    return [_Landmarker.of(landmarker).find(picture, second) for second, picture in _pictures(av, path)]


def tracked_film(path: Path, faces: Sequence[FoundFace], wave: Waveform, sound_s: float) -> TrackedFilm:
    """What was found on the pictures of a film, as one track. Raises SettingError: see read_film()."""
    _check_sound(path, wave)
    _check(path, faces)
    names = next(face.names for face in faces if face.names)
    chosen = [number for number, name in enumerate(names) if arkit_name(name)]
    nothing, nowhere = np.full(len(chosen), np.nan), np.full((LANDMARKS, 3), np.nan)
    seconds = np.array([face.second for face in faces])
    return TrackedFilm(FaceTrack(
        seconds - seconds[0],
        np.stack([nothing if face.scores is None else face.scores[chosen] for face in faces]).astype(np.float32),
        tuple(str(arkit_name(names[number])) for number in chosen), "MediaPipe",
        np.stack([nowhere if face.points is None else face.points for face in faces]).astype(np.float32),
    ), wave, sound_s)


def _pictures(av: Av, path: Path) -> Iterator[tuple[float, NDArray[np.uint8]]]:
    with av.open(str(path)) as film:
        for frame in film.decode(video=0):
            yield float(frame.pts * frame.time_base), np.ascontiguousarray(frame.to_ndarray(format="rgb24"))


def _check_sound(path: Path, wave: Waveform) -> None:
    if wave.duration_s < LEAST_S:
        raise SettingError(
            f"Film {path} has {wave.duration_s:.1f} s of sound, at least {LEAST_S:g} s are needed. Give a "
            "longer film."
        )


def _check(path: Path, pictures: Sequence[FoundFace]) -> None:
    seconds, faces = [picture.second for picture in pictures], max((picture.faces for picture in pictures), default=0)
    length_s = seconds[-1] - seconds[0] if seconds else 0.0
    if length_s < LEAST_S:
        raise SettingError(f"Film {path} lasts {length_s:.1f} s, at least {LEAST_S:g} s are needed. Give a longer one.")
    fps = (len(seconds) - 1) / length_s
    if fps < LEAST_FPS:
        raise SettingError(
            f"Film {path} has {fps:.1f} pictures a second, at least {LEAST_FPS:g} are needed. Film with 25 or more."
        )
    found = [picture.points for picture in pictures if picture.points is not None]
    if len(found) < len(pictures) / 2:
        raise SettingError(
            f"Film {path} shows a face on {len(found)} of {len(pictures)} pictures. Film one face from the front, in "
            "even light, without hands before the mouth."
        )
    if faces > 1:
        raise SettingError(f"Film {path} shows {faces} faces at once. Crop it to the one that speaks.")
    height_px = float(np.median([np.ptp(point[:, 1]) for point in found]))
    if height_px < LEAST_FACE_PX:
        raise SettingError(
            f"Film {path}: the face is {height_px:.0f} pixels high, at least {LEAST_FACE_PX} are needed. Go nearer."
        )


class _Landmarker:
    """MediaPipe's face landmarker, opened once for each model file; it judges each picture by itself."""

    _open: dict[Path, _Landmarker] = {}

    @classmethod
    def of(cls, path: Path) -> _Landmarker:
        """The landmarker of a model file. Raises InstallError, SettingError."""
        if path not in cls._open:
            cls._open[path] = cls(path)
        return cls._open[path]

    def __init__(self, path: Path) -> None:
        try:
            import mediapipe
            from mediapipe.tasks import python
            from mediapipe.tasks.python import vision
        except ImportError as error:
            raise InstallError(f"MediaPipe is not installed ({error}). {INSTALL}") from error
        self._mediapipe = mediapipe
        try:
            self._task = vision.FaceLandmarker.create_from_options(vision.FaceLandmarkerOptions(
                base_options=python.BaseOptions(model_asset_path=str(path)), output_face_blendshapes=True, num_faces=2,
            ))
        except (RuntimeError, ValueError) as error:
            raise SettingError(
                f"Model file {path} is no face landmarker with blendshapes ({error}). Download face_landmarker.task "
                "again."
            ) from error

    def find(self, picture: NDArray[np.uint8], second: float) -> FoundFace:
        """The face of a picture (height, width, 3)."""
        image = self._mediapipe.Image(image_format=self._mediapipe.ImageFormat.SRGB, data=picture)
        result = self._task.detect(image)
        if not result.face_blendshapes:
            return FoundFace(second)
        size = np.array([picture.shape[1], picture.shape[0], picture.shape[1]], np.float32)
        faces = [np.array([[p.x, p.y, p.z] for p in marks], np.float32) * size for marks in result.face_landmarks]
        largest = int(np.argmax([np.ptp(face[:, 1]) for face in faces]))
        scores = result.face_blendshapes[largest]
        return FoundFace(
            second, len(faces), tuple(score.category_name for score in scores),
            np.array([score.score for score in scores], np.float32), faces[largest],
        )
