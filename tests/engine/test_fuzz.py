"""A part of each kind of damaged file; the whole run is `python -m tests.fuzz.run`."""

from __future__ import annotations

import importlib.util
import subprocess
import sys

import pytest

from tests.fuzz.run import KINDS, ROOT


@pytest.mark.parametrize("kind", KINDS)
def test_damaged_files_are_used_or_refused_in_one_line(kind):
    if kind == "checkpoints" and not all(map(importlib.util.find_spec, ("torch", "safetensors", "transformers"))):
        pytest.skip("checkpoints need the extra learn")
    done = subprocess.run(
        [sys.executable, "-m", "tests.fuzz.run", "--here", "--quick", kind], cwd=ROOT, capture_output=True, text=True,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
