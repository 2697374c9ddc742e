"""Finer regions are named by what a channel moves most, measured on the project's head."""

from __future__ import annotations

import numpy as np
import pytest

from engine.values.channels import ARKIT_52, manner_region
from engine.values.settings import MANNER_REGIONS
from tests.demo.chart_heads import test_head as project_head

HEAD = project_head()
MOVED = {name: np.linalg.norm(HEAD.shapes[name], axis=1) for name in ARKIT_52 if name in HEAD.shapes}


def middle_mm(name: str) -> np.ndarray:
    """Where a channel moves the face, weighted by how far; from the mouth."""
    weight = MOVED[name]
    return (HEAD.rest.positions * weight[:, None]).sum(axis=0) / weight.sum() - HEAD.mouth


def heights(region: str) -> list[float]:
    return [float(middle_mm(name)[2]) for name in MOVED if manner_region(name) == region and MOVED[name].any()]


def test_every_channel_has_a_region_and_every_region_a_channel():
    assert {manner_region(name) for name in ARKIT_52} == set(MANNER_REGIONS)
    assert manner_region("headYaw") is None


def test_regions_lie_on_the_face_as_their_names_say():
    assert min(heights("brows")) > max(heights("cheeks")) > max(heights("lower_lip"))
    assert min(heights("eyes")) > max(heights("upper_lip")) > min(heights("lower_lip"))
    assert np.mean(heights("jaw")) < np.mean(heights("upper_lip"))


@pytest.mark.parametrize("name", ["mouthSmile", "mouthFrown", "mouthStretch", "mouthDimple"])
def test_corners_move_away_from_the_middle_of_the_mouth(name):
    left, right = middle_mm(f"{name}Left")[0], middle_mm(f"{name}Right")[0]
    parting = [f"{lip}{side}" for lip in ("mouthUpperUp", "mouthLowerDown") for side in ("Left", "Right")]
    lips = [abs(middle_mm(channel)[0]) for channel in parting]
    assert left * right < 0 and min(abs(left), abs(right)) > max(lips)
