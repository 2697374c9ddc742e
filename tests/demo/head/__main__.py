"""Model the test head and write it as the data that the add-on ships: `python -m tests.demo.head`."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from .model import COLOURS, Part, build_head

SHIPPED = Path(__file__).resolve().parents[3] / "addon" / "head" / "head.npz"


def to_arrays(parts: Iterable[Part]) -> dict[str, np.ndarray]:
    """The parts as the loader in addon/head reads them; coordinates are rounded to float32 once, here."""
    arrays = {}
    names = []
    for part in parts:
        names.append(part.name)
        basis = part.positions.astype(np.float32)
        arrays[f"{part.name} points"] = basis
        arrays[f"{part.name} corners"] = np.concatenate([np.array(face, np.uint16) for face in part.faces])
        arrays[f"{part.name} corners of face"] = np.array([len(face) for face in part.faces], np.uint8)
        arrays[f"{part.name} material of face"] = np.asarray(part.face_materials, np.uint8)
        arrays[f"{part.name} materials"] = np.array(part.materials)
        arrays[f"{part.name} colours"] = np.array([COLOURS[name] for name in part.materials])
        arrays[f"{part.name} keys"] = np.array(sorted(part.shapes), dtype=np.str_)
        if part.shapes:
            keys = np.stack([(part.positions + part.shapes[key]).astype(np.float32) for key in sorted(part.shapes)])
            arrays[f"{part.name} changes"] = _byte_planes(keys.view(np.int32) - basis.view(np.int32))
    return {"parts": np.array(names), **arrays}


def _byte_planes(numbers: np.ndarray) -> np.ndarray:
    """(12, keys, n) uint8 of (keys, n, 3) int32: byte by byte, so that most are runs of zeros, which compress to half
    the size."""
    return np.moveaxis(numbers.view(np.uint8), -1, 0)


if __name__ == "__main__":
    np.savez_compressed(SHIPPED, **to_arrays(build_head()))
