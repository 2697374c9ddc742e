"""An error in a preset names the line on which the field stands."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from engine.rig.preset_file import load_preset
from engine.rig.strict_json import line_of, spots
from engine.values.errors import PresetError

GOOD = """{"schema": 1,
 "name": "Mine",
 "source": "arkit52",
 "targets": [
  {"to": {"kind": "shape_key", "name": "A \\" } ] , :"},
   "from": {"jawOpen": 1.0}},
  {"to": {"kind": "bone", "bone": "jaw",
          "path": "location", "index": 0},
   "from": {"jawOpen": 1.0,
            "mouthClose": 2.0},
   "clamp": [0,
             1]}
 ]}
"""


@pytest.mark.parametrize(("field", "line"), [
    ("", 1), ("name", 2), ("targets", 4), ("targets[0]", 5), ("targets[0].from.jawOpen", 6), ("targets[1].to.path", 8),
    ("targets[1].from.mouthClose", 10), ("targets[1].clamp[1]", 12), ("targets[1].clamp[7]", 11),
    ("targets[1].to.unknown.deep", 7), ("nothing", 1),
])
def test_every_field_has_its_line(field, line):
    assert line_of(GOOD, field) == line


@pytest.mark.parametrize(("old", "new", "says"), [
    ('"jawOpen": 1.0}},', '"jawOpne": 1.0}},', "line 6, targets[0].from: 'jawOpne' is not allowed"),
    ('"mouthClose": 2.0', '"mouthClose": "x"', "line 10, targets[1].from.mouthClose: 'x' is not allowed"),
    ('"index": 0}', '"index": 0, "driver": "os.remove"}', "line 8, targets[1].to: 'driver' is not allowed"),
    ('"path": "location"', '"path": "constraints[0]"', "line 8, targets[1].to.path"),
    ('"path": "location", ', "", "line 7, targets[1].to: the field 'path' is missing"),
    ('             1]}', '             -1]}', "line 11, targets[1].clamp: [0, -1] is not allowed"),
    ('"mouthClose": 2.0', '"mouthClose": NaN', "line 10, targets[1].from.mouthClose: NaN is not a number"),
    ('"mouthClose": 2.0', '"mouthClose": -Infinity', "line 10, targets[1].from.mouthClose: -Infinity is not a number"),
    ('"mouthClose": 2.0', '"mouthClose": 1e999', "line 10, targets[1].from.mouthClose: the number 1e999 is too large"),
    ('"mouthClose": 2.0', '"mouthClose": 1' + "0" * 30, "line 10, targets[1].from.mouthClose: the number 1000"),
    ('"mouthClose": 2.0', '"jawOpen": 2.0', "line 10, targets[1].from.jawOpen: the key 'jawOpen' stands twice"),
    ('"name": "Mine"', '"name": "\\ud800"', "line 2, name holds half a character"),
    ('"source"', '"expression": 1, "source"', "line 3, top level: 'expression' is not allowed"),
    (
        '"name": "Mine"', '"name": "Mine", "expression": "__import__(\'os\')"',
        "line 2, top level: 'expression' is not allowed",
    ),
    ('"clamp": [0,', '"clamp": [' + "[" * 5000 + "0,", "is not valid JSON"),
])
def test_an_error_names_line_and_field(tmp_path, old, new, says):
    assert old in GOOD
    path = tmp_path / "mine.json"
    path.write_text(GOOD.replace(old, new), encoding="utf-8")
    with pytest.raises(PresetError) as raised:
        load_preset(path)
    assert (
        says in str(raised.value) or (says == "is not valid JSON" and "line 11, targets[1].clamp" in str(raised.value))
    )


def test_a_deep_file_is_told_where_it_becomes_deep(tmp_path):
    path = tmp_path / "deep.json"
    path.write_text('{"schema": 1,\n "name": ' + "[" * 200_000)
    with pytest.raises(PresetError, match=r"line 2, name(\[0\])+.* is nested too deeply"):
        load_preset(path)


def test_the_walk_agrees_with_the_parser_on_the_bundled_presets():
    def fields(value: object, field: str) -> list[str]:
        inner = ((f"[{i}]", one) for i, one in enumerate(value)) if isinstance(value, list) else (
            ((f".{key}" if field else key), one) for key, one in value.items()) if isinstance(value, dict) else ()
        return [field, *(name for step, one in inner for name in fields(one, field + step))]

    for path in sorted(Path(__file__).resolve().parents[2].glob("presets/*.json")):
        text = path.read_text(encoding="utf-8")
        assert [spot.field for spot in spots(text) if not spot.is_key] == fields(json.loads(text), ""), path.name
