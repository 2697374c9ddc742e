"""Face spaces: from PCA coefficients, blendshape weights or FLAME parameters to vertices, differentiably.

Kept from the reference: PCA is never whitened, although its files hold the means and deviations for that; FLAME uses
400 shape and expression numbers and the jaw only, head rotation, translation and scale of the 413 are ignored;
Rodrigues' angle has 1e-8 added. Mended: the FLAME model is needed only by whoever asks for FLAME vertices. That file is
the user's own and is never bundled. Source: Li et al., "Learning a model of facial shape and expression from 4D scans"
(2017), for FLAME's skinning.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ..values.errors import ModelError

FLAME_BETAS = 400  # 300 shape, 100 expression
FLAME_JAW = slice(FLAME_BETAS, FLAME_BETAS + 3)  # axis-angle
FLAME_KEYS = ("v_template", "shapedirs", "posedirs", "J_regressor", "kintree_table", "weights")
JAW_JOINT = 2  # root, neck, jaw, left eye, right eye
ANGLE_EPSILON = 1e-8


class PcaSpace(nn.Module):
    """Vertices (flat, x y z of vertex 0, then of vertex 1) through a basis; components (k, n), mean (n,)."""

    def __init__(self, components: Tensor, mean: Tensor) -> None:
        super().__init__()
        self.register_buffer("components", components, persistent=False)
        self.register_buffer("mean", mean, persistent=False)
        self.components: Tensor
        self.mean: Tensor

    def decode(self, coefficients: Tensor, template: Tensor) -> Tensor:
        """(..., t, k) and a neutral face (n,) or (..., 1, n) -> flat vertices (..., t, n)."""
        return coefficients @ self.components + self.mean + template

    def encode(self, vertices: Tensor, template: Tensor) -> Tensor:
        """Flat vertices (..., t, n) -> coefficients (..., t, k), the inverse where the basis is complete."""
        return (vertices - template - self.mean) @ self.components.T


class BlendshapeSpace(nn.Module):
    """Mean shape (v, 3) plus weighted vertex offsets (k, v, 3)."""

    def __init__(self, mean_shape: Tensor, offsets: Tensor) -> None:
        super().__init__()
        self.register_buffer("mean_shape", mean_shape.reshape(-1, 3), persistent=False)
        self.register_buffer("offsets", offsets.flatten(1), persistent=False)
        self.mean_shape: Tensor
        self.offsets: Tensor

    def vertices(self, weights: Tensor) -> Tensor:
        """(..., k) -> (..., v, 3)."""
        return (weights @ self.offsets).reshape(*weights.shape[:-1], *self.mean_shape.shape) + self.mean_shape


class FlameSpace(nn.Module):
    """FLAME: shape and expression offsets, pose correctives, linear blend skinning of five joints."""

    def __init__(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        """arrays: FLAME_KEYS as in FLAME's own model file (see read_flame)."""
        super().__init__()
        tensors = {
            name: torch.from_numpy(np.asarray(arrays[name], np.float32))
            for name in FLAME_KEYS if name != "kintree_table"
        }
        for name, tensor in tensors.items():
            self.register_buffer(name.lower(), tensor, persistent=False)
        # The root's is never read.
        self.parents = [int(parent) for parent in np.asarray(arrays["kintree_table"])[0].astype(np.int64)]
        self.v_template: Tensor
        self.shapedirs: Tensor
        self.posedirs: Tensor
        self.j_regressor: Tensor
        self.weights: Tensor

    def vertices(self, parameters: Tensor) -> Tensor:
        """(..., 413) -> (..., v, 3); neck, eyes and root stay at rest."""
        rows = parameters.reshape(-1, parameters.shape[-1])
        shaped = self.v_template + torch.einsum("nb,vcb->nvc", rows[:, :FLAME_BETAS], self.shapedirs)
        joints = torch.einsum("jv,nvc->njc", self.j_regressor, shaped)
        pose = torch.zeros(len(rows), len(self.parents), 3, dtype=rows.dtype, device=rows.device)
        pose[:, JAW_JOINT] = rows[:, FLAME_JAW]
        rotations = rodrigues(pose)
        correctives = (rotations[:, 1:] - torch.eye(3, dtype=rows.dtype, device=rows.device)).flatten(1)
        posed = shaped + torch.einsum("np,vcp->nvc", correctives, self.posedirs)
        rotation, translation = self._chain(rotations, joints)
        turned = torch.einsum("njab,nvb->njva", rotation, posed) + translation[:, :, None]
        skinned = torch.einsum("vj,njva->nva", self.weights, turned)
        return skinned.reshape(*parameters.shape[:-1], -1, 3)

    def _chain(self, rotations: Tensor, joints: Tensor) -> tuple[Tensor, Tensor]:
        """Rotation (n, j, 3, 3) and translation (n, j, 3) from the rest pose to the posed one, parents first."""
        turns, places = [rotations[:, 0]], [joints[:, 0]]
        for joint in range(1, len(self.parents)):
            parent = self.parents[joint]
            offset = joints[:, joint] - joints[:, parent]
            places.append(places[parent] + torch.einsum("nab,nb->na", turns[parent], offset))
            turns.append(turns[parent] @ rotations[:, joint])
        rotation, place = torch.stack(turns, 1), torch.stack(places, 1)
        return rotation, place - torch.einsum("njab,njb->nja", rotation, joints)


def rodrigues(axis_angles: Tensor) -> Tensor:
    """(..., 3) axis times angle in radians -> rotation matrices (..., 3, 3)."""
    angle = torch.linalg.vector_norm(axis_angles + ANGLE_EPSILON, dim=-1, keepdim=True)
    x, y, z = (axis_angles / angle).unbind(-1)
    zero = torch.zeros_like(x)
    cross = torch.stack([zero, -z, y, z, zero, -x, -y, x, zero], -1).reshape(*x.shape, 3, 3)
    sine, cosine = torch.sin(angle)[..., None], torch.cos(angle)[..., None]
    return torch.eye(3, dtype=cross.dtype, device=cross.device) + sine * cross + (1 - cosine) * (cross @ cross)


def read_flame(path: Path) -> FlameSpace:
    """FLAME from the user's own file: an .npz with the arrays of the published model.

    Raises:
        ModelError: no such file, a pickle (never opened: it can run code), or arrays that are missing.
    """
    try:
        with np.load(path, allow_pickle=False) as arrays:
            return FlameSpace({name: arrays[name] for name in FLAME_KEYS})
    except (OSError, ValueError, KeyError) as error:
        raise ModelError(
            f"FLAME model {path} cannot be read ({error}). Give an .npz with {', '.join(FLAME_KEYS)}; a .pkl is not "
            "opened, since it can run code: "
            "save its arrays with numpy.savez once."
        ) from error
