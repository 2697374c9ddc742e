"""A transcript and the phones of a clip, through animate(), on the bundled model and the sample sentence."""

from __future__ import annotations

import itertools
import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from engine import InstallError, Life, SettingError, Settings, Waveform, animate, animate_all, read_audio
from engine.__main__ import run
from engine.files import motion as io
from engine.motion import lip_contact
from engine.speech import cues as transcript
from engine.speech import g2p
from engine.values.channels import ARKIT_52
from engine.values.phones import Phone
from engine.values.types import Motion
from tests.engine.conftest import DATA, make_syllables
from tests.needs import needs_espeak

SAMPLE = json.loads((DATA / "sample.json").read_text(encoding="utf-8"))
TEXT, OTHER_TEXT = SAMPLE["text"], "Seven silver swans swam slowly southwards yesterday"


@pytest.fixture(scope="module")
def sample() -> Waveform:
    return read_audio(DATA / "sample.flac")


@pytest.fixture(scope="module")
def plain() -> Settings:
    return Settings(fps=50, threads=1, device="cpu")


def times(phones: tuple[Phone, ...] | list[dict[str, object]], label: str) -> list[float]:
    """Middles of the phones of one class."""
    if phones and isinstance(phones[0], dict):
        return [(phone["start_s"] + phone["end_s"]) / 2 for phone in phones if phone["phone"] == label]
    return [(phone.start_s + phone.end_s) / 2 for phone in phones if phone.label == label]


# ---- phones with times

@pytest.mark.parametrize("text", [None, pytest.param(TEXT, marks=needs_espeak)])
def test_phones_cover_the_clip_without_gaps(sample, plain, text):
    phones = animate(sample, replace(plain, transcript=text)).phones
    assert phones[0].start_s == 0 and phones[-1].end_s == pytest.approx(sample.duration_s, abs=0.02)
    assert all(a.end_s == b.start_s and a.start_s < a.end_s for a, b in itertools.pairwise(phones))


@needs_espeak
@pytest.mark.parametrize("label", ["M", "B", "P"])
def test_aligned_phones_lie_where_the_speaker_said_them(sample, plain, label):
    told = times(animate(sample, replace(plain, transcript=TEXT)).phones, label)
    truth = times(SAMPLE["phones"], label)
    assert len(told) == len(truth)
    assert np.abs(np.subtract(told, truth)).max() < 0.08


def test_heard_phones_need_no_transcript(sample, plain):
    labels = [phone.label for phone in animate(sample, plain).phones]
    assert labels[0] == labels[-1] == "SIL" and labels.count("M") >= 4 and len(labels) > 30


def test_a_model_without_phones_has_none(tiny, tiny_copy, syllables):
    without_phones(tiny_copy)
    assert animate(syllables, replace(tiny, model=str(tiny_copy))).phones == ()


def without_phones(folder: Path) -> None:
    info = json.loads((folder / "model.json").read_text(encoding="utf-8"))
    del info["phones"], info["sha256"]["phones.onnx"]
    (folder / "phones.onnx").unlink()
    (folder / "model.json").write_text(json.dumps(info), encoding="utf-8")


def test_windows_of_sound_leave_no_seam_in_the_phones(tiny):
    """Fourteen seconds in windows of two: the phones of each half are those of the half alone, away from the cut."""
    wave = make_syllables(14.0)
    whole = animate(wave, tiny).phones
    half = animate(Waveform(wave.samples[:7 * 16000]), tiny).phones
    assert [phone for phone in whole if phone.end_s < 6.5] == [phone for phone in half if phone.end_s < 6.5]


# ---- what a transcript does to the mouth

@needs_espeak
def test_lips_meet_on_every_p_b_m_of_the_transcript(sample, plain):
    animation = animate(sample, replace(plain, transcript=TEXT))
    opening = lip_contact.opening(animation.motion)
    for phone in animation.phones:
        if phone.label in ("P", "B", "M"):
            near = slice(max(0, round((phone.start_s - 0.02) * 50)), round((phone.end_s + 0.02) * 50) + 1)
            assert opening[near].min() < lip_contact.CLOSED_BELOW, phone


@needs_espeak
def test_lips_do_not_close_where_the_transcript_has_no_p_b_m(sample, plain, monkeypatch):
    """The phone head is made to hear m everywhere: with the transcript the mouth opens all the same."""
    def mumbled(scores: np.ndarray, labels: np.ndarray, names: tuple[str, ...], rate_hz: int) -> transcript.PhonemeCues:
        only_m = np.tile(np.log(np.where(np.array(names) == "M", 0.99, 1e-4)), (len(scores), 1))
        return alone(only_m, labels, names, rate_hz)

    alone = transcript._from_sound
    monkeypatch.setattr(transcript, "_from_sound", mumbled)
    shut = lip_contact.closed_frames(animate(sample, plain).motion)
    animation = animate(sample, replace(plain, transcript=TEXT))
    told_shut = lip_contact.closed_frames(animation.motion)
    vowels = [phone for phone in animation.phones if phone.label in ("AA", "AO") and phone.end_s - phone.start_s > 0.12]
    assert len(vowels) >= 2 and shut[10:-10].all()
    assert not any(told_shut[round((phone.start_s + phone.end_s) / 2 * 50)] for phone in vowels)


@needs_espeak
def test_a_transcript_that_does_not_fit_changes_nothing_but_one_warning(sample, plain):
    alone, other = animate(sample, plain), animate(sample, replace(plain, transcript=OTHER_TEXT))
    assert np.array_equal(alone.motion.weights, other.motion.weights) and alone.phones == other.phones
    assert len(other.warnings) == 1
    assert (
        other.warnings[0].startswith("The transcript does not fit the sound: its phones are not heard")
        and f"at most {transcript.MISFIT:g}" in other.warnings[0]
    )


@needs_espeak
def test_a_rough_fit_in_a_guessed_language_is_said_so(sample, plain, monkeypatch):
    monkeypatch.setattr("engine.pipeline.DOUBTFUL", 0.1)
    warnings = animate(sample, replace(plain, transcript=TEXT)).warnings
    assert len(warnings) == 1 and "above 0.1 is doubtful). It was read as language 'en-us'" in warnings[0]
    assert animate(sample, replace(plain, transcript=TEXT, language="en-us")).warnings == ()


@needs_espeak
def test_more_words_than_the_sound_has_time_for_are_said_so_at_once(sample, plain):
    animation = animate(sample, replace(plain, transcript="word " * 20_000))
    assert "phones, the sound of 4." in animation.warnings[0] and "has time for at most" in animation.warnings[0]


@needs_espeak
@pytest.mark.parametrize("fps", [12, 24, 60])
def test_the_scene_rate_does_not_move_the_phones(sample, plain, fps):
    assert animate(sample, replace(plain, transcript=TEXT, fps=fps)).phones == animate(
        sample, replace(plain, transcript=TEXT)
    ).phones


@needs_espeak
def test_motion_with_a_transcript_is_as_smooth_as_without(sample, plain):
    def jitter(settings: Settings) -> float:
        return float(np.abs(np.diff(animate(sample, settings).motion.weights, 2, axis=0)).mean())

    assert jitter(replace(plain, transcript=TEXT)) < 1.3 * jitter(plain)


def cues(n: int, **given: object) -> transcript.PhonemeCues:
    nothing = np.zeros(n, np.float32)
    values = dict.fromkeys(transcript.CUES, nothing) | {
        name: np.asarray(value, np.float32) for name, value in given.items()
    }
    return transcript.PhonemeCues((), 50, np.zeros((n, 3), np.float32), **values)


def face(n: int, **values: float) -> Motion:
    names = tuple(dict.fromkeys([*lip_contact.NEEDED, "mouthPucker", "mouthFunnel"]))
    return Motion(np.stack([np.full(n, values.get(name, 0), np.float32) for name in names], axis=1), names, 50)


def test_rounding_is_raised_where_it_is_flat_and_kept_where_it_is_there():
    flat = transcript.shape(face(3, mouthPucker=0.1), cues(3, rounded=[1, 1, 1]))
    assert flat["mouthPucker"] + flat["mouthFunnel"] == pytest.approx(transcript.ROUND_LEAST)
    assert flat["mouthPucker"][0] > flat["mouthFunnel"][0] > 0
    full = face(3, mouthPucker=0.6, mouthFunnel=0.2)
    assert np.array_equal(transcript.shape(full, cues(3, rounded=[1, 1, 1])).weights, full.weights)


def test_rounding_is_lowered_on_spread_vowels_and_left_alone_elsewhere():
    shaped = transcript.shape(face(3, mouthPucker=0.6, mouthFunnel=0.2), cues(3, spread=[0, 0.5, 1]))
    rounding = shaped["mouthPucker"] + shaped["mouthFunnel"]
    assert rounding == pytest.approx([0.8, 0.5, transcript.SPREAD_MOST])
    assert transcript.shape(face(3, mouthPucker=0.1), cues(3, spread=[1, 1, 1]))["mouthPucker"] == pytest.approx(0.1)


def test_a_jaw_that_falls_short_of_an_open_vowel_opens_by_a_share_and_a_low_one_stays():
    small, large, low = (
        transcript.shape(face(2, jawOpen=jaw), cues(2, jaw=[0, 1]))["jawOpen"]
        for jaw in (0.1, 0.2, transcript.OPEN_JAW + 0.05)
    )
    assert small.tolist() == pytest.approx([0.1, 0.1 * (1 + transcript.OPEN_MORE)])
    assert large[1] / small[1] == pytest.approx(2)      # a small mouth stays as much smaller as it was
    assert low[1] == low[0]


def test_the_jaw_comes_up_on_hisses_and_half_closed_lips_stay_half_closed():
    shaped = transcript.shape(face(2, jawOpen=0.2, mouthClose=0.1), cues(2, jaw=[0, -1]))
    assert shaped["jawOpen"].tolist() == pytest.approx([0.2, 0.2 * (1 - transcript.CLOSE_LESS)])
    assert shaped["mouthClose"] / shaped["jawOpen"] == pytest.approx(0.5)


def heard(**scores: float) -> transcript.PhonemeCues:
    """Ten frames of the same sound, with the scores of some phones; the rest is shared by consonants that say nothing
    to the mouth."""
    names = ("SIL", *scores, "K", "G", "NG")
    rest = (1 - sum(scores.values())) / 4
    return transcript.find_cues(
        np.log(np.tile(np.float32([rest, *scores.values(), rest, rest, rest]), (10, 1))), names, 50
    )


def test_a_spread_vowel_flattens_as_far_as_it_is_heard_and_not_where_it_may_be_a_rounded_one():
    assert heard(IY=0.9).spread == pytest.approx(1)
    assert 0.2 < heard(IY=0.3).spread[5] < 0.8
    assert not heard(IY=0.1).spread.any()
    assert not heard(AH=0.5, OW=0.45).spread.any()


def test_the_jaw_hears_open_vowels_and_hisses():
    assert [float(heard(**{name: 0.9}).jaw[5]) for name in ("AE", "S", "N")] == pytest.approx([1, -1, 0])


def test_lips_are_told_to_part_inside_of_a_vowel_and_not_at_its_ends():
    names = ("SIL", "M", "AX")
    scores = np.full((9, 3), 0.02, np.float32)
    scores[:, 1] = scores[3:6, 2] = 0.96
    scores[3:6, 1] = 0.02
    assert transcript.find_cues(np.log(scores), names, 50).voiced.round(2).tolist() == [0, 0, 0, 0, 1, 0, 0, 0, 0]


@needs_espeak
def test_the_jaw_follows_a_transcript_where_the_sound_says_nothing(sample, plain, monkeypatch):
    def wrong(scores: np.ndarray, labels: np.ndarray, names: tuple[str, ...], rate_hz: int) -> transcript.PhonemeCues:
        return replace(alone(scores, labels, names, rate_hz), jaw=np.zeros(len(scores), np.float32))

    alone = transcript._from_sound
    monkeypatch.setattr(transcript, "_from_sound", wrong)
    animation = animate(sample, replace(plain, transcript=TEXT, phones=None))
    monkeypatch.setattr(transcript, "OPEN_MORE", 0.0)
    flat = animate(sample, replace(plain, transcript=TEXT)).motion["jawOpen"]
    gained = animation.motion["jawOpen"] - flat
    opened = np.zeros(len(flat), np.bool_)
    for phone in animation.phones:
        if phone.label in transcript.OPEN:
            opened[max(0, round(phone.start_s * 50) - 2):round(phone.end_s * 50) + 2] = True
    assert gained[opened].max() > 0.01
    assert not gained[~opened].any()


def test_a_text_that_parts_the_lips_leaves_round_ones_narrow():
    pose = {"jawOpen": 0.3, "mouthFunnel": 0.3, "mouthPucker": 0.5, "mouthClose": 0.4}
    motion = Motion(np.array([[pose.get(name, 0) for name in ARKIT_52]] * 3, np.float32), tuple(ARKIT_52), 50)
    parted = transcript.shape(motion, cues(3, apart=[1, 1, 1]))["mouthClose"]
    # a quarter of the funnel and .45 of the jaw times the rounding
    assert parted == pytest.approx(0.25 * 0.3 + 0.45 * 0.8 * 0.3, abs=1e-4)


def test_motion_without_lips_passes_through():
    motion = Motion(np.ones((3, 1), np.float32), ("jawOpen",), 50)
    assert transcript.shape(motion, cues(3, apart=[1, 1, 1])) is motion


# ---- what cannot be used is never ignored silently

@needs_espeak
@pytest.mark.parametrize(("text", "language", "message"), [
    ("", "", "has no words"), ("?!", "", "has no words"), ("Hello", "xx-yy", "Unknown transcript language"),
    ("你好", "de", "does not read"),
    ("/tmp/line.txt", "", "is a file's name"),
])
def test_a_text_that_cannot_be_read_is_an_error_before_the_work(sample, plain, text, language, message, monkeypatch):
    monkeypatch.setattr("engine.pipeline.encode", lambda *_: pytest.fail("the sound was encoded first"))
    with pytest.raises(SettingError, match=message):
        animate(sample, replace(plain, transcript=text, language=language))


def test_without_espeak_a_transcript_is_an_error_and_the_sound_alone_still_works(sample, plain, monkeypatch):
    g2p._read.cache_clear()
    monkeypatch.setattr(g2p, "_libraries", lambda: [])
    with pytest.raises(InstallError, match="A transcript needs espeak-ng"):
        animate(sample, replace(plain, transcript=TEXT))
    assert animate(sample, plain).warnings == ()


@needs_espeak
def test_a_model_that_hears_no_phones_refuses_a_transcript(tiny, tiny_copy, syllables):
    without_phones(tiny_copy)
    with pytest.raises(SettingError, match="does not hear phones"):
        animate(syllables, replace(tiny, model=str(tiny_copy), transcript=TEXT))


@needs_espeak
def test_exact_output_says_that_it_does_not_follow_the_transcript(sample, plain):
    animation = animate(sample, replace(plain, raw=True, transcript=TEXT))
    assert animation.warnings == (
        "The transcript does not change what head arkit52 gives with --raw, which is the head's exact output.",
    )
    assert np.array_equal(animation.motion.weights, animate(sample, replace(plain, raw=True)).motion.weights)


def test_settings_of_one_call_have_one_transcript(tiny, syllables):
    with pytest.raises(SettingError, match="agree in model, device, threads and transcript"):
        animate_all(syllables, [tiny, replace(tiny, transcript="hello")])


@needs_espeak
@pytest.mark.parametrize("seconds", [0.02, 0.1, 1.0])
def test_silence_and_short_sounds_take_a_transcript(plain, seconds):
    animation = animate(
        Waveform(np.zeros(round(seconds * 16000), np.float32)),
        replace(plain, transcript="Hello there", life=Life(blinks=0)),
    )
    assert (
        np.abs(animation.motion.weights).max() == 0 and any("transcript" in warning for warning in animation.warnings)
    )


# ---- command line

@needs_espeak
def test_command_line_gives_what_the_engine_gives(sample, plain, tmp_path):
    (tmp_path / "words.txt").write_text(TEXT, encoding="utf-8")
    sound = str(DATA / "sample.flac")
    common = ["--fps", "50", "--threads", "1", "--device", "cpu", "--language", "en-us"]
    assert run([
        "animate", sound, "-o", str(tmp_path / "a.npz"), *common, "--transcript", TEXT, "--phones",
        str(tmp_path / "phones.json"),
    ]) == 0
    assert run([
        "animate", sound, "-o", str(tmp_path / "b.npz"), *common, "--transcript-file", str(tmp_path / "words.txt")
    ]) == 0
    animation = animate(sample, replace(plain, transcript=TEXT, language="en-us"))
    for name in "ab":
        assert np.array_equal(io.read_motion(tmp_path / f"{name}.npz").weights, animation.motion.weights)
    written = json.loads((tmp_path / "phones.json").read_text(encoding="utf-8"))["phones"]
    assert [label for label, _, _ in written] == [phone.label for phone in animation.phones]
    assert written[3][1] == pytest.approx(animation.phones[3].start_s, abs=0.001)


@pytest.mark.parametrize(("arguments", "message"), [
    (["--transcript-file", "none.txt"], "none.txt cannot be read"),
    (["--language", "de"], "--language de is that of a transcript, and none is given"),
    (["--phones", "p.txt"], "p.txt has no known ending. Choose one of: .json"),
    (["--phones", "nowhere/p.json"], "does not exist"),
    (["--phones", "a.json"], "written over another file"),
    (["--phones", "line.json"], "written over another file"),
])
def test_failure_is_one_line_before_the_work(tmp_path, monkeypatch, capsys, arguments, message):
    monkeypatch.chdir(tmp_path)
    shutil.copy(DATA / "sample.flac", "line.json")
    assert run(["animate", "line.json", "-o", "a.json", *arguments]) == 1
    error = capsys.readouterr().err
    assert message in error and error.count("\n") == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["line.json"]


@needs_espeak
def test_an_empty_transcript_is_no_transcript_forgotten(tmp_path, capsys):
    assert run(["animate", str(DATA / "sample.flac"), "-o", str(tmp_path / "a.npz"), "--transcript", ""]) == 1
    assert "has no words" in capsys.readouterr().err


def test_cues_are_the_same_to_the_bit_in_every_run():
    """Sums over sets of phones once followed the order of their hashes, which Python draws anew for each process."""
    code = """
import hashlib, numpy as np
from engine.speech.cues import CUES, find_cues
from engine.values.phones import PHONES
scores = np.random.default_rng(0).normal(size=(400, len(PHONES))).astype(np.float32) * 2
scores -= np.log(np.exp(scores).sum(axis=1, keepdims=True))
cues = find_cues(scores, tuple(PHONES), 50)
print([hashlib.md5(getattr(cues, name).tobytes()).hexdigest() for name in ("contact", *CUES)])
"""
    printed = set()
    for seed in "123":
        environment = {**os.environ, "PYTHONHASHSEED": seed}
        command = [sys.executable, "-c", code]
        printed.add(subprocess.check_output(command, env=environment, cwd=DATA.parents[1], text=True))
    assert len(printed) == 1 and "[" in printed.pop()
