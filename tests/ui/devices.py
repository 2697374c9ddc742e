"""In a real window: Test Devices in the preferences, what it shows of each device, and that it is still there after the
preferences were saved and read.

By hand and before a release: `python -m tests.ui.make_pictures TOOLS OUT --only devices`. Look at the screenshots.
"""

import json

import bpy
import desk

ARROW, BUTTON = (189, 107), (880, 359)      # pixels from the window's top left corner


def test(ui):
    show_preferences()
    yield from desk.shot(ui, "1_preferences")
    assert preferences().device_tests == ""
    ui.click(*BUTTON)
    yield lambda: preferences().device_tests
    tests = preferences().device_tests
    ui.log(tests)
    reports = json.loads(tests)["reports"]
    assert [report["device"] for report in reports] == ["cuda", "cpu"] and reports[1]["works"]
    yield from desk.shot(ui, "2_tested")
    bpy.ops.wm.save_userpref()
    preferences().device_tests = ""
    bpy.ops.wm.read_userpref()
    yield 2.0
    assert preferences().device_tests == tests
    ui.click(*ARROW)            # reading folds the entry
    yield from desk.shot(ui, "3_read_again")


def show_preferences():
    """The whole window as the extension's entry in Preferences > Add-ons, unfolded."""
    window = desk.window()
    area = max(window.screen.areas, key=lambda area: area.width * area.height)
    area.type = 'PREFERENCES'
    bpy.context.preferences.active_section = 'ADDONS'
    bpy.context.window_manager.addon_search = "UniTalker"
    with bpy.context.temp_override(window=window, area=area):
        bpy.ops.preferences.addon_expand(module=desk.PACKAGE)
        bpy.ops.screen.screen_full_area(use_hide_panels=False)


def preferences():
    return bpy.context.preferences.addons[desk.PACKAGE].preferences


desk.run(test)
