"""Text to phone classes. Needs espeak-ng, from its wheel or from the system."""

from __future__ import annotations

import subprocess

import pytest

from engine import InstallError, SettingError
from engine.speech import g2p
from engine.speech.g2p import check_words, languages, read_words
from engine.values.messages import without_notes
from engine.values.phones import PHONES
from tests.needs import needs_espeak


@pytest.fixture(autouse=True)
def nothing_remembered():
    g2p._read.cache_clear()
    g2p._languages.cache_clear()
    yield
    g2p._read.cache_clear()
    g2p._languages.cache_clear()


@needs_espeak
@pytest.mark.parametrize(("text", "language", "first"), [
    ("Hello world", "", ("HH", "AX", "L", "OW", "UH")),
    ("Guten Tag", "de", ("G", "UW", "T", "AX", "N")),
    ("Bonjour", "fr", ("B", "AO", "ZH", "UW", "HH")),
    ("über", "de", ("UE", "B", "ER")),
    ("Привет мир", "", ("P", "R", "IY", "V", "EH", "T")),
    ("καλημέρα", "", ("K", "AA", "L", "IY", "M", "EH", "R", "AA")),
    ("नमस्ते", "", ("N", "AX", "M", "AH", "S", "T", "EH")),
    ("さむい", "", ("S", "AA", "M", "UH", "IY")),
    ("25", "en-us", ("T", "W", "EH", "N", "T", "IY")),
])
def test_words_are_read_in_their_language(text, language, first):
    assert read_words(text, language)[0] == first


def test_a_mark_of_tone_is_no_vowel():
    assert g2p._classes("j_\u02c8i\u025c_n_", "cmn") == ("Y", "IY", "N")
    assert g2p._classes("b_\u02c8\u025c_d_", "en-gb") == ("B", "ER", "D")


@needs_espeak
def test_every_language_gives_classes_that_the_corpus_knows():
    seen = {
        "ru": "Мама мыла раму", "ar": "مرحبا بالعالم", "he": "שלום עולם", "ko": "안녕하세요", "th": "สวัสดี",
        "ja": "ハナコ", "ka": "გამარჯობა", "ta": "வணக்கம்", "am": "ሰላም",
    }
    silent = []
    for language in languages():
        try:
            words = read_words(seen.get(language.partition("-")[0], "pa ba ma fa va tu ni so"), language)
        except SettingError as error:
            assert "finds nothing to say" in str(error)
            silent.append(language)
        else:
            assert {phone for word in words for phone in word} <= set(PHONES), language
    # three voices of espeak-ng 1.52 come without their dictionary
    assert len(languages()) > 100 and len(silent) <= 3


@needs_espeak
@pytest.mark.parametrize("language", ["DE", "de_DE", "de-AT", " de "])
def test_language_codes_are_taken_as_people_write_them(language):
    assert read_words("schön", language) == read_words("schön", "de")


@needs_espeak
def test_what_nobody_says_is_left_out():
    assert read_words("[laughs] Hello\0 \x07*wor-ld* 😀!\n", "en") == read_words("Hello wor-ld!", "en")


@needs_espeak
@pytest.mark.parametrize(("text", "language", "message"), [
    ("", "", "has no words"),
    ("  \n", "", "has no words"),
    ("...!? --", "", "has no words"),
    ("😀🎉", "", "has no words"),
    ("\0\x01", "", "has no words"),
    ("[laughs]", "", "has no words"),
    ("x" * 300_000, "", "300000 characters, at most 200000"),
    ("/home/me/line.txt", "", "is a file's name"),
    ("line.srt", "", "is a file's name"),
    (r"C:\shots\line.txt", "", "is a file's name"),
    ("Привет", "de", "Language 'de' does not read the transcript's letter 'П' (Cyrillic; it is read in: ru"),
    ("龘だ", "ja", "'龘' cannot be read in Japanese"),
    ("ᚠᚢᚦ", "", "no language reads it"),
    ("Hello", "klingonese", "Unknown transcript language 'klingonese'. Choose one of: af, am,"),
    ("Hello", "../../etc", "Unknown transcript language '../../etc'"),
])
def test_what_cannot_be_read_is_one_line(text, language, message):
    with pytest.raises(SettingError) as raised:
        read_words(text, language)
    assert message in str(raised.value) and "\n" not in str(raised.value) and len(str(raised.value)) < 900


@needs_espeak
def test_a_long_text_is_read_to_its_end():
    assert len(read_words("word " * 20_000)) == 20_000


def test_a_transcript_without_espeak_names_the_next_step(monkeypatch):
    monkeypatch.setattr(g2p, "_libraries", lambda: [("no-such-library.so", None)])
    with pytest.raises(
        InstallError,
        match=(
            r"needs espeak-ng, which cannot be loaded \(.*no-such-library.*pip install espeakng-loader.*leave the "
            r"transcript out"
        ),
    ):
        read_words("Hello")
    assert languages() == ()


@needs_espeak
def test_a_library_without_its_data_gives_way_to_the_next(monkeypatch, tmp_path):
    own = g2p._libraries()
    broken = [(file, str(tmp_path)) for file, _ in own]
    monkeypatch.setattr(g2p, "_libraries", lambda: [*broken, *own])
    assert read_words("Hello")


def test_a_crash_of_the_library_ends_no_more_than_its_own_process(monkeypatch):
    monkeypatch.setattr(
        subprocess, "run", lambda *_args, **_options: subprocess.CompletedProcess([], -6, b"", b"buffer overflow")
    )
    with pytest.raises(SettingError, match=r"espeak-ng failed on the transcript 'Hello' \(exit status -6\)"):
        read_words("Hello")


def test_a_file_that_is_no_text_is_one_line(tmp_path):
    (tmp_path / "line.txt").write_bytes(b"\xff\xfe\x00\x80")
    for path in (tmp_path / "line.txt", tmp_path / "none.txt", tmp_path):
        with pytest.raises(SettingError, match="cannot be read"):
            g2p.read_file(str(path))


def test_a_file_may_begin_with_a_byte_order_mark(tmp_path):
    (tmp_path / "line.txt").write_bytes(b"\xef\xbb\xbfHello")
    assert g2p.read_file(str(tmp_path / "line.txt")) == "Hello"


@pytest.mark.parametrize("text", ["[" * 199_990 + "yes", "yes" + "[]" * 99_990, "yes" + "]" * 199_990, "[a" * 99_990])
def test_very_many_brackets_are_read_in_linear_time(text):
    check_words(text)


@pytest.mark.parametrize(("text", "left"), [
    ("a [b] c", "a   c"), ("[a] [b] c", "    c"), ("a [b [c] d", "a   d"), ("a ] b [c", "a ] b [c"), ("a [b", "a [b"),
    ("[]", " "), ("", ""),
])
def test_notes_in_brackets_are_left_out(text, left):
    assert without_notes(text, "[", "]", " ") == left
