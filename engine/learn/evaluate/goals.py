"""What the bundled model is meant to reach on real speech that it never saw, and whether it does."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from .bootstrap import Figure


@dataclass(frozen=True)
class Goal:
    """A measure's goal without and with the transcript; `below` goals are met from below, `within` by the size of the value."""

    plain: float
    transcript: float
    how: str = "above"

    def met(self, value: float, transcript: bool = False) -> bool | None:
        """Whether a value reaches the goal to three decimals; None for no value."""
        wanted = self.transcript if transcript else self.plain
        if math.isnan(value):
            return None
        if self.how == "above":
            return value >= wanted - 0.0005
        return (abs(value) if self.how == "within" else value) <= wanted + 0.0005


GOALS: Mapping[str, Goal] = {
    "pbm_recall": Goal(0.96, 0.99), "closure_auc": Goal(0.975, 0.99), "closure_precision": Goal(0.90, 0.97),
    "vowels_shut": Goal(0.01, 0.005, "below"), "fv_recall": Goal(0.88, 0.97), "fv_precision": Goal(0.92, 0.98),
    "round_recall": Goal(0.93, 0.97), "round_false": Goal(0.05, 0.03, "below"), "round_auc": Goal(0.975, 0.99), "open_auc": Goal(0.98, 0.99),
    "silence_shut": Goal(0.99, 0.99), "r_lip": Goal(0.88, 0.95), "r_jaw": Goal(0.91, 0.95), "r_round": Goal(0.88, 0.95),
    "r_closure": Goal(0.83, 0.93), "lag_ms": Goal(10.0, 10.0, "within"),
}
NOISY_GOALS: Mapping[str, Goal] = {"pbm_recall": Goal(0.88, 0.88)}  # room and pink noise 10 dB below the voice
PAIRED_GOALS: Mapping[str, Goal] = {"jaw": Goal(0.87, 0.87), "round": Goal(0.75, 0.75)}  # r with the animators' curves at the best shift


def verdict(goal: Goal | None, figure: Figure | float, transcript: bool = False) -> str:
    """met, NOT met, or - where there is no goal or no event."""
    met = goal.met(figure.value if isinstance(figure, Figure) else figure, transcript) if goal else None
    return "-" if met is None else "met" if met else "NOT met"


def shown(goal: Goal | None, transcript: bool = False) -> str:
    """The goal as a reader writes it."""
    if goal is None:
        return "-"
    wanted = goal.transcript if transcript else goal.plain
    sign = {"above": ">=", "below": "<=", "within": "+-"}[goal.how]
    return f"{sign} {wanted:g}"
