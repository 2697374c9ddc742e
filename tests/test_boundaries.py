"""The dependency rules of the three rings, checked on the source itself (ARCHITECTURE.md says why they are there)."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
MAX_LINES = 350                                     # about 300, with some room
VAGUE_NAMES = {"utils", "util", "helpers", "helper", "misc", "common", "tools"}

# module -> folders and files that may import it; all other code may not
ALLOWED_IMPORTS = {
    "bpy": ("addon/",),
    "bl_ui": ("addon/",),
    "bpy_extras": ("addon/",),
    "mathutils": ("addon/",),
    "gpu": ("addon/overlay/draw.py",),
    "gpu_extras": ("addon/overlay/draw.py",),
    "blf": ("addon/overlay/draw.py",),
    "aud": ("addon/sound/clip.py",),
    "onnxruntime": ("engine/model/runtime.py", "engine/nets/moonshine_weights.py", "engine/learn/"),
    "torch": ("engine/nets/", "engine/learn/"),
    "torchaudio": (),
    "transformers": ("engine/nets/", "engine/learn/"),
    "onnx": ("engine/nets/", "engine/learn/"),
    "scipy": ("engine/learn/",),
    "matplotlib": ("engine/learn/",),
    "ray": ("engine/batch.py",),
    "pickle": (),
}
ANIMATION_WRITERS = ("addon/keying/write.py", "addon/actions/actions.py", "addon/actions/nla.py", "addon/keying/clearing.py", "addon/actions/keys.py", "addon/keying/moved_keys.py")       # the first one and its helpers
PRINTERS = ("engine/__main__.py", "engine/learn/", "addon/command.py")
SOURCES = sorted(path.relative_to(ROOT).as_posix() for folder in ("addon", "engine") for path in (ROOT / folder).rglob("*.py"))


@cache
def _tree(source: str) -> ast.Module:
    return ast.parse((ROOT / source).read_text(encoding="utf-8"), source)


def _imports(source: str) -> Iterator[tuple[str, int, int]]:
    """(module, number of leading dots, line) of every import, wherever it stands; import_module("x") and __import__("x") too."""
    for node in ast.walk(_tree(source)):
        if isinstance(node, ast.Import):
            yield from ((name.name, 0, node.lineno) for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or "", node.level, node.lineno
        elif isinstance(node, ast.Call) and _called(node)[-1:] in (["import_module"], ["__import__"]):
            for name in (str(argument.value) for argument in node.args[:1] if isinstance(argument, ast.Constant)):
                yield name.lstrip("."), len(name) - len(name.lstrip(".")), node.lineno


def _called(node: ast.Call) -> list[str]:
    """The names of a call: bpy.data.actions.new(...) gives [bpy, data, actions, new]."""
    names: list[str] = []
    inner: ast.expr = node.func
    while isinstance(inner, ast.Attribute):
        names.insert(0, inner.attr)
        inner = inner.value
    return [inner.id, *names] if isinstance(inner, ast.Name) else names


def _writes_animation(names: list[str]) -> bool:
    """Whether a call makes or changes Actions, F-curves or keys."""
    makers = {"animation_data_create", "animation_data_clear", "keyframe_insert", "keyframe_delete", "driver_add"}
    changers = {"new", "ensure", "add", "insert", "remove", "clear", "foreach_set"}
    holders = {"actions", "fcurves", "keyframe_points", "nla_tracks", "drivers"}
    return names[-1] in makers or (names[-1] in changers and bool(holders.intersection(names[:-1])))


def _may(source: str, places: tuple[str, ...]) -> bool:
    return any(source == place or (place.endswith("/") and source.startswith(place)) for place in places)


def test_the_walk_sees_both_rings():
    assert {"engine/values/types.py", "engine/rig/retarget.py", "addon/keying/write.py"} <= set(SOURCES)


@pytest.mark.parametrize("source", SOURCES)
def test_modules_are_imported_only_where_they_belong(source):
    wrong = [
        f"{source}:{line} imports {module}" for module, level, line in _imports(source)
        if level == 0 and not _may(source, ALLOWED_IMPORTS.get(module.split(".")[0], (source,)))
    ]
    assert wrong == []


@pytest.mark.parametrize("source", SOURCES)
def test_own_modules_are_imported_relatively(source):
    own = {"engine", "addon", "unitalker", "bl_ext"}
    wrong = [f"{source}:{line} imports {module}" for module, level, line in _imports(source) if level == 0 and module.split(".")[0] in own]
    assert wrong == []


@pytest.mark.parametrize("source", [source for source in SOURCES if source.startswith("engine/")])
def test_engine_never_reaches_outside_itself(source):
    depth = source.count("/")
    wrong = [f"{source}:{line} climbs {level} levels" for _, level, line in _imports(source) if level > depth]
    assert wrong == []


@pytest.mark.parametrize("source", [source for source in SOURCES if not _may(source, ("engine/nets/", "engine/learn/", "engine/__main__.py"))])
def test_inference_never_imports_learning(source):
    parts = {"nets", "learn"}
    wrong = [f"{source}:{line} imports {module}" for module, level, line in _imports(source) if level and parts & set(module.split("."))]
    assert wrong == []


@pytest.mark.parametrize("source", SOURCES)
def test_animation_is_written_in_one_place(source):
    calls = [(_called(node), node.lineno) for node in ast.walk(_tree(source)) if isinstance(node, ast.Call)]
    own = {name.asname or name.name for node in ast.walk(_tree(source)) if isinstance(node, ast.ImportFrom) and node.level for name in node.names}
    wrong = [
        f"{source}:{line} calls {'.'.join(names)}" for names, line in calls
        if names and names[0] not in own and _writes_animation(names)       # fcurves.clear(...) may call our own module fcurves
    ]
    assert wrong == [] or _may(source, ANIMATION_WRITERS)


@pytest.mark.parametrize("source", SOURCES)
def test_only_the_command_line_prints(source):
    lines = [node.lineno for node in ast.walk(_tree(source)) if isinstance(node, ast.Call) and _called(node) == ["print"]]
    assert lines == [] or _may(source, PRINTERS)


@pytest.mark.parametrize("source", SOURCES)
def test_files_stay_readable(source):
    assert len((ROOT / source).read_text(encoding="utf-8").splitlines()) <= MAX_LINES
    assert not VAGUE_NAMES.intersection(Path(source).with_suffix("").parts)


@pytest.mark.parametrize("source", SOURCES)
def test_nothing_is_evaluated_from_text(source):
    calls = [node for node in ast.walk(_tree(source)) if isinstance(node, ast.Call)]
    wrong = [f"{source}:{node.lineno}" for node in calls if _called(node) in (["eval"], ["exec"], ["compile"])]
    assert wrong == []


def test_importing_the_engine_loads_nothing_heavy():
    heavy = ("onnxruntime", "soundfile", "soxr", "fastjsonschema", "torch", "transformers", "scipy", "bpy")
    code = f"import sys, engine; print([name for name in {heavy} if name in sys.modules])"
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


@pytest.mark.parametrize("document", ["ARCHITECTURE.md", "CONTRIBUTING.md"])
def test_documents_name_only_files_that_exist(document):
    text = (ROOT / document).read_text(encoding="utf-8")
    named = set(re.findall(r"`((?:addon|engine|tests|presets|weights)/[\w./]*|[A-Z_]+\.md|\w+\.(?:py|lock|toml))`", text))
    assert len(named) > 3
    assert [name for name in sorted(named) if not (ROOT / name).exists()] == []


def test_rules_catch_what_they_are_for():
    def calls(text: str) -> list[str]:
        return _called(next(node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Call)))

    assert _writes_animation(calls('key.keyframe_insert("value")'))
    assert _writes_animation(calls("bpy.data.actions.new(name)"))
    assert _writes_animation(calls("self.bag().fcurves.new(path)"))
    assert not _writes_animation(calls("collections.new(name)"))
    assert not _writes_animation(calls("action.fcurves.find(path)"))
    assert not _may("engine/runtime_of_mine.py", ("engine/model/runtime.py",))
