"""What a transcript brings on real speech, measured with the bundled model: run with -s for the table.

engine/learn/data/evaluation_transcripts.json holds what is said in the clips of english_aligned. The phone times there
come from another aligner (pocketsphinx), so a part of the differences is its.
"""

from __future__ import annotations

import json
import sys
from dataclasses import asdict, dataclass, replace
from difflib import SequenceMatcher
from pathlib import Path

import numpy as np
import pytest

from engine import Animation, Settings, Waveform, animate
from engine.learn.data.evaluation_sets import TRANSCRIPTS
from engine.learn.data.recordings import Clip, RealSpeech
from engine.learn.evaluate.metrics import FPS, Measures, measure, seen_mouth
from engine.speech import cues
from engine.speech.align import align
from engine.speech.g2p import read_words
from engine.values.cache import forget_all
from engine.values.phones import Phone
from tests.needs import needs_espeak

SPEECH = Path(__file__).resolve().parents[3] / "shared" / "data" / "speech" / "english_aligned"
TEXTS = json.loads(TRANSCRIPTS.read_text(encoding="utf-8"))["english_aligned"]
OTHERS_PER_CLIP = 6
pytestmark = [
    pytest.mark.skipif(not SPEECH.is_dir(), reason="../shared/data/speech/english_aligned is not here"),
    needs_espeak,
]


@dataclass(frozen=True)
class Run:
    """Everything measured once: clips, animations with and without transcripts, misfits of right and of wrong
    transcripts."""

    clips: tuple[Clip, ...]
    told: dict[str, Animation]
    columns: dict[str, Measures]
    right: list[float]
    wrong: list[float]


@pytest.fixture(scope="module")
def measured() -> Run:
    forget_all()        # another test of this process may have listened to these clips
    speech = RealSpeech.read(SPEECH)
    heard: dict[str, tuple[np.ndarray, tuple[str, ...]]] = {}
    without: dict[str, Animation] = {}
    told: dict[str, Animation] = {}
    with pytest.MonkeyPatch.context() as patch:
        def note(scores, names, rate_hz, words=None):
            heard["last"] = (scores, names)
            return cues.find_cues(scores, names, rate_hz, words)

        patch.setattr("engine.pipeline.find_cues", note)
        right, wrong = [], []
        random = np.random.default_rng(0)
        for clip in speech.clips:       # one clip after the other: the features of its sound are made once
            wave = Waveform(np.ascontiguousarray(clip.samples, np.float32))
            settings = Settings(fps=FPS, device="cpu", threads=1)
            without[clip.name] = animate(wave, settings)
            told[clip.name] = animate(wave, replace(settings, transcript=TEXTS[clip.name]))
            right.append(misfit(TEXTS[clip.name], *heard["last"]))
            others = [name for name in TEXTS if TEXTS[name] != TEXTS[clip.name]]
            wrong += [misfit(TEXTS[name], *heard["last"]) for name in random.permutation(others)[:OTHERS_PER_CLIP]]
    columns = {
        title: measure(
            {name: seen_mouth(made.motion.weights, made.motion.channels) for name, made in animations.items()},
            speech.phones,
        )
        for title, animations in (("sound alone", without), ("with transcript", told))
    }
    return Run(speech.clips, told, columns, right, wrong)


def misfit(text: str, scores: np.ndarray, names: tuple[str, ...]) -> float:
    """Misfit of a text, as transcript.find_cues() sees it; infinite for one that the sound has no time for."""
    words = cues.as_columns(read_words(text), names)
    return align(scores, words, names.index("SIL")).fit if sum(map(len, words)) <= len(scores) else float("inf")


def boundary_ms(ours: tuple[Phone, ...], theirs: tuple[Phone, ...]) -> list[float]:
    """Differences of the starts of the phones that both have, in milliseconds."""
    ours_spoken, theirs_spoken = ([phone for phone in phones if phone.label != "SIL"] for phones in (ours, theirs))
    labels = [
        ["AH" if phone.label == "AX" else phone.label for phone in phones] for phones in (ours_spoken, theirs_spoken)
    ]
    blocks = SequenceMatcher(None, *labels, autojunk=False).get_matching_blocks()
    return [
        1000 * (ours_spoken[a + i].start_s - theirs_spoken[b + i].start_s) for a, b, size in blocks for i in range(size)
    ]


def test_a_transcript_is_known_from_another_one(measured):
    false_alarms = sum(value > cues.MISFIT for value in measured.right)
    misses = sum(value <= cues.MISFIT for value in measured.wrong)
    sys.stdout.write(
        f"\nmisfit of the right text: median {np.median(measured.right):.2f}, at most {max(measured.right):.2f}; false "
        f"alarms {false_alarms} of {len(measured.right)}\n"
    )
    sys.stdout.write(
        f"of another clip's text: median {np.median(measured.wrong):.2f}, at least {min(measured.wrong):.2f}; misses "
        f"{misses} of {len(measured.wrong)}\n"
    )
    assert false_alarms <= 1
    assert misses <= 0.02 * len(measured.wrong)


def test_phones_start_where_another_aligner_puts_them(measured):
    differences = np.array([
        value for clip in measured.clips for value in boundary_ms(measured.told[clip.name].phones, clip.phones)
    ])
    n_phones = sum(phone.label != "SIL" for clip in measured.clips for phone in clip.phones)
    sys.stdout.write(
        f"\nstarts of {len(differences)} of {n_phones} phones: median difference {np.median(differences):+.0f} ms, "
        "median size "
        f"{np.median(np.abs(differences)):.0f} ms, {np.mean(np.abs(differences) <= 50):.0%} within 50 ms\n"
    )
    assert len(differences) > 0.85 * n_phones
    assert np.median(np.abs(differences)) <= 20


def test_a_transcript_makes_the_mouth_better(measured):
    alone, told = (asdict(measured.columns[name]) for name in ("sound alone", "with transcript"))
    sys.stdout.write("\n" + "\n".join(f"{name:20s} {alone[name]:.3f} {told[name]:.3f}" for name in told) + "\n")
    for name, least in (
        ("pbm_recall", 0.97), ("closure_auc", 0.97), ("fv_recall", 0.97), ("round_recall", 0.93), ("round_auc", 0.98),
        ("silence_shut", 0.97),
    ):
        assert told[name] >= max(least, alone[name] - 0.005), name
    assert told["closure_precision"] > alone["closure_precision"] and told["fv_precision"] > alone["fv_precision"]
    assert told["round_false"] < max(0.08, alone["round_false"]) and told["vowels_shut"] <= alone["vowels_shut"] + 0.005
