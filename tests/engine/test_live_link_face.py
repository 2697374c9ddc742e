"""Takes as the Live Link Face app writes them: its time codes carry fractions, and may count two frames for each
row."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from engine.files.motion import read_motion
from engine.values.channels import LIVE_LINK_COLUMNS

TAKES = Path(__file__).resolve().parents[3] / "shared" / "data" / "paired" / "arkit_rom_alexdjulin_noaudio"


def _take(folder: Path, step: int, per_second: int, n_rows: int) -> Path:
    """A take in which JawOpen counts the rows; time codes run at per_second and advance by step."""
    lines = [",".join(LIVE_LINK_COLUMNS)]
    for row in range(n_rows):
        seconds, part = divmod(31 + row * step, per_second)
        values = {
            "Timecode": f"13:59:{58 + seconds:02d}:{part:02d}.652", "BlendShapeCount": "61",
            "JawOpen": f"{row / 1000:.10f}",
        }
        lines.append(",".join(values.get(column, "0.0000000000") for column in LIVE_LINK_COLUMNS))
    path = folder / "take.csv"
    path.write_text("\r\n".join(lines) + "\r\n", encoding="utf-8")
    return path


@pytest.mark.parametrize(("step", "per_second", "fps"), [(1, 60, 60.0), (2, 60, 30.0), (1, 24, 24.0)])
def test_rate_of_a_take_comes_from_rows_per_second(tmp_path, step, per_second, fps):
    motion = read_motion(_take(tmp_path, step, per_second, 90))
    assert motion.fps == fps
    assert motion.weights.shape == (90, 52)
    assert motion["jawOpen"][[0, 89]] == pytest.approx([0.0, 0.089])


@pytest.mark.skipif(not TAKES.is_dir(), reason="needs ../shared/data/paired")
@pytest.mark.parametrize(("name", "n_frames"), [("alex_rom_3", 4030), ("alex_rom_4", 3809)])
def test_real_takes_are_read_whole(tmp_path, name, n_frames):
    path = tmp_path / f"{name}.csv"
    path.write_bytes(gzip.decompress((TAKES / f"{name}.csv.gz").read_bytes()))
    motion = read_motion(path)
    assert (motion.weights.shape, motion.fps) == ((n_frames, 52), 30.0)
    assert motion.weights.min() >= 0.0
    assert motion["jawOpen"].max() == pytest.approx(1.0, abs=0.1)
