"""A sound file that lacks its end says so; a length that a pipe left open does not matter."""

from __future__ import annotations

import struct

import numpy as np
import pytest
import soundfile

from engine import AudioError, animate, read_audio
from engine.audio import read
from engine.audio.sound_file import inspect

RATE_HZ, BYTES = 16_000, 96_000       # three seconds of 16-bit mono
NOISE = np.random.default_rng(0).normal(scale=0.1, size=4 * RATE_HZ)
WRITTEN = {
    "a.wav": {}, "wide.wav": {"format": "WAVEX"}, "a.rf64": {"format": "RF64"}, "swapped.wav": {"endian": "BIG"},
    "a.aiff": {}, "a.flac": {}, "a.ogg": {}, "opus.ogg": {"subtype": "OPUS"}, "a.mp3": {},
}


def written(folder, name, share=1.0, samples=NOISE):
    """A file of 4 s, or the first part of one."""
    path = folder / name
    soundfile.write(path, samples, RATE_HZ, **WRITTEN.get(name, {}))
    content = path.read_bytes()
    path.write_bytes(content[:int(len(content) * share)])
    return path


def wav(path, size, riff, n_bytes=BYTES):
    form = struct.pack("<IHHIIHH", 16, 1, 1, RATE_HZ, 2 * RATE_HZ, 2, 16)
    header = b"RIFF" + struct.pack("<I", riff) + b"WAVEfmt " + form + b"data" + struct.pack("<I", size)
    path.write_bytes(header + bytes(range(1, 201)) * (n_bytes // 200))
    return path


@pytest.mark.parametrize("name", WRITTEN)
def test_a_whole_file_is_read_without_a_word(tmp_path, name):
    wave = read_audio(written(tmp_path, name))
    assert wave.warning == "" and wave.duration_s == pytest.approx(4.0, abs=0.1)


@pytest.mark.parametrize("share", [0.5, 0.803])
@pytest.mark.parametrize("name", WRITTEN)
def test_a_file_that_was_not_copied_to_its_end_is_refused(tmp_path, name, share):
    with pytest.raises(AudioError, match=rf"cut off: .*{name}"):
        read_audio(written(tmp_path, name, share))


@pytest.mark.parametrize("name", ["a.wav", "a.rf64", "a.aiff", "a.mp3"])
def test_the_refusal_names_both_lengths(tmp_path, name):
    with pytest.raises(AudioError, match=r"should last 4\.\d\d s, (2\.0\d|1\.99) s are there"):
        read_audio(written(tmp_path, name, 0.5))


@pytest.mark.parametrize("size", [0, 2_000_000_000, 0x7FFF_F000, 0x7FFF_FFDB, 0xFFFF_FFFF, 1_000_000_000])
@pytest.mark.parametrize("riff", [None, 0, 0xFFFF_FFFF, 0x7FFF_F024, BYTES + 36])
def test_a_length_that_a_pipe_left_open_is_no_cut(tmp_path, size, riff):
    wave = read_audio(wav(tmp_path / "a.wav", size, min(size + 36, 0xFFFF_FFFF) if riff is None else riff))
    assert (wave.duration_s, wave.warning) == (3.0, "")


@pytest.mark.parametrize(("size", "riff"), [(BYTES + 32_000, BYTES + 36), (BYTES + 32_000, 0), (BYTES + 2, BYTES + 38)])
def test_a_wrong_length_in_a_file_that_is_whole_is_no_cut(tmp_path, size, riff):
    assert read_audio(wav(tmp_path / "a.wav", size, riff)).warning == ""


@pytest.mark.parametrize(("size", "riff"), [
    (2_000_000, 2_000_036), (2**24, 2**24 + 36), (2**20 - 36, 2**20), (BYTES + 32_000, BYTES + 16_000),
])
def test_where_it_cannot_be_told_all_is_read_and_a_warning_comes(tmp_path, size, riff):
    wave = read_audio(wav(tmp_path / "a.wav", size, riff))
    assert wave.duration_s == 3.0 and "a.wav may be cut off" in wave.warning


def test_an_ogg_stream_that_ends_with_a_page_that_is_not_its_last(tmp_path):
    path = written(tmp_path, "a.ogg")
    content = path.read_bytes()
    path.write_bytes(content[:content.rindex(b"OggS")])
    assert "may be cut off" in read_audio(path).warning


@pytest.mark.parametrize("lacking", [0, 100])
def test_an_mp3_stream_that_does_not_know_its_length(tmp_path, lacking):
    wave = read_audio(without_length(tmp_path / "a.mp3", "CONSTANT", lacking))
    assert wave.duration_s == pytest.approx(4.0, abs=0.3)
    assert ("may be cut off" in wave.warning) == bool(lacking)


def test_an_mp3_stream_whose_length_is_guessed_wrongly_is_not_read_in_part(tmp_path):
    with pytest.raises(AudioError, match=r"does not say its length, so only \d\.\d\d s"):
        read_audio(without_length(tmp_path / "a.mp3", "VARIABLE"))


def without_length(path, bitrate_mode, lacking=0):
    """An mp3 file whose first frame, which says how many there are, is gone."""
    soundfile.write(path, NOISE, RATE_HZ, bitrate_mode=bitrate_mode, compression_level=0.5)
    content = path.read_bytes()
    second = content.index(b"\xff\xf3", 4)
    path.write_bytes(content[second:len(content) - lacking])
    return path


def test_a_tag_before_and_behind_an_mp3_is_no_sound(tmp_path):
    path = written(tmp_path, "a.mp3")
    path.write_bytes(b"ID3\4\0\0\0\0\1\0" + bytes(128) + path.read_bytes() + b"TAG" + bytes(125))
    assert inspect(path).kind == "mp3" and read_audio(path).warning == ""


def test_a_chunk_after_an_empty_one_is_not_its_sound(tmp_path):
    path = wav(tmp_path / "a.wav", 0, 36, n_bytes=0)
    path.write_bytes(path.read_bytes() + b"LIST" + struct.pack("<I", 64_000) + bytes(64_000))
    with pytest.raises(AudioError, match="too short"):
        read_audio(path)


@pytest.mark.parametrize(("name", "form"), [
    ("a.au", "AU"), ("a.w64", "W64"), ("a.caf", "CAF"), ("a.wav", "SVX"), ("a.wav", "NIST"), ("a.wav", "VOC"),
])
def test_other_formats_never_reach_the_library(tmp_path, monkeypatch, name, form):
    soundfile.write(tmp_path / name, NOISE, RATE_HZ, format=form, subtype="PCM_16")
    monkeypatch.setattr(soundfile, "SoundFile", None)
    with pytest.raises(AudioError, match=r"cannot be read: .*Wav, flac, ogg and mp3 work"):
        read_audio(tmp_path / name)


@pytest.mark.parametrize("name", ["a.au", "a.w64"])
@pytest.mark.parametrize("share", [1.0, 0.5])
def test_other_decoders_hear_of_a_cut_in_what_they_alone_read(tmp_path, name, share):
    path = written(tmp_path, name, share)
    if share == 1:
        assert read.check_sound(path) == (False, "")
        return
    with pytest.raises(AudioError, match=r"should last 4\.00 s, (2\.00|1\.99) s are there"):
        read.check_sound(path)


def test_an_older_soundfile_gives_one_line_too(tmp_path, monkeypatch):
    """Those before 0.11 raise a RuntimeError and have no kind of their own for it."""
    def fails(path):
        raise RuntimeError("Error opening: Format not recognised.")

    monkeypatch.delattr(soundfile, "LibsndfileError")
    monkeypatch.setattr(soundfile, "SoundFile", fails)
    with pytest.raises(AudioError, match=r"cannot be read: .*\(Error opening: Format not recognised\)\. Wav"):
        read_audio(wav(tmp_path / "a.wav", BYTES, BYTES + 36))


def test_the_warning_reaches_the_result(tmp_path, tiny):
    wave = read_audio(wav(tmp_path / "a.wav", 2_000_000, 2_000_036))
    assert animate(wave, tiny).warnings[0] == wave.warning


@pytest.mark.parametrize("start", [
    b"RIFF", b"RIFF\0\0\0\0WAVE", b"RIFF\0\0\0\0WAVEfmt \xff", b"riff\x2e\x91\xcf\x11",
    b"FORM\0\0\0\0AIFFCOMM\0\0\0\x12",
    b".snd", b"OggS", b"OggS\0", b"ID3", b"ID3\4\0\0\x7f\x7f\x7f\x7f", b"fLaC", b"\xff\xfb", b"\xff\xfb\x90\0" * 9,
    b"RF64\xff\xff\xff\xffWAVEds64\x10\0\0\0", b"RIFF\0\0\0\0WAVEdata",
])
def test_a_header_that_ends_early_is_one_line(tmp_path, start):
    (tmp_path / "a.wav").write_bytes(start)
    with pytest.raises(AudioError):
        read_audio(tmp_path / "a.wav")
