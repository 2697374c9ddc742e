"""`track`: what a landmarker found on the pictures of films becomes a data set; films that cannot be used say why."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from engine import Motion, Waveform, read_audio
from engine.__main__ import run
from engine.learn.data.track import PEOPLE, QUALITY, track
from engine.learn.data.video import FoundFace, TrackedFilm, tracked_film
from engine.learn.faces.readers import open_set
from engine.values.errors import SettingError

DATA = Path(__file__).resolve().parents[1] / "data"
RECORDED = DATA / "tracked_film.json"       # what MediaPipe found on a film of the test head that speaks sample.flac
FPS = 25.0


@cache
def recorded() -> tuple[FoundFace, ...]:
    """Scores of every picture, and the landmarks of the first one for all."""
    content = json.loads(RECORDED.read_text(encoding="utf-8"))
    names, points = tuple(content["names"]), np.array(content["points"], np.float32)
    return tuple(
        FoundFace(number / FPS, 1, names, np.array(row, np.float32) / 1000, points)
        for number, row in enumerate(content["scores"])
    )


@cache
def sound() -> Waveform:
    return Waveform(read_audio(DATA / "sample.flac").samples[:round(len(recorded()) / FPS * 16000)])


Change = Callable[[Sequence[FoundFace]], Sequence[FoundFace]]


def reader(changes: dict[str, Change]) -> Callable[[Path], TrackedFilm]:
    """Films by their names, each with a change of what was found on its pictures."""
    return lambda path: tracked_film(path, changes[path.stem](recorded()), sound(), 0.0)


def lost(*numbers: int) -> Change:
    return lambda faces: [
        FoundFace(face.second) if number in numbers else face for number, face in enumerate(faces)
    ]


def test_a_film_becomes_a_take_that_the_reader_of_finetune_knows(tmp_path):
    made = track([Path("anna/line.mp4")], reader({"line": lost()}), tmp_path / "anna")
    quality = made["line"]
    assert quality.person == "anna" and quality.lost_share == 0 and quality.fps == FPS
    assert abs(quality.lag_s) <= 2 / FPS and quality.weight == 1.0 and quality.jaw_range > 0.1
    files = {file.name for file in (tmp_path / "anna").iterdir()}
    assert files == {"line.npz", "line.wav", QUALITY, PEOPLE}
    sample = open_set("takes", tmp_path / "anna").recordings[0].read()
    assert len(sample.wave) == len(sound().samples) and abs(len(sample.motion) - len(recorded())) <= 1
    with np.load(tmp_path / "anna" / "line.npz") as take:
        assert len(take["channels"]) == 51 and take["landmarks"].shape == (len(sample.motion), 478, 3)


def test_the_mouth_moves_as_the_head_in_the_film_did(tmp_path):
    """The head in the film was moved by the bundled model, so its jaw is known."""
    from engine import Settings, animate

    track([Path("anna/line.mp4")], reader({"line": lost()}), tmp_path)
    with np.load(tmp_path / "line.npz") as take:
        found = Motion(take["frames"], tuple(take["channels"].tolist()), FPS)
    true = animate(sound(), Settings(fps=FPS, device="cpu", threads=1)).motion
    count = min(len(found.weights), len(true.weights))
    assert np.corrcoef(found["jawOpen"][:count], true["jawOpen"][:count])[0, 1] > 0.8


def test_a_short_gap_is_filled_and_counted(tmp_path):
    quality = track([Path("a/line.mp4")], reader({"line": lost(20, 21)}), tmp_path)["line"]
    assert quality.longest_gap == 2 and quality.lost_share == pytest.approx(2 / len(recorded())) and quality.weight < 1


def half(faces: Sequence[FoundFace]) -> Sequence[FoundFace]:
    return lost(*range(len(faces) // 2 + 2))(faces)


def small(faces: Sequence[FoundFace]) -> Sequence[FoundFace]:
    return [replace(face, points=face.points * np.float32(0.1)) for face in faces]


@pytest.mark.parametrize(("change", "words"), [
    (half, "shows a face on"),
    (lambda faces: [], r"lasts 0\.0 s, at least 1 s"),
    (lost(*range(30, 42)), "12 in a row"),
    (lambda faces: [replace(faces[0], faces=2), *faces[1:]], "shows 2 faces at once"),
    (small, "pixels high, at least 60"),
    (lambda faces: [replace(face, second=face.second * 3) for face in faces], r"8\.3 pictures a second, at least 15"),
])
def test_a_film_that_cannot_be_used_says_why(tmp_path, change, words):
    with pytest.raises(SettingError, match=words) as said:
        track([Path("a/line.mp4")], reader({"line": change}), tmp_path)
    assert "Film a/line.mp4" in str(said.value).replace("\\", "/") and str(said.value).count(". ") >= 1


def test_the_others_go_on_after_a_film_without_a_face(tmp_path, caplog):
    films = {"good": lost(), "empty": half}
    made = track([Path("a/empty.mp4"), Path("a/good.mp4")], reader(films), tmp_path)
    assert list(made) == ["good"] and "empty.mp4 shows a face on" in caplog.text


def test_a_film_without_enough_sound_is_refused():
    with pytest.raises(SettingError, match=r"0\.5 s of sound, at least 1 s"):
        tracked_film(Path("line.mp4"), recorded(), Waveform(np.zeros(8000, np.float32)), 0.0)


@pytest.mark.parametrize(("film", "task", "words"), [
    ("none.mp4", "none.task", "none.task not found"), ("none.mp4", "", "none.mp4 not found"),
])
def test_the_command_names_a_file_that_is_not_there(tmp_path, capsys, film, task, words):
    model = tmp_path / task if task else RECORDED
    assert run(["track", str(tmp_path / film), "--landmarker", str(model), "-o", str(tmp_path / "out")]) == 1
    assert words in capsys.readouterr().err
