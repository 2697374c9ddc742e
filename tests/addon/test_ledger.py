"""The ledger of an Action: what is written is read again, what 0.1 wrote too, and what cannot be read counts as
absent."""

from __future__ import annotations

import dataclasses
import json
import math

import pytest

JAW, HEAD = 'key_blocks["jawOpen"].value', 'pose.bones["head"].rotation_euler'


@pytest.fixture
def ledger(ext):
    return ext.module("addon.actions.ledger")


@pytest.fixture
def full(ledger):
    """A ledger in which every field says something."""
    clip = ledger.ClipNote("Line", "/shots/line.wav", 0.5, 2.25, 31.0, 1, "abc", "Edit", "Scene", (0, 12, 30))
    note = ledger.TakeNote(
        "Face", {"gain_jaw": 0.5, "model": "mini"}, clip, True, 23.976, 33.0, (("P", 0.0, 0.1), ("AA", 0.1, 0.4)),
        ((33.0, 35.0), (40.0, 41.0)), 19.5, (2.0, 50.0), False, (True, False), "t1", (("P", 0.5, 0.6),),
    )
    binding = ledger.Binding(
        {"Line": ledger.KeyedLine(33.0, 70.0, "Face/Line"), "Other": ledger.KeyedLine(80.0, 90.0)},
        {(JAW, 0): 0.25, (HEAD, 2): -1.0}, {"jawOpen": (0.0, 1.0, -0.5, 1.5)},
        ledger.StripNote((33.0, 90.0), True, 'ADD', 0.75, 'HOLD'), ((100.0, 110.0),), "Mine",
    )
    return ledger.Ledger({"7": binding, "8": ledger.Binding()}, {"Face/Line": note}, {}, "Wanted", "Wanted.001")


def test_what_is_written_is_read_again(ledger, full):
    assert ledger.from_json(ledger.to_json(full)) == full
    assert json.loads(ledger.to_json(full))["schema"] == ledger.SCHEMA == 2


def test_a_clip_to_the_end_of_its_file_stays_one(ledger):
    note = ledger.TakeNote(clip=ledger.ClipNote("a", "a.wav", 0.0, math.inf, 1.0))
    stored = ledger.Ledger({"": ledger.Binding({"a": ledger.KeyedLine(1, 2, "t")})}, {"t": note})
    assert "Infinity" not in ledger.to_json(stored)
    assert ledger.from_json(ledger.to_json(stored)).takes["t"].clip.length_s == math.inf


def test_a_ledger_of_0_1_has_no_schema_and_is_read(ledger, full):
    stored = json.loads(ledger.to_json(full))
    del stored["schema"]
    stored["takes"]["Face/Line"] |= {"version": 1, "phones": None}
    note = dataclasses.replace(full.takes["Face/Line"], phones=None)
    assert ledger.from_json(json.dumps(stored)) == dataclasses.replace(full, takes={"Face/Line": note})


@pytest.mark.parametrize(("field", "value", "absent"), [
    ("clip", {"name": "a"}, None), ("clip", "a", None), ("fps", 0, None), ("fps", True, None), ("fps", "24", None),
    ("first_frame", [1], None), ("phones", [["P", 0.0]], None), ("phones", [["P", 0.0, "x"]], None),
    ("closed", [[1, 2], [3], "x"], ((1, 2),)), ("made", [1], None), ("open", [1], (False, False)), ("whole", 1, None),
    ("hidden", 3, ""), ("choices", [], {}), ("zero", None, None),
])
def test_a_field_of_a_note_that_cannot_be_read_is_absent_alone(ledger, full, field, value, absent):
    stored = json.loads(ledger.to_json(full))
    stored["takes"]["Face/Line"][field] = value
    read = ledger.from_json(json.dumps(stored)).takes["Face/Line"]
    name = {"open": "open_ends"}.get(field, field)
    assert getattr(read, name) == absent
    assert dataclasses.replace(read, **{name: getattr(full.takes["Face/Line"], name)}) == full.takes["Face/Line"]


@pytest.mark.parametrize(("field", "value", "absent"), [
    ("rest", {"no index": 1.0, f"{JAW}|0": "x"}, {}), ("sliders", {"jawOpen": [0, 1]}, {}), ("moved", 3, ""),
    ("mine", [[1], [2, 3]], ((2, 3),)), ("strips", {"made": True}, None), ("spans", {"Line": [1, 2]}, {}),
])
def test_a_part_of_a_binding_that_cannot_be_read_is_absent_alone(ledger, full, field, value, absent):
    stored = json.loads(ledger.to_json(full))
    stored[field]["7"] = value
    read, name = ledger.from_json(json.dumps(stored)).bindings["7"], {
        "strips": "strip", "spans": "lines"
    }.get(field, field)
    assert getattr(read, name) == (ledger.StripNote() if field == "strips" else absent)
    assert dataclasses.replace(read, **{name: getattr(full.bindings["7"], name)}) == full.bindings["7"]


def test_lines_from_before_takes_were_noted_hold_for_every_data_block(ledger):
    read = ledger.from_json(json.dumps({"lines": {"a": [1, 48], "b": "x"}, "rest": {"7": {f"{JAW}|0": 0.5}}}))
    assert read.binding("7").spans == read.binding("9").spans == {"a": (1, 48)}
    assert read.binding("7").rest == {(JAW, 0): 0.5} and read.note("7", "a") is None


def test_what_is_cleared_is_told_from_what_is_not_known(ledger, full):
    assert full.is_cleared("8") and not full.is_cleared("7") and not full.is_cleared("9")
