"""Run ONNX graphs: the only file that knows ONNX Runtime.

Sessions stay open between calls, so that a second clip or another style does not load the model again.
"""

from __future__ import annotations

import logging
import os
import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..values.errors import ModelError, SettingError
from ..values.packages import needs
from ..values.settings import DEVICES
from ..values.types import FloatArray

log = logging.getLogger(__name__)

PROVIDERS = {
    "cuda": "CUDAExecutionProvider", "coreml": "CoreMLExecutionProvider", "directml": "DmlExecutionProvider",
    "cpu": "CPUExecutionProvider",
}   # in the order in which `auto` tries them
# the default tries all algorithms anew for each length of sound
OPTIONS = {"CUDAExecutionProvider": {"cudnn_conv_algo_search": "HEURISTIC"}}
CUDA_NEEDS = ": it needs an NVIDIA driver, CUDA 12 and cuDNN 9 (ONNX Runtime 1.18: CUDA 11.8 and cuDNN 8)"
MAX_SESSIONS = 12           # three graphs a model: four models stay open


@dataclass(frozen=True)
class Graph:
    """One loaded ONNX graph.

    Attributes:
        device: where it really runs.
        warning: why it does not run where the user wanted, or empty.
    """

    file: Path
    session: Any
    device: str
    warning: str

    def run(self, inputs: Mapping[str, FloatArray]) -> FloatArray:
        """Run the graph and return its first output. Raises ModelError when the inputs do not fit the graph."""
        return self.run_all(inputs)[0]

    def run_all(self, inputs: Mapping[str, FloatArray]) -> tuple[FloatArray, ...]:
        """Run the graph and return all its outputs. Raises ModelError when the inputs do not fit the graph."""
        try:
            outputs = self.session.run(None, dict(inputs))
        except Exception as error:
            shapes = {name: tuple(array.shape) for name, array in inputs.items()}
            step = "Export it again" if self.device == "cpu" else f"Choose the CPU instead of {self.device}"
            what = f"{self.file.name} of model {self.file.parent}"
            raise ModelError(f"{what} failed on {shapes}: {_first_line(error)}. {step}.") from error
        return tuple(np.asarray(output, np.float32) for output in outputs)


def devices() -> tuple[str, ...]:
    """Devices that the installed ONNX Runtime offers, best first; "cpu" is always there."""
    available = _import().get_available_providers()
    return tuple(device for device, provider in PROVIDERS.items() if provider in available)


def build() -> str:
    """The installed ONNX Runtime, for example "1.23.2 with cuda, cpu": another one may do what this one could not."""
    return f"{_import().__version__} with {', '.join(devices())}"


def refuse(device: str, reason: str, with_build: str = "") -> None:
    """Use a device no more, because of `reason`; an empty reason allows it again. The CPU cannot be refused.

    Args:
        with_build: refuse it only where build() says this; empty: always.
    """
    if _refused.get(device, ("", "")) != (reason, with_build) and device != "cpu":
        with _lock:
            _refused[device] = (reason, with_build)
            _open_graphs.clear()


def open_graph(file: Path, device: str = "auto", threads: int = 0) -> Graph:
    """Load a graph, or take it from the graphs that are still open.

    Args:
        device: auto | cpu | cuda | coreml | directml; one that fails falls back to the CPU with a warning.
        threads: CPU threads, 0 takes all cores but one.
    Raises:
        SettingError: unknown device. ModelError: the file is no graph that this ONNX Runtime can load.
    """
    if device not in DEVICES:
        raise SettingError(f"Unknown device {device!r}. Choose one of: {', '.join(DEVICES)}.")
    key = (file, file.stat().st_mtime_ns, device, threads)
    with _lock:
        if key not in _open_graphs:
            _open_graphs[key] = _load(file, device, threads or max(1, (os.cpu_count() or 2) - 1))
            while len(_open_graphs) > MAX_SESSIONS:
                _open_graphs.popitem(last=False)
        _open_graphs.move_to_end(key)
        return _open_graphs[key]


def close_graphs(folder: Path) -> None:
    """Close the graphs of a model folder, by whichever path it was opened: Windows removes no file that is mapped."""
    wanted = folder.resolve()
    with _lock:
        for key in [key for key in _open_graphs if key[0].parent.resolve() == wanted]:
            del _open_graphs[key]


_open_graphs: OrderedDict[tuple[Path, int, str, int], Graph] = OrderedDict()
_refused: dict[str, tuple[str, str]] = {}
_lock = threading.Lock()


def _load(file: Path, device: str, threads: int) -> Graph:
    offered = devices()
    wanted = [name for name in offered if device in ("auto", name)]
    lack = f"Device {device} is not part of this installation (it has: {', '.join(offered)}); the CPU is used."
    warning = "" if wanted else lack
    for name in wanted:
        if name == "cpu":
            break
        reason, with_build = _refused.get(name, ("", ""))
        if reason and with_build in ("", build()):
            if device == name:      # for `auto` the test has said so once
                warning = (
                    f"Device {name} did not pass its test ({reason}); the CPU is used. "
                    "Test it again once that is mended."
                )
            continue
        try:
            return Graph(file, _session(file, [PROVIDERS[name], PROVIDERS["cpu"]], threads), name, warning)
        except Exception as error:      # noqa: BLE001  every provider fails in its own way; the CPU always remains
            warning = f"Device {name} failed ({_first_line(error)}); the CPU is used."
            log.warning(warning)
    try:
        return Graph(file, _session(file, [PROVIDERS["cpu"]], threads), "cpu", warning)
    except Exception as error:
        reason = _first_line(error)
        raise ModelError(
            f"{file.name} of model {file.parent} cannot be loaded: {reason}. Export or copy the model again."
        ) from error


def _session(file: Path, providers: list[str], threads: int) -> Any:
    ort = _import()
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")    # waiting threads leave cores to Blender
    options.enable_cpu_mem_arena = False        # half the memory of a window, and none is held between clips
    options.log_severity_level = 4      # fatal only: what fails is one ModelError, and the console belongs to Blender
    options.enable_mem_pattern = PROVIDERS["directml"] not in providers      # DirectML does without
    session = ort.InferenceSession(str(file), options, providers=[(name, OPTIONS.get(name, {})) for name in providers])
    if providers[0] not in session.get_providers():
        raise RuntimeError(f"{providers[0]} did not start{CUDA_NEEDS if providers[0] == PROVIDERS['cuda'] else ''}")
    return session


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]


def _import() -> Any:
    on_windows = " On Windows another add-on may have loaded an older C++ runtime: disable other add-ons and restart."
    with needs("onnxruntime", on_windows):
        import onnxruntime
    return onnxruntime
