"""The mouth's ARKit shapes: how the lips move on each spoke, and how the skin round them follows.

A shape is first given on the lips, where every vertex knows its place: `across` (-1 right corner .. 1 left corner),
`side` (1 upper, -1 lower lip) and `red` (1 at the vermilion border, 0 where the lips touch and inside).
Shapes that shall not part the lips move both contact lines alike. Displacements are millimetres.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from . import lips
from .fields import JAW_FORWARD, bump, jaw_forward, jaw_left, jaw_open, jaw_weight, smooth
from .form import Array
from .skin import Skin
from .topology import Index

CORNER_JAW = 0.42  # how far the mouth's corners follow the jaw
SEAL_JAW = 0.40  # how far the lips' meeting point follows the jaw when mouthClose shuts them
UPPER_LIP_FORWARD = 0.45  # how far the lower lip takes the upper one along in jawForward
NARROWING = 0.12  # an opening mouth grows narrower by this part


@dataclass(frozen=True)
class LipFrame:
    """Every lip vertex of the whole head, and how it hands its motion to the skin.

    Attributes:
        vertices: (loops, spokes) from the border loop inwards to the last lining loop.
        rest: (loops, spokes, 3) mm.
        across, side, red, ease: (loops, spokes); ease is 1 on the lips and fades along the mouth's lining.
        arc: (loops, spokes) 1 in the middle, 0 at the corners: the round profile of an opening mouth.
        skin: (m,) other vertices that follow, to_skin: (m, spokes) their shares of the border's spokes,
        gap: (m,) mm from the border, hold: (m,) 0 where bone or nose holds the skin still.
        jaw: (loops, spokes) and skin_jaw: (m,) how far each follows the jaw.
    """

    vertices: Index
    rest: Array
    across: Array
    side: Array
    red: Array
    ease: Array
    arc: Array
    skin: Index
    to_skin: Array
    gap: Array
    hold: Array
    jaw: Array
    skin_jaw: Array


def lip_frame(skin: Skin) -> LipFrame:
    """Read the lips' own coordinates off the resting skin."""
    topology = skin.topology
    half = topology.mouth[lips.BORDER :]
    vertices = np.concatenate([half, topology.mirror[half[:, -2:0:-1]]], axis=1)
    rest = skin.positions[vertices]
    loop = np.arange(lips.BORDER, lips.BORDER + len(half))[:, None]
    contact_x = rest[lips.CONTACT - lips.BORDER, :, 0]
    across = np.broadcast_to(np.clip(contact_x / lips.HALF_WIDTH, -1, 1), vertices.shape)
    _, half_side = lips.spoke_parameters(half.shape[1])
    side = np.broadcast_to(np.concatenate([half_side, half_side[-2:0:-1]]), vertices.shape)
    red = np.broadcast_to(np.clip((lips.CONTACT - loop) / (lips.CONTACT - lips.BORDER), 0, 1), vertices.shape)
    ease = np.broadcast_to(1.0 - smooth(loop, lips.LINING - 1.0, lips.LINING + 4.0), vertices.shape)
    arc = np.sqrt(np.maximum(1.0 - across**2, 0.0))
    lip_jaw = CORNER_JAW + np.where(side > 0, -CORNER_JAW, 1.0 - CORNER_JAW) * arc * np.abs(side)

    followers = np.ones(len(skin.positions), dtype=bool)
    followers[vertices] = False
    followers = np.flatnonzero(followers)
    points = skin.positions[followers]
    gaps = np.linalg.norm(points[:, None] - rest[0][None], axis=2)
    share = 1.0 / (gaps + 0.3) ** 3
    gap = gaps.min(axis=1)
    near = 1.0 - smooth(gap, 2.0, 26.0)
    share /= share.sum(axis=1, keepdims=True)
    nose = smooth(points[:, 2], 147.0, 157.0) * smooth(np.abs(points[:, 0]), 27.0, 17.0)
    skin_jaw = near * (share @ lip_jaw[0]) + (1.0 - near) * jaw_weight(points)
    return LipFrame(
        vertices, rest, across, side, red, ease, arc, followers, share, gap, 1.0 - nose, lip_jaw, skin_jaw
    )


def mouth_shapes(skin: Skin) -> dict[str, Array]:
    """Displacements (n, 3) mm of the whole face for all jaw, mouth and tongue shapes and cheekPuff."""
    frame = lip_frame(skin)
    shapes = _jaw_shapes(skin, frame)
    for name, (lip_motion, reach) in _LIP_SHAPES.items():
        shapes[name] = spread(skin, frame, lip_motion(frame), reach)
    points = skin.positions
    chin = bump(points, (0.0, -92.0, 102.0), 15.0)
    shapes["mouthShrugLower"] += chin[:, None] * (0.0, -1.5, 4.0)
    cheek = bump(points * (1, 1, 1), (46.0, -60.0, 158.0), 17.0)
    shapes["mouthSmileLeft"] += cheek[:, None] * (2.0, -3.5, 4.0)
    shapes["cheekPuff"] += _puff(points)
    for name in [name for name in shapes if name.endswith("Left")]:
        shapes[name[:-4] + "Right"] = shapes[name][skin.topology.mirror] * np.array([-1.0, 1.0, 1.0])
    return shapes


def spread(skin: Skin, frame: LipFrame, lip_motion: Array, reach: float) -> Array:
    """Carry lip motion (loops, spokes, 3) on to the skin; it fades out over reach mm."""
    moved = np.zeros_like(skin.positions)
    follow = (1.0 - smooth(frame.gap, 0.0, reach)) * frame.hold
    moved[frame.skin] = follow[:, None] * (frame.to_skin @ lip_motion[0])
    moved[frame.vertices] = lip_motion * frame.ease[..., None]
    return moved


def _jaw_shapes(skin: Skin, frame: LipFrame) -> dict[str, Array]:
    weight = np.zeros(len(skin.positions))
    weight[frame.skin] = frame.skin_jaw
    weight[frame.vertices] = frame.jaw
    points = skin.positions
    shapes = {
        "jawOpen": weight[:, None] * jaw_open(points),
        "jawLeft": weight[:, None] * jaw_left(points),
        "jawForward": weight[:, None] * jaw_forward(points),
    }
    slide = _along_contact(frame, shapes["jawLeft"][frame.vertices][..., 0])
    shapes["jawLeft"] += spread(skin, frame, slide, 18.0)
    pushed = UPPER_LIP_FORWARD * (1.0 - frame.jaw)[..., None] * JAW_FORWARD
    shapes["jawForward"] += spread(skin, frame, pushed, 18.0)
    narrow = np.zeros_like(frame.rest)
    narrow[..., 0] = -NARROWING * frame.rest[..., 0] * np.abs(frame.across) ** 2
    shapes["jawOpen"] += spread(skin, frame, narrow, 30.0)

    # mouthClose takes every lip vertex to where it would be if both lips followed the jaw alike
    sealed = CORNER_JAW + (SEAL_JAW - CORNER_JAW) * frame.arc
    turn = jaw_open(frame.rest.reshape(-1, 3)).reshape(frame.rest.shape)
    close = (sealed - frame.jaw)[..., None] * turn - narrow
    shapes["mouthClose"] = spread(skin, frame, close, 30.0)
    return shapes


def _along_contact(frame: LipFrame, sideways: Array) -> Array:
    """What keeps lips that slide over one another by sideways mm (loops, spokes) on the line where they touch."""
    line = frame.rest[lips.CONTACT - lips.BORDER]
    line = line[np.argsort(line[:, 0])]
    start = frame.across * lips.HALF_WIDTH
    rise = [
        np.interp(start + sideways, line[:, 0], line[:, i]) - np.interp(start, line[:, 0], line[:, i]) for i in (1, 2)
    ]
    return _vector(0.0, rise[0], rise[1], frame.red)


def _puff(points: Array) -> Array:
    weight = bump(points, (46.0, -62.0, 143.0), 20.0) + bump(points, (-46.0, -62.0, 143.0), 20.0)
    out = np.column_stack([np.sign(points[:, 0]) * 9.0, np.full(len(points), -6.5), np.zeros(len(points))])
    return weight[:, None] * out


def _vector(x: Array | float, y: Array | float, z: Array | float, like: Array) -> Array:
    return np.stack([np.broadcast_to(np.asarray(part, dtype=float), like.shape) for part in (x, y, z)], axis=-1)


def _left(f: LipFrame) -> Array:
    """1 on the character's left, a soft step of 16 mm over the middle."""
    return smooth(f.across * lips.HALF_WIDTH, -8.0, 8.0)


def _corner(f: LipFrame, x: float, y: float, z: float) -> Array:
    """Move the left corner; both lips follow alike, sideways evenly and up or down along a round curve."""
    along = np.clip(f.across, 0.0, 1.0)
    return _vector(x * along**1.1, y * along**1.6, z * along**2, f.red)


def _above_contact(f: LipFrame) -> Array:
    """Height (loops, spokes) mm of the red above (upper) or below (lower, negative) the contact line."""
    height = f.rest[..., 2] - f.rest[lips.CONTACT - lips.BORDER, :, 2]
    return np.where(f.red > 0, height, 0.0)


def _smile(f: LipFrame) -> Array:
    return _corner(f, 8.0, 5.0, 8.0)


def _frown(f: LipFrame) -> Array:
    return _corner(f, 0.5, 1.5, -8.5)


def _dimple(f: LipFrame) -> Array:
    return _corner(f, 5.0, 6.5, 1.0)


def _stretch(f: LipFrame) -> Array:
    return _corner(f, 9.5, 5.5, -2.0)


def _press(f: LipFrame) -> Array:
    fullness = np.sin(np.pi * f.red)
    return _left(f)[..., None] * _vector(0.0, 1.2 * fullness + 0.6, -0.42 * _above_contact(f), f.red)


def _roll(f: LipFrame, side: float) -> Array:
    on_lip = (f.side == side).astype(float)
    loop = np.arange(lips.BORDER, lips.BORDER + len(f.red))[:, None]
    inner = smooth(loop, lips.CONTACT, lips.LINING)  # the lip's back gives way too, or it would come through
    back = 0.6 + 2.8 * np.sin(np.pi * f.red) + 0.9 * f.red + 1.8 * inner
    return on_lip[..., None] * _vector(0.0, back * f.arc, -0.74 * _above_contact(f), f.red)


def _roll_lower(f: LipFrame) -> Array:
    return _roll(f, -1.0)


def _roll_upper(f: LipFrame) -> Array:
    return _roll(f, 1.0)


def _shrug_upper(f: LipFrame) -> Array:
    upper = f.side > 0
    return _vector(
        0.0, np.where(upper, -2.6, -0.8) * f.arc, np.where(upper, 2.0 + f.red, 2.0 - 1.6 * f.red) * f.arc, f.red
    )


def _shrug_lower(f: LipFrame) -> Array:
    lower = f.side < 0
    return _vector(
        0.0, np.where(lower, -3.2, -1.6) * f.arc, np.where(lower, 3.6 + f.red, 3.6 - 1.4 * f.red) * f.arc, f.red
    )


def _funnel(f: LipFrame) -> Array:
    forward = -(5.2 + 3.0 * (1.0 - f.red)) * (0.45 + 0.55 * f.arc)
    open_z = np.where(f.side > 0, 3.8 - 0.6 * f.red, -5.6 + 0.8 * f.red) * f.arc * np.abs(f.side)
    return _vector(-0.29 * f.rest[..., 0], forward, open_z, f.red)


def _pucker(f: LipFrame) -> Array:
    forward = -(8.0 + 1.5 * np.sin(np.pi * f.red)) * (0.4 + 0.6 * f.arc)
    fuller = f.side * f.red * (0.3 + 4.2 * f.across**2) * f.arc
    # the upper lip comes down over the teeth
    return _vector(-0.48 * f.rest[..., 0], forward, fuller - 1.8 * f.arc, f.red)


def _sideways(f: LipFrame) -> Array:
    return _vector(10.0, 4.0 * f.across, 0.6 * f.across, f.red)


def _upper_up(f: LipFrame) -> Array:
    lift = np.where(f.side > 0, 6.5 - 1.2 * f.red, 0.0) * f.arc**1.2
    return _left(f)[..., None] * _vector(0.0, -0.12 * lift, lift, f.red)


def _lower_down(f: LipFrame) -> Array:
    drop = np.where(f.side < 0, 7.0 - 1.2 * f.red, 0.0) * f.arc**1.2
    return _left(f)[..., None] * _vector(0.0, -0.08 * drop, -drop, f.red)


def _make_room_for_tongue(f: LipFrame) -> Array:
    middle = np.exp(-((f.across / 0.55) ** 2)) * f.arc
    return _vector(0.0, 0.0, np.where(f.side > 0, 1.5, -5.0 + f.red) * middle * np.abs(f.side), f.red)


def _blow(f: LipFrame) -> Array:
    return _vector(0.0, -2.2 * f.arc, 0.0, f.red)


def _sneer(f: LipFrame) -> Array:
    return 0.3 * _upper_up(f)


# name -> motion of the lips, and how far the skin follows in mm
_LIP_SHAPES: dict[str, tuple[Callable[[LipFrame], Array], float]] = {
    "mouthFunnel": (_funnel, 30.0),
    "mouthPucker": (_pucker, 34.0),
    "mouthLeft": (_sideways, 46.0),
    "mouthSmileLeft": (_smile, 40.0),
    "mouthFrownLeft": (_frown, 34.0),
    "mouthDimpleLeft": (_dimple, 30.0),
    "mouthStretchLeft": (_stretch, 40.0),
    "mouthRollLower": (_roll_lower, 16.0),
    "mouthRollUpper": (_roll_upper, 16.0),
    "mouthShrugLower": (_shrug_lower, 22.0),
    "mouthShrugUpper": (_shrug_upper, 18.0),
    "mouthPressLeft": (_press, 16.0),
    "mouthLowerDownLeft": (_lower_down, 24.0),
    "mouthUpperUpLeft": (_upper_up, 24.0),
    "cheekPuff": (_blow, 24.0),
    "tongueOut": (_make_room_for_tongue, 20.0),
    "noseSneerLeft": (_sneer, 24.0),
}
