"""From sound to keys: the whole story. The button, the command line, batch and tests all call `animate`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from .audio.read import read_audio
from .files.motion import read_motion, write_text
from .geometry.lip_fit import check_lips, fit_lips
from .geometry.lip_pairs import lips_of_rig, stays_shut
from .geometry.lip_samples import channels_as_keys, fit_channels
from .idle.blinks import moved_by
from .idle.without_blendshapes import beside
from .model.decode import Decoded, Track, track_key
from .model.encode import clip_key, encode
from .model.folder import Model, open_model
from .model.heads import to_vertices
from .model.runtime import Graph
from .model.style_from import STYLE_SUFFIX, read_style, reference_of, style_text
from .model.voice_style import hear_style
from .motion.effort import Span
from .motion.key_reduction import reduce_for_lines
from .motion.lip_contact import has_lips
from .motion.mouth import mouth_alone, mouth_over
from .postprocess import Finished, Sound, finish, measure, silence_warning, without_effect
from .rig.fitted_head import FittedHead, check_model, fitted_track, play, to_curves
from .rig.fitted_head_file import chosen_fitted_head
from .rig.presets import Preset, choose, source_of
from .rig.retarget import retarget
from .speech import g2p, phone_edit
from .speech.cues import DOUBTFUL, SILENCE, PhonemeCues, find_cues
from .speech.mood_tags import mood_changes
from .speech.words import stressed
from .systems.system import System, open_system
from .values.cache import Cache
from .values.errors import Cancelled, PresetError, SettingError
from .values.lips import SHUT, LipCheck
from .values.phones import Phone
from .values.settings import THIS_SOUND
from .values.types import (
    Animation,
    Cancel,
    FloatArray,
    Motion,
    Progress,
    Reference,
    Rig,
    RigCurves,
    Settings,
    Waveform,
    never,
    no_progress,
)

DECODED_BYTES = 128 * 2**20     # of recent clips and styles: about an hour of one style of the bundled model
CUES_BYTES = 32 * 2**20
CUES_BYTES_A_ROW = 48           # eight float32 cues, and a share of the list of phones
RAW = " with --raw, which is the head's exact output."

_decoded_clips: Cache[Decoded] = Cache(DECODED_BYTES)
_clip_cues: Cache[PhonemeCues] = Cache(CUES_BYTES)


@dataclass(frozen=True)
class _Target:
    """What is moved: a rig, the preset for each space of motion, and the fitted head where the rig names one."""

    rig: Rig
    presets: dict[str, Preset]
    fitted: FittedHead | None


@dataclass(frozen=True)
class _Take:
    """One wanted result: its tracks, with what the networks gave for them; a fitted head's track comes second."""

    settings: Settings
    tracks: tuple[Track, ...]
    decoded: tuple[Decoded, ...] = ()


@dataclass(frozen=True)
class _Spoken:
    """Motion and cues after the user's own changes to the phones."""

    motion: Motion
    cues: PhonemeCues | None
    warnings: tuple[str, ...]


def animate(
    wave: Waveform, settings: Settings, rig: Rig | None = None, progress: Progress = no_progress,
    cancelled: Cancel = never,
) -> Animation:
    """Make face motion from speech, and curves for a rig if one is given.

    Args:
        wave: mono 16 kHz sound of any length.
        settings: everything that the user can choose.
        rig: what the character can move; None gives motion only.
        progress: gets the finished fraction, 0..1. cancelled: asked between windows of sound.
    Returns:
        Motion of round(seconds * settings.fps) frames on the scene's clock (raw: the head's own frames); for a head
        with a PCA basis vertices, with the coefficients beside them (settings.vertices).
    Raises:
        EngineError: a kind of it for everything that the user can fix; Cancelled when `cancelled` said so.
    """
    return animate_all(wave, [settings], rig, progress, cancelled)[0]


def animate_all(
    wave: Waveform, wanted: Sequence[Settings], rig: Rig | None = None, progress: Progress = no_progress,
    cancelled: Cancel = never,
) -> list[Animation]:
    """Several heads, identities or ways of postprocessing of one clip: as animate() for each; the encoder runs once.

    Raises:
        SettingError: the settings ask for different models, devices or transcripts. Else as animate().
    """
    wanted = [with_references(settings) for settings in wanted]
    system = _open(wanted)
    takes = [_Take(settings, (_track(system, settings, wave),)) for settings in wanted]
    target = _find_target(rig, takes, system.model) if rig else None
    if target and target.fitted:
        takes = [_with_fitted_track(take, target.fitted, system.model) for take in takes]
    words = _read_words(wanted[0], system.model)        # before the work: a text that cannot be read fails at once
    _check_phones(wanted, system.model, wave)
    _check_picture(wanted, system.model)
    clip = clip_key(wave, system.model)
    takes = _decode(takes, wave, clip, system, (progress, cancelled))
    cues = _cues(takes[0].decoded[0].scores, clip, system.model, words)
    sound = measure(wave, wanted)
    results = [_animation(take, cues, target, sound, system.encoder) for take in takes]
    if not wave.warning:
        return results
    return [replace(result, warnings=(wave.warning, *result.warnings)) for result in results]


def _track(system: System, settings: Settings, wave: Waveform) -> Track:
    """What the settings name; a style from a voice is heard in this sound, or in the one whose manner is borrowed."""
    track = system.track(settings)
    if not settings.voice:
        return track
    heard = hear_style(wave if settings.voice == THIS_SOUND else read_audio(settings.voice), system.model)
    return replace(track, style=replace(track.style, vector=heard.vector), heard=heard.heard)


def with_references(settings: Settings) -> Settings:
    """The settings with the manners of their reference files as values. Raises OutputError, SettingError."""
    if not settings.reference:
        return settings
    files = {settings.reference: 1.0}
    if settings.reference_2:
        files = {settings.reference: 1 - settings.reference_mix, settings.reference_2: settings.reference_mix}
    found = [
        replace(_read_reference(file, settings.reference_start_s, settings.reference_end_s), share=share)
        for file, share in files.items()
    ]
    return replace(settings, references=(*settings.references, *found), reference="", reference_2="")


def style_file(settings: Settings, name: str, path: Path) -> tuple[str, ...]:
    """Keep the style that settings name (references mixed, moved by the strength) in a small file.

    Returns:
        Sentences for the user.
    Raises:
        SettingError: the model has no style from a motion, the ending is another one, or as animate().
        OutputError: the file cannot be written.
    """
    settings = with_references(settings)
    system = _open([settings])
    track = system.track(settings)
    write_text(path, style_text(path, name, track.style.vector, system.model))
    return track.warnings


def _read_reference(file: str, start_s: float, end_s: float) -> Reference:
    path = Path(file)
    if path.name.endswith(STYLE_SUFFIX):
        return read_style(path)
    motion = read_motion(path)
    stop = round(end_s * motion.fps) if end_s > 0 else len(motion.weights)
    part = motion.weights[round(start_s * motion.fps):stop]
    return reference_of(replace(motion, weights=part), path.name)


def _open(wanted: Sequence[Settings]) -> System:
    shared = ("model", "device", "threads", "transcript", "language")
    if any(len({getattr(settings, name) for settings in wanted}) > 1 for name in shared):
        raise SettingError(
            "Settings of one call must agree in model, device, threads and transcript. Make one call per model."
        )
    return open_system(open_model(wanted[0].model, wanted[0].model_folders), wanted[0])


def _find_target(rig: Rig, takes: Sequence[_Take], model: Model) -> _Target:
    """What the rig is moved by. The space that a head gives decides what the preset must read; a fitted head brings its
    own preset, or none."""
    fitted = chosen_fitted_head(rig)
    if fitted:
        check_model(fitted, model)
    heads = {take.tracks[0].head.space: take.tracks[0].head for take in takes}
    if "vertices" in heads:
        raise PresetError(
            f"Head {heads['vertices'].id} gives vertices, which no preset reads. "
            "Choose another head, or leave the preset out."
        )
    if fitted is None:
        return _Target(rig, {space: choose(replace(rig, source=source_of(space))) for space in heads}, None)
    if fitted.prior is None:
        return _Target(rig, {}, fitted)
    for space, head in heads.items():
        if fitted.prior.source != source_of(space):
            raise PresetError(
                f"{fitted.name!r} stands on a preset for {fitted.prior.source}, "
                f"head {head.id} gives {source_of(space)}. Choose head {fitted.head}."
            )
    return _Target(rig, dict.fromkeys(heads, fitted.prior), fitted)


def _with_fitted_track(take: _Take, fitted: FittedHead, model: Model) -> _Take:
    return replace(take, tracks=(*take.tracks, fitted_track(fitted, model, take.tracks[0], take.settings)))


def _read_words(settings: Settings, model: Model) -> g2p.Words | None:
    if settings.transcript is None:
        return None
    if SILENCE not in model.phones:
        raise SettingError(
            f"Model {model.id} does not hear phones, so it cannot follow a transcript. "
            "Choose another model, or leave the transcript out."
        )
    return g2p.read_words(settings.transcript, settings.language)


def _check_phones(wanted: Sequence[Settings], model: Model, wave: Waveform) -> None:
    for settings in wanted:
        if settings.phones is not None and not model.phones:
            raise SettingError(
                f"Model {model.id} does not hear phones, so they cannot be edited. "
                "Choose another model, or leave the phones out."
            )
        phone_edit.check(settings.phones or (), wave.duration_s)


def _check_picture(wanted: Sequence[Settings], model: Model) -> None:
    if any(settings.picture for settings in wanted) and not model.takes_picture:
        raise SettingError(
            f"Model {model.id} reads no face picture. Choose another model, such as pmmtalk, or leave the picture out."
        )


def _decode(
    takes: Sequence[_Take], wave: Waveform, clip: str, system: System, watch: tuple[Progress, Cancel],
) -> list[_Take]:
    """The takes with what the networks give, read-only; only tracks that are not cached go through the decoder."""
    progress, cancelled = watch
    keys = [[f"{clip} {track_key(track, system.model)}" for track in take.tracks] for take in takes]
    tracks: dict[str, Track] = {}
    for take, own in zip(takes, keys, strict=True):
        tracks.update(zip(own, take.tracks, strict=True))
    found = {key: decoded for key in tracks if (decoded := _decoded_clips.get(key)) is not None}
    lacking = {key: track for key, track in tracks.items() if key not in found}
    encoder = system.encoder
    if lacking:
        windows = encode(wave, system.model, encoder, progress, cancelled)
        results = system.decode(windows, list(lacking.values()), len(wave.samples))
        for key, result in zip(lacking, results, strict=True):
            found[key] = result
            result.motion.weights.flags.writeable = False
            scores_bytes = result.scores.nbytes if result.scores is not None else 0
            _decoded_clips.put(key, result, result.motion.weights.nbytes + scores_bytes)
    elif cancelled():
        raise Cancelled("Stopped; nothing was written.")
    progress(1.0)
    return [replace(take, decoded=tuple(map(found.__getitem__, own))) for take, own in zip(takes, keys, strict=True)]


def forget_styles() -> None:
    """Drop decoded motion of recent clips, and keep their features: for measurements of a change of style."""
    _decoded_clips.clear()


def _cues(scores: FloatArray | None, clip: str, model: Model, words: g2p.Words | None) -> PhonemeCues | None:
    """Phones of the clip, and what they say to the lips; None for a model that recognises none."""
    if scores is None:
        return None
    key = f"{clip} {model.hashes} {model.phones} {words}"
    cues = _clip_cues.get(key)
    if cues is None:
        cues = find_cues(scores, model.phones, model.encoder.rate_hz, words)
        _clip_cues.put(key, cues, CUES_BYTES_A_ROW * len(scores))
    return cues


def _animation(
    take: _Take, cues: PhonemeCues | None, target: _Target | None, sound: Sound, encoder: Graph,
) -> Animation:
    """The steps after the networks."""
    settings, head = take.settings, take.tracks[0].head
    spoken = _follow_phones(take, cues, sound)
    phones = spoken.cues.phones if spoken.cues else ()
    moods = mood_changes(settings, phones, sound.duration_s)
    sound = replace(sound, moods=moods, stressed=_stressed(settings, phones))
    finished = finish(spoken.motion, spoken.cues, take.tracks[0], settings, sound)
    if settings.part == "mouth":
        finished = replace(finished, motion=mouth_alone(finished.motion))
    curves, rig_warnings = _rig_curves(take, target, finished, sound) if target else (None, ())
    lips = None
    if curves and target and not settings.raw:
        curves, lips = _fit_to_mesh(curves, finished, phones, target, take)
    if curves and settings.max_error is not None:
        curves = reduce_for_lines(curves, settings.max_error, finished.contacts.slack)
    motion, coefficients = finished.motion, None
    if settings.over:
        motion = mouth_over(read_motion(settings.over), motion)
    if head.basis is not None:
        coefficients = motion
        motion = to_vertices(motion, head, take.tracks[0].template) if settings.vertices else motion
    unused = without_effect(settings, head, rigged=target is not None)
    steps = (*(track.warnings for track in take.tracks), spoken.warnings, (unused,), rig_warnings)
    warnings = [encoder.warning, *(warning for step in steps for warning in step)]
    return Animation(
        motion, finished.contacts, curves, encoder.device, tuple(filter(None, warnings)), coefficients,
        phones=phones, lips=lips, heard=take.tracks[0].heard,
    )


def _stressed(settings: Settings, phones: tuple[Phone, ...]) -> tuple[Span, ...]:
    """Start, end and emphasis of the words that the transcript stresses."""
    words = stressed(settings.transcript, settings.language, phones) if settings.transcript else ()
    return tuple((word.start_s, word.end_s, word.emphasis) for word in words)


def _follow_phones(take: _Take, cues: PhonemeCues | None, sound: Sound) -> _Spoken:
    """Motion and cues after the user's own changes to the phones, and what is doubtful about sound and transcript."""
    settings, track, motion = take.settings, take.tracks[0], take.decoded[0].motion
    silence = silence_warning(sound, closes=track.head.space == "blendshapes" and not track.exact)
    follows = not settings.raw and has_lips(motion.channels)
    texts = [silence, _transcript_warning(cues, track, settings, follows)]
    if settings.phones is not None and not follows:
        reason = RAW if settings.raw else ": only ARKit channels follow them."
        texts.append(f"Edited phones do not change what head {track.head.id} gives{reason}")
    if cues is not None and settings.phones is not None and follows:
        motion, cues = phone_edit.follow(motion, cues, settings.phones)
    return _Spoken(motion, cues, tuple(texts))


def _transcript_warning(cues: PhonemeCues | None, track: Track, settings: Settings, follows: bool) -> str:
    if settings.transcript is not None and not follows:
        reason = RAW if settings.raw else ": only ARKit channels follow it."
        return f"The transcript does not change what head {track.head.id} gives{reason}"
    if cues is not None and not settings.language and cues.misfit > DOUBTFUL:
        return (
            "The transcript fits only roughly: many of its phones sound otherwise (mismatch "
            f"{cues.misfit:.1f}; 0 is perfect, above {DOUBTFUL:g} is doubtful). "
            f"It was read as language {g2p.guess(settings.transcript or '')!r}: choose another one if that is wrong."
        )
    return cues.warning if cues else ""


def _rig_curves(
    take: _Take, target: _Target, finished: Finished, sound: Sound,
) -> tuple[RigCurves | None, tuple[str, ...]]:
    """Curves of the preset, over them those of a fitted head, beside them idle motion that no preset carries."""
    settings, space, motion = take.settings, take.tracks[0].head.space, finished.motion
    if target.fitted and settings.part != "full":
        raise SettingError(
            f"{target.fitted.name!r} was taught as a whole and has no mouth alone. Choose another preset."
        )
    preset = target.presets.get(space)
    curves = retarget(motion, preset, target.rig, moved_by(settings.life)) if preset else None
    if target.fitted:
        controls = play(target.fitted, take.decoded[1], motion, settings)
        curves = to_curves(target.fitted, controls, target.rig, sound.level, curves)
    if curves is None or settings.raw or (preset is not None and space == "blendshapes"):
        return curves, ()
    clock = len(motion.weights), motion.fps
    curves, warning = beside(curves, sound.prosody, target.rig, settings.life, clock)
    return curves, (warning,)


def _fit_to_mesh(
    curves: RigCurves, finished: Finished, phones: tuple[Phone, ...], target: _Target, take: _Take,
) -> tuple[RigCurves, LipCheck | None]:
    """The curves fitted to the lips of the rig's own mesh, where that is wanted, and how its lips meet then."""
    preset = target.presets.get(take.tracks[0].head.space)
    if preset is None:
        return curves, None
    lips = lips_of_rig(target.rig, preset)
    if lips is None:
        return curves, SHUT if stays_shut(target.rig, preset) else None
    if target.rig.sampled is not None:
        return _fit_to_samples(curves, finished, phones, target, take)
    fitted = fit_lips(curves, finished.motion, finished.contacts, lips) if take.settings.fit_lips else curves
    return fitted, check_lips(curves, fitted, finished.motion, phones, lips)


def _fit_to_samples(
    curves: RigCurves, finished: Finished, phones: tuple[Phone, ...], target: _Target, take: _Take,
) -> tuple[RigCurves, LipCheck | None]:
    """As _fit_to_mesh, on a rig whose mouth was sampled: channels are fitted, and the rig follows those."""
    preset, motion = target.presets[take.tracks[0].head.space], finished.motion
    lips = lips_of_rig(target.rig, preset)
    if lips is None or target.fitted or not has_lips(motion.channels):
        return curves, None
    keys = fitted_keys = channels_as_keys(motion, lips, curves.stepped)
    if take.settings.fit_lips and not curves.stepped:
        moved = fit_channels(motion, finished.contacts, lips)
        fitted_keys = channels_as_keys(moved, lips, stepped=False)
        fitted = retarget(moved, preset, target.rig, moved_by(take.settings.life))
        curves = replace(curves, curves={**curves.curves, **fitted.curves})
    check = check_lips(keys, fitted_keys, motion, phones, lips)
    return curves, replace(check, parting={}) if check else None
