"""In a real window: Test Devices in the preferences, what it shows of each device, and that it is still there after the preferences were saved and read.

By hand and before a release, as tests/ui/models.py; it needs no files beside the extension:
    bash ../shared/tools/blender_ui/run.sh tests/ui/devices.py OUT dist/unitalker-*-py3.14-test.zip
"""

import json

import bpy
import uidriver

PACKAGE = "bl_ext.user_default.unitalker"
ARROW, BUTTON = (189, 107), (880, 380)      # pixels from the window's top left corner


def test(ui):
    show_preferences()
    yield 2.0
    ui.shot("1_preferences")
    yield 2.0
    assert preferences().device_tests == ""
    ui.click(*BUTTON)
    yield lambda: preferences().device_tests
    yield 1.0
    tests = preferences().device_tests
    ui.log(tests)
    assert [report["device"] for report in json.loads(tests)["reports"]] == ["cuda", "cpu"] and json.loads(tests)["reports"][1]["works"]
    ui.shot("2_tested")
    yield 2.0
    bpy.ops.wm.save_userpref()
    preferences().device_tests = ""
    bpy.ops.wm.read_userpref()
    yield 2.0
    assert preferences().device_tests == tests
    ui.click(*ARROW)            # reading folds the entry
    yield 3.0
    ui.shot("3_read_again")
    yield 2.0


def show_preferences():
    """The whole window as the extension's entry in Preferences > Add-ons, unfolded."""
    window = bpy.context.window_manager.windows[0]
    area = max(window.screen.areas, key=lambda area: area.width * area.height)
    area.type = 'PREFERENCES'
    bpy.context.preferences.active_section = 'ADDONS'
    bpy.context.window_manager.addon_search = "UniTalker"
    with bpy.context.temp_override(window=window, area=area):
        bpy.ops.preferences.addon_expand(module=PACKAGE)
        bpy.ops.screen.screen_full_area(use_hide_panels=False)


def preferences():
    return bpy.context.preferences.addons[PACKAGE].preferences


uidriver.run(test, timeout=100)
