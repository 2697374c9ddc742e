"""Captures of other programs: every kind is read, names are matched, damage is said, cleaning does what it says."""

from __future__ import annotations

import json

import numpy as np
import pytest

from engine import Waveform
from engine.__main__ import run
from engine.captured_points import read_points
from engine.files.capture_file import read_capture
from engine.files.face_track import arkit_name, read_face_track
from engine.files.motion import read_motion, write_motion
from engine.geometry.point_solve import STABLE_LANDMARKS, weights_of_points
from engine.motion.capture import clean, lag_s, personal_scale, resting_face, with_rest, without_rest
from engine.values.channels import ARKIT_52
from engine.values.errors import OutputError, SettingError
from engine.values.types import Motion

NAMES = ("jawOpen", "mouthSmileLeft", "mouthSmileRight")
SECONDS = np.arange(90) / 30


def curves(n_frames: int = 90) -> np.ndarray:
    """Three curves (n_frames, 3) that move between 0.1 and 0.7."""
    t = np.arange(n_frames)[:, None] / 30
    return (0.4 + 0.3 * np.sin(2 * np.pi * np.array([1.1, 0.7, 0.5]) * t)).astype(np.float32)


@pytest.mark.parametrize(("title", "name"), [
    ("JawOpen", "jawOpen"), ("mouthSmile_L", "mouthSmileLeft"), ("MOUTHSMILERIGHT", "mouthSmileRight"),
    ("eye_blink_left", "eyeBlinkLeft"), ("_neutral", None), ("HeadYaw", None),
])
def test_names_are_matched_whatever_their_case(title, name):
    assert arkit_name(title) == name


def test_live_link_face_csv(tmp_path):
    write_motion(Motion(curves(), NAMES, 60.0), tmp_path / "take.csv", {})
    track = read_face_track(tmp_path / "take.csv")
    assert track.source == "Live Link Face" and track.fps == pytest.approx(60) and len(track.names) == len(ARKIT_52)
    assert np.allclose(track.values[:, track.names.index("jawOpen")], curves()[:, 0], atol=1e-6)


def test_mediapipe_csv_takes_its_times_and_leaves_neutral_out(tmp_path):
    rows = [f"{round(1000 * s)},0.01,{a},{b},{c},3" for s, (a, b, c) in zip(SECONDS, curves(), strict=True)]
    (tmp_path / "m.csv").write_text("\n".join(["timestamp_ms,_neutral," + ",".join(NAMES) + ",pitch", *rows]))
    track = read_face_track(tmp_path / "m.csv")
    assert track.names == NAMES and track.unknown == ("pitch",)
    assert track.seconds[-1] == pytest.approx(SECONDS[-1], abs=1e-3)


def test_mediapipe_json_has_gaps_where_the_face_was_lost(tmp_path):
    frames = [
        {"timestamp_ms": 1000 * s, "blendshapes": [
            {"categoryName": name, "score": float(value)} for name, value in zip(NAMES, row, strict=True)
        ] if number != 7 else []} for number, (s, row) in enumerate(zip(SECONDS, curves(), strict=True))
    ]
    (tmp_path / "m.json").write_text(json.dumps({"frames": frames}))
    track = read_face_track(tmp_path / "m.json")
    assert track.names == NAMES and track.lost.tolist() == [number == 7 for number in range(90)]


def test_arrays_round_trip(tmp_path):
    np.savez(tmp_path / "a.npz", values=curves(), names=np.array(NAMES), fps=30.0)
    track = read_face_track(tmp_path / "a.npz")
    assert track.names == NAMES and np.array_equal(track.values, curves()) and track.fps == pytest.approx(30)


@pytest.mark.parametrize(("name", "content", "message"), [
    ("a.txt", "x", "no known ending"), ("a.csv", "time,pitch\n0,1\n1,2", "no column that is an ARKit channel"),
    ("a.csv", "time,jawOpen\n0,70\n1,80", "Divide percent by 100"), ("a.csv", "time,jawOpen\n0,x", "cannot be read"),
    ("a.csv", "time,jawOpen\n0,0.5", "at least 2 are needed"), ("a.json", "[]", "at least 2|cannot be read"),
    ("a.csv", "time,jawOpen\n1,0.5\n0,0.5", "times do not rise"),
])
def test_damage_is_said(tmp_path, name, content, message):
    (tmp_path / name).write_text(content)
    with pytest.raises(OutputError, match=message):
        read_face_track(tmp_path / name)


def test_short_gaps_are_filled_in_a_straight_line():
    values = np.linspace(0, 0.89, 90, dtype=np.float32)[:, None].repeat(3, 1)
    values[40:44] = np.nan
    cleaned = clean(SECONDS, values, NAMES, 30.0, smooth=False)
    assert cleaned.longest_gap == 4
    assert np.allclose(cleaned.motion.weights[:, 0], np.linspace(0, 0.89, 90), atol=1e-5)


@pytest.mark.parametrize("lost", [slice(10, 16), slice(0, 90, 10)])
def test_too_much_lost_is_refused(lost):
    values = curves()
    values[lost] = np.nan
    with pytest.raises(SettingError, match="The face was lost on"):
        clean(SECONDS, values, NAMES, 30.0)


def test_frames_follow_their_times_and_not_their_numbers():
    uneven = SECONDS ** 1.1 * (SECONDS[-1] / SECONDS[-1] ** 1.1)
    jaw = (uneven / uneven[-1]).astype(np.float32)[:, None].repeat(3, 1)
    cleaned = clean(uneven, jaw, NAMES, 25.0)
    assert np.allclose(cleaned.motion.weights[:, 0], np.arange(75) / 25 / uneven[-1], atol=0.01)


def test_the_resting_face_is_taken_out_and_can_be_put_back():
    rest = np.array([0.0, 0.25, 0.1], np.float32)
    moving = curves() - 0.1
    moving[:30] = 0             # silent, the face rests
    own = Motion(with_rest(Motion(moving, NAMES, 30.0), rest).weights, NAMES, 30.0)
    level = np.r_[np.full(30, -60.0), np.full(60, -20.0)]
    found = resting_face([own], [level])
    assert np.allclose(found, rest, atol=1e-6)
    assert np.allclose(without_rest(own, found).weights, moving, atol=1e-6)


@pytest.mark.parametrize("late", [-3, 0, 4])
def test_the_offset_of_sound_and_film_is_found(late):
    rng = np.random.default_rng(0)
    sound = np.convolve(rng.normal(size=200), np.hanning(9), "same").astype(np.float32)
    jaw = np.roll(sound, late)[:, None]
    assert lag_s(Motion(jaw, ("jawOpen",), 30.0), sound) == pytest.approx(late / 30, abs=0.035)


def test_scale_brings_a_small_mouth_to_the_usual_size_and_leaves_unused_channels():
    small, usual = curves(), curves()
    small[:, 0] *= 0.8
    small[:, 2] = 0
    scale = personal_scale([Motion(small, NAMES, 30.0)], [Motion(usual, NAMES, 30.0)])
    assert scale.tolist() == pytest.approx([1.25, 1.0, 1.0], abs=1e-3)


def head(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    neutral = rng.normal(size=(478, 3))
    keys = rng.normal(size=(3, 478, 3)) * 0.1
    keys[:, list(STABLE_LANDMARKS)] = 0
    return neutral, keys


def turned(points: np.ndarray) -> np.ndarray:
    """Each frame turned, moved and twice as large."""
    out = np.empty_like(points)
    for number, frame in enumerate(points):
        a = 0.02 * number
        turn = np.array([[np.cos(a), -np.sin(a), 0], [np.sin(a), np.cos(a), 0], [0, 0, 1]])
        out[number] = 2 * frame @ turn.T + [number, 1, 0]
    return out


def captured(weights: np.ndarray, neutral: np.ndarray, keys: np.ndarray) -> np.ndarray:
    return turned(neutral + np.einsum("tk,knc->tnc", weights, keys))


def test_landmarks_become_weights_whatever_the_head_does():
    neutral, keys = head(np.random.default_rng(1))
    weights = np.clip(curves() - 0.1, 0, 1)
    weights[::2] = 0            # the face mostly rests
    found, _ = weights_of_points(captured(weights, neutral, keys), neutral, keys)
    assert np.abs(found - weights)[10:-10].max() < 0.1 and np.corrcoef(found.ravel(), weights.ravel())[0, 1] > 0.98


def test_a_landmark_file_is_solved_with_the_keys_of_a_head(tmp_path):
    neutral, keys = head(np.random.default_rng(2))
    weights = np.repeat(np.clip(curves(30) - 0.1, 0, 1), 3, axis=0)
    weights[:60] = 0
    np.savez(tmp_path / "points.npz", landmarks=captured(weights, neutral, keys).astype(np.float32), fps=30.0)
    np.savez(tmp_path / "keys.npz", neutral=neutral, keys=keys, names=np.array(NAMES))
    made = read_points(tmp_path / "points.npz", tmp_path / "keys.npz")
    assert made.motion.channels == NAMES
    assert np.corrcoef(made.motion.weights.ravel(), weights.ravel())[0, 1] > 0.9


def test_other_points_are_refused(tmp_path):
    np.savez(tmp_path / "points.npz", landmarks=np.zeros((5, 478, 3), np.float32), fps=30.0)
    np.savez(tmp_path / "keys.npz", neutral=np.zeros((4, 3)), keys=np.zeros((3, 4, 3)), names=np.array(NAMES))
    with pytest.raises(SettingError, match="are not MediaPipe's 478"):
        read_points(tmp_path / "points.npz", tmp_path / "keys.npz")


def test_one_command_imports_a_capture(tmp_path, capsys):
    write_motion(Motion(curves(), NAMES, 30.0), tmp_path / "take.csv", {})
    assert run(["import", str(tmp_path / "take.csv"), "-o", str(tmp_path / "out.npz"), "--fps", "60"]) == 0
    made = read_motion(tmp_path / "out.npz")
    assert made.fps == 60 and len(made.weights) == 179 and made["jawOpen"].min() == pytest.approx(0, abs=0.02)
    assert "Live Link Face" in capsys.readouterr().out


def test_a_wrong_sound_is_noticed():
    rng = np.random.default_rng(0)
    envelope = np.repeat(np.convolve(rng.uniform(size=100), np.hanning(5), "same"), 640)[: 3 * 16000]
    wave = Waveform((envelope * rng.normal(size=envelope.size) * 0.1).astype(np.float32))
    jaw = np.clip(np.roll(envelope[::533][:90], 8) * 0.3, 0, 1).astype(np.float32)
    track_values = np.stack([jaw, jaw, jaw], axis=1)
    from engine.files.capture_file import of_track
    from engine.files.face_track import FaceTrack

    made = of_track(FaceTrack(SECONDS, track_values, NAMES, "arrays"), 30.0, wave)
    assert any("after the sound" in note for note in made.notes)


def test_points_without_keys_are_refused(tmp_path):
    np.savez(tmp_path / "points.npz", landmarks=np.zeros((5, 478, 3), np.float32), fps=30.0)
    with pytest.raises(SettingError, match="--keys"):
        read_capture(tmp_path / "points.npz")
