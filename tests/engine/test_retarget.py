"""Retargeting: weighted sums, units, limits, what is mapped; and the viseme mixture on poses made by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from engine.rig.preset_file import data_folder
from engine.rig.presets import Preset, Target, load_preset
from engine.rig.retarget import retarget
from engine.values.channels import ARKIT_52, OCULUS_15
from engine.values.errors import PresetError
from engine.values.types import Motion, Rig, RigChannel, RigCurves

ARKIT = load_preset(data_folder() / "arkit52.json")
ICT = load_preset(data_folder() / "ict_facekit.json")
OCULUS = load_preset(data_folder() / "oculus15.json")


def _motion(fps: float = 30.0, **curves: list[float]) -> Motion:
    """ARKit motion in which only the named channels move."""
    n_frames = len(next(iter(curves.values())))
    weights = np.zeros((n_frames, 52), np.float32)
    for channel, values in curves.items():
        weights[:, ARKIT_52.index(channel)] = values
    return Motion(weights, ARKIT_52, fps)


def _key(name: str) -> RigChannel:
    return RigChannel("shape_key", name)


def _values(motion: Motion, target: Target) -> list[float]:
    """What one target becomes on a rig that has it."""
    to = target.to
    names = {"shape_key": "shape_keys", "bone": "bones", "property": "properties"}
    rig = Rig(**{names[to.kind]: frozenset({to.name})})
    return [float(value) for value in retarget(motion, Preset("one", "arkit52", (target,)), rig).curves[to].values]


def test_arkit_keys_get_exactly_the_motion():
    weights = np.random.default_rng(0).random((20, 52), dtype=np.float32)
    curves = retarget(Motion(weights, ARKIT_52, 24.0), ARKIT, Rig(shape_keys=frozenset(ARKIT_52)))
    assert len(curves.curves) == 52
    assert all(np.array_equal(curves.curves[_key(name)].values, weights[:, i]) for i, name in enumerate(ARKIT_52))
    assert all(
        curve.values.dtype == np.float32 and curve.seconds.dtype == np.float64 for curve in curves.curves.values()
    )
    assert (curves.preset, curves.mapped, curves.missing) == ("ARKit 52", ARKIT_52, ())


def test_seconds_are_frame_over_fps_also_for_broken_rates():
    curve = retarget(
        _motion(23.976, jawOpen=[0.0] * 5), ARKIT, Rig(shape_keys=frozenset({"jawOpen"}))
    ).curves[_key("jawOpen")]
    assert curve.seconds == pytest.approx(np.arange(5) / 23.976)


def test_ict_head_gets_both_brows_and_both_cheeks_from_one_channel():
    rig = Rig(shape_keys=frozenset(target.to.name for target in ICT.targets) | {"cheekRaiser_L", "cheekRaiser_R"})
    curves = retarget(_motion(browInnerUp=[0.5], cheekPuff=[0.25], mouthSmileLeft=[1.0]), ICT, rig)
    values = {channel.name: float(curve.values[0]) for channel, curve in curves.curves.items() if curve.values[0]}
    assert values == {
        "browInnerUp_L": 0.5, "browInnerUp_R": 0.5, "cheekPuff_L": 0.25, "cheekPuff_R": 0.25, "mouthSmile_L": 1.0
    }
    assert len(curves.curves) == 53


def test_weighted_sum_then_gain_then_offset_then_clamp():
    target = Target(_key("x"), (("jawOpen", 2.0), ("mouthClose", -1.0)), gain=0.5, offset=0.1, clamp=(0.2, 0.8))
    assert _values(
        _motion(jawOpen=[0.0, 0.4, 1.0], mouthClose=[0.0, 0.2, 0.0]), target
    ) == pytest.approx([0.2, 0.4, 0.8])


def test_no_clamp_lets_values_pass():
    assert _values(_motion(jawOpen=[2.0, -1.0]), Target(_key("x"), (("jawOpen", 1.0),))) == [2.0, -1.0]


def test_bone_degrees_become_radians_after_the_clamp():
    target = Target(
        RigChannel("bone", "jaw", "rotation_euler", 0), (("jawOpen", 20.0),), offset=2.0, clamp=(0.0, 18.0),
        degrees=True,
    )
    assert _values(_motion(jawOpen=[0.0, 0.5, 1.0]), target) == pytest.approx([
        math.radians(2), math.radians(12), math.radians(18)
    ])


@pytest.mark.parametrize("path", ["location", "rotation_euler", "rotation_quaternion", "scale"])
def test_bone_paths_keep_their_unit_and_component(path):
    target = Target(RigChannel("bone", "jaw", path, 1), (("jawOpen", 0.3),), offset=1.0)
    assert _values(_motion(jawOpen=[0.0, 1.0]), target) == pytest.approx([1.0, 1.3])


def test_custom_property_is_driven():
    target = Target(RigChannel("property", 'pose.bones["CTRL"]["Smile_L"]'), (("mouthSmileLeft", 10.0),))
    assert _values(_motion(mouthSmileLeft=[0.5]), target) == [5.0]


def test_every_spelling_on_the_rig_gets_the_curve():
    curves = retarget(
        _motion(jawOpen=[0.3]), ARKIT, Rig(shape_keys=frozenset({"jawOpen", "JawOpen", "Jaw_Open"}))
    ).curves
    assert sorted(channel.name for channel in curves) == ["JawOpen", "Jaw_Open", "jawOpen"]
    assert all(curve.values[0] == pytest.approx(0.3) for curve in curves.values())


def test_mapped_and_missing_name_source_channels():
    curves = retarget(_motion(jawOpen=[0.0]), ARKIT, Rig(shape_keys=frozenset(ARKIT_52[:40])))
    assert curves.mapped == ARKIT_52[:40]
    assert curves.missing == ARKIT_52[40:]


def test_channel_that_the_model_lacks_is_not_keyed():
    motion = Motion(np.ones((2, 51), np.float32), ARKIT_52[:-1], 30.0)
    curves = retarget(motion, ARKIT, Rig(shape_keys=frozenset(ARKIT_52)))
    assert _key("tongueOut") not in curves.curves
    assert curves.missing == ("tongueOut",)


def test_shared_targets_are_scaled_down_together_only_where_they_exceed_one():
    preset = Preset("three", "arkit52", (
        Target(_key("a"), (("jawOpen", 1.0),), share="mouth"),
        Target(_key("b"), (("mouthPucker", 1.0),), share="mouth"),
        Target(_key("c"), (("jawOpen", 1.0),)),
    ))
    curves = retarget(
        _motion(jawOpen=[0.4, 0.9], mouthPucker=[0.2, 0.6]), preset, Rig(shape_keys=frozenset("abc"))
    ).curves
    assert curves[_key("a")].values == pytest.approx([0.4, 0.6])
    assert curves[_key("b")].values == pytest.approx([0.2, 0.4])
    assert curves[_key("c")].values == pytest.approx([0.4, 0.9])


def test_rig_without_any_of_the_keys_is_told_what_it_has():
    with pytest.raises(
        PresetError,
        match=r"'ARKit 52' finds nothing.*2 shape keys \(Basis, Smile\), no bones.*Match by Shape and Map It Yourself",
    ):
        retarget(_motion(jawOpen=[0.0]), ARKIT, Rig(shape_keys=frozenset({"Smile", "Basis"})))


def test_motion_of_another_channel_set_is_told_apart_from_a_wrong_rig():
    with pytest.raises(PresetError, match=r"reads arkit52 channels.*the motion has expr0"):
        retarget(Motion(np.zeros((1, 1), np.float32), ("expr0",), 30.0), ARKIT, Rig(shape_keys=frozenset(ARKIT_52)))


def test_clip_without_frames_gives_empty_curves():
    curves = retarget(
        Motion(np.zeros((0, 52), np.float32), ARKIT_52, 30.0), OCULUS, Rig(shape_keys=frozenset(OCULUS_15))
    )
    assert {curve.values.shape for curve in curves.curves.values()} == {(0,)}


# The viseme mixture: poses as speech makes them, left = right

def _visemes(*poses: dict[str, float]) -> RigCurves:
    """Viseme curves of ARKit poses; lowerDown, upperUp, stretch, smile and press stand for both sides."""
    sides = {short: [f"mouth{short[0].upper()}{short[1:]}{side}" for side in ("Left", "Right")]
             for short in ("lowerDown", "upperUp", "stretch", "smile", "press")}
    weights = np.zeros((len(poses), 52), np.float32)
    for row, pose in zip(weights, poses, strict=True):
        for short, value in pose.items():
            for channel in sides.get(short, [short]):
                row[ARKIT_52.index(channel)] = value
    return retarget(Motion(weights, ARKIT_52, 30.0), OCULUS, Rig(shape_keys=frozenset(OCULUS_15)))


POSES = {
    "viseme_sil": {},
    "viseme_PP": {"jawOpen": 0.05, "mouthClose": 0.05, "press": 0.35, "mouthRollLower": 0.12, "mouthRollUpper": 0.12},
    "viseme_FF": {"jawOpen": 0.05, "mouthClose": 0.02, "mouthRollLower": 0.5, "upperUp": 0.2},
    "viseme_TH": {"jawOpen": 0.14, "tongueOut": 0.25},
    "viseme_CH": {"jawOpen": 0.08, "mouthFunnel": 0.52, "mouthPucker": 0.27, "lowerDown": 0.23, "upperUp": 0.14},
    "viseme_SS": {"jawOpen": 0.05, "lowerDown": 0.29, "upperUp": 0.12, "stretch": 0.22, "smile": 0.1},
    "viseme_RR": {"jawOpen": 0.14, "mouthFunnel": 0.26, "mouthPucker": 0.24},
    "viseme_aa": {"jawOpen": 0.6, "mouthFunnel": 0.06, "lowerDown": 0.22, "upperUp": 0.08},
    "viseme_E": {"jawOpen": 0.5, "lowerDown": 0.33, "upperUp": 0.14, "stretch": 0.2, "smile": 0.08},
    "viseme_I": {"jawOpen": 0.13, "lowerDown": 0.25, "upperUp": 0.12, "stretch": 0.25, "smile": 0.25},
    "viseme_O": {"jawOpen": 0.48, "mouthFunnel": 0.42, "mouthPucker": 0.15, "lowerDown": 0.15},
    "viseme_U": {"jawOpen": 0.13, "mouthFunnel": 0.2, "mouthPucker": 0.7},
}


@pytest.mark.parametrize("viseme", POSES)
def test_pose_drives_its_own_viseme_most(viseme):
    values = {channel.name: float(curve.values[0]) for channel, curve in _visemes(POSES[viseme]).curves.items()}
    assert max(values, key=values.get) == viseme
    assert values[viseme] > 0.3


def test_closed_lips_leave_no_open_viseme_however_low_the_jaw():
    pose = {**POSES["viseme_PP"], "jawOpen": 0.2, "mouthClose": 0.2}
    values = {channel.name: float(curve.values[0]) for channel, curve in _visemes(pose).curves.items()}
    assert values["viseme_PP"] > 0.9
    assert sum(values[name] for name in ("viseme_aa", "viseme_E", "viseme_O", "viseme_I")) < 0.05


def test_tongue_consonant_that_arkit_cannot_tell_is_shared_by_those_that_look_like_it():
    values = {
        channel.name: float(curve.values[0])
        for channel, curve in _visemes({"jawOpen": 0.19, "lowerDown": 0.18, "upperUp": 0.09}).curves.items()
    }
    assert values["viseme_DD"] + values["viseme_nn"] + values["viseme_kk"] > 0.8


def test_opening_jaw_opens_the_mouth_steadily():
    opening = {
        "viseme_aa": 0.7, "viseme_E": 0.45, "viseme_O": 0.5, "viseme_I": 0.25, "viseme_DD": 0.2, "viseme_nn": 0.18,
        "viseme_kk": 0.24, "viseme_SS": 0.05,
    }
    jaws = np.linspace(0, 1, 30)
    curves = _visemes(*({"jawOpen": float(jaw), "lowerDown": 0.35 * float(jaw)} for jaw in jaws)).curves
    seen = sum(part * curves[_key(name)].values for name, part in opening.items())
    assert np.diff(seen).min() > -0.01
    assert seen[0] == 0
    assert seen[jaws > 0.6].min() > 0.5


def test_visemes_never_add_up_to_more_than_one():
    weights = np.random.default_rng(1).random((5000, 52), dtype=np.float32)
    curves = retarget(Motion(weights, ARKIT_52, 30.0), OCULUS, Rig(shape_keys=frozenset(OCULUS_15))).curves
    values = np.stack([curve.values for curve in curves.values()])
    assert values.min() >= 0
    assert values.sum(axis=0).max() <= 1 + 1e-6
