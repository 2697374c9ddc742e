"""Messages with a number in them are right for one thing and for many."""

from __future__ import annotations

import ast
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ENGINE = [path for path in (ROOT / "engine").rglob("*.py") if not {"nets", "learn"} & set(path.parts)]
FILES = sorted([*ENGINE, *(ROOT / "addon").rglob("*.py")])
GAP = "…"                   # stands for a value
SEVERAL = "…!"              # stands for a value that is never 1: a limit of ours, in capitals
PLURALS = (
    "shape keys", "bones", "custom properties", "frames", "keys", "meshes", "channels", "controls", "values", "lines",
    "curves", "phones", "markers", "takes",
    "files", "strips", "identities", "rows", "words", "tracks", "heads", "models", "points", "shapes", "pictures",
    "seconds", "weights",
)
COUNT = re.compile(rf"(?:(\bof )(?:the )?)?…(?:PCA )? ?({'|'.join(PLURALS)})\b(?! per second)")
# A count that is always more than one, or of what has another number elsewhere
KNOWN = {        # text -> why
    "… lines added to the scene's list": "one file is no list", "holds … values": "a type of number",
    "… channels (…); the motion has": "the name of a set",
}


def messages(node: ast.expr) -> str | None:
    """A string with GAP for each value; None for what is no string."""
    if isinstance(node, ast.Constant):
        return re.sub(r"\{[^{}]*\}", GAP, node.value) if isinstance(node.value, str) else None
    if not isinstance(node, ast.JoinedStr):
        return None
    return "".join(
        part.value if isinstance(part, ast.Constant) else SEVERAL if ast.unparse(part.value).isupper() else GAP
        for part in node.values
    )


def test_no_message_counts_one_thing_as_many():
    wrong = []
    for path in FILES:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
        plural = [node for node in calls if getattr(node.func, "id", "") == "translate_plural"]
        counted = {id(given) for node in plural for given in node.args[2:]}
        counted |= {id(node.slice) for node in ast.walk(tree) if isinstance(node, ast.Subscript)}    # no message: a key
        inner = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
        for node in ast.walk(tree):
            text = messages(node) if isinstance(node, ast.expr) and id(node) not in counted | inner else None
            if text and (found := COUNT.search(text)) and not found[1] and not any(known in text for known in KNOWN):
                wrong.append(f"{path.relative_to(ROOT)}:{node.lineno}: {text}")
    assert not wrong, "\n".join(wrong)
