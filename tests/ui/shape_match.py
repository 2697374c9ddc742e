"""In a real window: a scanned head whose keys have scrambled names gets markers, a proposal with pictures, a tick and a
preset, all by true clicks.

By hand and before a release: `python -m tests.ui.make_pictures TOOLS OUT --only shape_match`. Look at the screenshots.
"""

import json

import bpy
import desk
import stage

HEAD_FILE = stage.HOME / "ict_facekit_head.glb"
MARKERS = "unitalker.shape_markers"
ROW = 6                         # whose tick is clicked
LEAST = 46                      # channels found


def test(ui):
    truth = set_scene()
    yield 1.0
    yield from desk.tab(ui)
    yield from desk.open_alone(ui, "UNITALKER_PT_shapes")
    yield from desk.click(ui, MARKERS, lambda: sum("unitalker_marker" in obj for obj in bpy.data.objects) == 8)
    yield from desk.shot(ui, "1_markers")
    yield from desk.tab(ui)
    yield from desk.click(ui, "unitalker.shape_match", lambda: stage.job() is not None or len(state().rows))
    yield lambda: stage.job() is None and len(state().rows)
    yield from desk.shot(ui, "2_matched")
    wrong = [
        row.channel for row in state().rows if row.use and kind(truth[json.loads(row.keys)[0][0]]) not in row.channel
    ]
    ui.log(len(state().rows), sum(row.use for row in state().rows), "wrong", wrong, "not found", state().unmatched)
    assert len(state().rows) >= LEAST and not wrong
    row = state().rows[ROW]
    before = row.use
    yield from desk.click(ui, f"rows[{ROW}].use", lambda: row.use != before, across=0.12)
    yield from desk.click(ui, "unitalker.shape_show", lambda: state().shown)
    yield from desk.shot(ui, "3_shown")
    place = yield from desk.find(ui, "unitalker.shape_save")
    ui.click_region(*place)
    yield from desk.shot(ui, "4_name")
    ui.keys("Return")
    yield lambda: bpy.context.scene.unitalker.preset != "auto"
    yield from desk.shot(ui, "5_saved")
    files = list(stage.presets_folder().glob("*.json"))
    ui.log(files)
    assert len(files) == 1 and not state().shown


def kind(name):
    """A key's name without its side."""
    return name.removesuffix("_L").removesuffix("_R")


def state():
    return bpy.context.scene.unitalker_shapes


def set_scene():
    """The head in front view, its keys numbered in no order; new name -> true name."""
    stage.empty()
    keys = stage.shape_keys(stage.add_head(HEAD_FILE))
    blocks = sorted(
        keys.key_blocks[1:],
        key=lambda block: sum(ord(letter) * (at + 7) ** 3 for at, letter in enumerate(block.name)) % 9973,
    )
    truth = {}
    for number, block in enumerate(blocks):
        truth[f"Key {number:02d}"], block.name = block.name, f"Key {number:02d}"
    stage.look_at_front()
    bpy.ops.ed.undo_push(message="head")
    return truth


desk.run(test)
