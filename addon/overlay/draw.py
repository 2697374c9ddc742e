"""Draw a take into a region of an editor. The only file that uses the gpu module, and only while Blender draws."""

from __future__ import annotations

from dataclasses import dataclass

import blf
import gpu
import numpy as np
from gpu_extras.batch import batch_for_shader

from . import layout

Colour = tuple[float, float, float, float]

BACK: Colour = (0.09, 0.10, 0.12, 0.70)
WAVE: Colour = (0.55, 0.60, 0.66, 0.75)
TEXT: Colour = (0.94, 0.95, 0.96, 1.0)
KINDS: dict[str, Colour] = {
    "closed": (0.80, 0.27, 0.22, 0.95), "open": (0.80, 0.53, 0.14, 0.95), "round": (0.48, 0.38, 0.80, 0.95),
    "teeth on lip": (0.76, 0.34, 0.56, 0.95), "spread": (0.24, 0.57, 0.40, 0.95),
    "vowel": (0.28, 0.49, 0.66, 0.95), "": (0.36, 0.39, 0.44, 0.95),
}
CURVES: tuple[Colour, ...] = (
    (1.0, 0.72, 0.25, 1.0), (0.95, 0.40, 0.36, 1.0), (0.68, 0.58, 1.0, 1.0),
    (0.42, 0.85, 0.60, 1.0), (0.42, 0.78, 0.98, 1.0), (0.95, 0.60, 0.82, 1.0),
)
FONT = 0
FONT_PX, LEGEND_PX = 11.0, 11.0
LINE_PX = 1.4
GAP_PX = 1.0            # between two boxes
LABEL_MARGIN_PX = 4.0
LEAST_LABELLED_PX = 11.0    # a row of boxes lower than this has no labels
LEAST_LEGEND_PX = 44.0      # a band lower than this has no legend


@dataclass
class Drawing:
    """What was made for one region, kept while neither its view nor the track changes."""

    key: tuple[layout.View, layout.Band, float]
    track: layout.DrawnTake
    shapes: list[tuple[gpu.types.GPUBatch, Colour, bool]]       # batch, colour, whether it is a line
    texts: list[tuple[str, float, float, float, Colour]]        # text, left, baseline, height, colour


def draw(
    drawing: Drawing | None, track: layout.DrawnTake, view: layout.View, band: layout.Band, scale: float,
) -> Drawing:
    """Draw a track into the region that Blender draws now; gives what to keep for the next time.

    Args:
        scale: of the interface.
    """
    key = (view, band, scale)
    if drawing is None or drawing.track is not track or drawing.key != key:
        drawing = Drawing(key, track, [], [])
        _prepare(drawing, track, view, band, scale)
    gpu.state.blend_set('ALPHA')
    flat, line = gpu.shader.from_builtin('UNIFORM_COLOR'), gpu.shader.from_builtin('POLYLINE_UNIFORM_COLOR')
    for batch, colour, is_line in drawing.shapes:
        shader = line if is_line else flat
        shader.bind()
        shader.uniform_float("color", colour)
        if is_line:
            shader.uniform_float("viewportSize", gpu.state.viewport_get()[2:])
            shader.uniform_float("lineWidth", LINE_PX * scale)
        batch.draw(shader)
    gpu.state.blend_set('NONE')
    for text, left, baseline, height, colour in drawing.texts:
        blf.size(FONT, height)
        blf.color(FONT, *colour)
        blf.position(FONT, left, baseline, 0)
        blf.draw(FONT, text)
    return drawing


def _prepare(drawing: Drawing, track: layout.DrawnTake, view: layout.View, band: layout.Band, scale: float) -> None:
    left, right = layout.span(track, view)
    if right - left < 1 or band.top - band.bottom < 2:
        return
    _rectangles(drawing, [(left, right)], band, BACK)
    phones, above = layout.split(band, bool(track.phones))
    corners = layout.wave_outline(track, view, above)
    if len(corners):
        _add(drawing, 'TRI_STRIP', corners, WAVE)
    for number, curve in enumerate(track.curves):
        points = layout.curve_line(curve, view, above)
        if len(points) > 1:
            _add(drawing, 'LINE_STRIP', points, CURVES[number % len(CURVES)])
    _phones(drawing, layout.boxes(track, view), phones, scale)
    if above.top - above.bottom >= LEAST_LEGEND_PX * scale:
        _legend(drawing, track, (left + LABEL_MARGIN_PX * scale, right), above.top - (LEGEND_PX + 3) * scale, scale)


def _phones(drawing: Drawing, boxes: list[layout.Box], band: layout.Band, scale: float) -> None:
    """Boxes in the colour of their kind of mouth, with labels where there is room."""
    inner = layout.Band(band.bottom + GAP_PX, band.top - GAP_PX)
    for kind, colour in KINDS.items():
        edges = [(box.left, max(box.left + 1, box.right - GAP_PX)) for box in boxes if box.kind == kind]
        if edges:
            _rectangles(drawing, edges, inner, colour)
    height = min(FONT_PX * scale, (band.top - band.bottom) * 0.75)
    if band.top - band.bottom < LEAST_LABELLED_PX:
        return
    blf.size(FONT, height)
    widths = {label: blf.dimensions(FONT, label)[0] for label in {box.label for box in boxes}}
    baseline = (band.bottom + band.top) / 2 - height * 0.3
    for box in layout.readable(boxes, [widths[box.label] for box in boxes], LABEL_MARGIN_PX * scale):
        drawing.texts.append((box.label, (box.left + box.right - widths[box.label]) / 2, baseline, height, TEXT))


def _legend(
    drawing: Drawing, track: layout.DrawnTake, edges: tuple[float, float], baseline: float, scale: float,
) -> None:
    """Name of the take and of its curves, as many as there is room for."""
    left, right = edges
    blf.size(FONT, LEGEND_PX * scale)
    names = [(curve.name, CURVES[number % len(CURVES)]) for number, curve in enumerate(track.curves)]
    for text, colour in [(track.name, TEXT), *names]:
        width = blf.dimensions(FONT, text)[0]
        if left + width > right:
            return
        drawing.texts.append((text, left, baseline, LEGEND_PX * scale, colour))
        left += width + 10 * scale


def _rectangles(drawing: Drawing, edges: list[tuple[float, float]], band: layout.Band, colour: Colour) -> None:
    sides = np.array(edges, np.float32)
    corners = np.empty((len(sides), 6, 2), np.float32)
    corners[..., 0] = sides[:, [0, 1, 1, 0, 1, 0]]
    corners[..., 1] = [band.bottom, band.bottom, band.top, band.bottom, band.top, band.top]
    _add(drawing, 'TRIS', corners.reshape(-1, 2), colour)


def _add(drawing: Drawing, kind: str, corners: np.ndarray, colour: Colour) -> None:
    line = kind == 'LINE_STRIP'
    places = np.column_stack([corners, np.zeros(len(corners))]).astype(np.float32) if line else corners
    shader = gpu.shader.from_builtin('POLYLINE_UNIFORM_COLOR' if line else 'UNIFORM_COLOR')
    drawing.shapes.append((batch_for_shader(shader, kind, {"pos": places}), colour, line))
