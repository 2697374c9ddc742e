"""In a real window: eleven seconds keyed on foreign names and a bone are taught by a true click, and Generate drives them by another sound.

By hand and before a release, with the virtual display of ../shared (its run.sh takes the screenshots; look at them):
    python3 build.py package --platform linux-x64 --python 3.14
    bash ../shared/tools/blender_ui/run.sh tests/ui/teach.py OUT dist/unitalker-*-py3.14-test.zip ../shared/data/speech/jfk_1961.flac tests/data/sample.flac
"""

import importlib
import math
from pathlib import Path

import bpy
import uidriver

PACKAGE = "bl_ext.user_default.unitalker"
TAUGHT, OTHER = "/root/ui/jfk_1961.flac", "/root/ui/sample.flac"
HEAD, RIG, BONE = "LipSync Head", "Gerüst", "Kiefer"
NAMES = {"jawOpen": "Mund auf", "mouthPucker": "Kussmund", "mouthFunnel": "Trichter", "mouthLowerDownLeft": "Unterlippe.L", "mouthLowerDownRight": "Unterlippe.R"}
TAUGHT_ALONE, ALL = ("UNITALKER_PT_teach",), ("UNITALKER_PT_character", "UNITALKER_PT_generate", "UNITALKER_PT_teach")
JAW_DEGREES = -20.0
# Pixels from the sidebar's top left corner: Teach alone in the tab, its title and button; then the button of Generate below Character
TITLE, TEACH, GENERATE = (70, 12), (144, 164), (131, 206)


def test(ui):
    set_scene()
    yield 1.0
    for _ in range(2):          # the tab can be chosen once it has been drawn
        ui.sidebar("Lip Sync")
        yield 1.0
    show_panels(TAUGHT_ALONE)
    yield 1.5
    ui.sidebar("Lip Sync")
    ui.shot("1_keyed")
    yield 2.0
    ui.click_region(*TITLE)
    yield 2.0
    damaged = presets_folder() / "kaputt.npz"
    damaged.write_bytes(b"PK\x03\x04 cut")
    bpy.ops.unitalker.refresh()
    ui.shot("2_open")
    yield 2.0
    yield from click(ui, TEACH, lambda: settings().teach_result)
    yield 1.5
    ui.log(settings().teach_result, settings().teach_details)
    ui.shot("3_taught")
    yield 2.0
    assert not settings().teach_failed
    assert settings().teach_result.startswith("'Meine': learned 6 of 6 controls from 10.9 s"), settings().teach_result
    assert settings().preset == "meine.npz"
    damaged.unlink()

    for owner in (bpy.data.objects[RIG], bpy.data.objects[HEAD].data.shape_keys):
        owner.animation_data_clear()
    settings().audio = OTHER
    show_panels(ALL)
    yield 2.0
    yield from click(ui, GENERATE, lambda: settings().result)
    yield lambda: job() is None
    yield 1.0
    ui.log(settings().result, settings().result_missing)
    assert not settings().result_failed
    jaw, opening = curve(bpy.data.objects[RIG], f'pose.bones["{BONE}"].rotation_euler'), curve(bpy.data.objects[HEAD].data.shape_keys, 'key_blocks["Mund auf"].value')
    frame = max(jaw, key=lambda point: abs(point.co[1])).co[0]
    bpy.context.scene.frame_set(int(frame))
    yield 1.0
    ui.shot("4_generated")
    yield 2.0
    widest = max(abs(point.co[1]) for point in jaw)
    ui.log("jaw turns", math.degrees(widest), "degrees; mouth opens", max(point.co[1] for point in opening), "keys", len(jaw), len(opening))
    assert 4 < math.degrees(widest) < -JAW_DEGREES
    assert len(jaw) == len(opening) > 100


def click(ui, place, done):
    """Click until it has been taken: a busy computer may draw the button late."""
    for attempt in range(3):
        ui.click_region(place[0] + 6 * (attempt % 2), place[1] + attempt)
        for _ in range(40):
            yield 0.4
            if done():
                return
    ui.shot(f"missed_{place[0]}_{place[1]}")
    yield 2.0
    raise AssertionError(f"nothing happened at {place}")


def settings():
    return bpy.context.scene.unitalker


def job():
    return importlib.import_module(f"{PACKAGE}.addon.job").Job.current


def presets_folder():
    return Path(bpy.utils.extension_path_user(PACKAGE, path="presets", create=True))


def curve(owner, path):
    """The keys of one curve."""
    animation = owner.animation_data
    bag = animation.action.layers[0].strips[0].channelbag(animation.action_slot)
    return bag.fcurves.find(path).keyframe_points


def show_panels(wanted):
    """These alone, so that they are at the top, whatever other panels the tab has."""
    ours = [cls for cls in bpy.types.Panel.__subclasses__() if getattr(cls, "bl_category", "") == "Lip Sync" and cls.bl_space_type == 'VIEW_3D']
    for cls in sorted(ours, key=lambda cls: not hasattr(cls, "bl_parent_id")):
        shown = getattr(cls, "bl_idname", cls.__name__) in wanted
        if cls.is_registered and not shown:
            bpy.utils.unregister_class(cls)
        elif shown and not cls.is_registered:
            bpy.utils.register_class(cls)


def set_scene():
    """The test head under foreign names beside a jaw bone, all keyed on every frame from what the engine says of the first sound."""
    for obj in list(bpy.data.objects):
        bpy.data.objects.remove(obj)
    bpy.ops.unitalker.add_test_head()
    head = bpy.context.view_layer.objects.active
    armature = bpy.data.objects.new(RIG, bpy.data.armatures.new(RIG))
    bpy.context.scene.collection.objects.link(armature)
    bpy.context.view_layer.objects.active = armature
    bpy.ops.object.mode_set(mode='EDIT')
    armature.data.edit_bones.new(BONE).tail = (0, 0, 0.05)
    bpy.ops.object.mode_set(mode='OBJECT')
    bone = armature.pose.bones[BONE]
    bone.rotation_mode = 'XYZ'
    head.parent = armature
    for obj in [head, *head.children_recursive]:
        keys = getattr(obj.data, "shape_keys", None)
        for block in list(keys.key_blocks[1:]) if keys else ():
            if block.name in NAMES:
                block.name = NAMES[block.name]
            else:
                obj.shape_key_remove(block)
    key_by_script(head.data.shape_keys, bone)
    chosen = settings()
    chosen.character, chosen.source, chosen.audio, chosen.teach_name = head, 'FILE', TAUGHT, "Meine"
    show(head)


def key_by_script(keys, bone):
    engine = importlib.import_module(f"{PACKAGE}.engine")
    motion = engine.animate(engine.read_audio(TAUGHT), engine.Settings(fps=24)).motion
    for frame in range(len(motion.weights)):
        for channel, name in NAMES.items():
            keys.key_blocks[name].value = motion[channel][frame]
            keys.key_blocks[name].keyframe_insert("value", frame=frame + 1)
        bone.rotation_euler.x = math.radians(JAW_DEGREES) * motion["jawOpen"][frame]
        bone.keyframe_insert("rotation_euler", index=0, frame=frame + 1)


def show(head):
    window = bpy.context.window_manager.windows[0]
    view = max((area for area in window.screen.areas if area.type == 'VIEW_3D'), key=lambda area: area.width * area.height)
    region = next(region for region in view.regions if region.type == 'WINDOW')
    bpy.ops.object.select_all(action='DESELECT')
    head.select_set(True)
    bpy.context.view_layer.objects.active = head
    with bpy.context.temp_override(window=window, area=view, region=region):
        bpy.ops.view3d.view_axis(type='FRONT')
        bpy.ops.view3d.view_selected()
    bpy.ops.ed.undo_push(message="keyed")


uidriver.run(test, timeout=280)
