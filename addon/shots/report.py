"""What the report says of a job in Blender, beside what it says of every job. docs/BATCH.md explains its fields."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Self

from ...engine.files.journal import JobEntry


@dataclass
class ShotEntry(JobEntry):
    """One job of the report.

    Attributes:
        blend, save: the file that was opened and the one that was written.
        missing: channels that the character lacks, as the panel shows them.
        character, sound: what was keyed by what.
        channels: face channels that drive something on the character. frames: of the line.
    """

    blend: str = ""
    save: str = ""
    missing: list[str] = field(default_factory=list)
    character: str = ""
    sound: str = ""
    channels: int = 0
    frames: int = 0

    SAID_BY_THE_JOB: ClassVar[tuple[str, ...]] = (*JobEntry.SAID_BY_THE_JOB, "blend", "save")

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """As of every job; version 0.1 noted the file and its pictures under names of their own."""
        entry = super().from_json(values)
        if values.get("output_sha256"):
            entry.outputs.setdefault(entry.save, values["output_sha256"])
        for path in values.get("pictures", ()):
            entry.outputs.setdefault(path, "")
        return entry

    def to_json(self) -> dict[str, object]:
        """All fields, and what version 0.1 said of the outputs."""
        pictures = [path for path in self.outputs if path != self.save]
        return super().to_json() | {"output_sha256": self.outputs.get(self.save, ""), "pictures": pictures}
