"""From what the decoder gives to the motion on the scene's clock. The order of all that shapes motion is here, and nowhere else.

Heads of blendshapes go through all of it; vertices and FLAME parameters, which have no limits and no rest at 0, through smoothing and the
clock alone; Settings.raw through none of it.

| step | on the model's clock | why there |
|---|---|---|
| 0 | phones that the user edited (phone_edit.py, called by pipeline.py) | they stand for the voice itself |
| 1 | transcript and contacts (transcript.py, lips.py) | what is said decides where the lips touch; from then on every step keeps that |
| 2 | limits, silence, rest at both ends (smooth.py) | all that closes the mouth comes before what shapes it |
| 3 | smoothing, the face's and the regions' (smooth.py) | first, so that articulation does not sharpen what is then blurred |
| 4 | articulation (articulation.py) | crisper or lazier than the voice |
| 5 | gains (smooth.py) | factors of the shape that is now final |
| 6 | anticipation (timing.py) | when shapes begin |
| 7 | delays (timing.py) | when regions move; lips take their contacts with them |
| 8 | limits again, then the scene's clock (retime.py) | from here on rows are frames of the scene |
| 9 | life (idle.py) | laid on the scene's frames, so that a blink is seen shut on one of them |
"""

from __future__ import annotations

from dataclasses import replace

from .idle import blinks
from .motion import articulation, lip_contact, smooth, timing
from .motion.retime import retime
from .speech import cues as transcript
from .values.types import SAMPLE_RATE_HZ, Life, Motion, Settings, Waveform

_ONLY_SHAPES = {"articulation": "articulation", "anticipation_s": "anticipation", "gains": "gains", "delays": "delays", "region_smooth": "smoothing of regions"}


def finish(motion: Motion, heard: transcript.Heard | None, space: str, settings: Settings, wave: Waveform) -> Motion:
    """The motion of a clip as the user wants it.

    Args:
        motion: as the decoder gives it; not changed.
        heard: phones and cues of the clip; None where the model hears none.
        space: of the head: blendshapes, flame or vertices.
        wave: the sound.
    Returns:
        round(seconds * settings.fps) frames; more channels than before where settings.life moves the head or the chest (channels.LIFE).
    """
    if settings.raw:
        return Motion(motion.weights.copy(), motion.channels, motion.fps)
    n_frames = round(len(wave.samples) / SAMPLE_RATE_HZ * settings.fps)
    if space != "blendshapes":
        moved = retime(smooth.smooth(motion, settings.smooth), settings.fps, n_frames)
        return replace(moved, weights=moved.weights.copy()) if moved is motion else moved
    closed = _close(motion, heard, wave, (n_frames - 1) / settings.fps)
    return blinks.add_life(retime(_shape(closed, settings), settings.fps, n_frames), wave, settings.life)


def without_effect(settings: Settings, head: str, space: str, rigged: bool = False) -> str:
    """A sentence for the user where he chose what changes nothing on a head; else empty. rigged: life has a character to move (life_alone.py)."""
    if space == "blendshapes" or settings.raw:
        return ""
    chosen = [label for name, label in _ONLY_SHAPES.items() if getattr(settings, name) != getattr(Settings, name)]
    chosen += ["life"] if not rigged and replace(settings.life, blinks=0, seed=0) != Life(blinks=0) else []      # blinks are on unasked
    return f"{', '.join(chosen).capitalize()}: no effect on head {head}, which gives no face shapes." if chosen else ""


def _close(motion: Motion, heard: transcript.Heard | None, wave: Waveform, end_s: float) -> Motion:
    """Steps 1 and 2: all that closes the mouth."""
    spoken = None
    if heard is not None:
        cues = transcript.on_clock(heard, len(motion.weights), motion.fps)
        motion, spoken = lip_contact.part(lip_contact.meet(transcript.shape(motion, cues), cues.contact), cues.voiced), cues.spoken
    return smooth.ease_ends(smooth.close_in_silence(smooth.limit(motion), wave, spoken), end_s)


def _shape(motion: Motion, settings: Settings) -> Motion:
    """Steps 3 to 8: all that keeps closed lips closed."""
    motion = smooth.smooth(motion, settings.smooth, settings.region_smooth)
    motion = articulation.articulate(motion, settings.articulation)
    motion = smooth.apply_gains(motion, settings.gains)
    motion = timing.anticipate(motion, settings.anticipation_s)
    return smooth.limit(timing.delay(motion, settings.delays))
