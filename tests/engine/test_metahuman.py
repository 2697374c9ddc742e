"""Files for MetaHumans: names and weights of the controls, and the form that Unreal Engine's Curve Tables have."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from engine import Motion, OutputError
from engine.files.motion import write_motion
from engine.values.channels import ARKIT_52

MAPS = Path(__file__).resolve().parents[3] / "shared" / "data" / "naming" / "shape_name_maps.json"


def motion(**channels):
    weights = np.zeros((3, 52), np.float32)
    for name, values in channels.items():
        weights[:, ARKIT_52.index(name)] = values
    return Motion(weights, ARKIT_52, 30.0)


def test_csv_has_a_row_for_each_curve_and_a_column_for_each_moment(tmp_path):
    path = tmp_path / "line.metahuman.csv"
    write_motion(motion(jawOpen=(0, 0.5, 1), mouthSmileLeft=(0.2, 0.2, 0.2)), path, {})
    rows = list(csv.reader(path.open()))
    assert rows[0][0] == "Name" and [float(at) for at in rows[0][1:]] == pytest.approx([0, 1 / 30, 2 / 30], abs=1e-6)
    curves = {name: [float(value) for value in values] for name, *values in rows[1:]}
    assert all(name.startswith("CTRL_expressions_") for name in curves) and len(curves) == len(rows) - 1 > 50
    assert (
        curves["CTRL_expressions_jawOpen"] == [0, 0.5, 1]
        and curves["CTRL_expressions_mouthCornerPullL"] == pytest.approx([0.2] * 3)
    )
    assert curves["CTRL_expressions_mouthCornerPullR"] == [0, 0, 0]


def test_json_holds_the_same_values(tmp_path):
    path = tmp_path / "line.metahuman.json"
    write_motion(motion(jawOpen=(0, 0.5, 1)), path, {})
    table = {row["Name"]: row for row in json.loads(path.read_text())}
    assert table["CTRL_expressions_jawOpen"]["0.0333333"] == 0.5 and table["CTRL_expressions_jawOpen"]["0"] == 0


def test_plain_endings_stay_what_they_were(tmp_path):
    write_motion(motion(), tmp_path / "line.csv", {})
    assert (tmp_path / "line.csv").read_text().startswith("Timecode,BlendShapeCount")


def test_motion_without_face_shapes_is_refused(tmp_path):
    with pytest.raises(OutputError, match="needs ARKit channels"):
        write_motion(Motion(np.zeros((2, 1), np.float32), ("v0.x",), 30.0), tmp_path / "line.metahuman.csv", {})
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(not MAPS.exists(), reason="../shared/data/naming is not here")
@pytest.mark.parametrize(
    "channel",
    ["jawOpen", "mouthFunnel", "mouthPucker", "mouthSmileLeft", "eyeBlinkRight", "mouthUpperUpLeft", "browInnerUp"],
)
def test_weights_are_those_of_the_published_map(tmp_path, channel):
    published = json.loads(MAPS.read_text())["arkit->metahuman_CTRL_expressions"][channel[0].upper() + channel[1:]]
    path = tmp_path / "line.metahuman.json"
    write_motion(motion(**{channel: (1, 1, 1)}), path, {})
    moved = {row["Name"]: row["0"] for row in json.loads(path.read_text()) if row["0"] > 0}
    assert moved == pytest.approx(
        {name: min(weight, 1.0) for name, weight in published.items() if weight >= 0.05}, abs=0.005
    )
