"""What a UniTalker is trained on: squared errors of each annotation, in vertices wherever its numbers can become some.

Kept from the reference: means over every element; vertices as they are scaled, plus a hundredth of the error of their
PCA coefficients; blendshapes as vertices of a basis, plus a ten-thousandth of the error of the weights; FLAME
parameters as vertices of the face alone. Where a user has no basis for a set, its numbers themselves are compared.
Source: specs of the released code; Fan et al., "UniTalker" (ECCV 2024), section 3.3.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn
from torch.nn import functional

from ...nets.spaces import BlendshapeSpace, FlameSpace, PcaSpace
from ..faces.samples import VERTICES, Space

PCA_WEIGHT, BLENDSHAPE_WEIGHT = 0.01, 1e-4


@dataclass(frozen=True)
class FaceWeights:
    """Weights of the second terms: of PCA coefficients, of blendshape weights beside their vertices, and of pictures
    (photometric.py; the "2D-augmented" study has 1e-7 beside squared metres, so .1 beside squared millimetres)."""

    pca: float = PCA_WEIGHT
    blendshape: float = BLENDSHAPE_WEIGHT
    pictures: float = 0.0


class FaceSpace(nn.Module):
    """From a head's output to motion, to vertices and to losses, for one annotation."""

    def __init__(
        self, space: Space, pca: PcaSpace | None = None, basis: BlendshapeSpace | FlameSpace | None = None,
        region: Tensor | None = None, unit: float = 1.0,
    ) -> None:
        """
        Args:
            pca: of vertices; None where the head gives them as they are.
            basis: what makes vertices of other numbers; None compares the numbers themselves.
            region: numbers of the basis' vertices that count; None is all.
            unit: what 1 of a head's output is worth in coefficients of the PCA.
        """
        super().__init__()
        self.space, self.pca, self.basis, self.unit = space, pca, basis, unit
        self.register_buffer("region", region, persistent=False)
        self.region: Tensor | None

    @property
    def outputs(self) -> int:
        """Numbers that the head gives for a frame."""
        return self.space.width if self.pca is None else len(self.pca.components)

    def motion(self, output: Tensor, template: Tensor) -> Tensor:
        """A head's output (b, t, k) and neutral faces (b, 1, width) -> (b, t, width)."""
        return output + template if self.pca is None else self.pca.decode(output * self.unit, template)

    def vertices(self, motion: Tensor) -> Tensor | None:
        """(..., width) -> (..., v, 3); None where no basis makes vertices of these numbers."""
        if self.space.kind == VERTICES:
            return motion.reshape(*motion.shape[:-1], -1, 3)
        if self.basis is None:
            return None
        found = self.basis.vertices(motion)
        return found if self.region is None else found[..., self.region, :]

    def error(self, given: Tensor, truth: Tensor, weights: FaceWeights) -> Tensor:
        """The reference's rec loss of motions (b, t, width)."""
        found, wanted = self.vertices(given), self.vertices(truth)
        if found is None or wanted is None or self.space.kind == VERTICES:
            return functional.mse_loss(given, truth)
        error = functional.mse_loss(found, wanted)
        if isinstance(self.basis, BlendshapeSpace):
            error = error + weights.blendshape * functional.mse_loss(given, truth)
        return error

    def losses(self, output: Tensor, truth: Tensor, template: Tensor, weights: FaceWeights) -> tuple[Tensor, Tensor]:
        """(error of the motion, error of the PCA coefficients or 0) of a head's output."""
        error = self.error(self.motion(output, template), truth, weights)
        coefficients = output.new_zeros(())
        if self.pca is not None:
            coefficients = functional.mse_loss(output * self.unit, self.pca.encode(truth, template))
        return error, coefficients
