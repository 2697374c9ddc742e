"""Life on characters whose head gives no face shapes: FLAME rigs, and controls that were taught without a preset."""

from __future__ import annotations

import numpy as np
import pytest

from engine import Life, Rig, RigChannel
from engine.idle.prosody import prosody
from engine.idle.without_blendshapes import beside
from engine.values.channels import ARKIT_52
from engine.values.types import BoneRest, Curve, RigCurves, Waveform

N, FPS = 600, 30.0
OWN = RigChannel("shape_key", "smirk")
ALL = Life(blinks=1, brows=1, head=1, eyes=1, breath=1, seed=3)


@pytest.fixture(scope="module")
def voice():
    seconds = np.arange(20 * 16_000) / 16_000
    loud = np.sin(2 * np.pi * 0.7 * seconds) > -0.3
    return prosody(Waveform((np.sin(2 * np.pi * 150 * seconds) * loud * 0.3).astype(np.float32)))


def taught(*channels):
    curve = Curve(np.arange(N) / FPS, np.full(N, 0.25, np.float32))
    return RigCurves(dict.fromkeys((OWN, *channels), curve), "Ben's face", ("smirk",), ())


def rig(keys=(), bones=()):
    rest = {name: BoneRest((1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0), (0.0, 0.0, 1.6), "") for name in bones}
    return Rig(shape_keys=frozenset({"smirk", *keys}), bones=frozenset(bones), rest=rest)


def test_keys_with_known_names_blink_and_nothing_speaks(voice):
    made, warning = beside(taught(), voice, rig(ARKIT_52), Life(seed=3), (N, FPS))
    assert warning == ""
    lid = made.curves[RigChannel("shape_key", "eyeBlinkLeft")]
    assert lid.values.max() > 0.85 and lid.values.min() == 0 and len(lid.seconds) == N
    assert RigChannel("shape_key", "jawOpen") not in made.curves and made.curves[OWN].values.tolist() == [0.25] * N
    assert made.life == made.curves.keys() - {OWN} and {"smirk", "eyeBlinkLeft"} <= set(made.mapped)


def test_a_control_that_was_taught_is_not_taken(voice):
    lid = RigChannel("shape_key", "eyeBlinkLeft")
    made, _ = beside(taught(lid), voice, rig(ARKIT_52), ALL, (N, FPS))
    assert made.curves[lid].values.tolist() == [0.25] * N and lid not in made.life
    assert made.curves[RigChannel("shape_key", "eyeBlinkRight")].values.max() > 0.85


def test_bones_with_usual_names_move_where_no_key_has_a_known_name(voice):
    made, warning = beside(taught(), voice, rig(bones=("head", "jaw", "eye.L", "eye.R")), ALL, (N, FPS))
    moved = {place.name for place in made.curves if place.kind == "bone"}
    assert (
        moved == {"head", "eye.L", "eye.R"}
        and np.ptp(made.curves[RigChannel("bone", "head", "rotation_quaternion", 1)].values) > 1e-3
    )
    assert warning == (
        "Life: this character has no key or bone with a usual name for blinks, brows, breath, and \"Ben's face\" does "
        "not move them. Key them by hand, or switch them off in Life."
    )


def test_without_life_nothing_is_added_and_nothing_said(voice):
    curves = taught()
    assert beside(curves, voice, rig(), Life(blinks=0), (N, FPS)) == (curves, "")
