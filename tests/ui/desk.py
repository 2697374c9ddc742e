"""The desk of the window scripts: pointer, keys and pictures in a real Blender window. run.sh copies it beside the
script, with stage.py.

A button is found by what it does and not by where it stands: the pointer goes down the sidebar until Blender says that
it is over that operator or property, so that a panel may change without a change here. Functions that wait are
generators: `yield from click(...)`.
"""

import importlib
import os
import subprocess
from functools import partial
from pathlib import Path

import bpy
import uidriver

PACKAGE = "bl_ext.user_default.unitalker"
TAB = "Lip Sync"
TITLE_PX = (40, 12)             # of the first panel's title, from the sidebar's top left corner
HEADER_PX = 28                  # height of a closed panel at scale 1.0
INNER_PX = 26                   # and of a closed one inside of an open panel
STEP_PX = 13                    # of the pointer on its way down: a button is 16 high or more
EDGE_STEP_PX = 3                # of the pointer on its way to the edges of a button, to click on its middle
ACROSS = {"unitalker.animate": 0.25}    # of buttons that do not reach the middle of the sidebar
SETTLE_S = 0.05                 # between two looks whether Blender has heard of the pointer
HEARD_S = 3.0                   # after which it is moved again
# of Blender's event loop, until everything is drawn and panels have moved to their places; how long each takes at least
ROUNDS, ROUND_S = 10, 0.2
TAKEN_S = 2.0                   # until run.sh has taken the picture
OPENED_S = 1.0                  # until Blender has heard of a click
# for a click or a key to be taken by a busy computer: a second one would undo or switch twice
WAIT_S = 20.0
ATTEMPTS = 3
LIMIT_S = 2400                  # for a script, on a computer with other work too
ENDED = Path(uidriver.HOME) / "done"        # how the script ended, for run.sh
TO_READ_S = 5.0                 # that run.sh gets for it

pointer = []                    # where Blender last heard of it, in pixels of the window
seen = {}                       # what was under the pointer at which x: such a y, to look there first


def run(test):
    """Run a script's steps, then end Blender: run.sh lets it live on, and it would take half a processor."""
    bpy.utils.register_class(DESK_OT_listen)
    uidriver.run(test, timeout=LIMIT_S)
    bpy.app.timers.register(_leave, persistent=True)


def _leave():
    if ENDED.exists():
        bpy.app.timers.register(partial(os._exit, 0), first_interval=TO_READ_S, persistent=True)
        return None
    return 1.0


def tab(ui):
    """Open the sidebar on our tab; it can be chosen once it has been drawn."""
    bpy.context.preferences.view.show_tooltips = False      # they would hide what the pictures are of
    for _ in range(2):
        ui.sidebar(TAB)
        yield 1.0
    seen.clear()


def shot(ui, name):
    """A picture of the window, after everything has been drawn that Blender draws by itself."""
    yield from drawn()
    ui.shot(name)
    yield TAKEN_S


def drawn():
    """Wait until Blender has drawn what has changed."""
    for _ in range(ROUNDS):
        yield ROUND_S


def wait(done, seconds=WAIT_S):
    """Wait for something that may not come: whether it has come."""
    for _ in range(round(seconds / 0.4)):
        if done():
            return True
        yield 0.4
    return bool(done())


def find(ui, what, across=None):
    """The middle of an operator ('unitalker.animate') or property ('unitalker.strength') in the sidebar, where the
    pointer is left.

    across: where to look in the width of the sidebar, 0 to 1; a row may have several buttons.
    """
    ui.region.tag_redraw()          # a script's changes are not drawn by themselves
    yield from drawn()
    x = round((across or ACROSS.get(what, 0.5)) * ui.region.width)
    known = [seen[what, x]] if (what, x) in seen else []
    down, between = (range(TITLE_PX[1] + off, ui.region.height, STEP_PX) for off in (0, STEP_PX // 2))
    for y in (*known, *down, *between):
        name = yield from hover(ui, x, y)
        seen[name, x] = y
        if name == what:
            top = yield from _edge(ui, what, (x, y), -EDGE_STEP_PX)
            bottom = yield from _edge(ui, what, (x, y), EDGE_STEP_PX)
            seen[what, x] = (top + bottom) // 2
            if (yield from hover(ui, x, seen[what, x])) == what:
                return x, seen[what, x]
    yield from shot(ui, f"missing_{what}")
    raise AssertionError(f"{what} is not in the sidebar at {x / ui.region.width:.2f} of its width")


def _edge(ui, what, place, step):
    """How far up or down the same button reaches from a place in it."""
    x, y = place
    while 0 < y + step < ui.region.height:
        if (yield from hover(ui, x, y + step)) != what:
            break
        y += step
    return y


def hover(ui, x, y):
    """Move the pointer to a place in the sidebar, as xdotool does without a process each time; what Blender has under
    it then."""
    place = [int(ui.region.x + x), int(ui.region.y + ui.region.height - y)]
    for _ in range(ATTEMPTS):
        window().cursor_warp(place[0] + 1, place[1])        # a pointer that stands still is not heard of
        window().cursor_warp(*place)
        for _ in range(round(HEARD_S / SETTLE_S)):
            yield SETTLE_S
            if pointer == place:
                return (yield from _highlighted(ui))
        with bpy.context.temp_override(window=window()):
            bpy.ops.desk.listen('INVOKE_DEFAULT')
    return under_pointer(ui)


def _highlighted(ui):
    """A button that the pointer leaves takes one event, the one that it comes to the next."""
    for _ in range(2):
        yield SETTLE_S
        if (name := under_pointer(ui)) is not None:
            return name
    return None


class DESK_OT_listen(bpy.types.Operator):
    """Note where Blender hears of the pointer: on a busy computer that is late"""

    bl_idname = "desk.listen"
    bl_label = "Listen to the Pointer"

    def invoke(self, context, _event):
        """Until another file is loaded."""
        context.window_manager.modal_handler_add(self)
        return {'RUNNING_MODAL'}

    def modal(self, _context, event):
        """Take nothing away."""
        if event.type == 'MOUSEMOVE':
            pointer[:] = event.mouse_x, event.mouse_y
        return {'PASS_THROUGH'}


def under_pointer(ui):
    """The operator or property of the button under the pointer, None over anything else."""
    area = next(area for area in window().screen.areas if ui.region in list(area.regions))
    manager = bpy.context.window_manager
    manager.clipboard = ""
    with bpy.context.temp_override(window=window(), area=area, region=ui.region):
        if bpy.ops.ui.copy_python_command_button.poll():
            bpy.ops.ui.copy_python_command_button()
        if not manager.clipboard and bpy.ops.ui.copy_data_path_button.poll():
            bpy.ops.ui.copy_data_path_button(full_path=True)
    text = manager.clipboard
    if text.startswith("bpy.ops."):
        return text.removeprefix("bpy.ops.").partition("(")[0]
    return ".".join(text.rsplit(".", 2)[1:]) or None


def click(ui, what, done, across=None):
    """Click on a button until it has been taken: a busy computer may draw it late."""
    for _ in range(ATTEMPTS):
        place = yield from find(ui, what, across)
        ui.click_region(*place)
        if (yield from wait(done)):
            return
    yield from shot(ui, f"missed_{what}")
    raise AssertionError(f"a click on {what} did nothing")


def click_beside(ui, what, across, done):
    """Click in the row of a button on one that Blender has no name for: a menu or a list that drops down."""
    for _ in range(ATTEMPTS):
        _, y = yield from find(ui, what)
        ui.click_region(across * ui.region.width, y)
        if (yield from wait(done)):
            return
    raise AssertionError(f"a click beside {what} did nothing")


def press(ui, combination, done):
    """Press keys over the 3D view until they have been taken."""
    region = main_region(largest())
    for _ in range(ATTEMPTS):
        xdotool("mousemove", region.x + 300, window().height - region.y - 120)
        yield 1.0
        ui.keys(combination)
        if (yield from wait(done)):
            return
    raise AssertionError(f"{combination} did nothing")


def write(ui, text):
    """Type letters and digits."""
    for letter in text:
        ui.keys("space" if letter == " " else letter)
    yield 2.5


def pull_slider(ui, what, by_px, done):
    """Press the left button on a slider and pull it sideways; release() lets it go."""
    # else Blender puts the pointer back while it drags
    bpy.context.preferences.inputs.use_mouse_continuous = False
    for _ in range(ATTEMPTS):
        x, y = on_screen(ui, *(yield from find(ui, what, 0.6)))
        xdotool("mousemove", x + 2, y + 1)
        yield 0.5
        xdotool("mousedown", 1)
        for part in range(1, 11):
            xdotool("mousemove", x + round(by_px * part / 10), y)
            yield 0.2
        if (yield from wait(done)):
            return
        release()               # a busy computer saw the press too late, and now takes it for a click into the field
        yield 1.0
        ui.keys("Escape")
        yield 2.0
    raise AssertionError(f"{what} was not dragged")


def pull(start, end):
    """Press on a place of the screen, move to another, release."""
    xdotool("mousemove", *start)
    yield 1.0
    xdotool("mousedown", 1)
    yield 0.3
    for part in range(1, 9) if start != end else ():
        xdotool("mousemove", *(round(a + (b - a) * part / 8) for a, b in zip(start, end, strict=True)))
        yield 0.2
    release()
    yield 0.7


def release():
    xdotool("mouseup", 1)


def open_alone(ui, *panels):
    """Close all panels of the tab but these, which may lie inside of others."""
    yield from _toggle(ui, set(opened(ui)) & set(map(_name, shown())), ())
    for outer in reversed(shown()):         # from below, so that all titles above are of closed panels
        inside = set(map(_name, inner(outer)))
        if inside & (opened(ui) | set(panels)):
            yield from click_title(ui, outer)
            yield from _toggle(ui, inside & opened(ui), inside & set(panels), outer)
            if not inside & set(panels):
                yield from click_title(ui, outer)
        if _name(outer) in panels and not inside & set(panels):
            yield from click_title(ui, outer)
    opened(ui).clear()
    opened(ui).update(panels, (_name(outer) for outer in shown() if set(map(_name, inner(outer))) & set(panels)))
    seen.clear()


def _toggle(ui, close, open_, outer=None):
    """Close panels from above and open others from below, of the tab or inside of one: the titles above are closed."""
    panels = shown() if outer is None else inner(outer)
    for panel in [panel for panel in panels if _name(panel) in close]:
        yield from click_title(ui, panel, outer)
    for panel in [panel for panel in reversed(panels) if _name(panel) in open_]:
        yield from click_title(ui, panel, outer)


def opened(ui):
    """Names of the panels that are open: at first those that are not closed by default."""
    if not hasattr(ui, "opened"):
        ui.opened = {panel.__name__ for panel in shown() if 'DEFAULT_CLOSED' not in getattr(panel, "bl_options", ())}
    return ui.opened


def click_title(ui, panel, outer=None):
    """Open or close a panel while those above it are closed, but for the one around it, which is open."""
    scale = bpy.context.preferences.view.ui_scale
    down = shown().index(outer or panel) * round(HEADER_PX * scale)
    if outer is not None:
        down += round((HEADER_PX + inner(outer).index(panel) * INNER_PX) * scale)
    x, y = on_screen(ui, TITLE_PX[0], TITLE_PX[1] + down)
    words = f"mousemove {x} {y} sleep 0.6 mousemove_relative 2 1 sleep 0.4 click 1"
    clicked = subprocess.Popen(["xdotool", *words.split()])
    yield lambda: clicked.poll() is not None
    yield OPENED_S
    yield from drawn()


def shown():
    """The panels of the tab, from the top."""
    return _of_level(None)


def inner(outer):
    """The panels inside of one, from the top."""
    return _of_level(_name(outer))


def _of_level(parent):
    panels = [
        panel
        for panel in importlib.import_module(f"{PACKAGE}.addon").CLASSES
        if issubclass(panel, bpy.types.Panel) and getattr(panel, "bl_category", "") == TAB
        and panel.bl_space_type == 'VIEW_3D' and getattr(panel, "bl_parent_id", None) == parent
        and (not hasattr(panel, "poll") or panel.poll(bpy.context))
    ]
    # of one number, the one that was registered first
    return sorted(panels, key=lambda panel: getattr(panel, "bl_order", 0))


def _name(panel):
    return panel.__name__


def window():
    return bpy.context.window_manager.windows[0]


def largest(kind='VIEW_3D'):
    """The largest area of a kind."""
    return max((area for area in window().screen.areas if area.type == kind), key=lambda area: area.width * area.height)


def main_region(area):
    return next(region for region in area.regions if region.type == 'WINDOW')


def over(area):
    """For operators that look where the pointer is."""
    return bpy.context.temp_override(window=window(), area=area, region=main_region(area))


def split_below(editor, factor=0.35):
    """Another editor, without its sidebar, below the largest 3D view."""
    with over(largest()):
        bpy.ops.screen.area_split(direction='HORIZONTAL', factor=factor)
    area = min((area for area in window().screen.areas if area.type == 'VIEW_3D'), key=lambda area: area.y)
    area.ui_type = editor
    area.spaces[0].show_region_ui = False
    return area


def on_screen(ui, x, y):
    """Pixels of the screen for a place in the sidebar."""
    return int(ui.region.x + x), int(window().height - ui.region.y - ui.region.height + y)


def in_editor(area, frame, height):
    """Pixels of the screen for a frame and a channel or value of an editor with a time axis."""
    region = main_region(area)
    x, y = region.view2d.view_to_region(frame, height, clip=False)
    return region.x + x, window().height - region.y - y


def frame_px(area):
    """Width of a frame in pixels."""
    to_region = main_region(area).view2d.view_to_region
    return (to_region(100, 0, clip=False)[0] - to_region(0, 0, clip=False)[0]) / 100


def xdotool(*words):
    subprocess.run(["xdotool", *map(str, words)], check=True)
