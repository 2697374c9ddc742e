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
ENGINE = [path for path in (ROOT / "engine").rglob("*.py") if not {"nets", "learn"} & set(path.parts)]
FILES = sorted([*ENGINE, *(ROOT / "addon").rglob("*.py")])
KINDS = {"EngineError", "Cancelled", "BeyondSliders"}      # and all that end in Error but Python's own
PYTHONS_OWN = {"ValueError", "TypeError", "KeyError", "RuntimeError", "AttributeError", "OSError", "LookupError"} | {
    "PhoneSymbolError", "ArrayFileError",       # parts of a sentence
}


def template(node: ast.expr, known: dict[str, str]) -> str | None:
    """The text of a string with GAP for every value in it, and `known` for the names of texts; None for no string."""
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else None
    if isinstance(node, ast.JoinedStr):
        return "".join(_part(part, known) for part in node.values)
    return None


def _part(part: ast.expr, known: dict[str, str]) -> str:
    if isinstance(part, ast.Constant):
        return str(part.value)
    return known.get(getattr(getattr(part, "value", None), "id", ""), GAP)


@cache
def strings(path: Path) -> list[tuple[ast.expr, dict[str, str]]]:
    """Every expression of a file, and the texts that its function gave a name before."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    known: dict[int, dict[str, str]] = {}
    for function in (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)):
        assigned = [node for node in ast.walk(function) if isinstance(node, ast.Assign)]
        named = [(getattr(node.targets[0], "id", ""), template(node.value, {})) for node in assigned]
        names = [name for name, _ in named]
        texts = {name: text for name, text in named if text and names.count(name) == 1}
        known |= {id(node): texts for node in ast.walk(function)}
    return [(node, known.get(id(node), {})) for node in ast.walk(tree) if isinstance(node, ast.expr)]


def raised(path: Path) -> list[str]:
    """Templates of the errors that a file makes for the user."""
    found = []
    for node, known in strings(path):
        if not isinstance(node, ast.Call) or not node.args:
            continue
        name = getattr(node.func, "id", getattr(node.func, "attr", ""))
        if (name in KINDS or name.endswith("Error")) and name not in PYTHONS_OWN:
            found += filter(None, [template(node.args[0], known)])
    return found


@cache
def texts() -> set[str]:
    """Every text of the source, be it an error, a warning or a report; %r and {} are values too."""
    found = {template(node, known) for path in FILES for node, known in strings(path)}
    return {re.sub(r"%[rsd]|\{!?r?\}", GAP, text) for text in found if text}


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
