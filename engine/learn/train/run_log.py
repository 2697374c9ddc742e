"""Figures of a run as it goes, for a spreadsheet or a plot: a csv of step, name, value."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

LOG = "log.csv"         # in the run's folder
HEADER = "step,name,value"


class RunLog:
    """Appends rows; those of steps that a run which was stopped makes again go first."""

    def __init__(self, file: Path, step: int) -> None:
        """step: at which the run goes on."""
        self.file = file
        rows = file.read_text(encoding="utf-8").splitlines()[1:] if file.is_file() else []
        kept = [row for row in rows if int(row.split(",", 1)[0]) <= step]
        file.write_text("\n".join([HEADER, *kept]) + "\n", encoding="utf-8")

    def add(self, step: int, values: Mapping[str, float]) -> None:
        """One row a value."""
        with self.file.open("a", encoding="utf-8") as file:
            file.writelines(f"{step},{name},{value:.8g}\n" for name, value in values.items())
