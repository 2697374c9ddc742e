"""What the evaluator finds, and how it is handed over."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from ...values.errors import OutputError
from ..data.evaluation_sets import EvaluationSet
from .bootstrap import Figure
from .expression import ExpressionReport
from .filmed import FilmedReport
from .metrics import Measures, SeenMouth
from .paired import PairedClip

OURS, UNSEEN, NOISY, LOUDNESS = "ours", "ours, unseen voices", "ours, room + noise", "loudness"
REFERENCE, WITH_TRANSCRIPT, FORMULA = "viseme model", "ours + transcript", "ours, opening by A"


@dataclass(frozen=True)
class SetReport:
    """One set of recordings, measured.

    Attributes:
        systems: figures by system ("ours" are all voices) and measure.
        kinds: ours by kind of recording, and measure; empty where all clips are of one kind.
        mouths: what was measured, by system and clip.
        speed: seconds of speech per second of work, on one thread.
    """

    recordings: EvaluationSet
    systems: Mapping[str, Mapping[str, Figure]]
    kinds: Mapping[str, Mapping[str, Figure]]
    mouths: Mapping[str, Mapping[str, SeenMouth]]
    speed: float

    @property
    def columns(self) -> dict[str, Measures]:
        """Plain values by system, where phone times are known."""
        names = [item.name for item in fields(Measures)]
        known = {name: column for name, column in self.systems.items() if names[0] in column}
        return {name: Measures(**{m: column[m].value for m in names}) for name, column in known.items()}


@dataclass(frozen=True)
class ModelReport:
    """All sets, the clips with animators' curves, filmed lips, effort and laughter."""

    model: str
    sets: tuple[SetReport, ...]
    paired: tuple[PairedClip, ...]
    filmed: tuple[FilmedReport, ...] = ()
    expression: ExpressionReport | None = None


def write_result(json_to: str | None, content: dict[str, Any], text: Callable[[], str]) -> None:
    """The table on stdout, JSON instead of it ("-"), or both, the JSON in a file.

    Raises:
        OutputError: the file cannot be written.
    """
    if json_to == "-":
        sys.stdout.write(json.dumps(content, indent=1) + "\n")
        return
    sys.stdout.write(text() + "\n")
    if json_to:
        try:
            Path(json_to).write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
        except OSError as error:
            raise OutputError(f"{json_to} cannot be written ({error}). Give --json another file.") from error
