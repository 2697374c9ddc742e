"""Matching keys to channels by geometry alone: names are scrambled, heads are turned, scaled and spelled in other
axes."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from engine import Motion, Rig, RigError
from engine.geometry.assignment import assign
from engine.geometry.shape_align import by_picks
from engine.geometry.shape_match import (
    ChannelMatch,
    HeadMesh,
    Picks,
    largest_piece,
    match_shapes,
    nonnegative_fit,
    preset_of_matches,
    sure_channels,
)
from engine.rig.mirror import mirrored_name
from engine.rig.presets import load_preset, save_preset
from engine.rig.retarget import retarget
from engine.values.errors import Cancelled
from tests.bench.shapes import mask_of

ROOT = Path(__file__).resolve().parents[2]
ICT = ROOT.parent / "shared" / "data" / "rigs" / "ict_facekit_head.glb"
Y_UP = np.array([[1.0, 0, 0], [0, 0, 1.0], [0, -1.0, 0]])       # Blender's axes to those of glTF
UPRIGHT = np.eye(3)
TURNED = np.array([[0.36, 0.48, -0.8], [-0.8, 0.6, 0.0], [0.48, 0.64, 0.6]])


def whole():
    sys.path.insert(0, str(ROOT / "addon"))     # its package `head` needs no Blender; the add-on round it does
    try:
        from head import load as module
    finally:
        sys.path.pop(0)
    return module


@pytest.fixture(scope="module")
def reference():
    made = whole().whole_head()
    return HeadMesh(made.points, made.triangles, made.moves, made.names)


def scrambled(head, turn=UPRIGHT, scale=1.0, shift=(0.0, 0.0, 0.0), seed=0):
    """The head with its keys in another order under names that say nothing, and true name by new name."""
    order = np.random.default_rng(seed).permutation(len(head.names))
    names = tuple(f"key {number}" for number in range(len(order)))
    moves = head.moves[order] @ (scale * turn.T)
    return HeadMesh(
        head.points @ (scale * turn.T) + shift, head.triangles, moves, names
    ), {new: head.names[i] for new, i in zip(names, order, strict=True)}


def channels_of(proposal):
    found = {}
    for match in proposal.matches:
        for key, _ in match.keys:
            found.setdefault(key, []).append(match.channel)
    return found


def right_ones(proposal, truth):
    found = channels_of(proposal)
    return [key for key, name in truth.items() if found.get(key) == [name]]


def part_of(head, keep):
    rows = [head.names.index(name) for name in keep]
    return replace(head, moves=head.moves[rows], names=tuple(keep))


@pytest.mark.parametrize(("turn", "scale"), [(np.eye(3), 1.0), (Y_UP, 0.001), (TURNED, 4.0)])
def test_every_key_of_the_test_head_is_found_wherever_it_lies(reference, turn, scale):
    assert np.linalg.det(turn) == pytest.approx(1)
    target, truth = scrambled(reference, turn, scale, (3 * scale, -900 * scale, 40 * scale))
    proposal = match_shapes(target, reference)
    assert len(right_ones(proposal, truth)) == 52 and proposal.unmatched == () and proposal.unused == ()
    assert all(weight == pytest.approx(1) for match in proposal.matches for _, weight in match.keys)
    assert min(match.score for match in proposal.matches) > 0.95


@pytest.mark.skipif(not ICT.exists(), reason="the ICT head of ../shared/data/rigs is not here")
def test_most_keys_of_a_scanned_head_are_found(reference):
    pytest.importorskip("PIL")
    from tests.demo.chart_heads import gltf_head

    head = gltf_head(ICT)
    # the two that the reader adds: the file has halves
    names = sorted(set(head.shapes) - {"browInnerUp", "cheekPuff"})
    moves = np.stack([head.shapes[name] for name in names]).astype(np.float32)
    target, truth = scrambled(HeadMesh(head.rest.positions, head.rest.triangles, moves, tuple(names)), Y_UP, 0.001)
    halves = {f"{name}{side}": name for name in ("browInnerUp", "cheekPuff") for side in ("Left", "Right")}
    truth = {key: halves.get(name, name) for key, name in truth.items()}
    proposal = match_shapes(target, reference)
    right = right_ones(proposal, truth)
    # full poses are full poses
    assert [match for match in proposal.matches for _, weight in match.keys if abs(weight - 1) > 0.01] == []
    known = [name for name in truth.values() if name in reference.names]
    assert len(known) == 53 and len(right) >= 48
    found = channels_of(proposal)
    # and none taken for another
    assert [name for key, name in truth.items() if name in reference.names and key in found and key not in right] == []
    rivals = {match.channel: match.rival for match in proposal.matches}
    # a dimple may be a press, a jaw may not
    assert "mouthPressLeft" in proposal.unmatched and rivals["mouthDimpleLeft"] > 0.2 > rivals["jawLeft"]


def test_left_and_right_come_out_right_on_a_mirrored_head(reference):
    mirror = np.diag([-1.0, 1.0, 1.0])
    mirrored = replace(
        reference, points=reference.points @ mirror, moves=reference.moves @ mirror,
        triangles=reference.triangles[:, ::-1],
    )
    found = channels_of(match_shapes(mirrored, reference))
    assert (
        found["mouthSmileLeft"] == ["mouthSmileRight"] and found["eyeBlinkRight"] == ["eyeBlinkLeft"]
        and found["jawLeft"] == ["jawRight"]
    )
    assert found["jawOpen"] == ["jawOpen"]


def test_a_key_for_both_sides_serves_both_channels_and_halves_serve_one(reference):
    left, right, brow = (
        reference.moves[reference.names.index(name)] for name in ("mouthSmileLeft", "mouthSmileRight", "browInnerUp")
    )
    half = 1 / (1 + np.exp(-reference.points[:, :1] / 3)).astype(np.float32)
    others = part_of(
        reference, [name for name in reference.names if not name.startswith("mouthSmile") and name != "browInnerUp"]
    )
    target = replace(others, moves=np.concatenate([others.moves, [left + right, brow * half, brow * (1 - half)]]),
                     names=(*others.names, "grin", "brow one", "brow two"))
    found = {match.channel: dict(match.keys) for match in match_shapes(target, reference).matches}
    assert (
        found["mouthSmileLeft"] == {"grin": pytest.approx(0.5, abs=0.05)}
        and found["mouthSmileRight"] == {"grin": pytest.approx(0.5, abs=0.05)}
    )
    assert found["browInnerUp"] == {"brow one": pytest.approx(1), "brow two": pytest.approx(1)}


def test_keys_of_no_channel_are_left_out(reference):
    random = np.random.default_rng(0)
    neck = np.zeros_like(reference.moves[0])
    neck[reference.points[:, 2] < 60] = (0, 30, 0)
    noise = random.normal(0, 3, neck.shape).astype(np.float32)
    target = replace(
        reference, moves=np.concatenate([reference.moves, [neck, noise]]), names=(*reference.names, "neck", "noise")
    )
    proposal = match_shapes(target, reference)
    assert proposal.unused == ("neck", "noise") and len(proposal.matches) == 52


def test_a_rig_of_few_keys_gets_those_and_says_what_lacks(reference):
    keep = [
        "eyeBlinkLeft", "eyeBlinkRight", "jawOpen", "mouthFunnel", "mouthPucker", "mouthSmileLeft", "mouthSmileRight",
        "browInnerUp",
    ]
    target, truth = scrambled(part_of(reference, keep), Y_UP, 0.01)
    proposal = match_shapes(target, reference)
    assert sorted(truth[key] for key in right_ones(proposal, truth)) == sorted(keep)
    assert set(proposal.unmatched) | {match.channel for match in proposal.matches} == set(reference.names)


def test_picks_place_the_head_without_a_search(reference):
    landmarks = whole().LANDMARKS
    target, truth = scrambled(reference, TURNED, 100.0, (5.0, 6.0, 7.0))
    picks = {
        name: np.array(point) @ (100 * TURNED.T) + (5, 6, 7) + 150.0
        for name, point in landmarks.items() if "Eye" not in name
    }
    proposal = match_shapes(target, reference, Picks(picks, landmarks))
    assert proposal.placement.scale == pytest.approx(0.01) and len(right_ones(proposal, truth)) == 52


def test_landmarks_lie_on_the_reference_head(reference):
    for name, point in whole().LANDMARKS.items():
        assert np.linalg.norm(reference.points - point, axis=1).min() < 1.5, name


@pytest.mark.parametrize(("change", "message"), [
    (lambda picks: {name: picks[name] for name in list(picks)[:3]}, "3 of the 8 markers are there; 4 at least"),
    (lambda picks: {name: (0, 0, index) for index, name in enumerate(picks)}, "on one line"),
    (
        lambda picks: {
            name: picks[name.replace("Left", "?").replace("Right", "Left").replace("?", "Right")] for name in picks
        }, "changed over",
    ),
    (
        lambda picks: {
            **picks, "Chin": picks["Nose Tip"], "Nose Tip": picks["Eye Outer Left"], "Upper Lip": (0, 400, 0)
        }, "do not lie as on a face",
    ),
])
def test_picks_that_fit_no_face_are_refused(change, message):
    landmarks = whole().LANDMARKS
    with pytest.raises(RigError, match=message):
        by_picks(change(landmarks), landmarks)


def test_a_head_that_cannot_be_matched_is_said_so(reference):
    with pytest.raises(RigError, match="no shape keys"):
        match_shapes(part_of(reference, []), reference)
    with pytest.raises(RigError, match=r"shape keys of this mesh move nothing \(browDownLeft"):
        match_shapes(replace(reference, moves=np.zeros_like(reference.moves)), reference)
    broken = reference.moves.copy()
    broken[3, 5] = np.nan
    with pytest.raises(RigError, match="no finite place"):
        match_shapes(replace(reference, moves=broken), reference)
    with pytest.raises(Cancelled):
        match_shapes(reference, reference, cancelled=lambda: True)


def test_the_preset_of_a_proposal_is_read_back_and_drives_the_keys(reference, tmp_path):
    target, truth = scrambled(reference)
    proposal = match_shapes(target, reference)
    path = save_preset(preset_of_matches(proposal.matches, "By shape"), tmp_path)
    preset = load_preset(path)
    weights = np.zeros((2, 52), np.float32)
    weights[1, reference.names.index("jawOpen")] = 0.7
    curves = retarget(Motion(weights, reference.names, 30.0), preset, Rig(shape_keys=frozenset(target.names))).curves
    moved = {truth[channel.name]: curve.values[1] for channel, curve in curves.items() if curve.values[1]}
    assert moved == {"jawOpen": pytest.approx(0.7)} and len(curves) == 52
    with pytest.raises(RigError, match="No channel is ticked"):
        preset_of_matches((), "Empty")


def test_assignment_is_the_best_one():
    similarity = np.array([[0.9, 0.8, 0.1], [0.85, 0.1, 0.0]])
    assert assign(similarity).tolist() == [1, 0]
    assert sorted(assign(similarity.T).tolist()) == [-1, 0, 1]
    random = np.random.default_rng(2).random((6, 6))
    from itertools import permutations
    best = max(sum(random[i, j] for i, j in enumerate(order)) for order in permutations(range(6)))
    assert sum(random[i, j] for i, j in enumerate(assign(random))) == pytest.approx(best)


def test_nonnegative_fit_keeps_weights_above_zero():
    parts = np.eye(3)
    weights, cosine = nonnegative_fit(parts, np.array([2.0, -1.0, 0.0]))
    assert weights.tolist() == [2, 0, 0] and cosine == pytest.approx(2 / np.sqrt(5))


@pytest.mark.skipif(not ICT.exists(), reason="the ICT head of ../shared/data/rigs is not here")
@pytest.mark.parametrize("seed", [1, 2])
def test_both_sides_of_a_mask_are_right_or_wrong_together(reference, seed):
    pytest.importorskip("PIL")
    from tests.demo.chart_heads import gltf_head

    head = gltf_head(ICT)
    names = tuple(name for name in reference.names if name in head.shapes)
    moves = np.stack([head.shapes[name] for name in names]).astype(np.float32)
    skin = largest_piece(HeadMesh(head.rest.positions, head.rest.triangles, moves, names))
    mask = mask_of(skin, np.array([1.08, 1.0, 0.93], np.float32))
    turn = np.linalg.qr(np.random.default_rng(seed).normal(size=(3, 3)))[0]
    target, truth = scrambled(mask, turn * np.linalg.det(turn), 0.001, (1, 2, 3), seed)
    proposal = match_shapes(target, reference)
    right = {truth[key] for key in right_ones(proposal, truth)}
    torn = [name for name in names if (name in right) != (mirrored_name(name) in right)]
    assert torn == [] and len(names) == 51
    assert len(right) >= 49
    sure = sure_channels(proposal.matches)
    assert sure and all(mirrored_name(name) in sure for name in sure)
    assert sure <= right and len(sure) >= 36


def test_a_channel_is_sure_only_with_its_other_side_and_without_a_rival():
    def match(name, score=0.8, rival=0.0, margin=0.5):
        return ChannelMatch(name, ((name, 1.0),), score, rival, margin)

    both = [match("mouthSmileLeft"), match("mouthSmileRight"), match("jawOpen")]
    assert sure_channels(both) == {"mouthSmileLeft", "mouthSmileRight", "jawOpen"}
    assert sure_channels([match("mouthSmileLeft", score=0.4), match("mouthSmileRight")]) == frozenset()
    assert sure_channels([match("mouthSmileLeft"), match("jawOpen", rival=0.75)]) == frozenset()
    assert sure_channels([match("jawOpen", margin=0.05)]) == frozenset()
