"""Motion files: what is written is read again; nothing is left half done."""

from __future__ import annotations

import csv
import json
import os
import sys

import numpy as np
import pytest

from engine import Motion, OutputError
from engine.files.motion import check_output, read_motion, write_motion
from engine.values.channels import ARKIT_52, HEAD_ANGLES, LIFE, LIVE_LINK_COLUMNS


def motion(n_frames: int = 65, fps: float = 30.0) -> Motion:
    return Motion(np.random.default_rng(0).random((n_frames, 52), np.float32), ARKIT_52, fps)


@pytest.mark.parametrize("suffix", ["npz", "csv", "json"])
def test_written_motion_reads_back(tmp_path, suffix):
    path = tmp_path / f"take.{suffix}"
    write_motion(motion(), path, {"audio": "a.wav"})
    back = read_motion(path)
    assert back.channels == ARKIT_52 and back.fps == 30.0
    assert np.abs(back.weights - motion().weights).max() < 1e-5


def test_npz_has_the_documented_arrays(tmp_path):
    write_motion(motion(), tmp_path / "a.npz", {"audio": "ü.wav"})
    with np.load(tmp_path / "a.npz", allow_pickle=False) as arrays:
        assert arrays["frames"].shape == (65, 52) and arrays["frames"].dtype == np.float32
        assert json.loads(str(arrays["meta"])) == {"audio": "ü.wav"}


def test_csv_has_live_link_face_columns_and_time_codes(tmp_path):
    write_motion(motion(fps=29.97), tmp_path / "a.csv", {})
    rows = list(csv.DictReader((tmp_path / "a.csv").open()))
    assert tuple(rows[0]) == LIVE_LINK_COLUMNS and len(LIVE_LINK_COLUMNS) == 63
    assert [rows[index]["Timecode"] for index in (0, 29, 30, 64)] == [
        "00:00:00:00.000", "00:00:00:29.000", "00:00:01:00.000", "00:00:02:04.000"
    ]
    assert rows[0]["BlendShapeCount"] == "61"
    assert float(rows[3]["JawOpen"]) == pytest.approx(motion()["jawOpen"][3])


def test_csv_fills_missing_channels_with_zero(tmp_path):
    write_motion(Motion(np.ones((3, 1), np.float32), ("jawOpen",), 30.0), tmp_path / "a.csv", {})
    row = next(csv.DictReader((tmp_path / "a.csv").open()))
    assert float(row["JawOpen"]) == 1 and float(row["MouthClose"]) == 0


def test_csv_that_would_lose_channels_is_refused(tmp_path):
    with pytest.raises(
        OutputError, match=r"holds ARKit channels only; 1 of this motion's 2 would be lost \(JawOpen\)\. Write npz"
    ):
        write_motion(Motion(np.ones((3, 2), np.float32), ("jawOpen", "JawOpen"), 30.0), tmp_path / "a.csv", {})
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("name", "message"), [
    ("a.fbx", "no known ending"), ("nowhere/a.npz", "does not exist"),
    ("x" * 300 + ".npz", r"File name too long\. Write somewhere else"), (".", "no known ending"),
])
def test_impossible_output_is_named(tmp_path, name, message):
    with pytest.raises(OutputError, match=message):
        write_motion(motion(), tmp_path / name, {})


def test_interrupted_write_keeps_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "a.npz"
    path.write_bytes(b"old")

    def stop(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(np, "savez_compressed", stop)
    with pytest.raises(KeyboardInterrupt):
        write_motion(motion(), path, {})
    assert path.read_bytes() == b"old" and [file.name for file in tmp_path.iterdir()] == ["a.npz"]


def test_damaged_motion_file_is_named(tmp_path):
    (tmp_path / "a.json").write_text("{}")
    with pytest.raises(OutputError, match="cannot be read"):
        read_motion(tmp_path / "a.json")


def test_write_protected_folder_is_seen_before_the_work(tmp_path, monkeypatch):
    # chmod does not stop root
    monkeypatch.setattr("engine.files.motion.os.access", lambda path, mode: os.fspath(path) != os.fspath(tmp_path))
    with pytest.raises(OutputError, match=r"a\.npz is write-protected"):
        check_output(tmp_path / "a.npz")


def test_write_protected_file_is_kept(tmp_path, monkeypatch):
    (tmp_path / "a.npz").write_text("precious")
    monkeypatch.setattr("engine.files.motion.os.access", lambda path, mode: os.path.isdir(path))
    with pytest.raises(OutputError, match=r"a\.npz is write-protected"):
        write_motion(motion(), tmp_path / "a.npz", {})
    assert (tmp_path / "a.npz").read_text() == "precious"


@pytest.mark.skipif(sys.platform == "win32", reason="links need a right there")
def test_link_stays_a_link(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "a.json").symlink_to(tmp_path / "real" / "b.json")
    write_motion(motion(), tmp_path / "a.json", {})
    assert (tmp_path / "a.json").is_symlink() and read_motion(tmp_path / "real" / "b.json").weights.shape == (65, 52)


def test_meta_may_name_a_file_that_is_not_utf8(tmp_path):
    for suffix in ("json", "npz"):
        write_motion(motion(), tmp_path / f"a.{suffix}", {"audio": "na\udcefve.wav"})
    assert json.loads((tmp_path / "a.json").read_text(encoding="utf-8"))["meta"] == {"audio": "na\udcefve.wav"}


@pytest.mark.parametrize("suffix", ["npz", "csv", "json"])
@pytest.mark.parametrize("content", [b"", b"PK\3\4 no zip", b"\xff\xfe", b"[]", b"a,b\n1,2\n"])
def test_motion_file_of_nonsense_is_named(tmp_path, suffix, content):
    (tmp_path / f"a.{suffix}").write_bytes(content)
    with pytest.raises(OutputError, match=rf"a\.{suffix} cannot be read"):
        read_motion(tmp_path / f"a.{suffix}")


@pytest.mark.parametrize("fps", [12.5, 7.5, 12.0, 15.0, 24.0, 25.0, 30.0, 33.3333, 48.0, 59.0, 60.0, 120.0, 29.5, 1.5])
def test_time_codes_tell_the_rate(tmp_path, fps):
    write_motion(Motion(np.zeros((600, 1), np.float32), ("jawOpen",), fps), tmp_path / "take.csv", {})
    assert read_motion(tmp_path / "take.csv").fps == pytest.approx(fps, rel=2e-4)


@pytest.mark.parametrize("counted", [24, 30, 60, 15, 12.5])
def test_rates_of_television_count_whole_frames(tmp_path, counted):
    take = Motion(np.zeros((600, 1), np.float32), ("jawOpen",), counted / 1.001)
    write_motion(take, tmp_path / "take.csv", {})
    assert read_motion(tmp_path / "take.csv").fps == counted


@pytest.mark.parametrize("fps", [12.34, 0.5, 0.03])
def test_a_rate_without_time_codes_is_refused(tmp_path, fps):
    with pytest.raises(OutputError, match=rf"{fps:g} frames per second has none. Choose another frame rate"):
        write_motion(Motion(np.zeros((60, 1), np.float32), ("jawOpen",), fps), tmp_path / "take.csv", {})


def test_a_csv_that_breaks_off_in_its_last_line_names_it(tmp_path):
    write_motion(Motion(np.full((40, 1), 0.5, np.float32), ("jawOpen",), 30.0), tmp_path / "take.csv", {})
    content = (tmp_path / "take.csv").read_text()
    for lacking in (130, 400, 760):
        (tmp_path / "take.csv").write_text(content[:-lacking])
        with pytest.raises(OutputError, match="line 41 ends early"):
            read_motion(tmp_path / "take.csv")


def test_live_link_file_holds_head_and_eyes(tmp_path):
    weights = np.zeros((3, 56), np.float32)
    take = Motion(weights, (*ARKIT_52, *LIFE), 30.0)
    take["headYaw"][:], take["headPitch"][:], take["headRoll"][:], take["breath"][:] = 0.1, -0.2, 0.05, 1.0
    take["eyeLookOutLeft"][1] = take["eyeLookInRight"][1] = 0.5         # to the character's left
    take["eyeLookDownLeft"][2] = take["eyeLookDownRight"][2] = 1.0
    write_motion(take, tmp_path / "take.csv", {})
    with (tmp_path / "take.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [float(rows[0][name]) for name in ("HeadYaw", "HeadPitch", "HeadRoll")] == pytest.approx([0.1, -0.2, 0.05])
    assert (
        float(rows[1]["LeftEyeYaw"]) == pytest.approx(-0.285) and float(rows[1]["RightEyeYaw"]) == pytest.approx(-0.31)
    )
    assert float(rows[2]["LeftEyePitch"]) == float(rows[2]["RightEyePitch"]) == pytest.approx(0.62)
    back = read_motion(tmp_path / "take.csv")
    assert back.channels == (*ARKIT_52, *HEAD_ANGLES) and back["headPitch"] == pytest.approx(-0.2)
