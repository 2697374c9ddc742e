"""Which devices really work here: a short run of the bundled model on each, compared with the CPU.

A driver that is too old, a library that is missing or a card that computes wrongly shows itself only when a network
runs. What fails is refused from then on, with the reason, until a later test passes.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np

from ..values.errors import EngineError, SettingError
from ..values.types import SAMPLE_RATE_HZ, FloatArray
from . import runtime
from .folder import open_model

TEST_MODEL = "mini"
TOLERANCE = 0.02        # of the largest feature: cards may round factors to 10 bits (5e-4); what is wrong is far off
OTHER_ZIP = "not part of this installation (it has: {}). Another zip of UniTalker Lip Sync is made for graphics cards"
ON_THIS_SYSTEM = {"darwin": ("coreml", "cpu"), "win32": ("cuda", "directml", "cpu")}.get(sys.platform, ("cuda", "cpu"))


@dataclass(frozen=True)
class DeviceReport:
    """What a test found.

    Attributes:
        works: whether the device ran the model and gave what the CPU gives.
        reason: why it does not work; empty if it does.
        seconds: for one second of sound, once warm; 0 if it does not work.
    """

    device: str
    works: bool
    reason: str = ""
    seconds: float = 0.0

    def __str__(self) -> str:
        return f"works, {1 / max(self.seconds, 1e-6):.0f} times real time" if self.works else self.reason


def test_device(device: str, model: str = TEST_MODEL) -> DeviceReport:
    """Run one second of sound through a model's encoder on a device and on the CPU, and refuse the device if it fails.

    Takes about a second, a first CUDA start longer. A later test that passes allows the device again.

    Args:
        device: cpu | cuda | coreml | directml.
        model: id or folder of the model to run.
    Raises:
        SettingError: unknown device, or auto. ModelError: the model cannot be opened. InstallError: no ONNX Runtime.
    """
    if device not in runtime.PROVIDERS:
        raise SettingError(f"Device {device!r} cannot be tested. Choose one of: {', '.join(runtime.PROVIDERS)}.")
    offered = runtime.devices()
    if device not in offered:
        return DeviceReport(device, False, OTHER_ZIP.format(", ".join(offered)))
    runtime.refuse(device, "")
    report = _compare(device, model)
    runtime.refuse(device, report.reason)
    return report


def test_devices(model: str = TEST_MODEL) -> tuple[DeviceReport, ...]:
    """Test every device that this operating system can have, best first. Raises as test_device()."""
    return tuple(test_device(device, model) for device in ON_THIS_SYSTEM)


def to_text(reports: Sequence[DeviceReport]) -> str:
    """Reports as JSON, with the ONNX Runtime that they are about, to be saved between sessions."""
    return json.dumps({"runtime": runtime.build(), "reports": [asdict(report) for report in reports]})


def from_text(text: str) -> tuple[tuple[DeviceReport, ...], str]:
    """(reports, runtime.build() of their time) of to_text(); nothing if the text is no such thing."""
    try:
        info = json.loads(text)
        reports = tuple(DeviceReport(**report) for report in info["reports"])
        build = str(info["runtime"])
    except (ValueError, TypeError, KeyError, RecursionError):
        return (), ""
    return (reports, build) if all(map(_is_whole, reports)) else ((), "")


def _is_whole(report: DeviceReport) -> bool:
    """Whether the fields are what a test writes: the text may have been edited."""
    is_known = report.device in tuple(runtime.PROVIDERS) and isinstance(report.works, bool)
    return is_known and isinstance(report.reason, str) and isinstance(report.seconds, (int, float))


def remember(text: str) -> None:
    """Refuse what the test of another session refused, as long as ONNX Runtime is the same; loads nothing."""
    reports, build = from_text(text)
    for report in reports:
        if report.device in runtime.PROVIDERS:
            runtime.refuse(report.device, report.reason, build)


def _compare(device: str, model: str) -> DeviceReport:
    encoder = open_model(model).encoder_file
    expected, cpu_s = _run(runtime.open_graph(encoder, "cpu"))
    if device == "cpu":
        return DeviceReport(device, True, "", cpu_s)
    graph = runtime.open_graph(encoder, device)
    if graph.device != device:
        return DeviceReport(device, False, graph.warning)
    try:
        given, seconds = _run(graph)
    except EngineError as error:
        return DeviceReport(device, False, str(error))
    if given.shape != expected.shape:
        return DeviceReport(device, False, f"it gives shape {given.shape}, the CPU {expected.shape}")
    difference = float(np.abs(given - expected).max() / np.abs(expected).max())
    if not difference < TOLERANCE:      # also when it is no number
        wrong = f"it computes wrongly: {difference:.2g} away from the CPU, at most {TOLERANCE} is allowed"
        return DeviceReport(device, False, wrong)
    return DeviceReport(device, True, "", seconds)


def _run(graph: runtime.Graph) -> tuple[FloatArray, float]:
    """Output and seconds of the second run; the first may still compile."""
    wave = np.random.default_rng(0).normal(scale=0.1, size=(1, SAMPLE_RATE_HZ)).astype(np.float32)
    graph.run({"wave": wave})
    start = time.perf_counter()
    output = graph.run({"wave": wave})
    return output, time.perf_counter() - start
