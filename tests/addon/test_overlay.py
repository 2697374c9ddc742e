"""What the overlay really draws, read back from the graphics driver: needs no window, but OpenGL without one."""

from __future__ import annotations

import sys

import bpy
import numpy as np
import pytest

WIDTH, HEIGHT = 800, 140
BAND = (20.0, 124.0)


@pytest.fixture
def canvas(ext, face, tmp_path):
    """Draws a track into a picture: values (height, width, 4) 0..1, bottom row first."""
    if sys.platform.startswith("linux"):
        import ctypes.util

        if not ctypes.util.find_library("EGL"):
            pytest.skip("no OpenGL without a window (Debian: libegl1 libgl1-mesa-dri)")
    bpy.ops.unitalker.face_camera(character="Face")
    picture = ext.module("addon.pictures.picture")
    # starts the graphics driver
    look = picture.PictureLook(16, 16)
    picture.draw(bpy.context.scene, bpy.context.view_layer.name, look, str(tmp_path / "first.png"))
    import gpu
    from mathutils import Matrix

    layout, drawing = ext.module("addon.overlay.layout"), ext.module("addon.overlay.draw")
    offscreen = gpu.types.GPUOffScreen(WIDTH, HEIGHT)

    def draw(track, left_frame, frames_per_px, kept=None):
        with offscreen.bind(), gpu.matrix.push_pop():
            target = gpu.state.active_framebuffer_get()
            gpu.state.depth_test_set('NONE')            # as in a region; the render before may have left others
            gpu.state.face_culling_set('NONE')
            gpu.state.color_mask_set(True, True, True, True)
            target.clear(color=(0.0, 0.0, 0.0, 1.0))
            gpu.matrix.load_matrix(Matrix.Identity(4))
            gpu.matrix.load_projection_matrix(
                Matrix(((2 / WIDTH, 0, 0, -1), (0, 2 / HEIGHT, 0, -1), (0, 0, -1, 0), (0, 0, 0, 1)))
            )
            view = layout.View(left_frame, frames_per_px, WIDTH)
            draw.kept = drawing.draw(kept, track, view, layout.Band(*BAND), 1.0)
            pixels = target.read_color(0, 0, WIDTH, HEIGHT, 4, 0, 'FLOAT')
        pixels.dimensions = WIDTH * HEIGHT * 4
        return np.array(pixels, np.float32).reshape(HEIGHT, WIDTH, 4)

    yield draw
    offscreen.free()


@pytest.fixture
def track(ext):
    """Four seconds from frame 101 on at 25 frames a second: m until second 1, aa until 2, silence; loud from second 2
    to 3; a rising curve."""
    layout, phone = ext.module("addon.overlay.layout"), ext.module("engine.values.phones").Phone
    sound = np.zeros(64_000, np.float32)
    sound[32_000:48_000] = np.resize([0.9, -0.9], 16_000)
    peaks = ext.module("addon.overlay.peaks").measure(sound, 16_000)
    curve = layout.DrawnCurve("jawOpen", 101.0, np.linspace(0, 1, 100, dtype=np.float32))
    phones = (phone("M", 0.0, 1.0), phone("AA", 1.0, 2.0), phone("SIL", 2.0, 4.0))
    return layout.DrawnTake("line", 101.0, 25.0, 101.0, 200.0, peaks, phones, (curve,))


@pytest.mark.parametrize(("left_frame", "frames_per_px"), [(96.0, 0.2), (120.0, 0.05), (0.0, 1.0)])
def test_every_part_lies_on_its_frames(canvas, track, left_frame, frames_per_px):
    picture = canvas(track, left_frame, frames_per_px)

    def x(second):
        return int((101 + 25 * second - left_frame) / frames_per_px)

    def colour(second, height):
        return picture[height, x(second), :3] if 0 <= x(second) < WIDTH else None

    for second, strongest in ((0.1, 0), (1.9, 0)):         # red for lips that meet, orange for an open mouth
        found = colour(second, 24)
        assert found is None or (found.argmax() == strongest and found[0] > 0.5)
    closed, wide = colour(0.9, 24), colour(1.1, 24)
    if closed is not None and wide is not None:
        assert closed[1] < 0.35 < wide[1]           # the boxes change within 0.2 s of second 1
    silent, loud, quiet = colour(2.5, 24), colour(2.5, 70), colour(3.5, 95)
    assert silent is None or silent.max() < 0.15
    assert loud is None or loud.min() > 0.25
    assert quiet is None or quiet.max() < 0.15 or quiet[0] > 0.5        # the curve may pass there
    before = colour(-0.3, 60)
    assert before is None or before.max() == 0


def test_the_curve_rises_from_left_to_right(canvas, track):
    picture = canvas(track, 101.0, 0.125)
    orange = (picture[40:, :, 0] > 0.6) & (picture[40:, :, 2] < 0.45) & (picture[40:, :, 0] > picture[40:, :, 2] + 0.3)
    rows = [np.flatnonzero(orange[:, column]).mean() for column in range(120, 780, 60) if orange[:, column].any()]
    assert len(rows) > 8 and all(np.diff(rows) > 0)


def test_the_same_view_is_made_only_once(canvas, track):
    canvas(track, 101.0, 0.125)
    first = canvas.kept
    again = canvas(track, 101.0, 0.125, first)
    assert canvas.kept is first
    canvas(track, 101.0, 0.25, first)
    assert canvas.kept is not first and again.max() > 0.5
