"""What some tests need from outside of this project: judged here, never by asking the product whether it works."""

from __future__ import annotations

import ctypes.util
import importlib.util
import os

import pytest

from tests.environments import PINS


def _is_pinned(package: str) -> bool:
    """Whether the environment that the suite runs here has to hold this package."""
    pins = PINS / f"{os.environ.get('UNITALKER_ENVIRONMENT')}.txt"
    return pins.is_file() and f"\n{package}==" in pins.read_text(encoding="utf-8")


def _has_espeak() -> bool:
    return bool(importlib.util.find_spec("espeakng_loader") or ctypes.util.find_library("espeak-ng"))


# where it is pinned, or comes in the zip of the extension, its absence is a failure
NO_ESPEAK = "no espeak-ng: neither the package espeakng-loader nor the system's library"
needs_espeak = pytest.mark.skipif(not (_is_pinned("espeakng-loader") or _has_espeak()), reason=NO_ESPEAK)
needs_espeak_in_blender = pytest.mark.skipif(not (os.environ.get("UNITALKER_ZIP") or _has_espeak()), reason=NO_ESPEAK)
