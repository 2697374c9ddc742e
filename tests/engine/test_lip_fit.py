"""Lips that meet on the mesh itself, judged by its vertices: the test head, its keys made worse, and ICT's head."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from engine import HeadMesh, Motion, Rig, Settings, animate, from_array
from engine.geometry.lip_fit import check_lips, fit_lips, gap_of
from engine.geometry.lip_pairs import find_lips, is_still, lips_of_rig
from engine.geometry.lip_samples import fit_channels, lip_poses, sampled_mesh
from engine.motion.lip_contact import contacts_of
from engine.rig.presets import choose, load_preset
from engine.rig.retarget import retarget
from engine.values.channels import ARKIT_52
from engine.values.lips import HEAD_MM
from engine.values.phones import Phone
from tests.demo.chart_heads import gltf_head

ROOT = Path(__file__).resolve().parents[2]
ICT = ROOT.parent / "shared" / "data" / "rigs" / "ict_facekit_head.glb"
OPENS, CLOSES = {"jawOpen": 1.0}, {"jawOpen": 1.0, "mouthClose": 1.0}
CLOSED_MOUTH = {
    "jawOpen": 0.2, "mouthClose": 0.2, "mouthPressLeft": 0.3, "mouthPressRight": 0.3, "mouthRollLower": 0.12,
}


def made_head() -> HeadMesh:
    sys.path.insert(0, str(ROOT / "addon"))
    from head.load import whole_head

    whole = whole_head()
    return HeadMesh(whole.points, whole.triangles, whole.moves.copy(), whole.names)


def with_key(mesh: HeadMesh, name: str, factor: float) -> HeadMesh:
    moves = mesh.moves.copy()
    moves[mesh.names.index(name)] *= factor
    return replace(mesh, moves=moves)


def turned(mesh: HeadMesh) -> HeadMesh:
    """Lying on its side, a thousandth as large, away from the origin."""
    turn = np.array([[0.36, 0.48, -0.8], [-0.8, 0.6, 0.0], [0.48, 0.64, 0.6]]).T / 1000
    return HeadMesh(mesh.points @ turn + 5, mesh.triangles, mesh.moves @ turn.astype(np.float32), mesh.names)


def motion(*frames: dict[str, float]) -> Motion:
    weights = np.zeros((len(frames), len(ARKIT_52)), np.float32)
    for row, frame in zip(weights, frames, strict=True):
        for name, value in frame.items():
            row[ARKIT_52.index(name)] = value
    return Motion(weights, ARKIT_52, 30.0)


def seen_gap_mm(mesh: HeadMesh, said: Motion, fitted: bool) -> np.ndarray:
    """Mean gap (n_frames,) of the pairs of a head that are in one place at rest, from its vertices."""
    rig = Rig(shape_keys=frozenset(mesh.names), mesh=mesh)
    curves = retarget(said, load_preset(str(ROOT / "presets" / "arkit52.json")), rig)
    lips = find_lips(mesh, OPENS, CLOSES)
    if fitted:
        curves = fit_lips(curves, said, contacts_of(said), lips)
    upper, lower = lips.pairs.T
    gaps = []
    for frame in range(len(said.weights)):
        points = mesh.points.copy()
        for channel, curve in curves.curves.items():
            points += curve.values[frame] * mesh.moves[mesh.names.index(channel.name)]
        gaps.append((points[upper] - points[lower] - mesh.points[upper] + mesh.points[lower])[:, 2].mean())
    return np.array(gaps) * HEAD_MM / lips.height


@pytest.fixture(scope="module")
def head() -> HeadMesh:
    return made_head()


def test_pairs_are_the_vertices_that_touch_at_rest_and_that_the_jaw_parts(head):
    lips = find_lips(head, OPENS, CLOSES)
    upper, lower = head.points[lips.pairs[:, 0]], head.points[lips.pairs[:, 1]]
    assert len(lips.pairs) >= 9 and np.abs(upper - lower).max() < 1.0
    assert np.abs(upper[:, 0]).max() < 15 and np.ptp(upper[:, 0]) > 12      # across the middle of a mouth of 51 mm
    assert lips.opening * lips.height == pytest.approx(29, abs=2)


def test_a_head_that_lies_elsewhere_has_the_same_lips(head):
    lips, other = find_lips(head, OPENS, CLOSES), find_lips(turned(head), OPENS, CLOSES)
    assert other.opening == pytest.approx(lips.opening, rel=0.25)
    assert np.linalg.norm(head.points[lips.pairs].mean((0, 1)) - head.points[other.pairs].mean((0, 1))) < 4


@pytest.mark.parametrize(("key", "factor"), [("mouthClose", 1.2), ("mouthClose", 0.7), ("jawOpen", 1.4)])
def test_closed_lips_meet_where_a_key_closes_too_much_or_too_little(head, key, factor):
    mesh, said = with_key(head, key, factor), motion({}, CLOSED_MOUTH, {"jawOpen": 0.4})
    before, after = seen_gap_mm(mesh, said, fitted=False), seen_gap_mm(mesh, said, fitted=True)
    assert abs(before[1]) > 1.0 and abs(after[1]) < 0.2
    assert after[2] == pytest.approx(before[2], abs=0.05)       # an open mouth is left alone


def test_lips_that_the_motion_parts_are_seen_apart(head):
    mesh, said = with_key(head, "mouthClose", 1.3), motion({"jawOpen": 0.4, "mouthClose": 0.3})
    assert seen_gap_mm(mesh, said, fitted=False)[0] < 0.5
    assert seen_gap_mm(mesh, said, fitted=True)[0] > 0.8


def test_lips_without_a_closing_key_close_by_the_jaw(head):
    names = tuple(name for name in head.names if name != "mouthClose")
    rows = [head.names.index(name) for name in names]
    mesh = HeadMesh(head.points, head.triangles, head.moves[rows], names)
    said = motion({**CLOSED_MOUTH, "mouthClose": 0.16})
    assert abs(seen_gap_mm(mesh, said, fitted=True)[0]) < 0.2


def test_lower_lip_comes_up_to_the_teeth_for_f(head):
    said = motion({"jawOpen": 0.3, "mouthClose": 0.05, "mouthRollLower": 0.6, "mouthUpperUpLeft": 0.2})
    lips = find_lips(head, OPENS, CLOSES)
    curves = retarget(said, choose(Rig(shape_keys=frozenset(head.names))), Rig(shape_keys=frozenset(head.names)))

    def below_mm(made: object) -> float:
        sunk = [curve.values[0] * lips.teeth_parts[channel.name] for channel, curve in made.curves.items()]
        return (lips.teeth_rest + sum(sunk)) * HEAD_MM

    assert below_mm(curves) > 4
    assert abs(below_mm(fit_lips(curves, said, contacts_of(said), lips))) < 1.0


def test_f_keeps_the_teeth_between_the_lips(head):
    said = motion({"jawOpen": 0.1, "mouthClose": 0.04, "mouthRollLower": 0.5, "mouthUpperUpLeft": 0.2})
    before, after = seen_gap_mm(head, said, fitted=False)[0], seen_gap_mm(head, said, fitted=True)[0]
    assert contacts_of(said).closed[0] or before > 0.5
    assert after == pytest.approx(before, abs=1.0) and after > 0.5


def test_keys_that_do_not_move_lips_keep_every_value(head):
    said = motion({**CLOSED_MOUTH, "browInnerUp": 0.5, "eyeBlinkLeft": 0.3})
    rig = Rig(shape_keys=frozenset(head.names))
    curves = retarget(said, choose(rig), rig)
    fitted = fit_lips(curves, said, contacts_of(said), find_lips(with_key(head, "mouthClose", 1.3), OPENS, CLOSES))
    changed = {channel.name for channel in curves.curves if fitted.curves[channel] is not curves.curves[channel]}
    assert "browInnerUp" not in changed and "eyeBlinkLeft" not in changed and "mouthClose" in changed


def test_an_empty_jaw_gives_no_lips(head):
    mesh = with_key(head, "jawOpen", 1e-7)
    size = float(np.ptp(head.points, axis=0).max())
    still = [name for name, moved in zip(mesh.names, mesh.moves, strict=True) if is_still(moved, size)]
    assert still == ["jawOpen"]
    assert find_lips(mesh, OPENS, CLOSES) is None


def test_a_mouth_that_bones_or_drivers_move_is_not_fitted(head):
    rig = Rig(shape_keys=frozenset(head.names), mesh=head)
    assert lips_of_rig(rig, choose(rig)) is not None
    jaw = next(target.to for target in choose(rig).targets if target.to.name == "jawOpen")
    assert lips_of_rig(replace(rig, driven=frozenset([jaw])), choose(rig)) is None
    assert lips_of_rig(replace(rig, mesh=None), choose(rig)) is None


def test_check_counts_p_b_m_on_their_tightest_frame(head):
    mesh = with_key(head, "mouthClose", 1.3)
    said = motion({"jawOpen": 0.5}, CLOSED_MOUTH, {"jawOpen": 0.5}, *[{"jawOpen": 0.5}] * 6)
    phones = Phone("AA", 0.0, 0.03), Phone("M", 0.03, 0.06), Phone("AA", 0.06, 0.2), Phone("P", 0.2, 0.3)
    rig = Rig(shape_keys=frozenset(mesh.names))
    curves, lips = retarget(said, choose(rig), rig), find_lips(mesh, OPENS, CLOSES)
    check = check_lips(curves, fit_lips(curves, said, contacts_of(said), lips), said, phones, lips)
    assert check.before.meet == 0 and check.before.crossing_mm > 1
    assert check.after.meet == 1 and check.after.crossing_mm < 0.2
    assert check.after.open_mm > 5 and check.widest_mm == pytest.approx(check.after.open_mm, rel=0.1)     # the p
    assert check.fitted


def test_animate_fits_only_where_it_is_asked_to_and_the_rig_has_a_mesh(head):
    sound = np.random.default_rng(0).normal(0, 0.1, 16_000).astype(np.float32)
    wave, mesh = from_array(sound, 16_000), with_key(head, "mouthClose", 1.3)
    plain, rig = Rig(shape_keys=frozenset(head.names)), Rig(shape_keys=frozenset(head.names), mesh=mesh)
    usual = animate(wave, Settings(), plain)
    assert usual.lips is None and animate(wave, Settings(fit_lips=True), plain).lips is None
    unfitted, fitted = animate(wave, Settings(), rig), animate(wave, Settings(fit_lips=True), rig)
    assert not unfitted.lips.fitted and unfitted.lips.before == unfitted.lips.after
    for channel, curve in usual.curves.curves.items():
        assert np.array_equal(unfitted.curves.curves[channel].values, curve.values)
    assert np.array_equal(fitted.motion.weights, usual.motion.weights)
    assert fitted.lips.fitted


@pytest.mark.skipif(not ICT.exists(), reason="shared/data/rigs is absent")
def test_lips_of_a_real_head_meet_within_half_a_millimetre():
    real = gltf_head(ICT)
    moves = np.stack(list(real.shapes.values())).astype(np.float32)
    mesh = HeadMesh(real.rest.positions, real.rest.triangles, moves, tuple(real.shapes))
    frames = [{**CLOSED_MOUTH, "jawOpen": jaw, "mouthClose": jaw} for jaw in (0.0, 0.1, 0.3, 0.6)]
    before, after = (seen_gap_mm(mesh, motion(*frames), fitted) for fitted in (False, True))
    assert before.min() < -2.0 and np.abs(after).max() < 0.5
    lips = find_lips(mesh, OPENS, CLOSES)
    curves = retarget(motion({"jawOpen": 1.0}), choose(Rig(shape_keys=frozenset(mesh.names))),
                      Rig(shape_keys=frozenset(mesh.names)))
    assert gap_of(curves, lips, 1).mean() * lips.height == pytest.approx(30.1, abs=1)


TUCKED = {"jawOpen": 0.12, "mouthRollLower": 0.55, "mouthUpperUpLeft": 0.2, "mouthUpperUpRight": 0.2}


def check_of(mesh: HeadMesh, said: Motion, phones: tuple[Phone, ...]):
    lips = find_lips(mesh, OPENS, CLOSES)
    rig = Rig(shape_keys=frozenset(mesh.names))
    curves = retarget(said, load_preset(str(ROOT / "presets" / "arkit52.json")), rig)
    return check_lips(curves, fit_lips(curves, said, contacts_of(said), lips), said, phones, lips)


def test_the_check_counts_f_and_v_whose_lower_lip_is_at_the_teeth():
    frames = [TUCKED] * 10 + [{"jawOpen": 0.6}] * 20
    phones = (Phone("F", 0.0, 0.3), Phone("V", 0.6, 0.9))
    check = check_of(made_head(), motion(*frames), phones)
    assert (check.tucked, len(check.tucks)) == (1, 2) and check.through_teeth_mm < 0.5


def test_the_check_sees_teeth_that_come_through_a_lip():
    mesh = made_head()
    moves = mesh.moves.copy()
    depth_mm = 8.0          # both lips lie 4 mm in front of the teeth
    inner = find_lips(mesh, OPENS, CLOSES).pairs
    moves[mesh.names.index("mouthPressLeft")][inner[:, 0], 1] += depth_mm       # backwards: the face looks towards -Y
    pressed = motion(*[{"mouthPressLeft": 1.0}] * 10)
    check = check_of(replace(mesh, moves=moves), pressed, ())
    assert check.through_teeth_mm == pytest.approx(4.0, abs=1.5)
    assert check_of(mesh, pressed, ()).through_teeth_mm == 0


def test_a_rig_whose_jaw_alone_closes_is_fitted_by_what_is_left_of_the_jaw(head, tmp_path):
    turn = {"to": {"kind": "bone", "bone": "jaw", "path": "rotation_euler", "index": 0, "unit": "degree"},
            "from": {"jawOpen": 20.0, "mouthClose": -20.0}, "clamp": [0, 30]}
    path = tmp_path / "jaw.json"
    path.write_text(json.dumps({"schema": 1, "name": "Jaw", "source": "arkit52", "targets": [turn]}))
    rig = Rig(bones=frozenset({"jaw"}), preset=str(path))
    assert len(lip_poses(rig)) == 4 and not lip_poses(Rig(shape_keys=frozenset(head.names)))
    jaw = head.moves[head.names.index("jawOpen")]
    mesh = sampled_mesh(rig, [head.points + share * jaw for share in (0, 0.3, 0, 0)], head.triangles)
    assert mesh.names == ("jawOpen",)
    lips = find_lips(mesh, OPENS, CLOSES, stands=True)
    said = motion({"jawOpen": 0.3, "mouthClose": 0.25}, {"jawOpen": 0.5, "mouthClose": 0.3})
    moved = fit_channels(said, contacts_of(said), lips)
    left = moved["jawOpen"] - moved["mouthClose"]
    assert left == pytest.approx([0, 0.2], abs=0.01) and moved["jawOpen"] == pytest.approx([0.3, 0.5])
