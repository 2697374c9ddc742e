"""Change a power spectrogram as rooms, microphones, distances and other voices would; cheaper than on the wave."""

from dataclasses import dataclass

import torch
from torch import Generator, Tensor
from torch.nn import functional

FRAME_S = 0.010
BIN_HZ = 16000 / 512


@dataclass(frozen=True)
class AugmentConfig:
    """Chances (0..1) and ranges; levels in dB, 0 dB = power of a full-scale sine."""

    vtlp: tuple[float, float] = (0.82, 1.22)
    tilt_db: float = 9.0
    eq_db: float = 6.0
    band_limit: float = 0.25
    room: float = 0.35
    room_rt60_s: tuple[float, float] = (0.15, 0.9)
    room_direct_db: tuple[float, float] = (-2.0, 14.0)
    level_db: tuple[float, float] = (-44.0, -14.0)
    noise_snr_db: tuple[float, float] = (6.0, 50.0)
    babble: float = 0.15
    babble_snr_db: tuple[float, float] = (8.0, 25.0)
    breath: float = 0.25
    hum: float = 0.15
    clicks: float = 0.10
    time_mask: float = 0.25
    band_mask: float = 0.25


def augment(power: Tensor, speeds: Tensor, frames: int, config: AugmentConfig, generator: Generator) -> Tensor:
    """Play at other speeds and from other throats, then through rooms, filters, levels and noises.

    Args:
        power: (b, 257, n) clean speech; zeros are allowed.
        speeds: (b,) above 1 is faster; n must cover frames * max(speeds).
    Returns:
        (b, 257, frames).
    """
    power = _warp(power, speeds, frames, config, generator)
    for i in range(power.shape[0]):
        if _chance(config.room, generator):
            power[i] = _room(power[i], config, generator)
    power = power * _filter_gain(power.shape[0], power.shape[1], config, generator)
    speech = _speech_level(power)
    silent = speech < 1e-9
    wanted = _from_db(_uniform(config.level_db, (power.shape[0], 1, 1), generator))
    power = power * torch.where(silent, torch.zeros_like(wanted), wanted / speech.clamp_min(1e-9))
    clean = power
    power = power + _babble(clean, config, generator) + _breath(clean, config, generator)
    power = power + _noise(power, wanted, config, generator)
    return _masked(power, config, generator)


def _uniform(limits: tuple[float, float], shape: tuple[int, ...], generator: Generator) -> Tensor:
    return limits[0] + (limits[1] - limits[0]) * torch.rand(shape, generator=generator)


def _chance(share: float, generator: Generator) -> bool:
    return float(torch.rand((), generator=generator)) < share


def _chances(share: float, count: int, generator: Generator) -> Tensor:
    return (torch.rand((count, 1, 1), generator=generator) < share).float()


def _from_db(db: Tensor) -> Tensor:
    return torch.as_tensor(10.0 ** (db / 10.0))


def _speech_level(power: Tensor) -> Tensor:
    """Power summed over bins, mean over the louder frames: (b, 1, 1)."""
    total = power.sum(dim=1)
    loud = (total > 0.05 * total.amax(dim=1, keepdim=True)).float()
    return ((total * loud).sum(1) / loud.sum(1).clamp_min(1.0))[:, None, None]


def _warp(power: Tensor, speeds: Tensor, frames: int, config: AugmentConfig, generator: Generator) -> Tensor:
    """Speed (time axis) and vocal tract length (frequency axis) in one bilinear resampling."""
    batch, bins, length = power.shape
    factor = _uniform(config.vtlp, (batch,), generator)[:, None]
    bin_at = torch.arange(bins, dtype=torch.float32)[None] * factor
    knee = 0.8 * (bins - 1)  # above it the warp runs back to the end of the axis
    at_knee = knee * factor.clamp_max(1.0)
    source_knee = at_knee / factor
    above = at_knee + (torch.arange(bins)[None] - source_knee) * ((bins - 1 - at_knee) / (bins - 1 - source_knee))
    bin_at = torch.where(torch.arange(bins)[None] < source_knee, bin_at, above)
    # Frame j is centred on sample 160 j - 80, so its time is (j - 0.5) frames.
    frame_at = (torch.arange(frames)[None] - 0.5) * speeds[:, None] + 0.5
    grid = torch.stack([
        (2 * frame_at / (length - 1) - 1)[:, None, :].expand(batch, bins, frames),
        (2 * bin_at / (bins - 1) - 1)[:, :, None].expand(batch, bins, frames),
    ], dim=-1)
    warped: Tensor = functional.grid_sample(power[:, None], grid, padding_mode="border", align_corners=True)
    return warped[:, 0]


def _room(power: Tensor, config: AugmentConfig, generator: Generator) -> Tensor:
    """Add a late tail that decays by 60 dB within RT60; (bins, frames)."""
    frames = power.shape[1]
    rt60_s = float(_uniform(config.room_rt60_s, (), generator))
    direct = float(_from_db(_uniform(config.room_direct_db, (), generator)))
    decay = 10.0 ** (-6.0 * FRAME_S / rt60_s)
    steps = torch.arange(frames)
    age = steps[None] - steps[:, None]
    tail = torch.where(age >= 1, decay ** age.clamp_min(0).float(), torch.zeros(()))
    late: Tensor = power @ (tail * ((1 - decay) / decay / direct))
    return power + late


def _filter_gain(batch: int, bins: int, config: AugmentConfig, generator: Generator) -> Tensor:
    """Random tilt, smooth equaliser and band limits as a power gain (b, bins, 1)."""
    octaves = torch.log2((torch.arange(bins) * BIN_HZ).clamp_min(60.0) / 1000.0)[None]
    db = octaves / 4 * config.tilt_db * (2 * torch.rand((batch, 1), generator=generator) - 1)
    knots = config.eq_db * torch.randn((batch, 1, 8), generator=generator).clamp(-1.5, 1.5) / 1.5
    db = db + functional.interpolate(knots, size=bins, mode="linear", align_corners=True)[:, 0]
    hz = torch.arange(bins)[None] * BIN_HZ
    limited = (torch.rand((batch, 1), generator=generator) < config.band_limit).float()
    low = _uniform((50.0, 350.0), (batch, 1), generator)
    high = _uniform((3300.0, 7500.0), (batch, 1), generator)
    db = db - limited * (40 * ((low - hz) / low).clamp_min(0) + 60 * ((hz - high) / 700).clamp(0, 1))
    return _from_db(db)[:, :, None]


def _babble(power: Tensor, config: AugmentConfig, generator: Generator) -> Tensor:
    """Another crop of the batch, quieter."""
    others = power.roll(1, dims=0)
    gain = _from_db(-_uniform(config.babble_snr_db, (power.shape[0], 1, 1), generator))
    level = _speech_level(power) / _speech_level(others).clamp_min(1e-9)
    return others * gain * level * _chances(config.babble, power.shape[0], generator)


def _breath(power: Tensor, config: AugmentConfig, generator: Generator) -> Tensor:
    """Noise that swells and falls with the voice, as breathy voices and close microphones have."""
    batch, bins, _ = power.shape
    envelope = functional.avg_pool1d(power.mean(dim=1, keepdim=True), 9, stride=1, padding=4)
    gain = _from_db(_uniform((-24.0, -8.0), (batch, 1, 1), generator)) * _chances(config.breath, batch, generator)
    colour = torch.linspace(0.3, 1.0, bins)[None, :, None]
    return envelope * gain * colour * _speckle(power, generator)


def _noise(power: Tensor, wanted: Tensor, config: AugmentConfig, generator: Generator) -> Tensor:
    """Coloured noise with slow swells, hum and clicks, relative to the wanted speech level (also where nobody speaks)."""
    batch, bins, frames = power.shape
    slope = _uniform((-9.0, 2.0), (batch, 1, 1), generator)  # dB per octave
    octaves = torch.log2((torch.arange(bins) * BIN_HZ).clamp_min(60.0) / 1000.0)[None, :, None]
    shape = _from_db((slope * octaves).clamp(-40, 25))
    knots = _from_db(6 * torch.randn((batch, 1, 10), generator=generator))
    swell = functional.interpolate(knots, size=frames, mode="linear", align_corners=True)
    swell = torch.where(_chances(0.5, batch, generator) > 0, swell, torch.ones(()))
    shape = shape * swell
    level = wanted * _from_db(-_uniform(config.noise_snr_db, (batch, 1, 1), generator))
    noise = shape / shape.mean(dim=2, keepdim=True).sum(dim=1, keepdim=True) * level * _speckle(power, generator)
    lines = _hum_lines(batch, bins, generator) * _chances(config.hum, batch, generator)
    clicks = (torch.rand((batch, 1, frames), generator=generator) < 0.01).float() * _chances(config.clicks, batch, generator)
    clicks = torch.maximum(clicks, 0.3 * clicks.roll(1, dims=2))
    loud = wanted * _from_db(_uniform((-25.0, 3.0), (batch, 1, 1), generator))
    return noise + lines * wanted * _from_db(_uniform((-30.0, -3.0), (batch, 1, 1), generator)) + clicks * loud / bins


def _hum_lines(batch: int, bins: int, generator: Generator) -> Tensor:
    """A steady tone with falling harmonics, 45..260 Hz: mains, fans, engines; sums to 1 per frame; (b, bins, 1)."""
    base = _uniform((45.0, 260.0), (batch, 1, 1), generator)
    fall = _uniform((0.3, 0.8), (batch, 1, 1), generator)
    hz = torch.arange(bins)[None, :, None] * BIN_HZ
    harmonics = torch.arange(1, 13)[None, None, :]
    closeness = (1 - ((hz - base * harmonics) / (1.5 * BIN_HZ)) ** 2).clamp_min(0)
    lines = (closeness * fall ** harmonics).sum(dim=2, keepdim=True)
    return lines / lines.sum(dim=1, keepdim=True).clamp_min(1e-6)


def _speckle(like: Tensor, generator: Generator) -> Tensor:
    """Random power of noise: exponentially distributed, mean 1."""
    return -torch.log(torch.rand(like.shape, generator=generator).clamp_min(1e-6))


def _masked(power: Tensor, config: AugmentConfig, generator: Generator) -> Tensor:
    """Dip short stretches of time and bands of frequency."""
    batch, bins, frames = power.shape
    steps, bands = torch.arange(frames)[None, None, :], torch.arange(bins)[None, :, None]
    for share, axis, longest, size in ((config.time_mask, steps, 6.0, frames), (config.band_mask, bands, 24.0, bins)):
        for _ in range(2):
            first = torch.rand((batch, 1, 1), generator=generator) * size
            length = torch.rand((batch, 1, 1), generator=generator) * longest * _chances(share, batch, generator)
            power = power * torch.where((axis >= first) & (axis < first + length), 1e-3, 1.0)
    return power
