"""Compare two faces as a camera sees them: a small renderer with a gradient, and the loss on its pictures.

Both sides are rendered, so no photograph is needed. Which triangle a pixel shows is found without a gradient; how
bright it is there is computed from the live vertices, so the gradient is exact wherever the visible triangle stays the
same. Outlines have no gradient: prediction and target share their triangles and nearly coincide, and the mask leaves
out what only one of them covers. Source: "2D-augmented" study, photometric loss; the study names no renderer, camera or
light, so those are ours. The depth test packs depth and triangle into one number and takes the smallest for each pixel.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from ...values.array_files import ArrayFileError, read_arrays
from ...values.errors import SettingError

LIGHT = (0.2, 0.3, 1.0)         # towards the light, in camera axes: right, up, towards the camera
AMBIENT = 0.25                  # brightness of what faces away from the light
FILL = 0.9                      # of the picture's side that the face takes
REFERENCE_SIDE = 224            # pixels for which the loss is counted, whatever size is rendered
DEPTH_STEPS = 2**24             # of the depth test
NOTHING = 2**62                 # packed depth and triangle of a pixel that shows no face
TINY = 1e-12                    # keeps the direction of a normal of length 0 defined


@dataclass(frozen=True)
class Camera:
    """A camera from far away that looks along an axis; the same for all frames of a data set.

    Attributes:
        centre: (3,) of the picture, in the vertices' units; scale: pixels for one unit.
        axes: (3, 3), rows: right, up and towards the camera, in the vertices' axes.
        side: pixels of the square picture.
    """

    centre: Tensor
    scale: float
    axes: Tensor
    side: int

    def project(self, vertices: Tensor) -> Tensor:
        """(..., v, 3) -> pixels from the left, pixels from the top, and depth that falls towards the camera."""
        seen = (vertices - self.centre) @ self.axes.T * self.scale
        half = self.side / 2
        return torch.stack([half + seen[..., 0], half - seen[..., 1], -seen[..., 2]], -1)


def face_camera(template: Tensor, side: int = 128, up: str = "y") -> Camera:
    """The camera before a neutral face (v, 3), which fills 90 % of the picture.

    Args:
        up: "y" for heads that look along +z, "z" for Blender's, which look along -y.
    Raises:
        SettingError: another axis, or a face without size.
    """
    axes = {"y": [[1, 0, 0], [0, 1, 0], [0, 0, 1]], "z": [[1, 0, 0], [0, 0, 1], [0, -1, 0]]}
    if up not in axes:
        raise SettingError(f"The axis that points up is {up!r}, must be y or z.")
    turned = torch.tensor(axes[up], dtype=template.dtype)
    seen = template @ turned.T
    low, high = seen.amin(0), seen.amax(0)
    size = float((high - low)[:2].max())
    if not size > 0:
        raise SettingError(f"The neutral face has a size of {size}, so no camera sees it. Give its vertices (v, 3).")
    return Camera((low + high) / 2 @ turned, FILL * side / size, turned, side)


@dataclass(frozen=True)
class Picture:
    """What the camera sees of each frame.

    Attributes:
        colours: (frames, side, side, c) in 0..1 with their gradient; 0 where no face is.
        triangles: (frames, side, side) int64 number of the triangle that a pixel shows, -1 for none.
    """

    colours: Tensor
    triangles: Tensor


class Renderer:
    """Renders frames of one mesh."""

    def __init__(
        self, triangles: NDArray[np.integer] | Tensor, camera: Camera, albedo: Tensor | None = None,
        light: tuple[float, float, float] = LIGHT, face: Tensor | None = None,
    ) -> None:
        """
        Args:
            triangles: (f, 3) vertex numbers, counter-clockwise for who looks at their front.
            albedo: (v, c) colour of each vertex in 0..1; None is grey, one channel.
            light: towards it, in camera axes.
            face: (f,) bool, triangles that count in photometric_loss; None counts all.
        """
        self.triangles = torch.as_tensor(np.asarray(triangles), dtype=torch.int64)
        self.camera, self.albedo, self.light, self.face = camera, albedo, light, face

    def __call__(self, vertices: Tensor) -> Picture:
        """(frames, v, 3) -> pictures."""
        seen = self.camera.project(vertices)
        with torch.no_grad():
            visible = self._visible(seen.detach())
        return Picture(self._shade(vertices, seen, visible), visible)

    def _visible(self, seen: Tensor) -> Tensor:
        """(frames, side, side) the nearest triangle that faces the camera, -1 where there is none."""
        frames, side = len(seen), self.camera.side
        corners = seen[:, self.triangles]                           # (frames, f, 3 corners, 3)
        low = corners[..., :2].amin(2).sub(0.5).ceil().clamp(min=0)     # pixel centres lie at halves
        high = corners[..., :2].amax(2).sub(0.5).floor().clamp(max=side - 1)
        boxes = (high - low + 1).amax(-1)
        is_seen = ((high >= low).all(-1)) & (_twice_area(corners) < 0)  # the picture's y axis points down
        packed = torch.full((frames * side * side,), NOTHING, dtype=torch.int64)
        reach = 1
        while bool((is_seen & (boxes > reach // 2)).any()):
            chosen = is_seen & (boxes <= reach) & (boxes > reach // 2)
            frame, triangle = chosen.nonzero(as_tuple=True)
            if len(frame):
                self._into(packed, corners[frame, triangle], low[frame, triangle], (frame, triangle, reach))
            reach *= 2
        nearest = packed.reshape(frames, side, side)
        return torch.where(nearest == NOTHING, torch.tensor(-1), nearest & 0xffffffff)

    def _into(
        self, packed: Tensor, corners: Tensor, low: Tensor, which: tuple[Tensor, Tensor, int],
    ) -> None:
        """Offer triangles (n, 3, 3) to the pixels of their boxes of reach x reach pixels from `low`."""
        frame, triangle, reach = which
        side = self.camera.side
        steps = torch.arange(reach, dtype=low.dtype)
        offsets = torch.stack(torch.meshgrid(steps, steps, indexing="xy"), -1).reshape(-1, 2)
        pixels = low[:, None] + offsets                             # (n, reach^2, 2) column and row
        shares = _shares(corners[:, None], pixels + 0.5)
        inside = (shares >= 0).all(-1) & (pixels < side).all(-1)
        depth = (shares * corners[:, None, :, 2]).sum(-1)
        steps_deep = ((depth / side * 0.25 + 0.5).clamp(0, 1) * (DEPTH_STEPS - 1)).long()
        cell = (frame[:, None] * side + pixels[..., 1].long()) * side + pixels[..., 0].long()
        number = (steps_deep << 32) | triangle[:, None].expand_as(steps_deep)
        packed.scatter_reduce_(0, cell[inside], number[inside], "amin")

    def _shade(self, vertices: Tensor, seen: Tensor, visible: Tensor) -> Tensor:
        """(frames, side, side, c): light on the surface, times its colour, at each pixel that shows a triangle."""
        frame, row, column = (visible >= 0).nonzero(as_tuple=True)
        corners = self.triangles[visible[frame, row, column]]
        centre = torch.stack([column, row], -1).to(seen.dtype) + 0.5
        shares = _shares(seen[frame[:, None], corners], centre)
        normals = functional.normalize(
            (self._normals(vertices)[frame[:, None], corners] * shares[..., None]).sum(1), dim=-1, eps=TINY
        )
        towards = functional.normalize(torch.tensor(self.light, dtype=seen.dtype), dim=0) @ self.camera.axes
        light = AMBIENT + (1 - AMBIENT) * (normals @ towards).clamp_min(0)
        colours = light[:, None]
        if self.albedo is not None:
            colours = colours * (self.albedo[corners] * shares[..., None]).sum(1)
        picture = seen.new_zeros(*visible.shape, colours.shape[1])
        return picture.index_put((frame, row, column), colours)

    def _normals(self, vertices: Tensor) -> Tensor:
        """(frames, v, 3) normals of the vertices, each the mean of its triangles by area, of length 1."""
        corners = vertices[:, self.triangles]
        across = torch.linalg.cross(corners[:, :, 1] - corners[:, :, 0], corners[:, :, 2] - corners[:, :, 0])
        summed = torch.zeros_like(vertices).index_add(
            1, self.triangles.reshape(-1), across.repeat_interleave(3, dim=1)
        )
        return functional.normalize(summed, dim=-1, eps=TINY)


def read_mesh(file: Path, template: Tensor) -> Renderer:
    """The renderer of a data set's topology, before its neutral face (v, 3).

    Args:
        file: .npz of `triangles` (f, 3), counter-clockwise from their front; where wanted `face` (f,) bool, those that
            count, and `up`, the axis that points up: "y" (which is usual) or "z".
    Raises:
        SettingError: no such file, or one that does not fit the face.
    """
    try:
        arrays = read_arrays(file)
        triangles = np.asarray(arrays["triangles"], np.int64)
        is_flat = triangles.ndim == 2 and triangles.shape[1] == 3 and len(triangles)
        if not is_flat or not 0 <= triangles.min() <= triangles.max() < len(template):
            raise ValueError(f"triangles have shape {triangles.shape}, for {len(template)} vertices")
        face = torch.from_numpy(np.asarray(arrays["face"], np.bool_)) if "face" in arrays else None
        if face is not None and face.shape != (len(triangles),):
            raise ValueError(f"face has shape {tuple(face.shape)}, for {len(triangles)} triangles")
        up = str(arrays["up"]) if "up" in arrays else "y"
    except (OSError, ArrayFileError, ValueError, KeyError) as error:
        raise SettingError(
            f"Pictures need the triangles of the data set, and {file} does not give them ({error}). Save them with "
            "numpy.savez: triangles (f, 3), and up as 'y' or 'z'."
        ) from error
    return Renderer(triangles, face_camera(template, up=up), face=face)


def photometric_loss(renderer: Renderer, predicted: Tensor, target: Tensor) -> Tensor:
    """Absolute difference of the two renderings, summed over pixels and colours, mean over frames.

    Pixels that only one side covers do not count, nor those of triangles outside the renderer's face.

    Args:
        predicted, target: vertices (frames, v, 3).
    Returns:
        A tensor without axes, as if the pictures had 224 x 224 pixels.
    """
    ours, theirs = renderer(predicted), renderer(target)
    counts = (ours.triangles >= 0) & (theirs.triangles >= 0)
    if renderer.face is not None:
        counts &= renderer.face[ours.triangles.clamp_min(0)] & renderer.face[theirs.triangles.clamp_min(0)]
    difference = (ours.colours - theirs.colours).abs().sum(-1)[counts].sum()
    return difference / len(predicted) * (REFERENCE_SIDE / renderer.camera.side) ** 2


def position_albedo(template: Tensor) -> Tensor:
    """Colours (v, 3) that name the place on a neutral face (v, 3), so that motion along the surface shows too."""
    low, high = template.amin(0), template.amax(0)
    return (template - low) / (high - low).clamp_min(TINY)


def _twice_area(corners: Tensor) -> Tensor:
    """(..., 3, >= 2) -> twice the signed area in the picture."""
    a, b, c = corners[..., 0, :2], corners[..., 1, :2], corners[..., 2, :2]
    return _cross(b - a, c - a)


def _cross(a: Tensor, b: Tensor) -> Tensor:
    return a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0]


def _shares(corners: Tensor, points: Tensor) -> Tensor:
    """Barycentric coordinates (..., 3) of points (..., 2) in triangles (..., 3 corners, >= 2)."""
    a, b, c = corners[..., 0, :2], corners[..., 1, :2], corners[..., 2, :2]
    whole = _cross(b - a, c - a)
    whole = torch.where(whole == 0, torch.full_like(whole, TINY), whole)
    second, third = _cross(points - a, c - a) / whole, _cross(b - a, points - a) / whole
    return torch.stack([1 - second - third, second, third], -1)
