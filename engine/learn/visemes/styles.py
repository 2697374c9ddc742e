"""Speaking styles: controlled changes of the viseme model. A style changes the targets, never what is forced."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class SpeakingStyle:
    """Controlled changes of the targets; 1 and 0 leave them as they are.

    Attributes:
        jaw, parting, rounding, spread: factors of jaw opening, of lip parting, of funnel and pucker, of stretch and
            smile.
        smile, funnel: added while the voice speaks.
        blending: factor of how far phones reach into their neighbours; below 1 is crisp.
        effort: factor of the press on closed lips.
        reduction: factor of what short phones lose of their targets; 0 loses nothing.
    """

    jaw: float = 1.0
    parting: float = 1.0
    rounding: float = 1.0
    spread: float = 1.0
    smile: float = 0.0
    funnel: float = 0.0
    blending: float = 1.0
    effort: float = 1.0
    reduction: float = 1.0


NEUTRAL = SpeakingStyle()
# Pairs of opposites, so that their mean, which the pivot learns, is the neutral style.
STYLES: Mapping[str, SpeakingStyle] = {
    "relaxed": SpeakingStyle(
        jaw=0.80, parting=0.75, rounding=0.85, spread=0.8, blending=1.25, effort=0.8, reduction=1.3
    ),
    "clear": SpeakingStyle(jaw=1.15, parting=1.35, rounding=1.15, spread=1.2, blending=0.75, effort=1.3, reduction=0.3),
    "wide": SpeakingStyle(spread=1.7, smile=0.14, rounding=0.75, parting=1.15),
    "rounded": SpeakingStyle(spread=0.3, funnel=0.12, rounding=1.20, parting=0.90),
    "soft": SpeakingStyle(jaw=0.65, parting=0.85, blending=1.1, effort=0.5),
    "energetic": SpeakingStyle(
        jaw=1.40, parting=1.30, rounding=1.05, spread=1.3, smile=0.03, blending=0.9, effort=1.5, reduction=0.7
    ),
    "mumbled": SpeakingStyle(
        jaw=0.50, parting=0.50, rounding=0.70, spread=0.5, blending=1.35, effort=0.7, reduction=1.6
    ),
    "singing": SpeakingStyle(
        jaw=1.45, parting=0.95, rounding=1.20, spread=0.6, funnel=0.06, blending=1.15, effort=0.9, reduction=0.4
    ),
}
