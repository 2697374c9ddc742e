"""Matching by shape: how many keys are found without their names, and how long it takes. `python -m
tests.bench.shapes`; never fails on a figure."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import numpy as np

from engine.geometry.shape_match import HeadMesh, ShapeProposal, largest_piece, match_shapes, sure_channels

ROOT = Path(__file__).resolve().parents[2]
ICT = ROOT.parent / "shared" / "data" / "rigs" / "ict_facekit_head.glb"
HALVES = {f"{name}{side}": name for name in ("browInnerUp", "cheekPuff") for side in ("Left", "Right")}

MASKS = ((1.08, 1.0, 0.93), (1.0, 1.0, 1.0), (0.92, 1.0, 1.06))


def main() -> None:
    sys.path.insert(0, str(ROOT / "addon"))     # its package `head` needs no Blender; the add-on round it does
    from head.load import whole_head

    start = time.perf_counter()
    made = whole_head()
    print(f"match by shape: numpy {np.__version__}; the test head is loaded in {time.perf_counter() - start:.2f} s")
    reference = HeadMesh(made.points, made.triangles, made.moves, made.names)
    _show("test head, turned, 1:1000", reference, reference)
    if ICT.exists():
        from tests.demo.chart_heads import gltf_head

        head = gltf_head(ICT)
        names = tuple(sorted(set(head.shapes) - set(HALVES.values())))
        moves = np.stack([head.shapes[name] for name in names]).astype(np.float32)
        _show(
            "ICT FaceKit's head, turned, 1:1000", HeadMesh(head.rest.positions, head.rest.triangles, moves, names),
            reference,
        )
        whole = tuple(name for name in reference.names if name in head.shapes)
        shapes = np.stack([head.shapes[name] for name in whole]).astype(np.float32)
        skin = largest_piece(HeadMesh(head.rest.positions, head.rest.triangles, shapes, whole))
        for stretch in MASKS:
            _show(f"mask of it, stretched {stretch}", mask_of(skin, np.array(stretch)), reference)
    else:
        print(f"  left out: {ICT} is not here")


def mask_of(skin: HeadMesh, stretch: np.ndarray) -> HeadMesh:
    """The front of a skin as a phone's face capture has it: 1,220 vertices without faces, of other proportions."""
    points = skin.points
    front = np.flatnonzero((points[:, 1] < -60) & (points[:, 2] > -95) & (np.abs(points[:, 0]) < 75))
    moving = front[np.linalg.norm(skin.moves[:, front], axis=2).max(0) > 0.3]
    rows = moving[np.linspace(0, len(moving) - 1, 1220).astype(np.intp)]
    return HeadMesh(points[rows] * stretch, np.zeros((0, 3), np.intp), skin.moves[:, rows] * stretch, skin.names)


def _show(what: str, head: HeadMesh, reference: HeadMesh) -> None:
    """Match a head whose keys are numbered, turned about no axis of its own."""
    turn = np.array([[0.36, 0.48, -0.8], [-0.8, 0.6, 0.0], [0.48, 0.64, 0.6]]).T / 1000
    order = np.random.default_rng(0).permutation(len(head.names))
    scrambled = HeadMesh(
        head.points @ turn, head.triangles, head.moves[order] @ turn.astype(np.float32),
        tuple(map(str, range(len(order)))),
    )
    start = time.process_time()
    proposal = match_shapes(scrambled, reference)
    seconds = time.process_time() - start
    wanted = {str(new): HALVES.get(head.names[old], head.names[old]) for new, old in enumerate(order)}
    known = [key for key, name in wanted.items() if name in reference.names]
    found = _channels(proposal)
    right, wrong = (
        sum((found.get(key) == [wanted[key]]) == good for key in known if key in found) for good in (True, False)
    )
    sure = [match for match in proposal.matches if match.channel in sure_channels(proposal.matches)]
    ticked = sum(wanted[key] != match.channel for match in sure for key, _ in match.keys)
    print(f"  {what:36} {right} of {len(known)} keys right, {wrong} wrong, {len(known) - right - wrong} left out; "
          f"{len(sure)} ticked, {ticked} of them wrong; "
          f"{len(head.points)} vertices x {len(order)} keys in {seconds:.2f} processor s", flush=True)


def _channels(proposal: ShapeProposal) -> dict[str, list[str]]:
    """Key -> the channels that it serves."""
    found: dict[str, list[str]] = {}
    for match in proposal.matches:
        for key, _ in match.keys:
            found.setdefault(key, []).append(match.channel)
    return found


if __name__ == "__main__":
    main()
