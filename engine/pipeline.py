"""From sound to keys: the whole story. The button, the command line, batch and tests all call `animate`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from .idle import without_blendshapes
from .idle.blinks import moved_by
from .model import runtime
from .model.decode import Decoded, Decoder, Track, decode, track_key
from .model.encode import clip_key, encode
from .model.folder import Model, open_model
from .model.heads import read_template, to_vertices
from .model.style import missing_pivot, resolve
from .motion import lip_contact, smooth
from .postprocess import finish, without_effect
from .rig.fitted_head import Taught, check_model, drive, hidden_track, other_style, to_curves
from .rig.fitted_head_file import chosen_taught
from .rig.presets import Preset, choose, source_of
from .rig.retarget import retarget
from .speech import cues, g2p, phone_edit
from .values.cache import Recent
from .values.errors import Cancelled, PresetError, SettingError
from .values.types import (
    Animation,
    Cancel,
    FloatArray,
    Motion,
    Progress,
    Rig,
    RigCurves,
    Settings,
    Waveform,
    never,
    no_progress,
)

DECODED_BYTES = 128 * 2**20     # decoded motion of recent clips and styles: about an hour of one style of the bundled model
HEARD_BYTES = 32 * 2**20
RAW = " with --raw, which is the head's exact output."
HEARD_BYTES_A_ROW = 48          # eight float32 cues, and a share of the list of phones

_decoded_clips: Recent[Decoded] = Recent(DECODED_BYTES)
_heard_clips: Recent[cues.Heard] = Recent(HEARD_BYTES)


def animate(
    wave: Waveform, settings: Settings, rig: Rig | None = None, progress: Progress = no_progress, cancelled: Cancel = never,
) -> Animation:
    """Make face motion from speech, and curves for a rig if one is given.

    Args:
        wave: mono 16 kHz sound of any length.
        settings: everything that the user can choose.
        rig: what the character can move; None gives motion only.
        progress: told the finished fraction, 0..1. cancelled: asked between windows of sound.
    Returns:
        Motion of round(seconds * settings.fps) frames on the scene's clock (raw: the head's own frames); for a head with a PCA basis vertices,
        with the coefficients beside them (settings.vertices).
    Raises:
        EngineError: a kind of it for everything that the user can mend; Cancelled when `cancelled` said so.
    """
    return animate_all(wave, [settings], rig, progress, cancelled)[0]


def animate_all(
    wave: Waveform, wanted: Sequence[Settings], rig: Rig | None = None, progress: Progress = no_progress, cancelled: Cancel = never,
) -> list[Animation]:
    """Several heads, identities or finishes of one clip: as animate() for each, but the encoder runs once.

    Raises:
        SettingError: the settings ask for different models, devices or transcripts. Else as animate().
    """
    first = wanted[0]
    if len({(one.model, one.device, one.threads, one.transcript, one.language) for one in wanted}) > 1:
        raise SettingError("Settings of one call must agree in model, device, threads and transcript. Make one call per model.")
    model = open_model(first.model, first.model_folders)
    tracks = [_track(model, settings) for settings in wanted]
    taught = chosen_taught(rig) if rig else None
    if taught:
        check_model(taught, model)
    presets = _presets(rig, tracks, taught) if rig else {}
    words = _words(first, model)        # before the work: a text that cannot be read is told at once
    _check_phones(wanted, model, wave)
    encoder, decoder = open_graphs(model, first)
    hidden = [hidden_track(model.head(taught.head), track) for track in tracks] if taught else []
    clip = clip_key(wave, model)
    decoded = _decoded(wave, clip, (encoder, decoder), [*tracks, *hidden], (progress, cancelled))
    heard = _heard(decoded[0].scores, clip, model, words)
    animations = []
    for number, (settings, track, result) in enumerate(zip(wanted, tracks, decoded, strict=False)):
        motion, spoken = _spoken(result.motion, heard, settings)
        finished = finish(motion, spoken, track.head.space, settings, wave)
        warnings: tuple[str, ...] = (encoder.warning, missing_pivot(settings, model), other_style(taught, settings) if taught else "", _silence_warning(track, wave), _transcript_warning(heard, track, settings), _phones_warning(track, settings, taught),
                    without_effect(settings, track.head.id, track.head.space, rig is not None))
        preset = presets.get(track.head.space)
        curves = retarget(finished, preset, rig, moved_by(settings.life)) if rig and preset else None
        if rig and taught:
            curves = to_curves(taught, drive(taught, decoded[len(tracks) + number], model.encoder.rate_hz, finished, settings), rig, wave, curves)
        if rig and curves and not settings.raw and (preset is None or track.head.space != "blendshapes"):
            curves, lifeless = without_blendshapes.beside(curves, wave, rig, settings.life, (len(finished.weights), finished.fps))
            warnings = (*warnings, lifeless)
        rigged = _rigged(finished, settings, curves, track)
        animations.append(replace(rigged, device=encoder.device, warnings=tuple(filter(None, warnings)), phones=spoken.phones if spoken else ()))
    return animations


def _track(model: Model, settings: Settings) -> Track:
    head = model.head(settings.head)
    template = read_template(settings.template, head) if settings.template else head.template
    return Track(head, resolve(settings, model), template, settings.raw)


def _words(settings: Settings, model: Model) -> g2p.Words | None:
    if settings.transcript is None:
        return None
    if cues.SILENCE not in model.phones:
        raise SettingError(f"Model {model.id} does not hear phones, so it cannot follow a transcript. Choose another model, or leave the transcript out.")
    return g2p.read_words(settings.transcript, settings.language)


def _check_phones(wanted: Sequence[Settings], model: Model, wave: Waveform) -> None:
    for settings in wanted:
        if settings.phones is not None and not model.phones:
            raise SettingError(f"Model {model.id} does not hear phones, so they cannot be edited. Choose another model, or leave the phones out.")
        phone_edit.check(settings.phones or (), wave.duration_s)


def _spoken(motion: Motion, heard: cues.Heard | None, settings: Settings) -> tuple[Motion, cues.Heard | None]:
    """Motion and what is known of the phones, after the user's own changes to them."""
    if heard is None or settings.phones is None or settings.raw or not lip_contact.has_lips(motion.channels):
        return motion, heard
    return phone_edit.follow(motion, heard, settings.phones)


def _presets(rig: Rig, tracks: Sequence[Track], taught: Taught | None) -> dict[str, Preset]:
    """The preset for each space of the wanted heads: what a head gives decides what the preset must read. A taught head brings its own, or none."""
    heads = {track.head.space: track.head for track in tracks}
    if "vertices" in heads:
        raise PresetError(f"Head {heads['vertices'].id} gives vertices, which no preset reads. Choose another head, or leave the preset out.")
    if taught is None:
        return {space: choose(replace(rig, source=source_of(space))) for space in heads}
    wrong = next((head for space, head in heads.items() if taught.prior and taught.prior.source != source_of(space)), None)
    if taught.prior and wrong:
        raise PresetError(f"{taught.name!r} stands on a preset for {taught.prior.source}, head {wrong.id} gives {source_of(wrong.space)}. Choose head {taught.head}.")
    return dict.fromkeys(heads, taught.prior) if taught.prior else {}


def _decoded(
    wave: Waveform, clip: str, graphs: tuple[runtime.Graph, Decoder], tracks: Sequence[Track], watch: tuple[Progress, Cancel],
) -> list[Decoded]:
    """What the networks say, read-only, one per track; only tracks that are not in memory go through the decoder."""
    (encoder, decoder), (progress, cancelled) = graphs, watch
    keys = [f"{clip} {track_key(track, decoder.model)}" for track in tracks]
    found: dict[str, Decoded | None] = {key: _decoded_clips.get(key) for key in keys}
    lacking = {key: track for key, track in zip(keys, tracks, strict=True) if found[key] is None}
    if lacking:
        windows = encode(wave, decoder.model, encoder, progress, cancelled)
        for key, result in zip(lacking, decode(windows, decoder, list(lacking.values()), len(wave.samples)), strict=True):
            found[key] = result
            result.motion.weights.flags.writeable = False
            _decoded_clips.put(key, result, result.motion.weights.nbytes + (result.scores.nbytes if result.scores is not None else 0))
    elif cancelled():
        raise Cancelled("Stopped; nothing was written.")
    progress(1.0)
    return [decoded for key in keys if (decoded := found[key]) is not None]


def forget_styles() -> None:
    """Drop what the decoder said of recent clips, and keep their features: for measurements of a change of style."""
    _decoded_clips.clear()


def _heard(scores: FloatArray | None, clip: str, model: Model, words: g2p.Words | None) -> cues.Heard | None:
    """Phones of the clip, and what they say to the lips; None for a model that hears none."""
    if scores is None:
        return None
    key = f"{clip} {model.hashes} {model.phones} {words}"
    heard = _heard_clips.get(key)
    if heard is None:
        heard = cues.listen(scores, model.phones, model.encoder.rate_hz, words)
        _heard_clips.put(key, heard, HEARD_BYTES_A_ROW * len(scores))
    return heard


def _rigged(motion: Motion, settings: Settings, curves: RigCurves | None, track: Track) -> Animation:
    if curves and settings.max_error is not None:
        curves = smooth.reduce_keys(curves, settings.max_error, lip_contact.contact_slack(motion))
    if track.head.basis is None:
        return Animation(motion, curves)
    return Animation(to_vertices(motion, track.head, track.template) if settings.vertices else motion, curves, coefficients=motion)


def open_graphs(model: Model, settings: Settings) -> tuple[runtime.Graph, Decoder]:
    """The encoder, on the wanted device, and what follows it, on the processor. Raises ModelError, SettingError."""
    encoder = runtime.open_graph(model.folder / "encoder.onnx", settings.device, settings.threads)
    decoder, phones = (
        runtime.open_graph(model.folder / name, "cpu", settings.threads) if name in dict(model.hashes) else None
        for name in ("decoder.onnx", "phones.onnx")
    )       # small graphs: copying to a GPU costs more than it saves
    assert decoder is not None      # open_model checked that it is there
    return encoder, Decoder(model, decoder, phones if model.phones else None)


def _transcript_warning(heard: cues.Heard | None, track: Track, settings: Settings) -> str:
    if settings.transcript is not None and (settings.raw or not lip_contact.has_lips(track.head.channels)):
        return f"The transcript does not change what head {track.head.id} gives{RAW if settings.raw else ': only ARKit channels follow it.'}"
    if heard is not None and not settings.language and heard.misfit > cues.DOUBTFUL:
        return (
            f"The transcript fits only roughly (misfit {heard.misfit:.1f}, above {cues.DOUBTFUL:g} is doubtful). "
            f"It was read as language {g2p.guess(settings.transcript or '')!r}: choose another one if that is wrong."
        )
    return heard.warning if heard else ""


def _phones_warning(track: Track, settings: Settings, taught: Taught | None) -> str:
    if settings.phones is not None and (settings.raw or not lip_contact.has_lips(track.head.channels)):
        return f"Edited phones do not change what head {track.head.id} gives{RAW if settings.raw else ': only ARKit channels follow them.'}"
    return f"{taught.name!r} does not follow edited phones: it plays what it hears." if settings.phones is not None and taught else ""


def _silence_warning(track: Track, wave: Waveform) -> str:
    closed = ": the mouth stays closed" if track.head.space == "blendshapes" and not track.exact else ""
    if not wave.samples.any():
        return f"The sound is silent for all of its {wave.duration_s:.1f} s{closed}."
    peak_db = smooth.loudest_db(wave)
    if not closed or peak_db > smooth.SILENCE_DBFS:
        return ""
    return (
        f"The sound is quieter than {smooth.SILENCE_DBFS:g} dBFS all along (at most {peak_db:.0f}){closed}. "
        "Raise its volume, or give one channel of it if its channels cancel each other."
    )
