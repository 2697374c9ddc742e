"""Aligning recordings with their words, and changing how they are spoken."""

from __future__ import annotations

import json
import random
import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile

from engine.learn.synth.align import Aligner, english_dictionary, english_spelling, foreign_word, trim_pauses
from engine.learn.synth.animators import retimed
from engine.learn.synth.noises import CLIP_S, MAKERS
from engine.learn.synth.performance import PERFORMANCES, perform, pitch
from engine.learn.synth.phone_check import PhoneCheck, best_starts
from engine.learn.synth.phones import PHONES, VOWELS, Phone
from engine.learn.synth.real import cut_at_pauses
from engine.learn.synth.spelling import english_words, plain_words
from engine.learn.synth.timing import closure_times
from engine.learn.synth.utterance import Utterance

ALIGNED = Path(__file__).resolve().parents[3] / "shared" / "data" / "speech" / "english_aligned"
SAMPLE = Path(__file__).resolve().parents[1] / "data" / "sample.flac"
WORDS = {"LJ001-0002": "in being comparatively modern", "LJ001-0008": "has never been surpassed"}
has_recordings = pytest.mark.skipif(not ALIGNED.exists(), reason="shared/data/speech/english_aligned is absent")
has_flite = pytest.mark.skipif(shutil.which("flite") is None, reason="flite is not installed")


def tone(length_s: float, hz: float = 200.0) -> np.ndarray:
    """Pulses with some harmonics, (n,) int16 at 16 kHz."""
    seconds = np.arange(round(length_s * 16000)) / 16000
    wave = sum(np.sin(2 * np.pi * hz * k * seconds) / k for k in range(1, 12))
    return np.round(6000 * wave).astype(np.int16)


@has_recordings
@pytest.mark.parametrize("name", WORDS)
def test_alignment_gives_the_times_of_the_evaluation_set(name):
    pytest.importorskip("pocketsphinx")
    samples, _ = soundfile.read(ALIGNED / f"{name}.flac", dtype="int16")
    dictionary = english_dictionary()
    phones = Aligner().align([tuple(english_spelling(s) for s in dictionary[w]) for w in WORDS[name].split()], samples)
    expected = [p for p in json.loads((ALIGNED / "phones.json").read_text())[name]["phones"] if p[0] != "SIL"]
    found = [p for p in phones if p.label != "SIL"]
    assert [p.label for p in found] == [p[0] for p in expected]
    differences = np.abs([p.start_s - q[1] for p, q in zip(found, expected, strict=True)])
    assert np.median(differences) <= 0.010 and differences.max() <= 0.030


@has_recordings
def test_words_that_do_not_fit_are_refused_or_found_out():
    pytest.importorskip("pocketsphinx")
    samples, _ = soundfile.read(ALIGNED / "LJ001-0002.flac", dtype="int16")
    dictionary = english_dictionary()
    wrong = "seventy purple umbrellas were flying over that famous river yesterday"
    phones = Aligner().align([tuple(english_spelling(s) for s in dictionary[w]) for w in wrong.split()], samples)
    assert phones is None or not PhoneCheck().agreement(phones, samples).is_good


@has_recordings
def test_two_aligners_agree_on_the_evaluation_set():
    samples, _ = soundfile.read(ALIGNED / "LJ001-0008.flac", dtype="int16")
    phones = [Phone(*p) for p in json.loads((ALIGNED / "phones.json").read_text())["LJ001-0008"]["phones"]]
    agreement = PhoneCheck().agreement(phones, samples)
    assert agreement.is_good and agreement.difference_s < 0.025
    late = [Phone(p.label, p.start_s + 0.08, p.end_s + 0.08) for p in phones]
    assert not PhoneCheck().agreement(late, samples).is_good


@has_recordings
def test_closures_of_the_evaluation_set_fall_and_rise_at_their_labels():
    entries = json.loads((ALIGNED / "phones.json").read_text())
    utterances = [
        Utterance(
            soundfile.read(ALIGNED / f"{name}.flac", dtype="int16")[0],
            tuple(Phone(*p) for p in entries[name]["phones"]), name,
        )
        for name in entries if name.startswith("LJ001")
    ]
    fall, rise = closure_times(utterances)["M"].medians_ms
    assert abs(fall) <= 15 and abs(rise) <= 15


def test_timing_check_finds_labels_that_are_30_ms_early():
    loud, quiet = tone(0.3), np.zeros(1280, np.int16)
    samples = np.concatenate([loud, quiet, loud])
    honest = (Phone("AA", 0, 0.3), Phone("B", 0.3, 0.38), Phone("AA", 0.38, 0.68))
    early = (Phone("AA", 0, 0.27), Phone("B", 0.27, 0.35), Phone("AA", 0.35, 0.68))
    assert closure_times([Utterance(samples, honest, "test")])["B"].medians_ms == pytest.approx((0, 0), abs=6)
    assert closure_times([Utterance(samples, early, "test")])["B"].medians_ms == pytest.approx((30, 30), abs=6)


@has_flite
@pytest.mark.parametrize(("voice", "label"), [("slt", "M"), ("rms", "B")])
def test_flite_labels_lie_on_the_closures(voice, label):
    from engine.learn.synth import flite

    text = "Obey a mummy above a baby, a bomber, a robber, a summer hobby."
    fall, rise = closure_times([flite.speak(text, voice, random.Random(i)) for i in range(3)])[label].medians_ms
    assert abs(fall) <= 20 and abs(rise) <= 25


@pytest.mark.skipif(shutil.which("espeak-ng") is None, reason="espeak-ng is not installed")
def test_espeak_labels_lie_on_the_closures():
    from engine.learn.synth.espeak import Espeak

    espeak = Espeak()
    times = closure_times([
        espeak.speak("Obey a mummy above a paper baby, a copper robber, a summer hobby.", voice, 150, 50, 50)
        for voice in ("en-us", "en", "de")
    ])
    assert (
        abs(times["M"].medians_ms[0]) <= 20 and abs(times["B"].medians_ms[0]) <= 20
        and abs(times["P"].medians_ms[0]) <= 20
    )


@pytest.mark.skipif(shutil.which("open_jtalk") is None, reason="open-jtalk is not installed")
def test_open_jtalk_labels_lie_on_the_closures():
    from engine.learn.synth import jtalk

    if not jtalk.VOICE.exists():
        pytest.skip("hts-voice-nitech-jp-atr503-m001 is not installed")
    times = closure_times([jtalk.speak(random.Random(i)) for i in range(6)])
    assert abs(times["M"].medians_ms[0]) <= 20 and abs(times["B"].medians_ms[0]) <= 20


def test_numbers_and_abbreviations_are_written_out():
    assert plain_words("In 1455 Mr. Gutenberg's 42 types") == [
        "in", "fourteen", "fifty", "five", "mister", "gutenberg's", "forty", "two", "types"
    ]
    assert plain_words("the 3rd, 1,250 & 1905") == [
        "the", "third", "one", "thousand", "two", "hundred", "fifty", "and", "nineteen", "oh", "five"
    ]
    assert plain_words("no way; No. 5") == ["no", "way", "number", "five"]


@has_flite
def test_schwas_are_kept_apart_and_unknown_words_are_guessed():
    pytest.importorskip("pocketsphinx")
    about, guessed = english_words("about zweibrucken")
    assert about[0].classes[0] == ("AX",) and about[0].sounds[0] == "AH"
    assert guessed[0].sounds[:3] == ("Z", "W", "AY")


def test_foreign_words_keep_their_classes_whatever_the_english_model_hears():
    word = foreign_word(("UE", "R", "AX"))
    assert all(spelling.classes == (("UE",), ("R",), ("AX",)) for spelling in word)
    assert {spelling.sounds[1] for spelling in word} >= {"R", "D"}


def test_quiet_beginning_of_a_phone_after_a_pause_belongs_to_the_pause():
    samples = np.concatenate([np.zeros(4800, np.int16), tone(0.3)])
    trimmed = trim_pauses([Phone("M", 0.0, 0.4), Phone("AA", 0.4, 0.6)], samples)
    assert [(p.label, round(p.start_s, 2)) for p in trimmed] == [("SIL", 0.0), ("M", 0.3), ("AA", 0.4)]


def test_long_recordings_are_cut_at_pauses_only():
    phones = [
        p for i in range(8) for p in (Phone("AA", 3.0 * i, 3.0 * i + 2.7), Phone("SIL", 3.0 * i + 2.7, 3.0 * i + 3))
    ]
    pieces = cut_at_pauses(phones, 11.0)
    assert [len(piece) for piece in pieces] == [6, 6, 4]
    assert all(piece[-1].label == "SIL" for piece in pieces)
    assert [len(piece) for piece in cut_at_pauses(phones, 0.0)] == [2] * 8


def test_best_path_finds_phones_and_the_pause_between_them():
    scores = np.full((40, len(PHONES)), -8.0)
    for label, first, last in (
        ("SIL", 0, 5), ("M", 5, 12), ("AA", 12, 20), ("SIL", 20, 30), ("S", 30, 36), ("SIL", 36, 40)
    ):
        scores[first:last, PHONES.index(label)] = -0.1
    starts_s, score = best_starts(scores, ["M", "AA", "S"])
    assert starts_s == pytest.approx([0.05, 0.12, 0.30])
    assert score > -0.3


def test_pitch_of_a_tone():
    f0_hz, voiced = pitch(tone(0.5, 200.0))
    assert np.median(f0_hz) == pytest.approx(200, abs=4)
    assert voiced[10:-10].mean() == 1.0


@pytest.mark.parametrize("way", PERFORMANCES)
def test_performance_keeps_the_phones_and_covers_the_new_sound(way):
    samples = np.concatenate([np.zeros(3200, np.int16), tone(0.1), tone(0.3), np.zeros(3200, np.int16)])
    spoken = Utterance(
        samples, (Phone("SIL", 0, 0.2), Phone("M", 0.2, 0.3), Phone("AA", 0.3, 0.6), Phone("SIL", 0.6, 0.8)), "test"
    )
    performed = perform(spoken, way, random.Random(3))
    assert [p.label for p in performed.phones] == ["SIL", "M", "AA", "SIL"]
    assert performed.phones[-1].end_s == pytest.approx(performed.samples.size / 16000, abs=0.02)
    vowel = next(p for p in performed.phones if p.label in VOWELS)
    held = (vowel.end_s - vowel.start_s) / 0.3
    assert held == pytest.approx(1.0) if way == "whispered" else held >= 1.0
    level = np.abs(performed.samples[round(vowel.start_s * 16000):round(vowel.end_s * 16000)]).mean()
    assert level > 20 * np.abs(performed.samples[:1600]).mean()


def test_whisper_has_no_pitch_and_song_has():
    spoken = Utterance(tone(0.8), (Phone("SIL", 0, 0.01), Phone("AA", 0.01, 0.78), Phone("SIL", 0.78, 0.8)), "test")
    whispered = perform(spoken, "whispered", random.Random(1))
    sung = perform(spoken, "sung", random.Random(1))
    assert pitch(whispered.samples)[1].mean() < 0.3
    assert pitch(sung.samples)[1].mean() > 0.8


def test_noises_are_whole_and_differ_from_seed_to_seed():
    for make in MAKERS.values():
        first, second, again = (make(CLIP_S, np.random.default_rng(seed)) for seed in (1, 2, 1))
        assert first.size == CLIP_S * 16000 and np.isfinite(first).all() and np.abs(first).max() > 0
        assert not np.array_equal(first, second) and np.array_equal(first, again)


def test_animators_curves_are_as_long_as_the_sound():
    curves = retimed(np.linspace(0, 1, 31)[:, None], 16000)
    assert curves.shape == (50, 1)
    assert curves[25, 0] == pytest.approx(0.5, abs=0.01)
