"""Everything here needs the extra `learn`; without it the folder is left out, and the header says so."""

from __future__ import annotations

import importlib.util

MISSING = [name for name in ("torch", "onnx") if importlib.util.find_spec(name) is None]
collect_ignore_glob = ["test_*.py"] if MISSING else []


def pytest_report_header() -> str:
    """One line for the log."""
    return (
        f"tests/learn skipped: {', '.join(MISSING)} not installed (extra 'learn')" if MISSING
        else "tests/learn: with torch"
    )
