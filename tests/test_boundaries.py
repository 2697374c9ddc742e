"""The dependency rules of the three rings, checked on the source itself (ARCHITECTURE.md says why they are there)."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path, PurePosixPath

import pytest

ROOT = Path(__file__).resolve().parent.parent
MAX_LINES = 500
MAX_FILES = 14                                      # in a folder, its __init__.py not counted
MAX_FILES_IN = {"engine": 10, "addon": 8, "engine/learn/synth": 25}     # synth: each voice and each language is a file
MAX_LINE_LENGTH = 120
# in the whole product: addresses and tables that no break makes clearer
MAX_LONG_LINES = 20
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
    "ray": ("engine/workers/cluster.py",),
    "pickle": (),
}
# The rooms (folders, or files that stand alone) of each ring by floor, lowest first. A file imports from floors below
# its own and from its own room; rooms on one floor do not know each other. "" is the package's own __init__.py.
FLOORS = {
    "engine": (
        ("values",), ("audio", "motion", "workers"), ("speech",), ("model",), ("rig", "systems"),
        ("idle", "files", "geometry"),
        ("postprocess",), ("pipeline",), ("batch", "captured_points", "fit_head"), ("by_value", "farm"), ("",),
        ("nets",), ("learn/augment",), ("learn/synth",), ("learn/visemes",), ("learn/data",), ("learn/faces",),
        ("learn/evaluate",),
        ("learn/manners",), ("learn/systems",),
        ("learn/export",), ("learn/train",), ("arguments",), ("lines",), ("__main__",),
    ),
    "addon": (
        ("host", "head"), ("actions",), ("character",), ("sound",), ("keying",), ("take",),
        (
            "phones", "follow", "export", "models", "moods", "teach", "shape_match", "mapping", "cast", "overlay",
            "pictures", "preview", "retakes", "take_list",
        ),
        ("ui", "shots"), ("command",), ("",),
    ),
}
NEIGHBOURS = {("addon/cast", "addon/follow")}       # the lines of a scene follow their strips
# what the add-on may import of the engine
ENGINE_DOORS = ("engine", "engine.values", "engine.model.folder", "engine.rig", "engine.files")
MAX_LATE_IMPORTS = 25                               # in the whole product
# file: imports of own modules inside its functions, each with its reason as a comment
LATE_IMPORTS = {
    "addon/cast/__init__.py": 1, "addon/command.py": 1, "addon/export/__init__.py": 1,
    "addon/follow/__init__.py": 1, "addon/mapping/__init__.py": 1, "addon/models/__init__.py": 1,
    "addon/moods/__init__.py": 1,
    "addon/overlay/overlay.py": 1, "addon/phones/__init__.py": 1, "addon/phones/markers.py": 1,
    "addon/pictures/operators.py": 1, "addon/preview/operators.py": 1, "addon/shape_match/__init__.py": 3,
    "addon/retakes/__init__.py": 1, "addon/take/__init__.py": 1, "addon/take/catalog.py": 1,
    "addon/teach/__init__.py": 1, "addon/ui/drop.py": 1,
    "addon/ui/operators.py": 2, "addon/ui/try_it.py": 1,
}
# the first one and its helpers
ANIMATION_WRITERS = (
    "addon/keying/write.py", "addon/actions/actions.py", "addon/actions/nla.py", "addon/keying/clearing.py",
    "addon/actions/keys.py", "addon/actions/object_keys.py", "addon/keying/moved_keys.py",
)
PRINTERS = ("engine/__main__.py", "engine/learn/", "addon/command.py")
SOURCES = sorted(
    path.relative_to(ROOT).as_posix() for folder in ("addon", "engine") for path in (ROOT / folder).rglob("*.py")
)


@cache
def _tree(source: str) -> ast.Module:
    return ast.parse((ROOT / source).read_text(encoding="utf-8"), source)


def _imports(source: str) -> Iterator[tuple[str, int, int]]:
    """(module, number of leading dots, line) of every import, wherever it stands; import_module("x") and
    __import__("x") too."""
    for node in ast.walk(_tree(source)):
        if isinstance(node, ast.Import):
            yield from ((name.name, 0, node.lineno) for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or "", node.level, node.lineno
        elif isinstance(node, ast.Call) and _called(node)[-1:] in (["import_module"], ["__import__"]):
            for name in (str(argument.value) for argument in node.args[:1] if isinstance(argument, ast.Constant)):
                yield name.lstrip("."), len(name) - len(name.lstrip(".")), node.lineno


def _module(source: str) -> str:
    """The dotted name of a source file; a package has the name of its folder."""
    return source.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


MODULES = {_module(source): source for source in SOURCES}


@cache
def _own_imports(source: str) -> tuple[tuple[str, int, bool], ...]:
    """(module, line, whether it stands inside a function) of every import of our own; what only a type checker reads is
    left out."""
    tree = _tree(source)
    checked = {
        id(node)
        for test in ast.walk(tree) if isinstance(test, ast.If) and "TYPE_CHECKING" in ast.dump(test.test)
        for node in ast.walk(test)
    }
    functions = (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))
    late = {id(node) for function in functions for node in ast.walk(function)}
    package = source.split("/")[:-1]
    found = []
    for node in ast.walk(tree):
        if not isinstance(node, ast.ImportFrom) or not node.level or id(node) in checked:
            continue
        base = [*package[:len(package) - node.level + 1], *([node.module] if node.module else [])]
        names = [".".join([*base, name.name]) for name in node.names]
        modules = [name for name in names if name in MODULES] or [".".join(base)]
        found += [(module, node.lineno, id(node) in late) for module in modules if module in MODULES]
    return tuple(found)


def _room(module: str) -> str:
    """The room of a module: addon/take, engine/pipeline, engine/learn/data; "engine/" is the package itself."""
    ring, *inner = module.split(".")
    depth = 2 if inner[:1] == ["learn"] else 1
    return f"{ring}/{'/'.join(inner[:depth])}"


def _floors() -> dict[str, int]:
    return {
        f"{ring}/{room}": floor
        for ring, floors in FLOORS.items() for floor, rooms in enumerate(floors) for room in rooms
    }


def _circles(graph: dict[str, set[str]]) -> list[set[str]]:
    """Groups of modules that import each other in a circle: each can be reached from each."""
    reached = {start: _reachable(graph, start) for start in graph}
    groups = {
        frozenset({end for end in reached[start] if start in reached[end]})
        for start in graph if start in reached[start]
    }
    return [set(group) for group in groups]


def _reachable(graph: dict[str, set[str]], start: str) -> set[str]:
    seen: set[str] = set()
    waiting = list(graph[start])
    while waiting:
        module = waiting.pop()
        if module not in seen:
            seen.add(module)
            waiting += graph[module]
    return seen


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
    wrong = [
        f"{source}:{line} imports {module}"
        for module, level, line in _imports(source) if level == 0 and module.split(".")[0] in own
    ]
    assert wrong == []


@pytest.mark.parametrize("source", [source for source in SOURCES if source.startswith("engine/")])
def test_engine_never_reaches_outside_itself(source):
    depth = source.count("/")
    wrong = [f"{source}:{line} climbs {level} levels" for _, level, line in _imports(source) if level > depth]
    assert wrong == []


@pytest.mark.parametrize(
    "source",
    [source for source in SOURCES if not _may(source, ("engine/nets/", "engine/learn/", "engine/__main__.py"))],
)
def test_inference_never_imports_learning(source):
    parts = {"nets", "learn"}
    wrong = [
        f"{source}:{line} imports {module}"
        for module, level, line in _imports(source) if level and parts & set(module.split("."))
    ]
    assert wrong == []


def test_every_room_has_its_floor():
    rooms = {_room(module) for module in MODULES} - {"engine/learn"}
    assert rooms - set(_floors()) == set()


def test_imports_run_downward():
    floors = _floors()
    climbs = set()
    for source in SOURCES:
        here = _room(_module(source))
        there = {_room(module) for module, _, _ in _own_imports(source) if module.split(".")[0] == source.split("/")[0]}
        climbs |= {
            f"{here} -> {room}"
            for room in there - {here} if floors[room] >= floors[here] and (here, room) not in NEIGHBOURS
        }
    assert climbs == set()


def test_nothing_imports_in_a_circle():
    graph = {}
    for source in SOURCES:
        own = _module(source)
        names = {module for module, _, _ in _own_imports(source)} - {own}
        # the __init__.py of a package around us is a door, not a neighbour
        graph[own] = {
            name for name in names if not (own.startswith(f"{name}.") and MODULES[name].endswith("/__init__.py"))
        }
    assert _circles(graph) == []


def test_own_modules_are_imported_at_the_top():
    late: dict[str, int] = {}
    without_reason = []
    for source in SOURCES:
        lines = (ROOT / source).read_text(encoding="utf-8").splitlines()
        numbers = {line for _, line, inside in _own_imports(source) if inside}
        late[source] = len(numbers)
        without_reason += [f"{source}:{line}" for line in numbers if "# " not in lines[line - 2] + lines[line - 1]]
    unlisted = {source: count for source, count in late.items() if count > LATE_IMPORTS.get(source, 0)}
    assert unlisted == {} and without_reason == []
    assert sum(LATE_IMPORTS.values()) <= MAX_LATE_IMPORTS


@pytest.mark.parametrize("source", SOURCES)
def test_modules_are_imported_by_name_only_at_the_doors(source):
    calls = [node for node in ast.walk(_tree(source)) if isinstance(node, ast.Call)]
    wrong = [node.lineno for node in calls if _called(node)[-1:] in (["import_module"], ["__import__"])]
    assert wrong == [] or source in ("engine/__init__.py", "engine/__main__.py")


def test_the_addon_enters_the_engine_by_its_doors():
    modules = {
        module
        for source in SOURCES if source.startswith("addon/")
        for module, _, _ in _own_imports(source) if module.startswith("engine")
    }
    inside = tuple(f"{door}." for door in ENGINE_DOORS if door != "engine")
    assert [module for module in modules if module not in ENGINE_DOORS and not module.startswith(inside)] == []


def test_a_public_class_has_a_name_of_its_own():
    classes = [node.name for source in SOURCES for node in ast.walk(_tree(source)) if isinstance(node, ast.ClassDef)]
    assert {name for name in classes if not name.startswith("_") and classes.count(name) > 1} == set()


def test_the_type_of_our_arrays_is_defined_once():
    assigned = [node for source in SOURCES for node in ast.walk(_tree(source)) if isinstance(node, ast.Assign)]
    names = [target.id for node in assigned for target in node.targets if isinstance(target, ast.Name)]
    assert names.count("FloatArray") == 1


def test_folders_hold_few_files():
    counts = Counter(str(PurePosixPath(source).parent) for source in SOURCES if not source.endswith("/__init__.py"))
    full = {folder: count for folder, count in counts.items() if count > MAX_FILES_IN.get(folder, MAX_FILES)}
    assert full == {}


@pytest.mark.parametrize("source", [source for source in SOURCES if source.endswith("__init__.py")])
def test_a_folder_says_its_job_and_what_it_may_not_know(source):
    assert len((ast.get_docstring(_tree(source)) or "").splitlines()) > 1


def test_lines_are_short():
    long = []
    for source in SOURCES:
        lines = (ROOT / source).read_text(encoding="utf-8").splitlines()
        long += [f"{source}:{number}" for number, line in enumerate(lines, 1) if len(line) > MAX_LINE_LENGTH]
    assert len(long) <= MAX_LONG_LINES, long


@pytest.mark.parametrize("source", SOURCES)
def test_animation_is_written_in_one_place(source):
    calls = [(_called(node), node.lineno) for node in ast.walk(_tree(source)) if isinstance(node, ast.Call)]
    own = {
        name.asname or name.name
        for node in ast.walk(_tree(source)) if isinstance(node, ast.ImportFrom) and node.level for name in node.names
    }
    wrong = [
        f"{source}:{line} calls {'.'.join(names)}" for names, line in calls
        # fcurves.clear(...) may call our own module fcurves
        if names and names[0] not in own and _writes_animation(names)
    ]
    assert wrong == [] or _may(source, ANIMATION_WRITERS)


@pytest.mark.parametrize("source", SOURCES)
def test_only_the_command_line_prints(source):
    lines = [
        node.lineno for node in ast.walk(_tree(source)) if isinstance(node, ast.Call) and _called(node) == ["print"]
    ]
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
    named = set(
        re.findall(r"`((?:addon|engine|tests|presets|weights)/[\w./]*|[A-Z_]+\.md|\w+\.(?:py|lock|toml))`", text)
    )
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
    assert _circles({"a": {"b"}, "b": {"c"}, "c": {"b"}, "d": {"a"}}) == [{"b", "c"}]
    assert _room("engine.learn.data.scenes") == "engine/learn/data"
    assert _room("engine") == "engine/"
