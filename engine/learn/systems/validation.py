"""Score a network in training on real speech, so that voices choose the best checkpoint, not synthetic ones."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from ...motion import lip_contact
from ...nets.encoders import RATE_HZ
from ...nets.unitalker import UniTalker
from ...values.channels import ARKIT_52
from ...values.types import Motion
from ..data.batches import frame_labels
from ..data.recordings import SAMPLES_PER_FRAME, Clip, RealSpeech
from ..evaluate.metrics import CLOSURE_TIMES, measure, seen_mouth
from ..synth.phones import PHONES
from .contract import Judgement

PHONE_WEIGHT = 10.0


def validate(network: UniTalker, head: str, speech: RealSpeech) -> Judgement:
    """Run the pivot on the first half of the voices, with the engine's help at lip contacts.

    The score adds what a viewer sees first. Those measures have a few hundred events, so near the end they differ by
    chance only; the share of frames whose phone is recognised, which has thousands, decides then.
    """
    half = speech.half_of_the_voices(second=False)
    mouths, right = {}, []
    with torch.no_grad():
        for clip in half.clips:
            weights, logits = _run(network, head, clip)
            right.append(logits.argmax(axis=1) == frame_labels(list(clip.phones), len(logits)))
            helped = lip_contact.close_lips(
                Motion(weights, tuple(ARKIT_52), float(RATE_HZ)), lip_contact.contact_scores(logits, tuple(PHONES))
            )
            mouths[clip.name] = seen_mouth(helped.weights, ARKIT_52)
    m, known = measure(mouths, half.phones), float(np.concatenate(right).mean())
    late_ms = float(np.nanmean([abs(getattr(m, name)) for name in CLOSURE_TIMES]))
    seen = 2 * m.closure_auc + m.open_auc + m.round_auc + m.pbm_recall + m.closure_precision + m.fv_recall
    seen -= late_ms / 100
    line = (f"phones {known:.3f} pbm {m.pbm_recall:.2f} auc {m.closure_auc:.3f} precision {m.closure_precision:.2f} fv "
            f"{m.fv_recall:.2f}/{m.fv_precision:.2f} round {m.round_recall:.2f}/{m.round_false:.2f} open "
            f"{m.open_auc:.2f} silence {m.silence_shut:.2f} vowels shut {m.vowels_shut:.3f} closures off by "
            f"{late_ms:.0f} ms")
    return Judgement(seen + PHONE_WEIGHT * known, line)


def _run(network: UniTalker, head: str, clip: Clip) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Weights (t, 52) and phone logits (t, p) of a clip."""
    assert network.phone_head is not None
    wave = torch.zeros(1, clip.frames * SAMPLES_PER_FRAME)
    wave[0, :clip.samples.size] = torch.from_numpy(clip.samples)
    features = network.encoder(wave)
    weights = network.from_features(features, torch.tensor([network.pivot_index]), head)[0].clamp(0, 1)
    return weights.numpy(), network.phone_head(features)[0].numpy()
