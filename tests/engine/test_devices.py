"""Devices, with a stand-in for ONNX Runtime's list of them: no graphics card is needed, and none is tried here."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import onnxruntime
import pytest

from engine import SettingError, Settings, animate
from engine.model import devices, runtime


class StandIn:
    """The real ONNX Runtime on the CPU, under the names of devices that it claims to have."""

    def __init__(self, providers: dict[str, str]) -> None:
        """providers: of each claimed one how it behaves: "good", "absent" (falls back quietly), "raises", "wrong",
        "nan" or "breaks" (while running)."""
        self.behaviour = {runtime.PROVIDERS[name]: how for name, how in providers.items()}
        self.SessionOptions, self.__version__ = onnxruntime.SessionOptions, onnxruntime.__version__
        self.asked: list[tuple[str, dict[str, str], bool]] = []

    def get_available_providers(self) -> list[str]:
        return [*self.behaviour, "CPUExecutionProvider"]

    def InferenceSession(self, file, options, providers):
        name, provider_options = providers[0]
        self.asked.append((name, provider_options, options.enable_mem_pattern))
        how = self.behaviour.get(name, "good")
        if how == "raises":
            raise RuntimeError("no such card\nand a long trace")
        return Session(onnxruntime.InferenceSession(file, options, ["CPUExecutionProvider"]), name, how)


class Session:
    def __init__(self, session, provider: str, how: str) -> None:
        self.session, self.provider, self.how = session, provider, how

    def get_providers(self) -> list[str]:
        return ["CPUExecutionProvider"] if self.how == "absent" else [self.provider, "CPUExecutionProvider"]

    def run(self, names, inputs):
        if self.how == "breaks":
            raise RuntimeError("out of memory")
        factor = {"wrong": 1.1, "nan": np.nan}.get(self.how, 1.0)
        return [np.float32(factor) * output for output in self.session.run(names, inputs)]


@pytest.fixture
def stand_in(monkeypatch):
    """Makes ONNX Runtime claim devices; what was learned of them is forgotten afterwards."""
    def claim(**providers: str) -> StandIn:
        made = StandIn(providers)
        monkeypatch.setattr(runtime, "_import", lambda: made)
        return made

    monkeypatch.setattr(runtime, "_refused", {})
    monkeypatch.setattr(runtime, "_open_graphs", runtime._open_graphs.__class__())
    return claim


@pytest.mark.parametrize("device", ["cuda", "directml", "coreml"])
def test_device_that_gives_what_the_cpu_gives_works(tiny, stand_in, device):
    stand_in(**{device: "good"})
    report = devices.test_device(device, tiny.model)
    assert (report.device, report.works, report.reason) == (device, True, "") and report.seconds > 0
    assert "times real time" in str(report)


@pytest.mark.parametrize(("how", "reason"), [
    ("absent", r"CUDAExecutionProvider did not start: it needs an NVIDIA driver, CUDA 12 and cuDNN 9"),
    ("raises", r"Device cuda failed \(no such card\)"),
    ("wrong", r"computes wrongly: 0\.1 away from the CPU, at most 0\.02"),
    ("nan", r"computes wrongly: nan"),
    ("breaks", r"out of memory\. Choose the CPU instead of cuda"),
])
def test_device_that_fails_says_why_and_is_left_alone_afterwards(tiny, stand_in, syllables, how, reason):
    import re

    claimed = stand_in(cuda=how)
    report = devices.test_device("cuda", tiny.model)
    assert not report.works and re.search(reason, report.reason)
    claimed.asked.clear()
    assert animate(syllables, replace(tiny, device="auto")).device == "cpu"
    chosen = animate(syllables, replace(tiny, device="cuda"))
    assert (
        chosen.device == "cpu" and "did not pass its test" in chosen.warnings[0] and report.reason in chosen.warnings[0]
    )
    assert {name for name, _, _ in claimed.asked} == {"CPUExecutionProvider"}


def test_device_that_is_mended_is_used_again(tiny, stand_in, syllables):
    claimed = stand_in(cuda="raises")
    assert not devices.test_device("cuda", tiny.model).works
    claimed.behaviour[runtime.PROVIDERS["cuda"]] = "good"
    assert devices.test_device("cuda", tiny.model).works
    assert animate(syllables, replace(tiny, device="auto")).device == "cuda"


def test_auto_takes_the_next_device_that_works(tiny, stand_in, syllables):
    stand_in(cuda="raises", directml="good")
    devices.test_device("cuda", tiny.model)
    found = animate(syllables, replace(tiny, device="auto"))
    assert found.device == "directml" and not found.warnings


def test_device_that_is_not_offered_names_those_that_are(tiny, stand_in):
    stand_in(directml="good")
    assert "not part of this installation (it has: directml, cpu)" in devices.test_device("cuda", tiny.model).reason


def test_cpu_always_works_and_is_never_refused(tiny, stand_in):
    stand_in()
    assert devices.test_device("cpu", tiny.model).works
    runtime.refuse("cpu", "no")
    assert devices.test_device("cpu", tiny.model).works


FAILED = (devices.DeviceReport("cuda", False, "it computes wrongly"), devices.DeviceReport("cpu", False, "nonsense"))


def test_what_another_session_found_is_remembered(tiny, stand_in, syllables):
    stand_in(cuda="good")
    text = devices.to_text(FAILED)
    assert devices.from_text(text) == (FAILED, f"{onnxruntime.__version__} with cuda, cpu")
    devices.remember(text)
    assert animate(syllables, replace(tiny, device="auto")).device == "cpu"


def test_what_was_found_of_another_onnxruntime_counts_no_more(tiny, stand_in, syllables):
    stand_in(cuda="good", directml="good")
    text = devices.to_text(FAILED)
    stand_in(cuda="good")
    devices.remember(text)
    assert animate(syllables, replace(tiny, device="auto")).device == "cuda"


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"runtime": "1"}', '{"runtime": "1", "reports": [{"place": "cuda"}]}']
)
def test_damaged_memory_is_no_memory(text):
    devices.remember(text)
    assert devices.from_text(text) == ((), "")


def test_every_device_of_this_system_is_tested_within_seconds(tiny, stand_in, monkeypatch):
    monkeypatch.setattr(devices, "ON_THIS_SYSTEM", ("cuda", "directml", "cpu"))
    stand_in(cuda="wrong", directml="good")
    assert [(report.device, report.works) for report in devices.test_devices(tiny.model)] == [
        ("cuda", False), ("directml", True), ("cpu", True)
    ]


def test_bundled_model_is_what_is_tested():
    report = devices.test_device("cpu")
    assert report.works and report.seconds < 1.0


def test_auto_cannot_be_tested():
    with pytest.raises(SettingError, match=r"'auto' cannot be tested\. Choose one of: cuda, coreml, directml, cpu"):
        devices.test_device("auto")


def test_providers_get_the_options_that_they_need(tiny, stand_in, syllables):
    claimed = stand_in(cuda="good", directml="good")
    for device in ("cuda", "directml"):
        animate(syllables, Settings(model=tiny.model, threads=1, device=device))
    asked = {name: (options, pattern) for name, options, pattern in claimed.asked}
    assert asked["CUDAExecutionProvider"] == ({"cudnn_conv_algo_search": "HEURISTIC"}, True)
    assert asked["DmlExecutionProvider"] == ({}, False)


@pytest.mark.parametrize("text", [
    "[" * 100_000, "[]", "{}", '{"runtime": 1, "reports": 5}', '{"runtime": "", "reports": [{"device": []}]}',
    '{"runtime": "", "reports": [{"device": [], "works": true}]}',
    '{"runtime": "", "reports": [{"device": "cpu", "works": "yes"}]}',
    '{"runtime": "", "reports": [{"device": "cpu", "works": true, "seconds": "fast"}]}',
    '{"runtime": "", "reports": [{"device": "cpu", "works": true, "reason": null}]}',
])
def test_reports_that_no_test_wrote_count_as_none(text):
    assert devices.from_text(text) == ((), "")
    devices.remember(text)
