"""Run pytest inside a bpy environment: `python tests/addon/run.py tests/addon/test_x.py [pytest options]`.

Blender as a module crashes or hangs when Python ends in the usual way, so the process ends here and now with pytest's exit status.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent

if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    status = int(pytest.main([f"--rootdir={ROOT}", "-p", "no:cacheprovider", *sys.argv[1:]]))
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)
