"""From what the decoder gives to the motion on the scene's clock. The order of all that shapes motion is here alone.

Heads of blendshapes go through all of it; vertices and FLAME parameters, which have no limits and no rest at 0, through
smoothing and the clock alone; Settings.raw through none of it.

| step | on the model's clock | why there | contacts |
|---|---|---|---|
| 0 | phones that the user edited | they stand for the voice itself (the pipeline does it before) | |
| 1 | effort (not Lips Only), cues: jaw, contacts | what is said, how hard, decides where lips touch | made, then held |
| 2 | limits, silence, rest at both ends | all that closes the mouth comes before what shapes it | measured |
| 3 | smoothing, the face's and the regions' | first: articulation must not sharpen what is then blurred | faded to |
| 4 | relaxed articulation | slurs as smoothing does | faded to |
| 5 | articulation | crisper or lazier than the voice | held |
| 6 | stressed words, the mood's mouth, then gains and intensity | factors of the shape that is now final | held |
| 7 | anticipation | when shapes begin | held; a resting mouth may open |
| 8 | delays | when regions move | move with the lips |
| 9 | limits again | from here on weights are what a rig can show | held |
| 10 | the scene's clock | from here on rows are frames of the scene | each gets a frame |
| 11 | idle motion | on the scene's frames, so that a blink is seen shut on one of them | it moves no lips |
| 12 | the mood's brows, eyes, cheeks | last, so that no blink waits for lids that a mood lowers | it moves no lips |
| 13 | the two sides of the face | of all that moves; what one side gains the other loses | stay |

The lips' contacts are measured after step 2, and one loop carries them on: it lets every step change the motion freely,
moves the contacts where the step moved them, and closes the lips again there ("faded to": so that the motion eases into
the contact). What a step itself brings to touch is a contact from then on.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from .audio.effort import effort_db
from .audio.level import level_of
from .audio.pitch import RATE_HZ
from .idle.blinks import add_idle_motion, is_moving, lively
from .idle.prosody import Prosody, prosody
from .model.decode import Track
from .model.heads import Head
from .motion import articulation, effort, lip_contact, mood, smooth, timing
from .motion.asymmetry import two_sides
from .motion.retime import retime
from .speech import cues as speech
from .values.settings import MAX_INTENSITY, KeyedAmount
from .values.types import BoolArray, FloatArray, Level, LipContacts, Motion, Settings, Waveform

NOT_FELT = frozenset({"intensity", "neutral"})      # keyed amounts that add no mood
_ONLY_SHAPES = {
    "articulation": "articulation", "anticipation_s": "anticipation", "gains": "gains", "delays": "delays",
    "region_smooth": "smoothing of regions", "regions": "gains", "intensity": "intensity", "mood": "mood",
}


@dataclass(frozen=True)
class Sound:
    """What is measured of a clip once, for all that follows.

    Attributes:
        effort_db: (n,) of audio/effort.py; empty where no performance follows it.
        prosody: None where nothing needs it. moods: what tags of the transcript change.
        stressed: words of the transcript that have an emphasis.
    """

    duration_s: float
    level: Level
    effort_db: FloatArray
    prosody: Prosody | None
    moods: tuple[mood.MoodChange, ...] = ()
    stressed: tuple[effort.Span, ...] = ()


@dataclass(frozen=True)
class Finished:
    """Motion on the scene's clock, and where its lips touch."""

    motion: Motion
    contacts: LipContacts


@dataclass(frozen=True)
class _Step:
    """One row of the table above.

    Attributes:
        change: the motion after the step; the motion itself where it changes nothing.
        move: where contacts are afterwards.
        fades: whether the motion eases into contacts.
    """

    change: Callable[[Motion, BoolArray], Motion]
    move: Callable[[Motion, BoolArray], BoolArray] = lambda motion, closed: closed
    fades: bool = False


def measure(wave: Waveform, wanted: Sequence[Settings]) -> Sound:
    """What the wanted settings need to know of a sound."""
    needs_prosody = any(not settings.raw and (is_moving(settings.life) or settings.mood.own) for settings in wanted)
    follows = any(settings.life.is_natural and not settings.raw for settings in wanted)
    efforts_db = effort_db(wave) if follows else np.zeros(0, np.float32)
    return Sound(wave.duration_s, level_of(wave), efforts_db, prosody(wave) if needs_prosody else None)


def silence_warning(sound: Sound, closes: bool) -> str:
    """A sentence for the user where nothing can be heard; else empty. closes: whether the mouth stays closed there."""
    closed = ": the mouth stays closed" if closes else ""
    if sound.level.silent:
        return f"The sound is silent for all of its {sound.duration_s:.1f} s{closed}."
    peak_db = float(sound.level.loudest_db.max())
    if not closes or peak_db > smooth.SILENCE_DBFS:
        return ""
    return (
        f"The sound is quieter than {smooth.SILENCE_DBFS:g} dBFS all along (at most {peak_db:.0f}){closed}. "
        "Raise its volume, or give one channel of it if its channels cancel each other."
    )


def finish(
    motion: Motion, cues: speech.PhonemeCues | None, track: Track, settings: Settings, sound: Sound,
) -> Finished:
    """The motion of a clip as the user wants it.

    Args:
        motion: as the decoder gives it; not changed.
        cues: phones and cues of the clip; None where the model recognises none.
        track: that gave the motion; the space of its head decides which steps there are.
        sound: of `measure`.
    Returns:
        round(seconds * settings.fps) frames; more channels than before where settings.life moves the head or the chest
        (channels.LIFE).
    """
    if settings.raw:
        exact = Motion(motion.weights.copy(), motion.channels, motion.fps)
        return Finished(exact, lip_contact.contacts_of(exact))
    n_frames = round(sound.duration_s * settings.fps)
    if track.head.space != "blendshapes":
        moved = retime(smooth.smooth(motion, settings.smooth), settings.fps, n_frames)
        moved = replace(moved, weights=moved.weights.copy()) if moved is motion else moved
        return Finished(moved, lip_contact.contacts_of(moved))
    if settings.life.is_listening:
        motion, cues = replace(motion, weights=np.zeros_like(motion.weights)), None
    if settings.life.is_natural:
        motion = effort.follow_effort(motion, _opening_factor(motion, sound), track.rest)
    closed_motion = _close(motion, cues, sound, (n_frames - 1) / settings.fps, track.rest)
    shaped, closed = _shape(closed_motion, settings, sound)
    retimed = retime(shaped, settings.fps, n_frames)
    if retimed is not shaped:
        retimed = lip_contact.seal_retimed(retimed, shaped, closed)
    contacts = lip_contact.contacts_of(retimed)
    alive = add_idle_motion(retimed, sound.prosody, settings.life)
    return Finished(_lay_mood_on_face(alive, settings, sound, contacts.closed), contacts)


def _lay_mood_on_face(motion: Motion, settings: Settings, sound: Sound, closed: BoolArray) -> Motion:
    """Steps 12 and 13."""
    intensity = _intensity(motion, settings)
    moods = _mood_tracks(motion, settings, sound).items()
    tracks = {kind: np.asarray(intensity * track, np.float32) for kind, track in moods}
    felt = mood.lay_on_face(motion, tracks, closed, settings.mood.mouth, mood.own_poses(settings.mood.own))
    if sound.prosody is None:
        return felt
    life = lively(settings.life)
    return two_sides(felt, life.asymmetry, life.seed, sound.prosody.pauses)


def _mood_tracks(motion: Motion, settings: Settings, sound: Sound) -> dict[str, FloatArray]:
    seconds = np.arange(len(motion.weights)) / motion.fps
    moods = [amount for amount in settings.keyed if amount.name not in NOT_FELT]
    keyed = {amount.name: _at(amount, seconds, settings) for amount in moods}
    tracks = mood.mood_tracks(sound.moods, settings.mood, sound.duration_s, seconds, keyed)
    pauses = sound.prosody.pauses if sound.prosody else ()
    return mood.in_turn(tracks, settings.mood.own, pauses, settings.life.seed, seconds)


def _intensity(motion: Motion, settings: Settings) -> FloatArray:
    """The factor of the whole face (n_frames,): what is chosen for the clip, times what is keyed."""
    intensity = np.full(len(motion.weights), settings.intensity, np.float32)
    seconds = np.arange(len(motion.weights)) / motion.fps
    for amount in settings.keyed:
        if amount.name == "intensity":
            intensity *= _at(amount, seconds, settings).clip(0, MAX_INTENSITY)
    return intensity


def _at(amount: KeyedAmount, seconds: NDArray[np.float64], settings: Settings) -> FloatArray:
    """A keyed amount at some seconds of the clip (n,)."""
    frames = np.arange(len(amount.values)) / settings.fps
    return np.asarray(np.interp(seconds, frames, amount.values), np.float32)


def _close(
    motion: Motion, cues: speech.PhonemeCues | None, sound: Sound, end_s: float, rest: FloatArray | None,
) -> Motion:
    """Steps 1 and 2: all that closes the mouth, or lets the face rest."""
    spoken = None
    if cues is not None:
        cues = speech.on_clock(cues, len(motion.weights), motion.fps)
        spoken = cues.spoken
        closing = lip_contact.close_lips(speech.shape(motion, cues), cues.contact, rest)
        motion = lip_contact.open_vowels(closing, cues.voiced)
    motion, _ = lip_contact.seal(smooth.limit(motion), lip_contact.closed_frames(motion))
    return smooth.ease_ends(smooth.close_in_silence(motion, sound.level, spoken, rest), end_s, rest)


def _opening_factor(motion: Motion, sound: Sound) -> FloatArray:
    """By how much this voice opens the mouth further than a calm one (n_frames,)."""
    rows = np.arange(len(sound.effort_db)) / RATE_HZ
    seconds = np.arange(len(motion.weights)) / motion.fps
    own = np.interp(seconds, rows, sound.effort_db) if len(rows) else np.zeros(len(seconds))
    return effort.opening_factor(own)


def _shape(motion: Motion, settings: Settings, sound: Sound) -> tuple[Motion, BoolArray]:
    """Steps 3 to 9, with the contacts that are measured here once."""
    closed = lip_contact.closed_frames(motion)
    tracks = _mood_tracks(motion, settings, sound) if settings.mood.area == "full" else {}
    for step in _steps(settings, tracks, sound.stressed):
        changed = step.change(motion, closed)
        if changed is motion:
            continue
        held = step.move(motion, closed)
        motion, closed = lip_contact.seal(changed, held, motion if step.fades else None)
    return motion, closed


def _steps(
    settings: Settings, tracks: dict[str, FloatArray], stressed: tuple[effort.Span, ...],
) -> tuple[_Step, ...]:
    lead_s, delays, own = settings.anticipation_s, settings.delays, mood.own_poses(settings.mood.own)
    held = timing.speaking_contacts
    return (
        _Step(lambda motion, _: smooth.smooth(motion, settings.smooth, settings.region_smooth), fades=True),
        _Step(lambda motion, _: articulation.relax(motion, settings.articulation), fades=True),
        _Step(lambda motion, _: articulation.articulate(motion, settings.articulation)),
        _Step(lambda motion, closed: effort.emphasise(motion, stressed, closed), fades=True),
        _Step(lambda motion, closed: mood.lay_on_mouth(motion, tracks, closed, settings.mood.mouth, own)),
        _Step(lambda motion, _: smooth.apply_gains(motion, settings.gains, settings.regions)),
        _Step(lambda motion, _: smooth.apply_intensity(motion, _intensity(motion, settings))),
        _Step(lambda motion, closed: timing.anticipate(motion, lead_s, held(motion, closed)), move=held),
        _Step(
            lambda motion, closed: timing.delay(motion, delays, closed),
            move=lambda motion, closed: timing.delayed_frames(closed, motion.fps, delays.lips),
        ),
        _Step(lambda motion, _: smooth.limit(motion)),
    )


def without_effect(settings: Settings, head: Head, rigged: bool) -> str:
    """A sentence for the user who chose what changes nothing on a head without face shapes; else empty.

    Args:
        rigged: whether there is a character, which idle motion can move by itself.
    """
    if head.space == "blendshapes" or settings.raw:
        return ""
    chosen = [label for name, label in _ONLY_SHAPES.items() if getattr(settings, name) != getattr(Settings, name)]
    if settings.life.is_listening:
        chosen.append("listening")
    if not rigged and is_moving(replace(settings.life, blinks=0, asymmetry=0)):     # blinks are on by default
        chosen.append("life")
    what = ", ".join(chosen).capitalize()
    return f"{what}: no effect on head {head.id}, which gives no face shapes." if chosen else ""
