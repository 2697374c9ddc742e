"""The test head that the add-on ships, against the modeller that makes it."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from tests.demo.head.model import COLOURS, build_head

ADDON = Path(__file__).resolve().parents[2] / "addon"
LAST_BIT_M = 3e-8       # of a float32 at the crown of the head: sines of another NumPy differ by that


def test_the_shipped_head_is_what_the_modeller_makes(monkeypatch):
    # the package `head` needs no Blender; the add-on around it does
    monkeypatch.setattr(sys, "path", [str(ADDON), *sys.path])
    from head.load import load_head

    for shipped, made in zip(load_head(), build_head(), strict=True):
        assert (shipped.name, shipped.faces, list(shipped.keys)) == (made.name, made.faces, sorted(made.shapes))
        assert shipped.materials == {name: COLOURS[name] for name in made.materials}
        assert np.array_equal(shipped.face_materials, made.face_materials)
        assert np.abs(shipped.points - made.positions).max() < LAST_BIT_M
        assert all(
            np.abs(shipped.keys[name] - made.positions - moved).max() < LAST_BIT_M
            for name, moved in made.shapes.items()
        )
