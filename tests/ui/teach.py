"""In a real window: eleven seconds keyed on foreign names and a bone are taught by a true click, and Generate drives
them by another sound.

By hand and before a release: `python -m tests.ui.make_pictures TOOLS OUT --only teach`. Look at the screenshots.
"""

import math

import bpy
import desk
import stage

TAUGHT, OTHER = str(stage.HOME / "jfk_1961.flac"), str(stage.HOME / "sample.flac")
RIG, BONE = "Rig", "jaw"
NAMES = {
    "jawOpen": "Mouth wide", "mouthPucker": "Kiss", "mouthFunnel": "Funnel", "mouthLowerDownLeft": "Lip down.L",
    "mouthLowerDownRight": "Lip down.R",
}
JAW_DEGREES = -20.0
TEACH = "UNITALKER_PT_teach"


def test(ui):
    head = set_scene()
    yield 1.0
    yield from desk.tab(ui)
    yield from desk.open_alone(ui, TEACH)
    yield from desk.shot(ui, "1_keyed")
    damaged = stage.presets_folder() / "broken.npz"
    damaged.write_bytes(b"PK\x03\x04 cut")
    bpy.ops.unitalker.refresh()
    yield from desk.shot(ui, "2_damaged_file")
    damaged.unlink()
    bpy.ops.unitalker.refresh()
    yield from teach(ui)
    for owner in (bpy.data.objects[RIG], stage.shape_keys(head)):
        owner.animation_data_clear()
    stage.settings().audio = OTHER
    bpy.ops.ed.undo_push(message="keys away")
    yield from generate(ui, head)


def teach(ui):
    settings = stage.settings()
    yield from desk.click(ui, "unitalker.teach", lambda: stage.job() is not None or settings.teach_result)
    yield lambda: stage.job() is None
    ui.log(settings.teach_result, settings.teach_details)
    assert not settings.teach_failed
    assert settings.teach_result.startswith("'Mine': learned 6 of 6 controls from 10.9 s"), settings.teach_result
    assert settings.preset == "mine.npz"
    bpy.context.scene.frame_set(
        round(
            max(
                curve(bpy.data.objects[RIG], f'pose.bones["{BONE}"].rotation_euler'), key=lambda key: abs(key.co[1])
            ).co[0]
        )
    )
    yield from desk.shot(ui, "3_taught")


def generate(ui, head):
    """By what was learned, from a sound that it has never heard."""
    yield from desk.open_alone(ui, "UNITALKER_PT_character", "UNITALKER_PT_generate")
    yield from desk.click(ui, "unitalker.animate", lambda: stage.job() is not None or stage.settings().result)
    yield lambda: stage.job() is None
    ui.log(stage.settings().result, stage.settings().result_missing)
    assert not stage.settings().result_failed
    jaw = curve(bpy.data.objects[RIG], f'pose.bones["{BONE}"].rotation_euler')
    mouth = curve(stage.shape_keys(head), f'key_blocks["{NAMES["jawOpen"]}"].value')
    widest = max(jaw, key=lambda key: abs(key.co[1]))
    bpy.context.scene.frame_set(round(widest.co[0]))
    yield from desk.shot(ui, "4_generated")
    degrees = math.degrees(abs(widest.co[1]))
    ui.log("jaw turns", degrees, "degrees; mouth opens", max(key.co[1] for key in mouth), "keys", len(jaw), len(mouth))
    assert 4 < degrees < -JAW_DEGREES
    assert len(jaw) == len(mouth) > 100


def curve(owner, path):
    """The keys of one curve."""
    return stage.channelbag(owner).fcurves.find(path).keyframe_points


def set_scene():
    """The test head under foreign names beside a jaw bone, all keyed on every frame from what the engine says of the
    first sound; its name."""
    stage.empty()
    head = bpy.data.objects[stage.add_test_head()]
    armature = bpy.data.objects.new(RIG, bpy.data.armatures.new(RIG))
    bpy.context.scene.collection.objects.link(armature)
    bpy.context.view_layer.objects.active = armature
    bpy.ops.object.mode_set(mode='EDIT')
    armature.data.edit_bones.new(BONE).tail = (0, 0, 0.05)
    bpy.ops.object.mode_set(mode='OBJECT')
    bone = armature.pose.bones[BONE]
    bone.rotation_mode = 'XYZ'
    head.parent = armature
    rename_keys([head, *head.children_recursive])
    key_by_script(head.data.shape_keys, bone)
    settings = stage.settings()
    settings.character, settings.source, settings.audio, settings.teach_name = head, 'FILE', TAUGHT, "Mine"
    bpy.ops.object.select_all(action='DESELECT')
    head.select_set(True)
    bpy.context.view_layer.objects.active = head
    stage.look_at_front()
    bpy.ops.ed.undo_push(message="keyed")
    return head.name


def rename_keys(objects):
    """Only the keys of NAMES are left, under their foreign names."""
    for obj in objects:
        keys = getattr(obj.data, "shape_keys", None)
        for block in list(keys.key_blocks[1:]) if keys else ():
            if block.name in NAMES:
                block.name = NAMES[block.name]
            else:
                obj.shape_key_remove(block)


def key_by_script(keys, bone):
    engine = stage.engine()
    motion = engine.animate(engine.read_audio(TAUGHT), engine.Settings(fps=24)).motion
    for frame in range(len(motion.weights)):
        for channel, name in NAMES.items():
            keys.key_blocks[name].value = motion[channel][frame]
            keys.key_blocks[name].keyframe_insert("value", frame=frame + 1)
        bone.rotation_euler.x = math.radians(JAW_DEGREES) * motion["jawOpen"][frame]
        bone.keyframe_insert("rotation_euler", index=0, frame=frame + 1)


desk.run(test)
