"""Readers of data sets of faces: what each layout gives, and what wrong files cost."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

from engine.files.motion import write_motion
from engine.learn.data.official import Dataset
from engine.learn.faces.readers import READERS, open_set
from engine.learn.faces.samples import BLENDSHAPES, VERTICES
from engine.values.channels import ARKIT_52, ETF_52
from engine.values.errors import SettingError
from engine.values.types import Motion

from .faces import RATE_HZ, make_set

HISS = np.random.default_rng(0).normal(0, 0.1, RATE_HZ).astype(np.float32)


def write_pair(folder: Path, stem: str, motion: np.ndarray, seconds: float = 1.0) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    np.save(folder / f"{stem}.npy", motion.astype(np.float32))
    soundfile.write(folder / f"{stem}.wav", np.resize(HISS, round(seconds * RATE_HZ)), RATE_HZ)


def only(data, split="train"):
    return [sample for _, sample in data.samples(split, normalise=False)]


def test_a2f_bench_is_thinned_and_scaled(tmp_path):
    folder = make_set(tmp_path, Dataset("X", "set", "own_vertices", 0.5, 2, True), 12, 60)
    data = open_set("a2f", folder)
    sample = only(data)[0]
    stored = np.load(folder / "train0.npy")
    assert data.space.kind == VERTICES and data.identities == ("Ann", "Ben")
    assert sample.fps == 30 and np.allclose(sample.motion, 0.5 * stored[::2])
    assert np.allclose(sample.template, 0.5 * np.load(folder / "id_template.npy")[0])


def test_an_official_set_is_known_by_its_folder(tmp_path):
    facts = Dataset("D6", "D6_unitalker_Chinese_speech", "inhouse_blendshape_weight", 1.0, 8)
    folder = make_set(tmp_path, facts, 51, 60)
    for file in folder.glob("*.json"):
        content = json.loads(file.read_text())
        del content["info"]["facts"]
        file.write_text(json.dumps(content))
    data = open_set("a2f", folder)
    assert (data.name, data.space.kind, data.space.channels[0]) == ("D6", BLENDSHAPES, "eyeBlinkLeft")


def test_vocaset_keeps_the_released_split(tmp_path):
    faces = {}
    for subject in ("FaceTalk_170728_03272_TA", "FaceTalk_170811_03275_TA", "FaceTalk_170809_00138_TA"):
        for sentence in (1, 21):
            write_pair(tmp_path / "voca", f"{subject}_sentence{sentence:02d}", np.zeros((60, 15069)))
        faces[subject] = np.zeros((5023, 3), np.float32)
    np.savez(tmp_path / "voca" / "templates.npz", **faces)
    data = open_set("vocaset", tmp_path / "voca")
    assert [len(only(data, split)) for split in ("train", "val", "test")] == [2, 1, 1]
    assert only(data)[0].fps == 30 and len(only(data)[0].motion) == 30


def test_biwi_keeps_its_training_speakers_and_test_a(tmp_path):
    for stem in ("F2_e01", "F2_e33", "F2_e37", "M1_e37"):
        write_pair(tmp_path / "b" / "vertices_npy", stem, np.zeros((25, 9)))
        write_pair(tmp_path / "b" / "wav", stem, np.zeros((1, 1)))
    np.savez(tmp_path / "b" / "templates.npz", F2=np.zeros(9, np.float32), M1=np.zeros(9, np.float32))
    data = open_set("biwi", tmp_path / "b")
    assert {item.name: item.split for item in data.recordings} == {"F2_e01": "train", "F2_e33": "val", "F2_e37": "test"}


def test_multiface_gives_each_speaker_a_split_by_sentence(tmp_path):
    for sentence in (1, 9, 10):
        write_pair(tmp_path / "m", f"m002_SEN_{sentence}", np.zeros((30, 9)))
    np.savez(tmp_path / "m" / "templates.npz", m002=np.zeros(9, np.float32))
    data = open_set("multiface", tmp_path / "m")
    assert {item.name: item.split for item in data.recordings} == {
        "m002_SEN_1": "train", "m002_SEN_9": "val", "m002_SEN_10": "test",
    }


def test_3d_etf_is_in_alphabetical_order_and_named_after_its_actor(tmp_path):
    write_pair(tmp_path / "etf", "01-01-03-01-02-01-17", np.full((30, 52), 0.25))
    data = open_set("3detf", tmp_path / "etf")
    assert (data.space.channels, data.identities, only(data)[0].identity) == (ETF_52, ("17",), "17")


def test_beat_is_read_by_the_names_in_its_file(tmp_path):
    names = ["jawOpen", "eyeBlinkLeft"]
    frames = [{"weights": [frame / 60, 0.5], "time": frame / 60} for frame in range(60)]
    (tmp_path / "1_wayne_0_1_1.json").write_text(json.dumps({"names": names, "frames": frames}))
    soundfile.write(tmp_path / "1_wayne_0_1_1.wav", HISS, RATE_HZ)
    sample = only(open_set("beat", tmp_path))[0]
    assert (sample.fps, sample.identity) == (30, "1")
    assert np.allclose(sample.motion[:, ARKIT_52.index("jawOpen")], np.arange(0, 60, 2) / 60)
    assert (sample.motion[:, ARKIT_52.index("eyeBlinkLeft")] == 0.5).all()


@pytest.mark.parametrize("suffix", ["csv", "npz", "json"])
def test_own_takes_come_at_thirty_frames_whatever_their_rate(suffix, tmp_path):
    """A take at 24 frames a second whose jaw opens in a straight line."""
    weights = np.zeros((25, 52), np.float32)
    weights[:, ARKIT_52.index("jawOpen")] = np.arange(25) / 24
    write_motion(Motion(weights, ARKIT_52, 24.0), tmp_path / f"take.{suffix}", {})
    soundfile.write(tmp_path / "take.wav", HISS, RATE_HZ)
    (tmp_path / "take.txt").write_text("Hello there.\n")
    sample = only(open_set("takes", tmp_path))[0]
    assert (sample.fps, sample.text) == (30, "Hello there.")
    assert np.allclose(sample.motion[:, ARKIT_52.index("jawOpen")], np.arange(len(sample.motion)) / 30, atol=2e-3)


def test_one_wrong_file_is_named_and_costs_itself_alone(tmp_path, caplog):
    folder = make_set(tmp_path, Dataset("X", "set", "own", 1.0, 2), 7, 30)
    (folder / "train1.npy").write_bytes(b"nothing")
    np.save(folder / "train2.npy", np.full((30, 7), np.nan, np.float32))
    assert len(only(open_set("a2f", folder))) == 2
    assert "train1.npy" in caplog.text and "train2.npy" in caplog.text and "not finite" in caplog.text


def test_nothing_but_wrong_files_stops(tmp_path):
    folder = make_set(tmp_path, Dataset("X", "set", "own", 1.0, 2), 7, 30)
    for file in folder.glob("train*.wav"):
        file.unlink()
    with pytest.raises(SettingError, match=r"No file of X, train, can be used.*train0"):
        only(open_set("a2f", folder))


def test_a_missing_neutral_face_is_said(tmp_path, caplog):
    write_pair(tmp_path / "b", "F2_e01", np.zeros((25, 70110)))
    with pytest.raises(SettingError, match="no neutral face of F2"):
        only(open_set("biwi", tmp_path / "b"))


@pytest.mark.parametrize("reader", READERS)
def test_a_folder_of_another_layout_is_refused_in_one_line(reader, tmp_path):
    (tmp_path / "notes.txt").write_text("nothing")
    with pytest.raises(SettingError) as caught:
        open_set(reader, tmp_path)
    assert str(tmp_path) in str(caught.value) and "\n" not in str(caught.value)


def test_an_unknown_reader_lists_those_there_are(tmp_path):
    with pytest.raises(SettingError, match="a2f, vocaset"):
        open_set("mead", tmp_path)


def test_a_folder_of_takes_as_blender_writes_it_is_read_with_speakers_and_words(tmp_path):
    """Characters are folders, and the list takes.json is no take."""
    for name in ("Ann", "Ben"):
        (tmp_path / name).mkdir()
        weights = np.linspace(0, 1, 48, dtype=np.float32)[:, None]
        write_motion(Motion(weights, ("jawOpen",), 24.0), tmp_path / name / "Line.npz", {})
        soundfile.write(tmp_path / name / "Line.wav", np.full(32000, 0.1), 16000)
    (tmp_path / "Ben" / "Line.txt").write_text("so\n")
    (tmp_path / "takes.json").write_text("[]")
    found = open_set("takes", tmp_path)
    samples = [sample for _, sample in found.samples("train", False)]
    assert found.identities == ("Ann", "Ben") and [sample.text for sample in samples] == ["", "so"]
    jaw = samples[0].motion[:, found.space.channels.index("jawOpen")]
    assert samples[0].fps == 30 and len(jaw) == 59 and jaw[29] == pytest.approx(29 / 30 * 24 / 47, abs=1e-3)
