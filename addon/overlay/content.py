"""What the overlay draws: prepared by a timer from the chosen take, whose sound is analysed on a thread."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field

import bpy
import numpy as np

from ... import engine
from ...engine.rig import presets
from ...engine.values.phones import Phone
from ...engine.values.types import SAMPLE_RATE_HZ, RigChannel
from ..actions import actions
from ..actions.ledger import OWNER
from ..character import character as rig
from ..host.job import Job
from ..host.preferences import engine_preferences
from ..host.scene import scene_fps
from ..sound import cache
from ..sound.strips import active_sound, find_marked, sequencer_scene
from ..take import current, make, takes
from . import draw, layout, peaks

MOST_CURVES = 6             # more would not be told apart
KEPT_SOUNDS = 4             # whose peaks and phones are kept
STRIP_INSET, STRIP_TITLE = 0.08, 0.30       # of a strip's height: its edge; its name, which stays free
DOCK_PX, DOCK_SHARE = 104.0, 0.42           # height of a band at the bottom, and its largest share of the region
DOCK_BOTTOM_PX = 20.0       # its distance from the bottom, above the scroll bar
DOCK_LEAST_PX = 16.0        # its least height, over markers if need be
RULER_PX = 24.0             # height of the frame numbers, which stay free
MARKERS_PX = 46.0           # height of the markers with the scroll bar
LEAST_BAND_PX = 6.0
TIMES_KEPT = 200


@dataclass(frozen=True)
class _Analysed:
    """Peaks and phones of a sound, under what they depend on."""

    key: object
    peaks: peaks.Peaks | None
    phones: tuple[Phone, ...]


@dataclass
class Content:
    """What is drawn, and what it was made of.

    Attributes:
        scene: name of the scene that the take belongs to. track: None while there is nothing to draw.
        stamp, signature: what it was made of, at a quick look and in full.
        strip: name and mark of the take's strip; shift: frames from the strips' clock to the scene's.
        sounds: the last ones that were analysed. listening: the sound that a thread listens to now.
        drawings: per region. keys_changed: an Action was edited. problem: why nothing is drawn, for the panel.
        draw_s: how long the last draws took. ended: the overlay is switched off, or another file is loaded.
    """

    scene: str = ""
    stamp: object = None
    signature: object = None
    track: layout.DrawnTake | None = None
    strip: tuple[str, str] = ("", "")
    shift: int = 0
    sounds: list[_Analysed] = field(default_factory=list)
    listening: object = None
    drawings: dict[int, draw.Drawing] = field(default_factory=dict)
    keys_changed: bool = False
    problem: str = ""
    draw_s: deque[float] = field(default_factory=lambda: deque(maxlen=TIMES_KEPT))
    ended: bool = False

    def prepare(self, context: bpy.types.Context) -> bool:
        """Prepare again what changed; whether the editors must be drawn again. Nothing is read from files here."""
        scene = context.scene
        if not scene.unitalker_preview.overlay:
            return False
        channels = scene.unitalker_preview.channels
        stamp = (_stamp(context), scene.frame_current, channels, len(self.sounds), self.listening is None)
        if stamp == self.stamp and not self.keys_changed:
            return False
        changed = self._prepare_track(context, channels)
        self.stamp, self.keys_changed = stamp, False
        return changed

    def _prepare_track(self, context: bpy.types.Context, channels: str) -> bool:
        try:
            take = current.chosen(context)
            outline, phones = self._sound_of(context, take)
            signature = (context.scene.name, take, channels, outline is None, phones)
            if signature == self.signature and not self.keys_changed:
                return False
            self.strip, self.shift = current.strip_of(context, take)
            self.track, self.problem = track_of(context, take, outline, phones, channels), ""
        except engine.EngineError as error:
            if self.track is None and self.problem == str(error):
                return False
            self.track, self.problem, signature = None, str(error), None
        self.scene, self.signature = context.scene.name, signature
        self.drawings.clear()
        return True

    def _sound_of(self, context: bpy.types.Context, take: takes.Take) -> tuple[peaks.Peaks | None, tuple[Phone, ...]]:
        """Peaks and phones of a take; None and () while a thread listens, or where the sound is gone."""
        known = current.known_phones(context, take)
        key = _key(take)
        analysed = next((sound for sound in self.sounds if sound.key == key), None)
        if analysed is not None:
            return analysed.peaks, analysed.phones if known is None else known
        busy = Job.current is not None or self.listening is not None or context.scene.unitalker_mapping.preview
        request = None if busy else current.request_of(context, take)
        if request is not None:
            self.listening = key
            arguments = key, request, known
            threading.Thread(target=self._listen, args=arguments, name="lip-sync-overlay", daemon=True).start()
        return None, known or ()

    def _listen(self, key: object, request: make.Request, known: tuple[Phone, ...] | None) -> None:
        """On a thread: peaks and phones; a sound that cannot be read is left out, the curves are drawn all the same."""
        outline, phones = None, ()
        try:
            outline = peaks.measure(cache.read(request.clip).samples, SAMPLE_RATE_HZ)
            phones = current.model_phones(request, lambda: self.ended) if known is None else ()
        except (engine.EngineError, OSError):
            pass
        finally:
            self.sounds = [*self.sounds, _Analysed(key, outline, phones)][-KEPT_SOUNDS:]
            self.listening = None

    def draw(self, context: bpy.types.Context) -> None:
        """Draw into the region that Blender draws now."""
        if self.track is None or context.scene is None or context.scene.name != self.scene:
            return
        start = time.perf_counter()
        region, scale = context.region, context.preferences.system.ui_scale
        in_sequencer = context.space_data.type == 'SEQUENCE_EDITOR'
        shift = self.shift if in_sequencer else 0
        left, right = (region.view2d.region_to_view(x, 0)[0] + shift for x in (0, region.width))
        band = (self._strip_band(context) if in_sequencer else None) or _docked_band(context, scale)
        if right > left and band.top - band.bottom >= LEAST_BAND_PX:
            view = layout.View(left, (right - left) / region.width, region.width)
            key = region.as_pointer()
            self.drawings[key] = draw.draw(self.drawings.get(key), self.track, view, band, scale)
        self.draw_s.append(time.perf_counter() - start)

    def _strip_band(self, context: bpy.types.Context) -> layout.Band | None:
        """Inside the take's strip, below its name; None when the take has no strip here."""
        name, mark = self.strip
        strip = find_marked(sequencer_scene(context), mark, name) if name else None
        if strip is None:
            return None
        to_region = context.region.view2d.view_to_region
        bottom, top = (to_region(0, strip.channel + share, clip=False)[1] for share in (STRIP_INSET, 1 - STRIP_TITLE))
        return layout.Band(float(bottom), float(top))


def _docked_band(context: bpy.types.Context, scale: float) -> layout.Band:
    """At the bottom of the region, above its scroll bar and its markers and below the frame numbers."""
    markers = len(context.scene.timeline_markers) > 0 and getattr(context.space_data, "show_markers", True)
    bottom = (MARKERS_PX if markers else DOCK_BOTTOM_PX) * scale
    height = min(DOCK_PX * scale, DOCK_SHARE * context.region.height)
    top = min(bottom + height, context.region.height - RULER_PX * scale)
    return layout.Band(max(1.0, min(bottom, top - DOCK_LEAST_PX * scale)), top)


def _stamp(context: bpy.types.Context) -> object:
    """What changes when the chosen take may be another one, or made otherwise; quick, for timers."""
    settings, active = context.scene.unitalker, context.view_layer.objects.active
    notes = tuple(str(action.get(OWNER, "")) for action in bpy.data.actions if OWNER in action)
    chosen = settings.character_name, active and active.name, settings.with_related, active_sound(context)
    return context.scene.name, *chosen, notes


def _key(take: takes.Take) -> object:
    """What a take's sound and phones depend on."""
    names = ("model", "transcript", "transcript_text", "language", "audio_channel")
    return take.line, take.character, take.clip, tuple(str(take.choices.get(name, "")) for name in names)


def track_of(
    context: bpy.types.Context, take: takes.Take, outline: peaks.Peaks | None, phones: tuple[Phone, ...], channels: str,
) -> layout.DrawnTake:
    """What the overlay draws of a take.

    Args:
        channels: names with commas between: of ARKit, looked up through the character's preset, or of the rig itself.
    """
    names = [name.strip() for name in channels.split(",") if name.strip()]
    curves = tuple(_curves(context, take, names[:MOST_CURVES]))
    fps = scene_fps(context.scene)
    return layout.DrawnTake(
        take.line, _sound_frame(take), fps, take.first_frame, take.last_frame, outline, phones, curves,
    )


def _sound_frame(take: takes.Take) -> float:
    """The frame on which the sound of a take begins; its keys may be shifted from there."""
    shift = take.choices.get("shift_frames", 0.0)
    return take.first_frame - (shift if isinstance(shift, (int, float)) else 0.0)


def _curves(context: bpy.types.Context, take: takes.Take, names: list[str]) -> list[layout.DrawnCurve]:
    """The keyed curve of each name, sampled on whole frames; one that the rig does not have is left out."""
    character = rig.gather(context, take.character, context.scene.unitalker.with_related)
    keyed = _keyed_curves(character)
    found: dict[str, layout.DrawnCurve] = {}
    for name, channel in _rig_channels(context, character, names):
        paths = (target.path_of(channel) for target in character.targets)
        curve = next((keyed[path] for path in paths if path in keyed), None)
        if curve is None or name in found:
            continue
        frames = np.arange(int(take.first_frame), int(take.last_frame) + 1)
        values = np.array([curve.evaluate(float(frame)) for frame in frames], np.float32)
        is_key = channel.kind == "shape_key"
        low, high = (0.0, max(1.0, float(values.max()))) if is_key else (float(values.min()), float(values.max()))
        found[name] = layout.DrawnCurve(name, float(frames[0]), values, low, high)
    return list(found.values())


def _keyed_curves(character: rig.Character) -> dict[actions.Channel, bpy.types.FCurve]:
    """Data path and index -> our curve, over all data-blocks of a character."""
    uses = [use for target in character.targets for use in actions.uses(target.find())]
    curves = [curve for use in uses for curve in actions.curves_of(use) if actions.is_ours(curve, use)]
    return {(curve.data_path, curve.array_index): curve for curve in curves}


def _rig_channels(
    context: bpy.types.Context, character: rig.Character, names: list[str],
) -> Iterator[tuple[str, RigChannel]]:
    """Each name with the rig channels that may show it: those called so, then what the preset moves most by it."""
    rig_names = character.rig(context.scene.unitalker.preset or "auto", engine_preferences(context).preset_folders)
    for name in names:
        if name in rig_names.shape_keys:
            yield name, RigChannel("shape_key", name)
    try:
        preset = presets.choose(rig_names)
    except engine.EngineError:          # keyed through a preset that is gone, or taught
        return
    sources = [dict(target.sources) for target in preset.targets]
    found = presets.find_targets(preset, rig_names)
    for name in names:
        moved = [(abs(of_target.get(name, 0.0)), to) for of_target, to in zip(sources, found, strict=True)]
        for weight, channels in sorted(moved, key=lambda entry: -entry[0]):
            if weight:
                yield from ((name, channel) for channel in channels)
