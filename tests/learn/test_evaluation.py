"""The evaluator's data: the split, label files, word times, forced alignment, goals, and what it says to wrong
input."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
import soundfile

from engine.learn.data import evaluation_sets, labels, split
from engine.learn.data.recordings import RealSpeech, voice_of
from engine.learn.evaluate import tables
from engine.learn.evaluate.baselines import loudness_mouth
from engine.learn.evaluate.evaluate import evaluate_all
from engine.learn.evaluate.metrics import reference_mouth
from engine.learn.evaluate.paired import compare
from engine.learn.evaluate.report import UNSEEN, write_result
from engine.learn.evaluate.tables import GOALS, Goal, verdict
from engine.learn.synth.align import align_english
from engine.learn.synth.phones import Phone, PhoneSymbolError
from engine.values.errors import EngineError

ROOT = Path(__file__).parents[2]
DATA = ROOT.parent / "shared" / "data"
ENGLISH = DATA / "speech" / "english_aligned"
needs_recordings = pytest.mark.skipif(not ENGLISH.is_dir(), reason="../shared with the real recordings is absent")


def test_no_voice_both_chooses_and_reports():
    roles: dict[tuple[str, str], set[str]] = {}
    for voice in split.voices():
        roles.setdefault((voice.data_set, voice.voice), set()).add(voice.role)
    assert all(len(found) == 1 for found in roles.values())
    assert {voice.role for voice in split.voices()} == {split.TRAIN, split.CHOOSE, split.REPORT}
    clips = [(voice.data_set, clip) for voice in split.voices() for clip in voice.clips]
    assert len(clips) == len(set(clips))


@needs_recordings
def test_the_split_names_every_recording_that_is_there():
    listed = json.loads((ENGLISH / "phones.json").read_text())
    assert set(split.by_clip("english_aligned")) == set(listed)
    assert all(voice.voice == voice_of(clip) for clip, voice in split.by_clip("english_aligned").items())
    assert set(split.by_clip("cmu_time_awb")) == {
        path.stem for path in (DATA / "speech" / "cmu_time_awb").glob("*.lab")
    }
    assert set(split.by_clip("facegood_zh")) == {path.stem for path in (DATA / "paired" / "facegood_zh").glob("*.flac")}


@needs_recordings
def test_training_and_evaluator_read_the_same_split():
    speech = RealSpeech.read(ENGLISH)
    first, second = (speech.half_of_the_voices(second) for second in (False, True))
    unseen = evaluation_sets.read_set(ENGLISH)[0].unseen
    assert {clip.name for clip in second.clips} == unseen
    assert {clip.voice for clip in first.clips}.isdisjoint(clip.voice for clip in second.clips)
    assert len(first.clips) + len(second.clips) == len(speech.clips)


def test_recordings_that_the_split_does_not_know_are_halved_by_voice():
    clips = {"a_1": "a", "b_1": "b", "b_2": "b", "c_1": "c"}
    assert split.choosing(clips, "mine") == {"a_1", "c_1"}


def test_festvox_labels(tmp_path):
    path = tmp_path / "a.lab"
    path.write_text("separator ;\nnfields 1\n#\n\t 0.5 26 \tpau\n\t 0.6 26 \tb\n\t 1.1 26 \tay\n")
    assert labels.read_festvox(path) == (
        Phone("SIL", 0, 0.5), Phone("B", 0.5, 0.6), Phone("AA", 0.6, pytest.approx(0.9)),
        Phone("IH", pytest.approx(0.9), 1.1),
    )


def test_an_unknown_symbol_is_an_error(tmp_path):
    path = tmp_path / "a.lab"
    path.write_text("#\n\t 0.5 26 \txx\n")
    with pytest.raises(PhoneSymbolError, match="xx"):
        labels.read_festvox(path)
    path.write_text("0 100 qq\n")
    with pytest.raises(PhoneSymbolError, match="qq"):
        labels.read_htk(path)


def test_japanese_n_before_b_closes_the_lips(tmp_path):
    path = tmp_path / "a.lab"
    path.write_text("0 5000000 a\n5000000 6000000 N\n6000000 7000000 by\n7000000 9000000 N\n9000000 10000000 k\n")
    assert [phone.label for phone in labels.read_htk(path)] == ["AA", "M", "B", "Y", "NG", "K"]


def test_emu_labels_join_a_nasal_with_its_onset(tmp_path):
    items = [
        {"sampleStart": start, "sampleDur": 1999, "labels": [{"name": "Phonetic", "value": name}]}
        for start, name in ((4000, "Om"), (6000, "m"), (8000, "o:"))
    ]
    path = tmp_path / "a_annot.json"
    path.write_text(json.dumps({"sampleRate": 20000, "levels": [{"name": "Phonetic", "items": items}]}))
    assert labels.read_emu(path) == (Phone("M", 0.2, pytest.approx(0.4)), Phone("AO", 0.4, pytest.approx(0.5)))
    filled = labels.with_silence(labels.read_emu(path), 1.0)
    assert [phone.label for phone in filled] == ["SIL", "M", "AO", "SIL"] and filled[-1].end_s == 1.0


def test_words_are_spelt_by_espeak():
    pytest.importorskip("ctypes")
    try:
        spelt = labels.spoken_classes(["wurde", "Baum"], "de")
    except EngineError as error:
        pytest.skip(str(error))
    assert spelt[0][:2] == ("V", "UH") and spelt[1] == ("B", "AA", "UH", "M")


@needs_recordings
@pytest.mark.parametrize("name", ["singing_ja", "cmu_time_awb"])
def test_labels_lie_on_their_sound(name):
    """The level of the voice follows the labelled phones best at (nearly) no shift; this is how late labels were
    found."""
    reach = 20  # frames of 20 ms
    for clip in evaluation_sets.read_set(DATA / "speech" / name)[0].clips[:6]:
        loud, wanted = loudness_mouth(
            clip.samples, clip.frames
        ).opening, reference_mouth(clip.phones, clip.frames).jaw
        n = len(wanted)
        scores = [
            np.corrcoef(loud[reach + shift:n - reach + shift], wanted[reach:n - reach])[0, 1]
            for shift in range(-reach, reach + 1)
        ]
        assert abs(int(np.argmax(scores)) - reach) * 20 <= 60, clip.name


def test_texts_are_read_from_the_labels(tmp_path):
    words = [{"labels": [{"name": "Word", "value": "C"}, {"name": "Text", "value": text}]} for text in ("my", "own")]
    (tmp_path / "a_annot.json").write_text(
        json.dumps({"sampleRate": 20000, "levels": [{"name": "Word", "items": words}]})
    )
    assert labels.emu_text(tmp_path / "a_annot.json") == "my own"
    (tmp_path / "t.data").write_text('( t1 "It is one, now." )\n( t2 "Two." )\n')
    assert labels.festvox_texts(tmp_path / "t.data") == {"t1": "It is one, now.", "t2": "Two."}


@needs_recordings
def test_every_english_recording_has_a_transcript_that_fits_it():
    pytest.importorskip("pocketsphinx")
    recordings = evaluation_sets.read_set(ENGLISH)[0]
    assert set(recordings.transcripts) == {clip.name for clip in recordings.clips}
    for clip in recordings.clips:
        if clip.name in {"numbers", "sb_spk1_snt3", "bobby", "cards_002", "LJ001-0013"}:
            heard = [
                phone.label
                for phone in align_english(clip.samples, recordings.transcripts[clip.name], clip.name)
                if phone.label != "SIL"
            ]
            assert heard == [phone.label for phone in clip.phones if phone.label != "SIL"], clip.name


def test_pauses_lie_between_words():
    words = (labels.Word("a", 0.5, 1.0, ()), labels.Word("b", 1.0, 1.5, ()))
    assert labels.pauses(words, 2.0) == [(0.0, 0.5), (1.5, 2.0)]


@needs_recordings
def test_forced_alignment_finds_the_phone_times_that_are_known():
    pytest.importorskip("pocketsphinx")
    speech = next(clip for clip in RealSpeech.read(ENGLISH).clips if clip.name == "jfk")
    text = (
        "And so, my fellow Americans: ask not what your country can do for you, ask what you can do for your country."
    )
    closers = [
        [round(p.start_s, 2) for p in phones if p.label in "PBM"]
        for phones in (align_english(speech.samples, text, "jfk"), speech.phones)
    ]
    assert closers[0] == pytest.approx(closers[1], abs=0.03) and len(closers[1]) == 2
    with pytest.raises(EngineError, match="qzxv"):
        align_english(speech.samples, "ask qzxv", "jfk")


def test_goals_are_met_from_the_right_side():
    assert GOALS["pbm_recall"].met(0.97) and not GOALS["pbm_recall"].met(0.96)
    assert GOALS["round_false"].met(0.045) and not GOALS["round_false"].met(0.05)
    assert GOALS["p_start_ms"].met(-9.0) and not GOALS["p_start_ms"].met(-11.0)
    assert Goal(0.5, 0.9).met(0.6) and not Goal(0.5, 0.9).met(0.6, transcript=True)
    assert verdict(GOALS["pbm_recall"], float("nan")) == "-"


def test_animators_curves_are_compared_with_their_lag():
    rng = np.random.default_rng(0)
    theirs = np.convolve(rng.normal(size=600), np.ones(5) / 5, mode="same")
    late = np.roll(theirs, 2)
    figures = compare(late, theirs)
    assert figures.best_r.value == pytest.approx(1.0, abs=1e-6) and figures.lag_ms == pytest.approx(2000 / 30)
    assert figures.r.value < 0.8 and figures.r.low <= figures.r.value <= figures.r.high


def test_missing_data_is_one_clear_sentence(tmp_path):
    with pytest.raises(EngineError, match=r"no folder speech.*--data"):
        evaluate_all("mini", Path("speech"), tmp_path)
    (tmp_path / "speech").mkdir()
    with pytest.raises(EngineError, match=r"none of the folders.*--data"):
        evaluate_all("mini", Path("speech"), tmp_path)
    with pytest.raises(EngineError, match="There is no folder"):
        evaluate_all("mini", tmp_path / "nowhere")
    with pytest.raises(EngineError, match=r"phones\.json"):
        evaluate_all("mini", tmp_path)


def test_the_command_line_says_what_is_missing(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "engine", "evaluate", "mini", "robustness", "--data", str(tmp_path)],
        capture_output=True, text=True, cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == 1 and done.stderr.count("\n") == 1 and str(tmp_path) in done.stderr


def test_a_missing_recording_is_named(tmp_path):
    (tmp_path / "phones.json").write_text('{"a": {"duration_s": 1, "phones": [["SIL", 0, 1]]}}')
    with pytest.raises(EngineError, match=r"a\.flac is missing"):
        evaluate_all("mini", tmp_path)
    soundfile.write(tmp_path / "a.flac", np.zeros(8000), 8000)
    with pytest.raises(EngineError, match="8000 Hz"):
        evaluate_all("mini", tmp_path)


def test_result_goes_to_a_file_and_to_the_screen(tmp_path, capsys):
    write_result(str(tmp_path / "x.json"), {"a": 1}, lambda: "the table")
    assert json.loads((tmp_path / "x.json").read_text()) == {"a": 1} and capsys.readouterr().out == "the table\n"
    write_result("-", {"a": 2}, lambda: "unused")
    assert json.loads(capsys.readouterr().out) == {"a": 2}
    with pytest.raises(EngineError, match="cannot be written"):
        write_result(str(tmp_path / "no" / "x.json"), {}, lambda: "t")


@needs_recordings
def test_report_has_the_unseen_half_with_events_and_intervals():
    whole = evaluate_all("mini", ENGLISH)
    report = whole.sets[0]
    ours, unseen = (report.systems[name]["pbm_recall"] for name in ("ours", UNSEEN))
    assert ours.events == 197 and 0 < unseen.events < 197
    assert ours.low < ours.value < ours.high
    assert {"Rhubarb words", "Rhubarb + transcript", "Rhubarb phonetic", "loudness"} <= set(report.systems)
    assert set(report.kinds) == {"read", "commands", "hall", "acted"}
    text = tables.speech(whole)
    row = next(line for line in text.splitlines() if line.startswith("pbm_recall "))
    assert ">= 0.97" in row and ("NOT met" in row or "  met" in row) and "197" in row
    content = json.loads(json.dumps(tables.as_json(whole), allow_nan=False))
    assert content["sets"][0]["systems"]["ours"]["pbm_recall"] == pytest.approx(asdict(ours))
