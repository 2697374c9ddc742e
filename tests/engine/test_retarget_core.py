"""Retargeting: gamma, correctives, mirroring, bone limits, a rig that cannot close its lips, mixed and held mouth
shapes, speed."""

from __future__ import annotations

import dataclasses
import itertools
import json

import numpy as np
import pytest

from engine.motion.hold import hold
from engine.motion.key_reduction import reduce_for_lines
from engine.motion.lip_contact import CLOSED_BELOW, opening
from engine.rig import mirror, viseme_mix
from engine.rig.preset_file import data_folder
from engine.rig.presets import Preset, Target, load_preset, save_preset
from engine.rig.retarget import evaluate, retarget
from engine.rig.viseme_mix import lip_contact
from engine.values.channels import ARKIT_52, LIFE, OCULUS_15
from engine.values.errors import PresetError
from engine.values.types import Motion, Rig, RigChannel
from tests.counting import calls_during

OCULUS = load_preset(data_folder() / "oculus15.json")
POSES = [dict(target.sources) for target in OCULUS.targets]


def _motion(fps: float = 30.0, **curves: list[float]) -> Motion:
    n_frames = len(next(iter(curves.values())))
    weights = np.zeros((n_frames, 52), np.float32)
    for channel, values in curves.items():
        weights[:, ARKIT_52.index(channel)] = values
    return Motion(weights, ARKIT_52, fps)


def _posed(*poses: dict[str, float]) -> Motion:
    return Motion(
        np.array([[pose.get(channel, 0.0) for channel in ARKIT_52] for pose in poses], np.float32), ARKIT_52, 30.0
    )


def _key(name: str) -> RigChannel:
    return RigChannel("shape_key", name)


def _read(tmp_path, *targets: dict[str, object], **fields: object) -> Preset:
    document = {"schema": 1, "name": "Mine", "source": "arkit52", "targets": list(targets), **fields}
    path = tmp_path / "mine.json"
    path.write_text(json.dumps(document))
    return load_preset(path)


JAW = {"to": {"kind": "shape_key", "name": "Jaw"}, "from": {"jawOpen": 1.0}}


# Gamma, correctives

def test_gamma_bends_each_channel_before_its_weight():
    target = Target(_key("x"), (("jawOpen", 2.0), ("mouthPucker", 1.0)), gain=0.5, gamma=0.5)
    assert evaluate(
        _motion(jawOpen=[0.25, 0.0, 1.0], mouthPucker=[0.0, 0.64, 1.0]), [target]
    )[0] == pytest.approx([0.5, 0.4, 1.5])


def test_gamma_keeps_the_sign_of_channels_below_zero():
    assert evaluate(
        _motion(jawOpen=[-0.25]), [Target(_key("x"), (("jawOpen", 1.0),), gamma=2.0)]
    )[0] == pytest.approx([-0.0625])


@pytest.mark.parametrize(("combine", "values"), [("min", [0.0, 0.3, 0.5]), ("product", [0.0, 0.18, 0.4])])
def test_corrective_moves_only_where_all_its_channels_do(combine, values):
    target = Target(_key("smile_open"), (("mouthSmileLeft", 1.0), ("jawOpen", 1.0)), combine=combine)
    motion = _motion(mouthSmileLeft=[0.7, 0.6, 0.5], jawOpen=[0.0, 0.3, 0.8])
    assert evaluate(motion, [target])[0] == pytest.approx(values)


def test_corrective_of_a_channel_that_the_motion_lacks_stays_still():
    motion = Motion(np.ones((2, 51), np.float32), ARKIT_52[:-1], 30.0)
    target = Target(_key("x"), (("jawOpen", 1.0), ("tongueOut", 1.0)), combine="product")
    assert evaluate(motion, [target])[0].tolist() == [0.0, 0.0]


# Mirroring

@pytest.mark.parametrize(("name", "other"), [
    ("mouthSmileLeft", "mouthSmileRight"), ("Smile_L", "Smile_R"), ("smile.r", "smile.l"), ("l_smile", "r_smile"),
    ("eye-left-closure", "eye-right-closure"),
    ("lip.T.L.001", "lip.T.R.001"), ("CTRL_expressions_mouthFunnelUL", "CTRL_expressions_mouthFunnelUR"),
    ("facs_bs_MouthSmileLeft_div2", "facs_bs_MouthSmileRight_div2"),
    ("Eye_L_Look_Down", "Eye_R_Look_Down"), ("jawOpen", "jawOpen"), ("mouthRollLower", "mouthRollLower"),
    ("Mouth_Lips_Pull", "Mouth_Lips_Pull"),
])
def test_mirrored_name_is_the_other_side_and_back(name, other):
    assert mirror.mirrored_name(name) == other
    assert mirror.mirrored_name(other) == name


def test_every_arkit_channel_with_a_side_has_its_twin():
    assert all((mirror.mirrored_name(name) in ARKIT_52) for name in ARKIT_52)
    # browInnerUp, cheekPuff, jaw and mouth in the middle, tongue
    assert sum(mirror.mirrored_name(name) == name for name in ARKIT_52) == 12


def test_mirror_in_a_file_makes_the_other_side_with_flipped_bone_axes(tmp_path):
    to = {"kind": "bone", "bone": "lip.L", "path": "rotation_euler", "index": 2, "unit": "degree"}
    preset = _read(tmp_path, {"to": to, "from": {"mouthSmileLeft": 20}, "clamp": [0, 15], "mirror": True})
    left, right = preset.targets
    assert (right.to.name, right.sources, right.gain, right.clamp) == (
        "lip.R", (("mouthSmileRight", 20.0),), -1.0, (-15.0, 0.0)
    )
    values = evaluate(_motion(mouthSmileLeft=[0.5], mouthSmileRight=[0.5]), [left, right])
    assert np.degrees(values[:, 0]) == pytest.approx([10, -10])


def test_mirror_without_a_side_is_told(tmp_path):
    with pytest.raises(PresetError, match=r"targets\[0\]\.mirror: True is not allowed"):
        _read(tmp_path, {**JAW, "mirror": True})


def test_mirrored_motion_swaps_sides_and_twice_is_the_same():
    motion = Motion(np.random.default_rng(0).random((4, 52), dtype=np.float32), ARKIT_52, 30.0)
    swapped = mirror.mirror_motion(motion)
    assert np.array_equal(swapped["mouthSmileLeft"], motion["mouthSmileRight"])
    assert np.array_equal(swapped["jawLeft"], motion["jawRight"])
    assert np.array_equal(mirror.mirror_motion(swapped).weights, motion.weights)


def test_a_head_turns_the_other_way_in_a_mirror():
    motion = Motion(np.random.default_rng(0).random((4, 56), dtype=np.float32), (*ARKIT_52, *LIFE), 30.0)
    swapped = mirror.mirror_motion(motion)
    assert (
        np.array_equal(swapped["headYaw"], -motion["headYaw"])
        and np.array_equal(swapped["headRoll"], -motion["headRoll"])
    )
    assert (
        np.array_equal(swapped["headPitch"], motion["headPitch"])
        and np.array_equal(swapped["breath"], motion["breath"])
    )


def test_swapped_preset_moves_the_other_side():
    preset = Preset("one", "arkit52", (Target(_key("smile_l"), (("mouthSmileLeft", 1.0),)),))
    curves = retarget(
        _motion(mouthSmileRight=[0.7]), mirror.swap_sides(preset), Rig(shape_keys=frozenset({"smile_l"}))
    ).curves
    assert curves[_key("smile_l")].values == pytest.approx([0.7])


# Bones that know how far they go

def test_unit_limit_reaches_each_bones_own_ends(tmp_path):
    to = {"kind": "bone", "bone": "c_jaw", "path": "location", "index": 1, "unit": "limit"}
    preset = _read(tmp_path, {"to": to, "from": {"jawOpen": -1, "mouthClose": 1}})
    place = RigChannel("bone", "c_jaw", "location", 1)
    motion = _motion(jawOpen=[0.5, 0.0], mouthClose=[0.0, 1.0])
    assert retarget(
        motion, preset, Rig(bones=frozenset({"c_jaw"}), limits={place: (-0.04, 0.01)})
    ).curves[place].values == pytest.approx([-0.02, 0.01])
    assert retarget(motion, preset, Rig(bones=frozenset({"c_jaw"}))).curves[place].values == pytest.approx([-0.5, 1.0])


def test_unit_limit_is_for_locations_only(tmp_path):
    with pytest.raises(PresetError, match=r"to\.unit: 'limit' is not allowed"):
        _read(tmp_path, {"to": {"kind": "bone", "bone": "b", "path": "scale", "unit": "limit"}, "from": {"jawOpen": 1}})


# Lips that meet

def test_jaw_closes_on_a_rig_without_mouth_close(tmp_path):
    preset = _read(tmp_path, JAW, {"to": {"kind": "shape_key", "name": "Shut"}, "from": {"mouthClose": 1.0}})
    motion = _motion(jawOpen=[0.4, 0.4, 0.2], mouthClose=[0.0, 0.4, 0.3])
    without = retarget(motion, preset, Rig(shape_keys=frozenset({"Jaw"}))).curves
    assert without[_key("Jaw")].values == pytest.approx([0.4, 0.0, 0.0])
    both = retarget(motion, preset, Rig(shape_keys=frozenset({"Jaw", "Shut"}))).curves
    assert both[_key("Jaw")].values == pytest.approx([0.4, 0.4, 0.2])


@pytest.mark.parametrize("pose", [
    {
        "jawOpen": 0.3, "mouthClose": 0.3, "mouthPressLeft": 0.25, "mouthPressRight": 0.25, "mouthRollLower": 0.12,
        "mouthRollUpper": 0.12,
    },
    {"jawOpen": 0.3, "mouthClose": 0.3},
    {"mouthPressLeft": 0.4, "mouthPressRight": 0.4},
])
def test_closed_lips_give_the_closed_viseme_all_of_the_mouth(pose):
    weights = dict(zip(OCULUS_15, viseme_mix.mix(_posed(pose), POSES)[:, 0], strict=True))
    assert weights["viseme_PP"] == pytest.approx(1.0, abs=1e-5)
    assert sum(weights.values()) == pytest.approx(1.0, abs=1e-5)


def test_lower_lip_under_the_teeth_is_no_closure_of_the_lips():
    tuck = {
        "jawOpen": 0.1, "mouthClose": 0.035, "mouthRollLower": 0.5, "mouthUpperUpLeft": 0.2, "mouthUpperUpRight": 0.2
    }
    assert lip_contact(_posed(tuck).weights.T) == pytest.approx([0.0])
    weights = dict(zip(OCULUS_15, viseme_mix.mix(_posed(tuck), POSES)[:, 0], strict=True))
    assert max(weights, key=weights.get) == "viseme_FF"


def test_without_a_closed_shape_the_others_give_way_where_lips_meet():
    vowels = [POSES[OCULUS_15.index(f"viseme_{name}")] for name in ("aa", "E", "I", "O", "U")]
    closed = {"jawOpen": 0.5, "mouthClose": 0.5, "mouthPressLeft": 0.25, "mouthPressRight": 0.25, "mouthPucker": 0.4}
    assert np.abs(viseme_mix.mix(_posed(closed), vowels)).max() < 1e-6


# Mixed mouth shapes

def test_each_viseme_pose_comes_back_as_its_viseme():
    weights = viseme_mix.mix(_posed(*POSES), POSES)
    told_apart = [
        OCULUS_15.index(name) for name in OCULUS_15 if name not in ("viseme_DD", "viseme_kk", "viseme_nn", "viseme_aa")
    ]
    assert weights[told_apart, told_apart].min() > 0.95
    # without the tongue kk looks like a small aa
    alike = [OCULUS_15.index(name) for name in ("viseme_DD", "viseme_kk", "viseme_nn", "viseme_aa")]
    assert weights[np.ix_(alike, alike)].sum(axis=0).min() > 0.65


def test_mixture_looks_like_the_motion():
    pairs = _posed(
        *(
            {channel: (one.get(channel, 0) + other.get(channel, 0)) / 2 for channel in ARKIT_52}
            for one in POSES for other in POSES
        )
    )
    weights = viseme_mix.mix(pairs, POSES)
    gap = np.maximum(pairs["jawOpen"] - pairs["mouthClose"], 0)
    mixed = weights.T @ np.array([max(pose.get("jawOpen", 0) - pose.get("mouthClose", 0), 0) for pose in POSES])
    assert np.abs(mixed - gap).mean() < 0.03
    assert weights.min() >= 0 and weights.sum(axis=0).max() <= 1 + 1e-6


def test_weights_move_no_faster_than_the_mouth():
    steps = np.linspace(0, 1, 200, dtype=np.float32)[:, None]
    chain = [
        OCULUS_15.index(f"viseme_{name}") for name in ("sil", "aa", "O", "U", "I", "E", "SS", "CH", "FF", "aa", "DD")
    ]
    arkit = _posed(*POSES).weights
    motion = np.concatenate([
        (1 - steps) * arkit[one] + steps * arkit[other] for one, other in itertools.pairwise(chain)
    ])
    weights = viseme_mix.mix(Motion(motion, ARKIT_52, 30.0), POSES)
    assert np.abs(np.diff(weights, axis=1)).max() < 0.06       # a step of the mouth is 0.005 of its way


# One shape at a time

def _runs(shown: np.ndarray) -> list[tuple[int, int]]:
    """(shape, frames) of each run."""
    order = shown.argmax(axis=0)
    edges = np.flatnonzero(np.concatenate([[True], np.diff(order) != 0]))
    return [(int(order[edge]), int(length)) for edge, length in zip(edges, np.diff([*edges, len(order)]), strict=True)]


@pytest.mark.parametrize("frames", [1, 2, 3, 5])
def test_each_shape_holds_long_enough_and_one_shows_at_a_time(frames):
    weights = np.random.default_rng(frames).random((6, 200)).astype(np.float32)
    shown = hold(weights, frames, np.zeros(0, np.intp))
    assert set(np.unique(shown)) <= {0.0, 1.0} and (shown.sum(axis=0) == 1).all()
    assert min(length for _, length in _runs(shown)) >= frames


def test_held_shapes_follow_clear_motion():
    order = [0, 3, 1, 4, 2]
    weights = np.zeros((5, 30), np.float32)
    for i, shape in enumerate(order):
        weights[shape, 6 * i:6 * i + 6] = 0.8
    assert _runs(hold(weights, 3, np.zeros(0, np.intp))) == [(shape, 6) for shape in order]


def test_short_closure_is_shown_although_it_lasts_one_frame():
    weights = np.zeros((2, 21), np.float32)
    weights[0] = 0.9
    weights[:, 10] = 0.2, 0.7
    assert [shape for shape, _ in _runs(hold(weights, 3, np.array([10])))] == [0, 1, 0]
    assert [shape for shape, _ in _runs(hold(weights, 3, np.zeros(0, np.intp)))] == [0]


@pytest.mark.parametrize("n_frames", [0, 1, 2])
def test_clip_shorter_than_a_hold_shows_one_shape(n_frames):
    assert hold(np.full((3, n_frames), 0.5, np.float32), 3, np.zeros(0, np.intp)).sum() == n_frames


def test_stepped_preset_gives_keys_only_where_the_mouth_changes():
    preset = dataclasses.replace(OCULUS, hold_frames=2)
    poses = [
        POSES[OCULUS_15.index(name)]
        for name in ("viseme_sil", "viseme_aa", "viseme_PP", "viseme_U", "viseme_sil") for _ in range(4)
    ]
    curves = retarget(_posed(*poses), preset, Rig(shape_keys=frozenset(OCULUS_15)))
    assert curves.stepped
    assert {float(value) for curve in curves.curves.values() for value in curve.values} == {0.0, 1.0}
    closed = curves.curves[_key("viseme_PP")]
    assert (closed.seconds * 30).round().astype(int).tolist() == [0, 8, 12] and closed.values.tolist() == [0, 1, 0]


def test_key_reduction_leaves_held_keys_alone():
    stepped = retarget(
        _posed(*[POSES[10]] * 6, *[POSES[1]] * 6), dataclasses.replace(OCULUS, hold_frames=2),
        Rig(shape_keys=frozenset(OCULUS_15)),
    )
    assert reduce_for_lines(stepped, 0.1, np.full(12, np.inf, np.float32)) is stepped


# Files and speed

def test_new_fields_are_saved_and_read_back_equal(tmp_path):
    preset = Preset("All", "arkit52", (
        Target(_key("a"), (("jawOpen", 1.0),), gamma=0.7, clamp=(0.0, 1.0)),
        Target(_key("b"), (("jawOpen", 1.0), ("mouthSmileLeft", 0.5)), combine="min", clamp=(0.0, 1.0)),
        Target(_key("c"), (("jawOpen", 0.5),), blend="mouth", clamp=(0.0, 1.0)),
        Target(RigChannel("bone", "c_jaw", "location", 1), (("jawOpen", -1.0),), to_limit=True),
    ), generic=True, auto=False, hold_frames=3, names_from="A manual.")
    assert dataclasses.replace(load_preset(save_preset(preset, tmp_path)), path="") == preset


@pytest.mark.parametrize(("change", "says"), [
    ({"gamma": 0}, r"targets\[0\]\.gamma: 0 is not allowed; it must be 0.1 or more"),
    ({"combine": "max"}, r"combine: 'max' is not allowed; it must be sum or min or product"),
    (
        {"combine": "min"},
        r"targets\[0\]\.from: 'jawOpen' is not allowed; it must be two or more channels where combine is min",
    ),
    (
        {"blend": "m", "share": "m"},
        r"targets\[0\]\.blend: 'm' is not allowed; it must be left out where combine or share",
    ),
    ({"mirror": "yes"}, r"targets\[0\]\.mirror: 'yes' is not allowed; it must be of type boolean"),
])
def test_wrong_new_fields_are_told_with_their_place(tmp_path, change, says):
    with pytest.raises(PresetError, match=says):
        _read(tmp_path, {**JAW, **change})


def test_300_targets_of_all_kinds_on_3000_frames_are_evaluated_in_bulk():
    random = np.random.default_rng(0)
    motion = Motion(random.random((3000, 52), dtype=np.float32), ARKIT_52, 50.0)
    targets = [
        Target(
            _key(f"k{i}"), tuple((ARKIT_52[j], 0.3) for j in random.choice(52, 6, replace=False)),
            gamma=(1.0, 0.8)[i % 2], combine=("sum", "sum", "sum", "product")[i % 4], clamp=(0.0, 1.0),
            share=("", "s")[i % 10 == 0],
        )
        for i in range(300)
    ]
    assert calls_during(lambda: evaluate(motion, targets)) < 3000      # not even one for each frame
    assert opening(motion).max() > CLOSED_BELOW
