"""Conversion between sets of face channels, both ways."""

from __future__ import annotations

import numpy as np
import pytest

from engine.motion.lip_contact import closed_frames
from engine.rig.channel_sets import JAW_OPEN_RAD, SETS, convert, set_of
from engine.values.channels import ARKIT_32, ARKIT_51, ARKIT_52, ETF_52, FLAME_413, LIFE, OCULUS_15
from engine.values.errors import SettingError
from engine.values.messages import split_property
from engine.values.types import Motion


def _random(channels: tuple[str, ...], n_frames: int = 20) -> Motion:
    return Motion(np.random.default_rng(1).random((n_frames, len(channels)), dtype=np.float32), channels, 30.0)


def test_32_channels_are_lips_jaw_cheeks_and_nose():
    assert len(ARKIT_32) == 32
    assert {name[:4] for name in ARKIT_32} == {"jawF", "jawR", "jawL", "jawO", "mout", "chee", "nose"}


@pytest.mark.parametrize("smaller", ["arkit51", "arkit32"])
def test_smaller_arkit_set_survives_the_way_to_52_and_back(smaller):
    motion = _random(SETS[smaller])
    whole = convert(motion, "arkit52")
    assert whole.channels == ARKIT_52
    assert not whole["tongueOut"].any()
    assert all(np.array_equal(whole[name], motion[name]) for name in SETS[smaller])
    assert np.array_equal(convert(whole, smaller).weights, motion.weights)


def test_52_in_another_order_is_put_in_order():
    motion = _random(ETF_52)
    assert set_of(motion) == "arkit52"
    assert np.array_equal(convert(motion, "arkit52")["jawOpen"], motion["jawOpen"])


@pytest.mark.parametrize("viseme", [name for name in OCULUS_15 if name not in ("viseme_DD", "viseme_kk", "viseme_nn")])
def test_viseme_survives_the_way_over_arkit(viseme):
    motion = Motion(np.eye(15, dtype=np.float32)[[OCULUS_15.index(viseme)]], OCULUS_15, 30.0)
    back = convert(convert(motion, "arkit52"), "oculus15")
    assert OCULUS_15[int(back.weights[0].argmax())] == viseme
    assert back[viseme][0] > 0.7
    assert back.weights.sum() <= 1 + 1e-6


def test_visemes_that_arkit_cannot_tell_keep_their_sum():
    back = convert(
        convert(Motion(np.eye(15, dtype=np.float32)[[OCULUS_15.index("viseme_nn")]], OCULUS_15, 30.0), "arkit52"),
        "oculus15",
    )
    assert sum(back[f"viseme_{name}"][0] for name in ("DD", "kk", "nn")) > 0.8


def test_closed_viseme_shuts_the_lips_and_comes_back():
    closed = convert(Motion(np.eye(15, dtype=np.float32)[[1, 10]], OCULUS_15, 30.0), "arkit52")
    assert closed_frames(closed).tolist() == [True, False]


@pytest.mark.parametrize("wanted", ["arkit51", "arkit32"])
def test_lips_that_touch_still_touch_in_every_arkit_set(wanted):
    motion = Motion(np.zeros((2, 52), np.float32), ARKIT_52, 30.0)
    motion["jawOpen"][:] = 0.4
    motion["mouthClose"][1] = 0.4
    assert closed_frames(convert(motion, wanted)).tolist() == [False, True]


def test_flame_jaw_goes_both_ways_and_is_closed_where_the_lips_are():
    motion = Motion(np.zeros((3, 52), np.float32), ARKIT_52, 30.0)
    motion["jawOpen"][:] = 0.0, 0.5, 0.5
    motion["mouthClose"][2] = 0.5
    motion["jawLeft"][1] = 0.4
    flame = convert(motion, "flame413")
    assert flame.channels == FLAME_413
    assert flame["jawX"] == pytest.approx([0, 0.5 * JAW_OPEN_RAD, 0])
    assert not flame.weights[:, :400].any()
    back = convert(flame, "arkit52")
    assert back["jawOpen"] == pytest.approx([0, 0.5, 0])
    assert back["jawLeft"] == pytest.approx([0, 0.4, 0])


def test_unknown_set_and_foreign_motion_are_told():
    with pytest.raises(SettingError, match="no channel set 'mocap'"):
        convert(_random(ARKIT_51), "mocap")
    with pytest.raises(SettingError, match="none of the sets"):
        convert(_random(("a", "b")), "arkit52")


def test_head_and_breath_go_along_as_they_are():
    motion = Motion(np.random.default_rng(0).random((5, 56)).astype(np.float32), (*ARKIT_52, *LIFE), 30.0)
    for wanted in SETS:
        converted = convert(motion, wanted)
        assert converted.channels[-4:] == LIFE and set_of(converted) == wanted
        assert np.array_equal(converted.weights[:, -4:], motion.weights[:, -4:])


@pytest.mark.parametrize(("path", "parts"), [
    ('["Smile"]', ("", "Smile")), ('pose.bones["jaw"]["Open"]', ('pose.bones["jaw"]', "Open")),
    ('["x].location["]', ("", "x].location[")),
    ('pose.bones["a["]["x].location["]', ('pose.bones["a["]', "x].location[")),
    (r'["a\"][\"b"]', ("", r'a\"][\"b')), ('pose.bones["jaw"].location', ('pose.bones["jaw"].location', "")),
    ('key_blocks["x"].value', ('key_blocks["x"].value', "")), ('"]', ('"]', "")), ("", ("", "")),
])
def test_a_property_path_is_parted_whatever_brackets_its_name_has(path, parts):
    assert split_property(path) == parts
