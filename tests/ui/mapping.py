"""In a real window: a channel is mapped by hand with true clicks, its gain is dragged and the mouth follows, the preset
is saved, the old values are back.

By hand and before a release: `python -m tests.ui.make_pictures TOOLS OUT --only mapping`. Look at the screenshots.
"""

import bpy
import desk
import stage

REST = 0.25
CONTROL = "Mouth gape"      # the test head's jawOpen under a name that no preset has
PREVIEW = "unitalker.mapping_preview"
PULL_PX = -60


def test(ui):
    head = set_scene()
    yield 1.0
    yield from desk.tab(ui)
    yield from desk.open_alone(ui, "UNITALKER_PT_mapping")
    yield from desk.shot(ui, "1_way_in")
    yield from desk.click(ui, "unitalker.mapping_start", lambda: mapping().is_open, across=0.7)
    # the active shape key is taken
    yield from desk.click(ui, "unitalker.mapping_add", lambda: len(mapping().targets) == 1, across=0.84)
    yield from desk.shot(ui, "2_row")
    assert mapping().targets[0].control == CONTROL, mapping().targets[0].control
    place = yield from desk.find(ui, "sources[0].channel", across=0.3)
    ui.click_region(*place)
    yield 2.5
    yield from desk.write(ui, "jawOpen")
    yield from desk.shot(ui, "3_channel_search")
    ui.keys("Return")
    yield lambda: mapping().targets[0].sources[0].channel == "jawOpen"
    yield from desk.shot(ui, "4_channel")
    yield from drag_gain(ui, head)
    yield from save(ui)


def drag_gain(ui, head):
    """Preview on, the gain dragged with the button held: the mouth follows; Preview off: the old value is back."""
    yield from desk.click(ui, PREVIEW, lambda: mapping().preview, across=0.3)
    assert gape(head).value == 1.0, gape(head).value
    yield from desk.shot(ui, "5_preview")
    yield from desk.pull_slider(ui, "targets[0].gain", PULL_PX, lambda: mapping().targets[0].gain < 0.9)
    gain = mapping().targets[0].gain
    ui.log("gain while dragging", gain, "mouth", gape(head).value)
    assert abs(gape(head).value - gain) < 1e-6
    yield from desk.shot(ui, "6_dragging")
    desk.release()
    yield 1.5
    yield from desk.click(ui, PREVIEW, lambda: not mapping().preview, across=0.3)
    assert gape(head).value == REST, gape(head).value
    assert stage.shape_keys(head).animation_data is None, "the preview made keys"
    yield from desk.shot(ui, "7_given_back")


def save(ui):
    yield from desk.click(ui, "unitalker.mapping_save", lambda: stage.settings().preset != "auto")
    yield from desk.shot(ui, "8_saved")
    files = list(stage.presets_folder().glob("*.json"))
    ui.log(files, files[0].read_text())
    assert len(files) == 1 and CONTROL in files[0].read_text()


def gape(head):
    return stage.shape_keys(head).key_blocks[CONTROL]


def mapping():
    return bpy.context.scene.unitalker_mapping


def set_scene():
    """The test head with one key renamed, in front view; its name."""
    stage.empty()
    name = stage.add_test_head()
    head = bpy.data.objects[name]
    for obj in [head, *head.children_recursive]:
        keys = getattr(obj.data, "shape_keys", None)
        if keys is not None and "jawOpen" in keys.key_blocks:
            keys.key_blocks["jawOpen"].name = CONTROL
    head.active_shape_key_index = head.data.shape_keys.key_blocks.find(CONTROL)
    gape(name).value = REST
    stage.look_at_front()
    bpy.ops.ed.undo_push(message="head")
    return name


desk.run(test)
