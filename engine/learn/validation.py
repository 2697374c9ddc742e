"""Score a network in training on real speech, so that the best checkpoint is chosen on voices, not on synthetic ones."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from ..channels import ARKIT_52
from ..nets.unitalker import UniTalker
from .metrics import measure, seen_mouth
from .recordings import SAMPLES_PER_FRAME, RealSpeech


@dataclass(frozen=True)
class Validation:
    """One number to choose by, and a line for the log."""

    score: float
    line: str


def validate(model: UniTalker, head: str, speech: RealSpeech) -> Validation:
    """Run the pivot on the first half of the voices; the score adds what a viewer sees first."""
    half = speech.half_of_the_voices(second=False)
    mouths = {}
    with torch.no_grad():
        for clip in half.clips:
            wave = torch.zeros(1, clip.frames * SAMPLES_PER_FRAME)
            wave[0, :clip.samples.size] = torch.from_numpy(clip.samples)
            weights = model(wave, torch.tensor([model.pivot_index]), head)[0].clamp(0, 1).numpy()
            mouths[clip.name] = seen_mouth(weights, ARKIT_52)
    m = measure(mouths, half.phones)
    score = m.r_lip + m.r_jaw + m.r_round + m.r_closure + 2 * m.closure_auc + m.open_auc + m.round_auc
    line = (f"score {score:.3f} pbm {m.pbm_recall:.2f} auc {m.closure_auc:.3f} precision {m.closure_precision:.2f} fv "
            f"{m.fv_recall:.2f}/{m.fv_precision:.2f} round {m.round_recall:.2f}/{m.round_false:.2f} open {m.open_auc:.2f} silence "
            f"{m.silence_shut:.2f} r {m.r_lip:.3f} {m.r_jaw:.3f} {m.r_round:.3f} {m.r_closure:.3f} lag {m.lag_ms:+.0f}")
    return Validation(score, line)
