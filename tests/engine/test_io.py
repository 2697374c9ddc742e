"""Motion files: what is written is read again; nothing is left half done."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest

from engine import Motion, OutputError
from engine.channels import ARKIT_52, LIVE_LINK_COLUMNS
from engine.io import read_motion, write_motion


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
    assert [rows[index]["Timecode"] for index in (0, 29, 30, 64)] == ["00:00:00:00.000", "00:00:00:29.000", "00:00:01:00.000", "00:00:02:04.000"]
    assert rows[0]["BlendShapeCount"] == "61"
    assert float(rows[3]["JawOpen"]) == pytest.approx(motion()["jawOpen"][3])


def test_csv_fills_missing_channels_with_zero(tmp_path):
    write_motion(Motion(np.ones((3, 1), np.float32), ("jawOpen",), 30.0), tmp_path / "a.csv", {})
    row = next(csv.DictReader((tmp_path / "a.csv").open()))
    assert float(row["JawOpen"]) == 1 and float(row["MouthClose"]) == 0


def test_csv_of_other_channels_is_refused(tmp_path):
    with pytest.raises(OutputError, match="needs ARKit channels"):
        write_motion(Motion(np.ones((3, 1), np.float32), ("x",), 30.0), tmp_path / "a.csv", {})


@pytest.mark.parametrize(("name", "message"), [("a.fbx", "no known ending"), ("nowhere/a.npz", "does not exist")])
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
