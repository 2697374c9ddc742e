"""docs/TROUBLESHOOTING.md and the source say the same: every message of the guide exists, and every error of the user's
is in the guide."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
GAP = "…"                       # stands for a value, in the guide and in what is read from the source
FILES = sorted([*(ROOT / "engine").glob("*.py"), *(ROOT / "addon").rglob("*.py")])
KINDS = {"EngineError", "Cancelled", "BeyondSliders"}      # and all that end in Error but Python's own
PYTHONS_OWN = {"ValueError", "TypeError", "KeyError", "RuntimeError", "AttributeError", "OSError", "PhoneSymbolError"}


def template(node: ast.expr) -> str | None:
    """The text of a string with GAP for every value in it; None for what is no string."""
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else None
    if isinstance(node, ast.JoinedStr):
        return "".join(str(part.value) if isinstance(part, ast.Constant) else GAP for part in node.values)
    return None


def raised(path: Path) -> list[str]:
    """Templates of the errors that a file makes for the user."""
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.Call) or not node.args:
            continue
        name = getattr(node.func, "id", getattr(node.func, "attr", ""))
        if (name in KINDS or name.endswith("Error")) and name not in PYTHONS_OWN and (text := template(node.args[0])):
            found.append(text)
    return found


@cache
def texts() -> set[str]:
    """Every text of the source, be it an error, a warning or a report; %r and {} are values too."""
    nodes = (
        node
        for path in FILES
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.expr)
    )
    return {re.sub(r"%[rsd]|\{!?r?\}", GAP, text) for node in nodes if (text := template(node))}


@cache
def pattern(message: str) -> re.Pattern[str]:
    """What a message of the guide matches: its words in order, anything in its gaps, anything behind it."""
    return re.compile(".*".join(re.escape(part) for part in message.split(GAP)), re.DOTALL)


@cache
def guide() -> list[str]:
    """The messages in the first columns of the guide."""
    rows = [
        line.split(" | ")[0]
        for line in (ROOT / "docs" / "TROUBLESHOOTING.md").read_text(encoding="utf-8").splitlines()
        if line.startswith("| `")
    ]
    return [message for row in rows for message in re.findall(r"`([^`]+)`", row)]


@pytest.mark.parametrize("message", sorted(set(guide())))
def test_every_message_of_the_guide_is_in_the_source(message):
    assert any(pattern(message).match(text) for text in texts()), message
    assert len(message.replace(GAP, "").strip()) >= 4


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_every_error_of_the_users_is_in_the_guide(path):
    patterns = [pattern(message) for message in guide() if len(message.replace(GAP, "").strip(" :.")) >= 4]
    missing = [text for text in raised(path) if not any(one.match(text) for one in patterns)]
    assert missing == []
