"""Phone times of the speech programs, and the maps of their symbols."""

from __future__ import annotations

import random
import shutil

import numpy as np
import pytest

from engine.learn.synth import espeak, festival, flite, jtalk, languages, rhvoice, text
from engine.learn.synth.corpus import corpus_hours, corpus_plan, make_corpus
from engine.learn.synth.performance import PERFORMANCES
from engine.learn.synth.phones import (
    ARPABET,
    IPA,
    PHONES,
    Phone,
    PhoneSymbolError,
    classes_of,
    classes_of_ipa,
    split_evenly,
)
from engine.learn.synth.utterance import Utterance, load_shard, make_utterance, save_shard

RATE_HZ = 22050


def sound_with_gap(seconds: float, gap_start_s: float, gap_end_s: float) -> np.ndarray:
    """A loud tone with a run of exact zeros."""
    samples = (8000 * np.sin(np.arange(round(seconds * RATE_HZ)) * 0.1) + 1).astype(np.int16)
    samples[samples == 0] = 1
    samples[round(gap_start_s * RATE_HZ):round(gap_end_s * RATE_HZ)] = 0
    return samples


def events(*pairs: tuple[float, str]) -> list[tuple[int, str]]:
    return [(round(at_s * RATE_HZ), name) for at_s, name in pairs]


def start_of(label: str, phones: list[Phone]) -> float:
    return next(phone.start_s for phone in phones if phone.label == label)


def test_voiceless_stop_gets_the_closure_before_its_burst():
    phones = espeak.phones_from_events(
        events((0, "a"), (0.30, "p"), (0.35, "a")), sound_with_gap(0.6, 0.22, 0.30), RATE_HZ, "test"
    )
    assert start_of("P", phones) == pytest.approx(0.22, abs=0.001)


def test_closure_before_a_burst_is_at_most_130_ms():
    phones = espeak.phones_from_events(
        events((0, "a"), (0.50, "t"), (0.55, "a")), sound_with_gap(0.8, 0.20, 0.50), RATE_HZ, "test"
    )
    assert start_of("T", phones) == pytest.approx(0.37, abs=0.001)


def test_voiced_stop_keeps_the_time_of_its_event():
    phones = espeak.phones_from_events(
        events((0, "a"), (0.30, "b"), (0.35, "a")), sound_with_gap(0.6, 0.22, 0.30), RATE_HZ, "test"
    )
    assert start_of("B", phones) == pytest.approx(0.30, abs=0.001)


@pytest.mark.parametrize("before", ["n", "m", "l", "ŋ"])
def test_vowel_after_nasal_or_liquid_starts_25_ms_before_its_event(before):
    phones = espeak.phones_from_events(
        events((0, before), (0.10, "iː"), (0.30, "s")), sound_with_gap(0.5, 0, 0), RATE_HZ, "test"
    )
    assert start_of("IY", phones) == pytest.approx(0.075, abs=0.001)


def test_vowel_after_b_starts_18_ms_before_its_event():
    phones = espeak.phones_from_events(
        events((0, "b"), (0.10, "iː"), (0.30, "s")), sound_with_gap(0.5, 0, 0), RATE_HZ, "test"
    )
    assert start_of("IY", phones) == pytest.approx(0.082, abs=0.001)


def test_vowel_after_a_fricative_keeps_its_time():
    phones = espeak.phones_from_events(
        events((0, "s"), (0.10, "iː"), (0.30, "s")), sound_with_gap(0.5, 0, 0), RATE_HZ, "test"
    )
    assert start_of("IY", phones) == pytest.approx(0.10, abs=0.001)


def test_nameless_event_with_sound_prolongs_the_phone_before():
    phones = espeak.phones_from_events(
        events((0, "a"), (0.20, ""), (0.30, "s")), sound_with_gap(0.5, 0, 0), RATE_HZ, "test"
    )
    assert [p.label for p in phones] == ["AA", "S"]


def test_unknown_symbol_is_an_error_that_names_it():
    with pytest.raises(PhoneSymbolError, match=r"'zz'.*Add it to"):
        flite.phones_from_durations("pau:0.1 zz:0.2", "slt")
    with pytest.raises(PhoneSymbolError, match="'☃'"):
        classes_of_ipa("☃", "test")


def test_every_map_leads_to_known_classes():
    tables = [IPA, ARPABET, *(voice.table for voice in festival.VOICES)]
    assert {label for table in tables for symbol in table for label in classes_of(symbol, table, "")} <= set(PHONES)


def test_ipa_diphthongs_and_affricates():
    assert classes_of_ipa("oʊ", "") == ("OW", "UH")
    assert classes_of_ipa("tʃ", "") == ("CH",)
    assert classes_of_ipa("ts", "") == ("T", "S")
    assert classes_of_ipa("ɑːɹ", "") == ("AA", "R")


def test_diphthong_takes_60_and_40_percent():
    first, second = split_evenly(("AA", "IH"), 1.0, 1.1)
    assert (first.end_s, second.start_s, second.end_s) == pytest.approx((1.06, 1.06, 1.1))


def test_festival_segments_after_the_header():
    saved = "separator ;\nnfields 1\n#\n0.2 100 pau\n0.3 100 m\n0.5 100 ay\n"
    phones = festival.phones_from_segments(saved, festival.VOICE_BY_NAME["kal_diphone"])
    assert [(p.label, round(p.end_s, 3)) for p in phones] == [("SIL", 0.2), ("M", 0.3), ("AA", 0.42), ("IH", 0.5)]


def test_finnish_length_mark_is_not_a_symbol():
    phones = festival.phones_from_segments("#\n0.2 100 p:\n0.3 100 a:\n", festival.VOICE_BY_NAME["hy_fi_mv_diphone"])
    assert [p.label for p in phones] == ["P", "AA"]


def test_utterance_is_covered_without_gaps():
    phones = [Phone("M", 0.1, 0.2), Phone("AA", 0.2, 0.4), Phone("S", 0.45, 0.5)]
    utterance = make_utterance(np.ones(16000, np.float32) * 0.2, 16000, phones, "test")
    assert [p.label for p in utterance.phones] == ["SIL", "M", "AA", "SIL", "S", "SIL"]
    assert all(
        a.end_s == pytest.approx(b.start_s) for a, b in zip(utterance.phones, utterance.phones[1:], strict=False)
    )


def test_shard_reads_back_what_was_written(tmp_path):
    written = [
        Utterance(np.arange(n, dtype=np.int16), (Phone("M", 0.0, 0.25), Phone("AA", 0.25, 0.5)), f"voice {n}")
        for n in (3, 5)
    ]
    save_shard(tmp_path / "a_0.npz", written)
    read = load_shard(tmp_path / "a_0.npz")
    assert [u.phones for u in read] == [u.phones for u in written] and [u.voice for u in read] == ["voice 3", "voice 5"]
    assert read[1].samples.tolist() == [0, 1, 2, 3, 4]
    assert [path.name for path in tmp_path.iterdir()] == ["a_0.npz"]


def test_plan_is_the_same_every_time_and_has_every_voice():
    plan = corpus_plan(1.0)
    assert plan == corpus_plan(1.0)
    assert {shard.voice for shard in plan if shard.program == "festival"} == set(festival.VOICE_BY_NAME)
    assert {shard.voice for shard in plan if shard.program == "rhvoice"} == set(rhvoice.VOICES)
    assert {shard.voice for shard in plan if shard.program == "espeak"} >= set(languages.LANGUAGES)
    assert len({shard.name for shard in plan}) == len(plan)


def test_a_small_plan_keeps_every_voice_once():
    programs = [(shard.program, shard.voice) for shard in corpus_plan(0.01) if shard.program not in PERFORMANCES]
    assert len(programs) == len(set(programs))
    assert {voice for program, voice in programs if program == "festival"} == set(festival.VOICE_BY_NAME)


def test_performances_are_made_of_shards_of_the_plan_that_come_before_them():
    names: set[str] = set()
    for shard in corpus_plan(1.0):
        if shard.program in PERFORMANCES:
            assert shard.voice in names
        names.add(shard.name.replace("_", "-"))
    assert {shard.program for shard in corpus_plan(1.0)} >= set(PERFORMANCES)


def test_texts_fit_the_speech_programs():
    rng = random.Random(0)
    lines = [text.english_text(rng) for _ in range(200)]
    assert all(line.isascii() and 3 < len(line) <= 160 and "{" not in line for line in lines)


def test_lip_pairs_put_a_lip_sound_after_another_stop_or_nasal():
    rng = random.Random(1)
    pairs = [pair for _ in range(50) for pair in text.lip_pairs(rng).rstrip(".").split(",")]
    assert any(phrase in line for phrase in text.LIP_PHRASES for line in pairs)
    assert len(set(pairs)) > 30


def test_a_line_of_contrasting_words_holds_the_sounds_of_one_contrast(monkeypatch):
    words = ["never", "award", "river", "swim", "thing", "lamp", "king"]
    monkeypatch.setattr(text, "dictionary_words", lambda name: words)
    monkeypatch.setattr(text, "WORD_CONTRASTS", (("v", "w[aeio]"),))
    text._words_with.cache_clear()
    said = {word.strip(".,") for seed in range(9) for word in text.contrast_words(random.Random(seed)).split()}
    text._words_with.cache_clear()
    assert said == {"never", "award", "river", "swim"}


def test_every_language_has_text_of_its_own_script():
    rng = random.Random(2)
    assert any("а" <= c <= "я" for c in languages.language_text(rng, "ru").lower())
    assert any("ऀ" <= c <= "ॿ" for c in languages.language_text(rng, "hi"))
    assert all(languages.language_text(rng, name).strip() for name in languages.LANGUAGES)


def test_japanese_trace_gives_nasals_and_doubled_stops_the_place_of_what_follows():
    trace = "".join(
        f"{start}000000 {start + 1}000000 xx^xx-{name}+xx=xx/A:xx\n"
        for start, name in enumerate(["sil", "k", "a", "N", "p", "a", "cl", "p", "a", "N", "g", "u", "sil"])
    )
    phones = jtalk.phones_from_trace(trace)
    assert [p.label for p in phones] == ["SIL", "K", "AA", "M", "P", "AA", "P", "P", "AA", "NG", "G", "UH", "SIL"]
    assert phones[1].start_s == pytest.approx(0.1)


def test_interrupted_corpus_goes_on_and_counts_its_hours(tmp_path, monkeypatch):
    spoken: list[str] = []

    def speak(line: str, voice: str, rng: random.Random) -> Utterance:
        spoken.append(voice)
        phones = [Phone("SIL", 0, 0.5), Phone("M", 0.5, 0.6), Phone("AA", 0.6, 1.0)]
        return make_utterance(np.sin(np.arange(16000) * 0.1), 16000, phones, voice)

    monkeypatch.setattr(flite, "speak", speak)
    monkeypatch.setattr("engine.learn.synth.corpus.UTTERANCES_PER_SHARD", 3)
    hours = make_corpus(tmp_path, 0.01, programs=("flite",))
    assert hours == pytest.approx(4 * 3 / 3600)
    (tmp_path / "flite_slt_000.npz").unlink()
    spoken.clear()
    assert make_corpus(tmp_path, 0.01, programs=("flite",)) == pytest.approx(hours)
    assert spoken == ["slt"] * 3
    assert corpus_hours(tmp_path) == {"flite": pytest.approx(hours)}


@pytest.mark.skipif(shutil.which("flite") is None, reason="flite is not installed")
def test_flite_phones_end_with_the_sound():
    utterance = flite.speak("Pump the map.", "slt", random.Random(0))
    assert utterance.phones[-1].end_s == pytest.approx(utterance.samples.size / 16000, abs=0.01)
    assert [p.label for p in utterance.phones if p.label in "PBM"] == ["P", "M", "P", "M", "P"]


@pytest.mark.skipif(shutil.which("espeak-ng") is None, reason="espeak-ng is not installed")
def test_espeak_speaks_with_phones():
    utterance = espeak.Espeak().speak("Pump the map.", "en-us", 160, 50, 50)
    assert [p.label for p in utterance.phones if p.label in "PBM"] == ["P", "M", "P", "M", "P"]
    assert 0.5 < utterance.samples.size / 16000 < 3
