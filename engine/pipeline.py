"""From sound to keys: the whole story. The button, the command line, batch and tests all call `animate`."""

from __future__ import annotations

from . import lips, runtime, smooth
from .decode import Decoder, decode
from .encode import encode
from .models import Head, Model, open_model
from .presets import choose
from .retarget import retarget
from .retime import retime
from .style import resolve
from .types import SAMPLE_RATE_HZ, Animation, Cancel, Motion, Progress, Rig, Settings, Waveform, never, no_progress


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
        Motion of round(seconds * settings.fps) frames on the scene's clock (raw: the head's own frames).
    Raises:
        EngineError: a kind of it for everything that the user can mend; Cancelled when `cancelled` said so.
    """
    model = open_model(settings.model, settings.model_folders)
    head, style = model.head(settings.head), resolve(settings, model)
    preset = choose(rig) if rig else None
    encoder, decoder = _open_graphs(model, head, settings)
    decoded = decode(encode(wave, model, encoder, progress, cancelled), decoder, style, len(wave.samples))
    motion = decoded.motion
    if not settings.raw:
        if decoded.contact is not None:
            motion = lips.meet(motion, decoded.contact)
        motion = smooth.close_in_silence(smooth.limit(motion), wave)
        motion = smooth.limit(smooth.apply_gains(smooth.smooth(motion, settings.smooth), settings.gains))
        motion = retime(motion, settings.fps, round(len(wave.samples) / SAMPLE_RATE_HZ * settings.fps))
    curves = retarget(motion, preset, rig) if rig and preset else None
    if curves and settings.max_error is not None:
        curves = smooth.reduce_keys(curves, settings.max_error, lips.shut_frames(motion))
    return Animation(motion, curves, encoder.device, tuple(filter(None, (encoder.warning, _silence_warning(motion, wave)))))


def _open_graphs(model: Model, head: Head, settings: Settings) -> tuple[runtime.Graph, Decoder]:
    encoder = runtime.open_graph(model.folder / "encoder.onnx", settings.device, settings.threads)
    decoder, phones = (
        runtime.open_graph(model.folder / name, "cpu", settings.threads) if name in dict(model.hashes) else None
        for name in ("decoder.onnx", "phones.onnx")
    )       # small graphs: copying to a GPU costs more than it saves
    assert decoder is not None      # open_model checked that it is there
    return encoder, Decoder(model, head, decoder, phones if model.phones else None)


def _silence_warning(motion: Motion, wave: Waveform) -> str:
    return "" if wave.samples.any() else f"The sound is silent for all of its {wave.duration_s:.1f} s: the mouth stays closed."
