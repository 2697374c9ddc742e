"""The overlay: waveform, phones and curves of the chosen take in the Sequencer, the Dope Sheet with its Timeline, and the Graph Editor.

Two draw handlers' worth of care: they exist only while a scene has the overlay switched on, they go with the add-on and with the file, and they
draw only what a timer has prepared. No module of the graphics card is touched before Blender draws.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

import bpy

from ..host.job import Job

EDITORS = {"SpaceSequenceEditor": 'SEQUENCE_EDITOR', "SpaceDopeSheetEditor": 'DOPESHEET_EDITOR', "SpaceGraphEditor": 'GRAPH_EDITOR'}
LOOK_S = 0.25               # between two looks at what changed
KEPT_SOUNDS = 4             # whose peaks and phones are kept
STRIP_INSET, STRIP_TITLE = 0.08, 0.30       # of a strip's height: its edge; its name, which stays free
DOCK_PX, DOCK_SHARE, DOCK_BOTTOM_PX = 104.0, 0.42, 20.0     # a band at the bottom: height, most of the region's, above its scroll bar
RULER_PX, DOCK_LEAST_PX = 24.0, 16.0         # height of the frame numbers, which stay free; least height of the band, over markers if need be
MARKERS_PX = 46.0           # height of the markers with the scroll bar
LEAST_BAND_PX = 6.0
TIMES_KEPT = 200

_handles: dict[str, object] = {}
_state: _State | None = None


@dataclass
class _State:
    """What is drawn, and what it was made of.

    Attributes:
        scene: name of the scene that the take belongs to. track: None while there is nothing to draw.
        stamp, signature: what it was made of, at a quick look and in full.
        strip: name and mark of the take's strip; shift: frames from the strips' clock to the scene's.
        heard: peaks and phones of recent sounds. listening: the sound that a thread hears now.
        drawings: per region. keys_changed: an Action was edited. problem: why nothing is drawn, for the panel.
        draw_s: how long the last draws took.
    """

    scene: str = ""
    stamp: object = None
    signature: object = None
    track: object = None
    strip: tuple[str, str] = ("", "")
    shift: int = 0
    heard: list[tuple[object, object, object]] = field(default_factory=list)
    listening: object = None
    drawings: dict[int, object] = field(default_factory=dict)
    keys_changed: bool = False
    problem: str = ""
    draw_s: deque[float] = field(default_factory=lambda: deque(maxlen=TIMES_KEPT))


def is_on() -> bool:
    """Whether the draw handlers are there."""
    return bool(_handles)


def problem() -> str:
    """Why nothing is drawn though the overlay is on; "" when it is drawn."""
    return _state.problem if _state is not None else ""


def draw_seconds() -> list[float]:
    """How long the last draws took."""
    return list(_state.draw_s) if _state is not None else []


def sync(*_: object) -> None:
    """Have handlers exactly when a scene of this file wants them; called when that may have changed."""
    wanted = not bpy.app.background and any(scene.unitalker_preview.overlay for scene in bpy.data.scenes)
    if wanted and not _handles:
        _switch_on()
    elif not wanted and _handles:
        switch_off()
    _redraw()


def switch_off(*_: object) -> None:
    """Take all handlers away and forget what was drawn."""
    global _state  # noqa: PLW0603  one overlay
    for name, handle in _handles.items():
        getattr(bpy.types, name).draw_handler_remove(handle, 'WINDOW')
    _handles.clear()
    _state = None
    if bpy.app.timers.is_registered(_look):
        bpy.app.timers.unregister(_look)
    if _keys_may_have_changed in bpy.app.handlers.depsgraph_update_post:
        bpy.app.handlers.depsgraph_update_post.remove(_keys_may_have_changed)


def _switch_on() -> None:
    global _state  # noqa: PLW0603  one overlay
    _state = _State()
    for name in EDITORS:
        _handles[name] = getattr(bpy.types, name).draw_handler_add(_draw, (name,), 'WINDOW', 'POST_PIXEL')
    bpy.app.timers.register(_look, first_interval=0.0)
    bpy.app.handlers.depsgraph_update_post.append(_keys_may_have_changed)


@bpy.app.handlers.persistent
def _keys_may_have_changed(_scene: bpy.types.Scene, depsgraph: bpy.types.Depsgraph) -> None:
    if _state is not None and depsgraph.id_type_updated('ACTION'):
        _state.keys_changed = True


def _look() -> float | None:
    """Timer: prepare again what changed; nothing is read from files here."""
    if _state is None:
        return None
    context = bpy.context
    windows = context.window_manager.windows
    if not windows or any(window.screen.is_animation_playing for window in windows):        # another take waits until it stops
        return LOOK_S
    try:
        with context.temp_override(window=context.window or windows[0]):
            _prepare(bpy.context)
    except ReferenceError:          # undone meanwhile: the next look sees what there is now
        _state.keys_changed = True
    return LOOK_S


def _prepare(context: bpy.types.Context) -> None:
    from ... import engine
    from . import shown

    scene = context.scene
    if not scene.unitalker_preview.overlay:
        return
    stamp = (shown.stamp(context), scene.frame_current, scene.unitalker_preview.channels, len(_state.heard), _state.listening is None)
    if stamp == _state.stamp and not _state.keys_changed:
        return
    try:
        one = shown.chosen(context)
        peaks, phones = _heard_of(context, one)
        signature = (scene.name, one, scene.unitalker_preview.channels, peaks is None, phones)
        if signature != _state.signature or _state.keys_changed:
            _state.strip, _state.shift = shown.strip_of(context, one)
            _state.track, _state.problem = shown.track_of(context, one, peaks, phones, scene.unitalker_preview.channels), ""
            _show(scene, signature)
    except engine.EngineError as error:
        if _state.track is not None or _state.problem != str(error):
            _state.track, _state.problem = None, str(error)
            _show(scene, None)
    _state.stamp, _state.keys_changed = stamp, False


def _show(scene: bpy.types.Scene, signature: object) -> None:
    _state.scene, _state.signature = scene.name, signature
    _state.drawings.clear()
    _redraw()


def _heard_of(context: bpy.types.Context, one: object) -> tuple[object, tuple[object, ...]]:
    """Peaks and phones of a take; None and () while a thread listens, or where the sound is gone."""
    from . import shown

    known = shown.phones_known(context, one)
    for key, peaks, phones in _state.heard:
        if key == _key(one):
            return peaks, phones if known is None else known
    busy = Job.current is not None or _state.listening is not None or context.scene.unitalker_mapping.preview
    request = None if busy else shown.request_of(context, one)
    if request is not None:
        _state.listening = _key(one)
        threading.Thread(target=_listen, args=(_state, _key(one), request, known), name="lip-sync-overlay", daemon=True).start()
    return None, known or ()


def _key(one: object) -> object:
    """What a take's sound and phones depend on."""
    choices = one.choices
    return one.line, one.character, one.clip, tuple(str(choices.get(name, "")) for name in ("model", "transcript", "transcript_text", "language", "audio_channel"))


def _listen(state: _State, key: object, request: object, known: object) -> None:
    """On a thread: peaks and phones; a sound that cannot be read is left out, the curves are drawn all the same."""
    from ... import engine
    from ..sound import cache as kept_sounds
    from . import peaks, shown

    found, phones = None, ()
    try:
        found = peaks.measure(kept_sounds.read(request.clip).samples, engine.values.types.SAMPLE_RATE_HZ)
        phones = shown.listen(request, lambda: _state is not state) if known is None else ()
    except (engine.EngineError, OSError):
        pass
    finally:
        state.heard = [*state.heard, (key, found, phones)][-KEPT_SOUNDS:]
        state.listening = None


def _draw(editor: str) -> None:
    """Draw handler of one kind of editor."""
    context = bpy.context
    state = _state
    if state is None or state.track is None or context.scene is None or context.scene.name != state.scene:
        return
    start = time.perf_counter()
    from . import draw, layout

    region = context.region
    scale = context.preferences.system.ui_scale
    shift = state.shift if editor == "SpaceSequenceEditor" else 0
    left, right = (region.view2d.region_to_view(x, 0)[0] + shift for x in (0, region.width))
    band = _strip_band(context, state, layout.Band) if editor == "SpaceSequenceEditor" else None
    band = band or _docked_band(context, scale, layout.Band)
    if right > left and band.top - band.bottom >= LEAST_BAND_PX:
        view = layout.View(left, (right - left) / region.width, region.width)
        key = region.as_pointer()
        state.drawings[key] = draw.draw(state.drawings.get(key), state.track, view, band, scale)
    state.draw_s.append(time.perf_counter() - start)


def _strip_band(context: bpy.types.Context, state: _State, band: Callable[[float, float], object]) -> object | None:
    """Inside the take's strip, below its name; None when the take has no strip here."""
    from ..sound.strips import find_marked, sequencer_scene

    name, mark = state.strip
    strip = find_marked(sequencer_scene(context), mark, name) if name else None
    if strip is None:
        return None
    to_region = context.region.view2d.view_to_region
    bottom, top = (to_region(0, strip.channel + share, clip=False)[1] for share in (STRIP_INSET, 1 - STRIP_TITLE))
    return band(float(bottom), float(top))


def _docked_band(context: bpy.types.Context, scale: float, band: Callable[[float, float], object]) -> object:
    """At the bottom of the region, above its scroll bar and its markers and below the frame numbers."""
    markers = len(context.scene.timeline_markers) > 0 and getattr(context.space_data, "show_markers", True)
    bottom = (MARKERS_PX if markers else DOCK_BOTTOM_PX) * scale
    top = min(bottom + min(DOCK_PX * scale, DOCK_SHARE * context.region.height), context.region.height - RULER_PX * scale)
    return band(max(1.0, min(bottom, top - DOCK_LEAST_PX * scale)), top)


def _redraw() -> None:
    for window in bpy.context.window_manager.windows:
        for area in window.screen.areas:
            if area.type in EDITORS.values():
                area.tag_redraw()


@bpy.app.handlers.persistent
def _after_load(*_: object) -> None:
    """Another file: what was drawn belonged to the last one; this one may want its own."""
    switch_off()
    sync()


@bpy.app.handlers.persistent
def _before_load(*_: object) -> None:
    switch_off()


@bpy.app.handlers.persistent
def _after_undo(*_: object) -> None:
    """Undo may have set the switch, the take or its keys."""
    if _state is not None:
        _state.keys_changed = True
    sync()


HANDLERS = (("load_pre", _before_load), ("load_post", _after_load), ("undo_post", _after_undo), ("redo_post", _after_undo))


def register() -> None:
    """Watch for files and undo."""
    for name, handler in HANDLERS:
        getattr(bpy.app.handlers, name).append(handler)


def unregister() -> None:
    """Take everything away."""
    for name, handler in HANDLERS:
        getattr(bpy.app.handlers, name).remove(handler)
    switch_off()
