"""Devices in the preferences: tested, shown, remembered. Only the processor is really there."""

from __future__ import annotations

from types import SimpleNamespace

import bpy
import pytest

from .conftest import curves


@pytest.fixture
def preferences(ext, package):
    kept = bpy.context.preferences.addons[package].preferences
    yield kept
    kept.device_tests, kept.device = "", 'auto'
    for device in ("cuda", "coreml", "directml"):
        ext.module("engine.model.runtime").refuse(device, "")


def test_button_tests_every_device_of_this_system_and_keeps_what_it_found(ext, preferences):
    devices = ext.module("engine.model.devices")
    assert bpy.ops.unitalker.test_devices() == {'FINISHED'}
    reports, build = devices.from_text(preferences.device_tests)
    assert [report.device for report in reports] == list(devices.ON_THIS_SYSTEM)
    assert reports[-1].device == "cpu" and reports[-1].works
    assert build == ext.module("engine.model.runtime").build()


def test_device_that_failed_in_an_earlier_session_is_not_tried_again(ext, preferences, face, speech, monkeypatch):
    runtime, devices = ext.module("engine.model.runtime"), ext.module("engine.model.devices")
    monkeypatch.setattr(runtime, "devices", lambda: ("cuda", "cpu"))
    opened = []
    session = runtime._session
    monkeypatch.setattr(
        runtime, "_session",
        lambda file, providers, threads: opened.append(providers[0])
        or session(file, ["CPUExecutionProvider"], threads),
    )
    preferences.device_tests = devices.to_text([devices.DeviceReport("cuda", False, "it computes wrongly")])
    runtime._open_graphs.clear()
    assert bpy.ops.unitalker.animate(audio=speech, character="Face") == {'FINISHED'}
    assert opened and set(opened) == {"CPUExecutionProvider"}
    assert len(curves(face.data.shape_keys)) == 52


class Column:
    """Takes what a layout is told."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, str]] = []

    def column(self, align: bool) -> Column:
        return self

    def label(self, text: str, icon: str, translate: bool) -> None:
        self.lines.append((text, icon))

    def operator(self, name: str) -> None:
        self.lines.append((name, ""))


def draw(module: object, preferences: object, width_px: int = 2000) -> Column:
    """What the preferences show in a region of this width."""
    column = Column()
    system = SimpleNamespace(ui_scale=1.0)
    context = SimpleNamespace(region=SimpleNamespace(width=width_px), preferences=SimpleNamespace(system=system))
    module.UNITALKER_AP_preferences._draw_devices(preferences, context, column)
    return column


def test_long_reason_is_read_whole_in_a_narrow_window(ext, preferences):
    devices, module = ext.module("engine.model.devices"), ext.module("addon.host.preferences")
    reason = (
        "Device cuda failed (libcublasLt.so.12: cannot open shared object file: no such file or directory); the CPU is "
        "used."
    )
    preferences.device_tests = devices.to_text([devices.DeviceReport("cuda", False, reason)])
    preferences.device = 'cuda'
    lines = [line for line in draw(module, preferences, 400).lines if line[1] in ('CANCEL', 'BLANK1')]
    assert lines[0][1] == 'CANCEL' and len(lines) > 2 and max(len(text) for text, _ in lines) < 60
    assert " ".join(text for text, _ in lines).startswith(f"CUDA: {reason}")


def test_preferences_say_which_devices_work_and_why_the_others_do_not(ext, preferences):
    devices, module = ext.module("engine.model.devices"), ext.module("addon.host.preferences")
    preferences.device_tests = devices.to_text(
        [devices.DeviceReport("cuda", False, "no such card"), devices.DeviceReport("cpu", True, "", 0.02)],
    )
    works = ("Processor: works, 50 times real time", 'CHECKMARK')
    assert draw(module, preferences).lines == [("CUDA: no such card", 'BLANK1'), works, ("unitalker.test_devices", "")]
    preferences.device_tests = preferences.device_tests.replace("with cpu", "with cuda, cpu")
    assert draw(module, preferences).lines[2] == ("Tested with another version: test again.", 'INFO')


def test_cross_stands_only_where_the_device_that_was_asked_for_fails(ext, preferences):
    devices, module = ext.module("engine.model.devices"), ext.module("addon.host.preferences")
    preferences.device_tests = devices.to_text([devices.DeviceReport("cuda", False, "no such card")])
    for chosen, icon in (("auto", 'BLANK1'), ("cpu", 'BLANK1'), ("cuda", 'CANCEL')):
        preferences.device = chosen
        assert draw(module, preferences).lines[0] == ("CUDA: no such card", icon)
