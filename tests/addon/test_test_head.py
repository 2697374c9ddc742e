"""The lip-sync test head: its shapes, measured in millimetres on the meshes that Blender shows."""

from __future__ import annotations

import bpy
import numpy as np
import pytest
from mathutils.bvhtree import BVHTree
from mathutils.kdtree import KDTree

from .conftest import Extension, in_empty_scene

MILLIMETRES = 1000.0
SPEECH_SHUT = {
    "rest": {},
    "m": {"jawOpen": 0.08, "mouthClose": 0.08, "mouthPress": 0.35, "mouthRollLower": 0.12, "mouthRollUpper": 0.12},
    "pucker": {"mouthPucker": 1.0},
    "smile": {"mouthSmile": 1.0},
    "rolled": {"mouthRollLower": 1.0, "mouthRollUpper": 1.0},
    "open jaw, lips shut": {"jawOpen": 1.0, "mouthClose": 1.0},
    "puffed": {"cheekPuff": 1.0},
    "jaw to the left": {"jawLeft": 1.0},
    "jaw forward": {"jawForward": 1.0},
}
SPEECH_OPEN = {
    "ah": {"jawOpen": 0.6, "mouthLowerDown": 0.22, "mouthUpperUp": 0.08, "mouthFunnel": 0.06},
    "ee": {"jawOpen": 0.13, "mouthLowerDown": 0.25, "mouthUpperUp": 0.12, "mouthStretch": 0.25, "mouthSmile": 0.25},
    "oo": {"jawOpen": 0.13, "mouthFunnel": 0.2, "mouthPucker": 0.7},
    "f": {"jawOpen": 0.05, "mouthClose": 0.02, "mouthRollLower": 0.5, "mouthUpperUp": 0.2},
    "sh": {"jawOpen": 0.08, "mouthFunnel": 0.52, "mouthPucker": 0.27, "mouthLowerDown": 0.23, "mouthUpperUp": 0.14},
}


class Head:
    """The head in its scene, and what can be measured on it."""

    def __init__(self, face: bpy.types.Object, channels: tuple[str, ...]) -> None:
        self.face = face
        self.objects = [face, *face.children]
        self.channels = channels
        self.rest = read(face.data.vertices)
        lips = {v for p in face.data.polygons if material(face, p) == "LipSync Lips" for v in p.vertices}
        self.lips = np.array(sorted(lips))
        self.pairs = touching_pairs(self.rest, self.lips, self.moved(face, "jawOpen"))

    def moved(self, obj: bpy.types.Object, key: str) -> np.ndarray:
        """(n, 3) mm from rest to this key at 1."""
        return read(obj.data.shape_keys.key_blocks[key].data) - read(obj.data.vertices)

    def posed(self, obj: bpy.types.Object, pose: dict[str, float]) -> np.ndarray:
        """(n, 3) mm; a name without Left or Right stands for both sides."""
        points = read(obj.data.vertices)
        blocks = obj.data.shape_keys.key_blocks if obj.data.shape_keys else {}
        for name, value in pose.items():
            for key in (name, name + "Left", name + "Right"):
                if key in blocks:
                    points = points + value * self.moved(obj, key)
        return points

    def lip_gap(self, pose: dict[str, float]) -> np.ndarray:
        """(pairs,) mm between lip points that touch at rest: above 0 is open, below 0 one inside the other."""
        points = self.posed(self.face, pose)
        return points[self.pairs[:, 0], 2] - points[self.pairs[:, 1], 2]

    def mouth_width(self, pose: dict[str, float]) -> float:
        return float(np.ptp(self.posed(self.face, pose)[self.lips, 0]))

    def part(self, name: str) -> bpy.types.Object:
        return next(obj for obj in self.objects if obj.name.startswith(f"LipSync {name}"))


def read(items: object) -> np.ndarray:
    values = np.empty(3 * len(items), np.float32)
    items.foreach_get("co", values)
    return values.reshape(-1, 3).astype(float) * MILLIMETRES


def material(obj: bpy.types.Object, polygon: bpy.types.MeshPolygon) -> str:
    return obj.data.materials[polygon.material_index].name.split(".")[0]


def touching_pairs(rest: np.ndarray, lips: np.ndarray, opening: np.ndarray) -> np.ndarray:
    """Pairs (upper, lower) of lip vertices that are one point at rest; the lower one is the one that the jaw takes
    down."""
    groups: dict[tuple[float, ...], list[int]] = {}
    for vertex in lips:
        groups.setdefault(tuple(np.round(rest[vertex], 3)), []).append(int(vertex))
    pairs = [sorted(group, key=lambda v: -opening[v, 2]) for group in groups.values() if len(group) == 2]
    return np.array(pairs)


@pytest.fixture(scope="module")
def head(package) -> Head:
    """Built once: the tests only measure it. One that empties the scene stands at the end of this file."""
    ext = in_empty_scene(package)
    face = ext.module("addon.ui.test_head").build_test_head(bpy.context)
    return Head(face, ext.module("engine.values.channels").ARKIT_52)


def test_face_carries_exactly_the_52_arkit_shapes_at_zero(head):
    blocks = head.face.data.shape_keys.key_blocks
    assert {block.name for block in blocks} == {"Basis", *head.channels}
    assert all(block.value == 0.0 for block in blocks if block.name != "Basis")


def test_every_shape_moves_the_face(head):
    still = [name for name in head.channels if np.abs(head.moved(head.face, name)).max() < 0.3]
    looks = {name for name in head.channels if name.startswith("eyeLook")}
    assert set(still) <= looks
    assert all(np.abs(head.moved(head.part("Eyes"), name)).max() > 4.0 for name in looks)


def test_other_parts_carry_the_shapes_they_need(head):
    keys = {obj.name: {b.name for b in obj.data.shape_keys.key_blocks} for obj in head.objects if obj.data.shape_keys}
    jaw = {"jawOpen", "jawLeft", "jawRight", "jawForward"}
    assert jaw <= keys["LipSync Teeth"] and jaw | {"tongueOut"} <= keys["LipSync Tongue"]
    assert {"browInnerUp", "browDownLeft", "eyeBlinkRight"} <= keys["LipSync Brows"]
    assert all(obj.parent == head.face for obj in head.objects[1:])


def test_resting_lips_touch_without_a_gap(head):
    assert len(head.pairs) > 100
    assert np.abs(head.lip_gap({})).max() == 0.0


@pytest.mark.parametrize("strength", [0.3, 1.0])
def test_mouth_close_seals_an_open_jaw(head, strength):
    assert np.abs(head.lip_gap({"jawOpen": strength, "mouthClose": strength})).max() < 0.01


@pytest.mark.parametrize(
    "shape",
    [
        "mouthSmile", "mouthFrown", "mouthDimple", "mouthStretch", "mouthPress", "mouthPucker", "mouthLeft",
        "mouthRollLower", "mouthRollUpper", "mouthShrugLower", "mouthShrugUpper", "cheekPuff",
    ],
)
def test_shapes_that_do_not_part_the_lips_keep_them_shut(head, shape):
    assert np.abs(head.lip_gap({shape: 1.0})).max() < 0.05


def test_jaw_opens_the_mouth_between_15_and_45_mm(head):
    assert 15.0 < head.lip_gap({"jawOpen": 1.0}).max() < 45.0


def test_speech_shapes_open_the_mouth_and_never_cross_the_lips(head):
    gaps = {name: head.lip_gap(pose) for name, pose in SPEECH_OPEN.items()}
    assert all(gap.min() > -0.3 for gap in gaps.values()), {name: gap.min() for name, gap in gaps.items()}
    assert gaps["ah"].max() > 12.0 > gaps["ee"].max() > 3.0


def test_mouth_width_follows_its_shapes(head):
    rest = head.mouth_width({})
    assert head.mouth_width({"mouthPucker": 1.0}) < 0.7 * rest
    assert head.mouth_width({"mouthFunnel": 1.0}) < 0.85 * rest
    assert head.mouth_width({"mouthStretch": 1.0}) > 1.2 * rest
    assert head.mouth_width({"mouthSmile": 1.0}) > 1.2 * rest


def test_rounding_pushes_the_lips_forward(head):
    front = head.rest[head.lips, 1].min()
    for shape in ("mouthPucker", "mouthFunnel"):
        assert head.posed(head.face, {shape: 1.0})[head.lips, 1].min() < front - 5.0


def test_left_shapes_move_the_side_of_positive_x(head):
    left_side = head.rest[:, 0] > 0
    for name in head.channels:
        if name.endswith("Left") and name not in ("jawLeft", "mouthLeft"):
            travel = np.linalg.norm(head.moved(head.face, name), axis=1)
            assert travel[left_side].sum() >= 5.0 * travel[~left_side].sum(), name
    assert head.moved(head.face, "jawLeft")[:, 0].max() > 4.0
    assert head.moved(head.face, "mouthLeft")[:, 0].max() > 4.0


def test_right_shapes_mirror_the_left_ones(head):
    mirror = np.array([-1.0, 1.0, 1.0])
    tree = KDTree(len(head.rest))
    for number, point in enumerate(head.rest):
        tree.insert(point, number)
    tree.balance()
    # lips touch: several may fit
    twins = [[found for _, found, _ in tree.find_range(point * mirror, 0.02)] for point in head.rest]
    assert all(twins)
    for name in head.channels:
        if name.endswith("Left"):
            left = head.moved(head.face, name)
            right = head.moved(head.face, name[:-4] + "Right") * mirror
            worst = max(
                min(np.abs(right[t] - left[v]).max() for t in twins[v])
                for v in np.flatnonzero(np.abs(left).max(axis=1) > 0.01)
            )
            assert worst < 0.02, name


@pytest.mark.parametrize("pose", SPEECH_SHUT.values(), ids=SPEECH_SHUT)
def test_nothing_shows_through_a_shut_mouth(head, pose):
    points = head.posed(head.face, pose)
    polygons = [tuple(p.vertices) for p in head.face.data.polygons]
    tree = BVHTree.FromPolygons([tuple(p) for p in points], polygons)
    names = [material(head.face, p) for p in head.face.data.polygons]
    for x in np.arange(-27.0, 28.0, 3.0):
        for z in np.arange(90.0, 150.0, 1.5):
            _, _, polygon, _ = tree.ray_cast((x + 0.07, -200.0, z), (0.0, 1.0, 0.0))
            assert names[polygon] != "LipSync Mouth", f"the mouth's lining shows at x {x} z {z} mm"
    for part in ("Teeth", "Tongue"):
        for point in head.posed(head.part(part), pose)[::3]:
            assert tree.ray_cast(tuple(point), (0.0, -1.0, 0.0))[0] is not None, f"{part} stand out at {point} mm"


@pytest.mark.parametrize("pose", SPEECH_OPEN.values(), ids=SPEECH_OPEN)
def test_teeth_stay_behind_the_lips_in_speech(head, pose):
    lips_front = head.posed(head.face, pose)[head.pairs[:, 0]]
    middle = lips_front[np.abs(lips_front[:, 0]) < 3.0]
    teeth = head.posed(head.part("Teeth"), pose)
    assert teeth[:, 1].min() > middle[:, 1].min()


def test_closed_lids_meet_and_hide_the_eye(head):
    points = head.posed(head.face, {"eyeBlink": 1.0})
    tree = BVHTree.FromPolygons([tuple(p) for p in points], [tuple(p.vertices) for p in head.face.data.polygons])
    eyes = head.posed(head.part("Eyes"), {})
    front = eyes[eyes[:, 1] < eyes[:, 1].min() + 6.0]
    assert all(tree.ray_cast(tuple(point), (0.0, -1.0, 0.0))[0] is not None for point in front)


def test_every_build_is_the_same(package, head):
    again = Extension(package).module("addon.ui.test_head").build_test_head(bpy.context)
    assert np.array_equal(read(again.data.vertices), head.rest)
    assert np.array_equal(
        read(again.data.shape_keys.key_blocks["mouthPucker"].data),
        read(head.face.data.shape_keys.key_blocks["mouthPucker"].data),
    )


def test_size_is_that_of_a_head(head):
    skull = head.rest[head.rest[:, 2] > 84.0]
    assert 220.0 < np.ptp(skull[:, 2]) < 260.0 and 140.0 < np.ptp(skull[:, 0]) < 190.0
    assert head.rest[:, 2].min() == pytest.approx(0.0, abs=1.0)


def test_faces_look_outwards(head):
    for obj in head.objects:
        points = read(obj.data.vertices)
        points -= points.mean(axis=0)
        corners = (points[list(t.vertices)] for t in triangles(obj.data))
        assert sum(np.dot(a, np.cross(b, c)) for a, b, c in corners) > 0.0, obj.name


def triangles(mesh: bpy.types.Mesh) -> object:
    mesh.calc_loop_triangles()
    return mesh.loop_triangles


def test_operator_places_and_selects_the_face(ext):
    bpy.context.scene.cursor.location = (1.0, 2.0, 3.0)
    assert bpy.ops.unitalker.add_test_head() == {"FINISHED"}
    face = bpy.context.view_layer.objects.active
    assert face.name.startswith("LipSync Head") and face.select_get() and tuple(face.location) == (1.0, 2.0, 3.0)
