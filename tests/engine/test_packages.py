"""Packages that come with the extension and cannot be loaded: one line with the next step, no traceback."""

from __future__ import annotations

import sys
from dataclasses import replace

import numpy as np
import pytest
import soundfile

import engine
from engine import InstallError, from_array, read_audio
from engine.model import runtime
from engine.rig import preset_file, presets
from engine.values.packages import needs
from engine.values.types import Rig


@pytest.fixture
def missing(monkeypatch):
    """Makes packages unimportable, as in a zip without their wheels."""
    def remove(name: str) -> None:
        monkeypatch.setitem(sys.modules, name, None)

    return remove


def test_missing_soxr_is_named_where_the_rate_must_change(missing):
    missing("soxr")
    with pytest.raises(
        InstallError,
        match=(
            r"The package soxr cannot be loaded \(.*\)\. Install the extension again, from the zip made for this system"
        ),
    ):
        from_array(np.zeros(48_000, np.float32), 48_000)
    assert from_array(np.zeros(16_000, np.float32), 16_000).duration_s == 1.0


def test_missing_soundfile_is_named(missing, tmp_path):
    path = tmp_path / "a.wav"
    soundfile.write(path, np.zeros(16_000), 16_000)
    missing("soundfile")
    with pytest.raises(InstallError, match="The package soundfile cannot be loaded"):
        read_audio(path)


def test_missing_fastjsonschema_is_said_once_and_not_of_every_preset(missing):
    missing("fastjsonschema")
    preset_file._validator.cache_clear()
    presets._unchanged.cache_clear()        # as in a process that never could read them
    with pytest.raises(InstallError, match="The package fastjsonschema cannot be loaded"):
        presets.choose(Rig(frozenset({"jawOpen"})))


def test_missing_onnxruntime_is_named_with_what_windows_may_have_done(missing):
    missing("onnxruntime")
    with pytest.raises(
        InstallError, match=r"package onnxruntime cannot be loaded .*On Windows another add-on may have loaded an older"
    ):
        runtime.devices()


def test_library_behind_a_package_that_is_not_found_is_the_same():
    with pytest.raises(
        InstallError, match=r"package soundfile cannot be loaded \(sndfile library not found\)"
    ), needs("soundfile"):
        raise OSError("sndfile library not found")


def test_every_public_name_is_there_and_no_other():
    for name in engine.__all__:
        module = getattr(getattr(engine, name), "__module__", "engine.")        # a number has none
        assert module.startswith("engine."), name
    with pytest.raises(AttributeError, match="has no attribute 'numpy'"):
        _ = engine.numpy


def test_graphs_of_a_folder_are_closed_by_whatever_path_it_was_opened(tiny_copy, tiny, syllables, tmp_path):
    (tmp_path / "link").symlink_to(tiny_copy)
    for folder in (tiny_copy, tmp_path / "link"):
        runtime.open_graph(folder / "encoder.onnx", "cpu")
    engine.animate(syllables, replace(tiny, model=str(tiny_copy)))
    others = [key for key in runtime._open_graphs if key[0].parent.resolve() != tiny_copy.resolve()]
    runtime.close_graphs(tmp_path / "link")
    assert list(runtime._open_graphs) == others


def test_ctrl_c_while_a_library_in_c_loads_is_no_damaged_package():
    with pytest.raises(KeyboardInterrupt), needs("onnxruntime"):
        raise ImportError("initialization failed") from KeyboardInterrupt()
