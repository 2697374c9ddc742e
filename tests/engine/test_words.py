"""The words of a transcript: where they are spoken, and what their emphasis does to the mouth."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from engine import SettingError, Settings, animate, read_audio, spoken_words, with_emphasis, written_words
from engine.__main__ import run
from engine.files.motion import read_motion
from engine.motion.lip_contact import closed_frames
from engine.speech.g2p import read_each, read_words
from engine.speech.words import word_of_each
from engine.values.phones import Phone
from tests.engine.conftest import DATA
from tests.needs import needs_espeak

TEXT = json.loads((DATA / "sample.json").read_text(encoding="utf-8"))["text"]
WORD = next(number for number, word in enumerate(written_words(TEXT)) if len(word.text) > 4)
PLAIN = Settings(fps=50, threads=1, device="cpu", transcript=TEXT)


def phones(*labels):
    return tuple(Phone(label, float(number), number + 1.0) for number, label in enumerate(labels))


def test_capitals_and_asterisks_stress_words():
    words = written_words("[angry] I NEVER said *that*, *really=1.5* a lot!")
    assert [(word.text, word.emphasis) for word in words if word.emphasis] == [
        ("NEVER", 1), ("that", 1), ("really", 1.5)
    ]
    assert not any(word.emphasis for word in written_words("ALL OF THIS"))


def test_an_emphasis_is_written_and_taken_back():
    marked = with_emphasis("I NEVER said that.", {1: 0, 3: 1.5, 2: 1})
    assert marked == "I *NEVER=0* *said* *that=1.5*."
    assert with_emphasis(marked, {1: 1, 2: 0, 3: 0}) == "I NEVER said that."


@pytest.mark.parametrize("number", ["2.5", "-1", "loud"])
def test_an_emphasis_out_of_range_is_one_line(number):
    with pytest.raises(SettingError, match=f"Emphasis of 'that' must be a number from 0 to 2, got '{number}'"):
        written_words(f"I said *that={number}*")


@needs_espeak
@pytest.mark.parametrize(("text", "language", "word"), [
    ("Das habe ich *nie* gesagt, 42 Mal.", "de", "nie"), ("わたしは*ほんとうに*しらない", "ja", "ほんとうに"),
    ("我*真的*不知道", "cmn", "真的"),
])
def test_a_mark_changes_nothing_that_is_read_and_its_word_is_found(text, language, word):
    plain = with_emphasis(text, dict.fromkeys(range(9), 0.0))
    assert "*" not in plain and read_words(text, language) == read_words(plain, language)
    each = read_each([written.text for written in written_words(text)], language)
    clip = phones("SIL", *[label for labels in each for label in labels], "SIL")
    found, = [spoken for spoken in spoken_words(text, language, clip) if spoken.emphasis]
    start = 1 + sum(map(len, each[:found.number]))
    assert (found.text, found.start_s, found.end_s) == (word, start, start + len(each[found.number]))


def test_words_are_named_only_where_phones_follow_them():
    clip = phones("SIL", "M", "AA", "SIL", "B", "IY")
    assert word_of_each(clip, (("M", "AA"), ("B", "IY"))) == [-1, 0, 0, -1, 1, 1]
    assert word_of_each(clip, (("S", "AA"), ("K", "T"))) == [-1] * 6


def test_a_phone_more_than_the_transcript_has_takes_no_words_away():
    clip = phones("M", "AA", "M", "AH", "AX", "SIL", "L", "UH", "K")
    assert word_of_each(clip, (("M", "AA", "M", "AH"), ("L", "UH", "K"))) == [0, 0, 0, 0, -1, -1, 1, 1, 1]


@pytest.fixture(scope="module")
def takes():
    """The sample plainly, and with one word stressed; and when that is spoken."""
    wave, stressed = read_audio(DATA / "sample.flac"), replace(PLAIN, transcript=with_emphasis(TEXT, {WORD: 1}))
    plain, made = (animate(wave, settings) for settings in (PLAIN, stressed))
    word = next(word for word in spoken_words(TEXT, "", plain.phones) if word.number == WORD)
    return plain, made, word


@needs_espeak
def test_a_stressed_word_is_wider_and_holds_longer(takes):
    plain, made, word = takes
    inside = slice(round(word.start_s * 50), round(word.end_s * 50))
    jaw, wider = plain.motion["jawOpen"][inside], made.motion["jawOpen"][inside]
    assert 1.2 < wider.max() / jaw.max() < 1.6
    half = jaw.max() / 2
    assert (wider > half).sum() > (jaw > half).sum()


@needs_espeak
def test_a_stressed_word_changes_no_contact_and_no_other_word(takes):
    plain, made, word = takes
    np.testing.assert_array_equal(closed_frames(made.motion), closed_frames(plain.motion))
    seconds = np.arange(len(plain.motion.weights)) / 50
    far = (seconds < word.start_s - 0.2) | (seconds > word.end_s + 0.2)
    np.testing.assert_allclose(made.motion.weights[far], plain.motion.weights[far], atol=1e-6)


@needs_espeak
def test_capitals_on_the_command_line_stress_a_word(takes, tmp_path):
    word = written_words(TEXT)[WORD]
    text = TEXT[:word.start] + word.text.upper() + TEXT[word.end:]
    out = tmp_path / "out.npz"
    given = ["--transcript", text, "--fps", "50", "--device", "cpu"]
    assert run(["animate", str(DATA / "sample.flac"), "-o", str(out), *given]) == 0
    np.testing.assert_allclose(read_motion(out).weights, takes[1].motion.weights, atol=1e-6)
