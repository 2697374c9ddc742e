"""Any sound becomes mono 16 kHz, or gets one clear error."""

from __future__ import annotations

import os
import re
import sys

import numpy as np
import pytest
import soundfile

from engine import AudioError, Waveform, from_array, read_audio

TONE_HZ = 440


def tone(rate_hz: int, duration_s: float = 1.0) -> np.ndarray:
    return (0.5 * np.sin(2 * np.pi * TONE_HZ * np.arange(round(rate_hz * duration_s)) / rate_hz)).astype(np.float32)


@pytest.mark.parametrize("rate_hz", [8000, 11025, 16000, 22050, 44100, 48000, 96000])
def test_any_rate_keeps_length_level_and_pitch(tmp_path, rate_hz):
    soundfile.write(tmp_path / "a.wav", tone(rate_hz), rate_hz)
    samples = read_audio(tmp_path / "a.wav").samples
    assert abs(len(samples) - 16000) <= 1
    assert samples.dtype == np.float32
    assert np.abs(samples[2000:-2000]).max() == pytest.approx(0.5, abs=0.01)
    assert np.argmax(np.abs(np.fft.rfft(samples[:16000]))) == pytest.approx(TONE_HZ, abs=1)


@pytest.mark.parametrize("suffix", ["wav", "flac", "ogg", "mp3"])
def test_reads_each_promised_format(tmp_path, suffix):
    soundfile.write(tmp_path / f"a.{suffix}", tone(44100), 44100)
    assert read_audio(tmp_path / f"a.{suffix}").duration_s == pytest.approx(1.0, abs=0.08)


def test_six_channels_are_averaged_not_summed(tmp_path):
    channels = np.stack([tone(48000) * gain for gain in (1, 1, 1, 0, 0, 0)], axis=1)
    soundfile.write(tmp_path / "a.wav", channels, 48000)
    assert np.abs(read_audio(tmp_path / "a.wav").samples[2000:-2000]).max() == pytest.approx(0.25, abs=0.01)


@pytest.mark.parametrize("dtype", ["int16", "int32", "uint8", "float64"])
def test_array_of_any_number_type_has_the_same_level(dtype):
    full_scale = {"int16": 2**15, "int32": 2**31, "uint8": 128, "float64": 1}[dtype]
    offset = 128 if dtype == "uint8" else 0
    wave = from_array((tone(16000) * full_scale + offset).astype(dtype), 16000)
    assert np.abs(wave.samples).max() == pytest.approx(0.5, abs=0.01)


def test_blocks_are_resampled_without_a_seam():
    long = tone(44100, 25.0)
    samples = from_array(long, 44100).samples
    expected = tone(16000, 25.0)
    assert np.abs(samples[1000:-1000] - expected[1000:-1000]).max() < 2e-3


def test_non_ascii_path(tmp_path):
    path = tmp_path / "Grüße 你好.wav"
    soundfile.write(path, tone(16000), 16000)
    assert read_audio(path).duration_s == 1.0


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has file names that are not text")
def test_file_name_that_is_not_utf8(tmp_path):
    path = os.path.join(os.fsencode(tmp_path), b"na\xefve.wav")
    soundfile.write(path, tone(16000), 16000)
    assert read_audio(os.fsdecode(path)).duration_s == 1.0


def test_float_sound_above_full_scale_is_kept(tmp_path):
    soundfile.write(tmp_path / "a.wav", 20 * tone(16000), 16000, subtype="FLOAT")
    assert np.abs(read_audio(tmp_path / "a.wav").samples).max() == pytest.approx(10, abs=0.1)


@pytest.mark.parametrize("scale", [32768, 1e30, 6e38])
def test_sound_in_another_unit_is_refused(tmp_path, scale):
    soundfile.write(
        tmp_path / "a.wav", np.stack([scale * tone(16000).astype(np.float64)] * 6, axis=1), 16000, subtype="FLOAT"
    )
    with pytest.raises(AudioError, match=r"reaches .*full scale is 1 and 1,000 the limit"):
        read_audio(tmp_path / "a.wav")


def test_folder_is_not_called_missing(tmp_path):
    with pytest.raises(AudioError, match=r"is a folder, pipe or device"):
        read_audio(tmp_path)


@pytest.mark.parametrize("name", ["x" * 300 + ".wav", "a\0b.wav"])
def test_impossible_file_name_is_not_found(tmp_path, name):
    with pytest.raises(AudioError, match="Sound file not found"):
        read_audio(tmp_path / name)


def test_missing_file_is_named(tmp_path):
    with pytest.raises(AudioError, match=r"not found: .*no\.wav.*pick the file"):
        read_audio(tmp_path / "no.wav")


def test_read_protected_file_is_told(tmp_path, monkeypatch):
    soundfile.write(tmp_path / "a.wav", tone(16000), 16000)
    monkeypatch.setattr("engine.audio.read.os.access", lambda path, mode: False)     # chmod does not stop root
    with pytest.raises(AudioError, match=r"may not be read: .*a\.wav \(permission denied\)"):
        read_audio(tmp_path / "a.wav")


def test_empty_file_is_named(tmp_path):
    (tmp_path / "a.wav").touch()
    with pytest.raises(AudioError, match=r"empty \(0 bytes\)"):
        read_audio(tmp_path / "a.wav")


def test_corrupt_file_says_what_works(tmp_path):
    (tmp_path / "a.wav").write_bytes(b"RIFF" + bytes(range(256)) * 8)
    with pytest.raises(AudioError, match=r"cannot be read: .*a\.wav.*Wav, flac, ogg and mp3 work"):
        read_audio(tmp_path / "a.wav")


def test_value_that_is_no_number_is_named_with_its_time(tmp_path):
    samples = tone(16000, 2.0)
    samples[24000] = np.nan
    soundfile.write(tmp_path / "a.wav", samples, 16000, subtype="FLOAT")
    with pytest.raises(AudioError, match=r"not a number at 1\.50 s"):
        read_audio(tmp_path / "a.wav")


def test_too_short_sound_names_length_and_limit():
    with pytest.raises(AudioError, match=r"lasts 0\.050 s, at least 0\.1 s"):
        from_array(tone(16000, 0.05), 16000)


def test_a_sound_just_below_the_limit_is_not_said_to_reach_it():
    with pytest.raises(AudioError, match=r"lasts 0\.099 s, at least 0\.1 s is needed"):
        from_array(np.zeros(1599, np.float32), 16000)


def test_no_samples_at_all_is_an_error():
    with pytest.raises(AudioError, match=r"lasts 0\.000 s"):
        from_array(np.zeros((0, 2), np.float32), 48000)


@pytest.mark.parametrize("rate_hz", [0, -1, 1000, float("nan"), float("inf")])
def test_impossible_rate_names_the_limits(rate_hz):
    with pytest.raises(AudioError, match=r"4000 to 768000 Hz work"):
        from_array(tone(16000), rate_hz)


@pytest.mark.parametrize("shape", [(1, 2, 3), (16000, 0), ()])
def test_wrong_array_shape_is_named(shape):
    with pytest.raises(AudioError, match=re.escape(f"got shape {shape}")):
        from_array(np.zeros(shape), 16000)


@pytest.mark.parametrize(
    "samples", [np.zeros(0, np.float32), np.zeros(1600), np.zeros((1600, 2), np.float32), np.zeros(1600, ">f4")]
)
def test_waveform_of_another_kind_names_the_way(samples):
    with pytest.raises(AudioError, match=r"must be \(n,\) float32 at 16 kHz, got shape .* Take from_array"):
        Waveform(samples)


def test_hour_long_sound_is_read(tmp_path):
    with soundfile.SoundFile(tmp_path / "hour.flac", "w", 8000, 1, subtype="PCM_16") as file:
        minute = tone(8000, 60.0)
        for _ in range(60):
            file.write(minute)
    assert read_audio(tmp_path / "hour.flac").duration_s == pytest.approx(3600, abs=0.01)
